/**
 * Runs an example as a program of its own: `npm run example trader-on-mocks`. It imports the package by its name, as a
 * user's program does; Node finds that in the build, by `exports` of package.json.
 */
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { buildSync } from "esbuild"

const [name] = process.argv.slice(2)
const names = readdirSync("examples").flatMap((file) =>
  /^(?!strategy-).*[.]ts$/.test(file) ? [file.slice(0, -3)] : []
)
if (name === undefined || !names.includes(name)) {
  console.error(`usage: npm run example NAME; there are: ${names.join(", ")}`)
  process.exit(64)
}
const outfile = `.cache/examples/${name}.mjs`
// without the project's tsconfig, whose `paths` lead to the sources
const options = { bundle: true, platform: "node", format: "esm", packages: "external", tsconfigRaw: "{}" }
buildSync({ ...options, entryPoints: [`examples/${name}.ts`], outfile, logLevel: "error" })
process.exit(spawnSync(process.execPath, [outfile], { stdio: "inherit" }).status ?? 1)
