// The compiler's check and Effect's in one pass: `effect-language-service patch` teaches a copy of the compiler under
// .cache Effect's diagnostics, so that the program is parsed and typed once and node_modules stays as installed.
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const compiler = join(root, "node_modules/typescript")
const service = join(root, "node_modules/@effect/language-service")
const copy = join(root, ".cache/typescript")
const stamp = join(copy, "stamp")

const version = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version
const wanted = `typescript ${version(compiler)}, @effect/language-service ${version(service)}\n`

const present = () => {
  try {
    return readFileSync(stamp, "utf8")
  } catch {
    return undefined
  }
}

const node = (file, args, stdio) => {
  const ended = spawnSync(process.execPath, [file, ...args], { cwd: root, stdio, encoding: "utf8" })
  if (ended.error !== undefined) throw ended.error
  return ended
}

if (present() !== wanted) {
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(dirname(copy), { recursive: true })
  for (const part of ["package.json", "lib"]) cpSync(join(compiler, part), join(copy, part), { recursive: true })
  const patched = node(join(service, "cli.js"), ["patch", "--dir", copy, "--module", "tsc"], "pipe")
  if (patched.status !== 0) {
    console.error(`The compiler's copy could not be patched:\n${patched.stdout}${patched.stderr}`)
    process.exit(1)
  }
  writeFileSync(stamp, wanted)
}

process.exitCode = node(join(copy, "lib/tsc.js"), ["-p", "tsconfig.json"], "inherit").status ?? 1
