/** Builds the simulation with texts of its sources replaced, and runs it in a process of its own. */
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import * as Path from "node:path"
import { promisify } from "node:util"
import { build } from "esbuild"
import type { TimedVerdict } from "./run.ts"
import type { Edit, Task } from "./switchboard.ts"

/** Where npm and the test runner start. */
const root = process.cwd()
const folder = "test/simulation/protections"

/** How often a text occurs in another. */
export const occurrences = (text: string, find: string): number => text.split(find).length - 1

/** A source with its edits. A protection that moved must not lose its proof unseen: each text occurs exactly once. */
export const edited = (source: string, edits: ReadonlyArray<Edit>): string =>
  edits.reduce((text, { file, find, replace }) => {
    const count = occurrences(text, find)
    if (count !== 1) throw new Error(`${file} has ${count} times, and not once: ${find}`)
    return text.replace(find, () => replace)
  }, source)

/** Builds the harness with the edits, and says where it is. */
export const bundle = async (name: string, edits: ReadonlyArray<Edit>): Promise<string> => {
  const outfile = Path.join(root, ".cache", "protections", `${name.replaceAll(/\W+/g, "-")}.mjs`)
  const files = new Set(edits.map(({ file }) => Path.join(root, file)))
  const done = new Set<string>()
  await build({
    entryPoints: [Path.join(root, folder, "harness.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "error",
    plugins: [
      {
        name: "protections",
        setup: ({ onLoad }) => {
          onLoad({ filter: /\.ts$/ }, async ({ path }) => {
            if (!files.has(path)) return undefined
            done.add(path)
            const its = edits.filter(({ file }) => Path.join(root, file) === path)
            return { contents: edited(await readFile(path, "utf8"), its), loader: "ts" }
          })
        }
      }
    ]
  })
  const missed = [...files].filter((file) => !done.has(file))
  if (missed.length > 0) throw new Error(`no part of the simulation: ${missed.join(", ")}`)
  return outfile
}

const run = promisify(execFile)

/** Signs that the replacement itself is broken, so that its violation proves nothing. */
const broken = /ReferenceError|TypeError|SyntaxError/

/** Carries a task out with a bundle. */
export const carryOut = async (file: string, task: Task, timeoutMs: number): Promise<TimedVerdict> => {
  const { stdout } = await run(process.execPath, [file, JSON.stringify(task)], {
    timeout: timeoutMs,
    maxBuffer: 2 ** 24
  })
  const verdict = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as TimedVerdict
  if (verdict.found !== undefined && broken.test(verdict.found.text)) throw new Error(verdict.found.text)
  return verdict
}
