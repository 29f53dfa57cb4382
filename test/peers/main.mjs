// Runs Kraken clients of others, as they are, against the local Kraken: `npm run test:peers`. They are installed into
// .cache/peers from their own lock file, and are no part of the project or of its tests.
import { spawnSync } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { runCcxt } from "./ccxt.mjs"
import { startExchange, summary } from "./harness.mjs"
import { runKrakenApi } from "./krakenApi.mjs"

const folder = fileURLToPath(new URL("../../.cache/peers/", import.meta.url))
const files = ["package.json", "package-lock.json"]
const own = (file) => fileURLToPath(new URL(file, import.meta.url))
const same = (file) =>
  existsSync(folder + file) && readFileSync(folder + file, "utf8") === readFileSync(own(file), "utf8")

/** Installs what the lock says, once; scripts of the packages do not run. */
const install = () => {
  if (files.every(same) && existsSync(`${folder}node_modules/ccxt`)) return
  mkdirSync(folder, { recursive: true })
  for (const file of files) copyFileSync(own(file), folder + file)
  const npm = process.platform === "win32" ? "npm.cmd" : "npm"
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
  const { status } = spawnSync(npm, args, { cwd: folder, stdio: "inherit", shell: process.platform === "win32" })
  if (status !== 0) {
    console.error("The peers could not be installed; nothing was tested.")
    process.exit(1)
  }
}

install()
const require = createRequire(`${folder}package.json`)
const { ready, stop } = await startExchange({ USD: "1000", XLM: "500" })
try {
  await runCcxt(require("ccxt"), require("ws"), ready)
  await runKrakenApi(require("kraken-api"), ready)
} finally {
  await stop()
}
process.exit(summary() ? 0 : 1)
