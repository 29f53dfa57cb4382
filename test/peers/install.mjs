// Installs the peers into .cache/peers from their own lock file, once; scripts of the packages do not run. Run by itself, it
// ends with 0 when they are there.
import { spawnSync } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

export const folder = fileURLToPath(new URL("../../.cache/peers/", import.meta.url))
const files = ["package.json", "package-lock.json"]
const own = (file) => fileURLToPath(new URL(file, import.meta.url))
const same = (file) =>
  existsSync(folder + file) && readFileSync(folder + file, "utf8") === readFileSync(own(file), "utf8")

/** Whether they are there. */
export const install = () => {
  if (files.every(same) && existsSync(`${folder}node_modules/ccxt`)) return true
  mkdirSync(folder, { recursive: true })
  for (const file of files) copyFileSync(own(file), folder + file)
  const npm = process.platform === "win32" ? "npm.cmd" : "npm"
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
  const { status } = spawnSync(npm, args, { cwd: folder, stdio: "inherit", shell: process.platform === "win32" })
  return status === 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(install() ? 0 : 1)
