/** The package as another program sees it: through `exports`, from the build. */
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import ts from "typescript"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { whyNotBuilt } from "../support/built.ts"

const SLOW = 120_000

/** A program of somebody else's, with the package among its dependencies. */
let consumer: string
beforeAll(() => {
  assert.isUndefined(whyNotBuilt())
  consumer = mkdtempSync(join(tmpdir(), "kraken-consumer-"))
  mkdirSync(join(consumer, "node_modules"))
  symlinkSync(resolve("."), join(consumer, "node_modules/kraken-trader"))
  for (const name of ["effect", "@types"]) {
    symlinkSync(resolve("node_modules", name), join(consumer, "node_modules", name))
  }
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ name: "consumer", type: "module", private: true }))
  for (const file of readdirSync("examples")) copyFileSync(join("examples", file), join(consumer, file))
})
afterAll(() => rmSync(consumer, { recursive: true, force: true }))

/** What the compiler says of a consumer's files, and of the declarations that they and `more` are made of. */
const diagnose = (resolution: "nodenext" | "bundler", more: ReadonlyArray<string>): ReadonlyArray<string> => {
  const nodenext = resolution === "nodenext"
  const program = ts.createProgram(
    [...readdirSync(consumer).flatMap((file) => (file.endsWith(".ts") ? [join(consumer, file)] : [])), ...more],
    {
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2023.d.ts"],
      module: nodenext ? ts.ModuleKind.NodeNext : ts.ModuleKind.ESNext,
      moduleResolution: nodenext ? ts.ModuleResolutionKind.NodeNext : ts.ModuleResolutionKind.Bundler,
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      types: ["node"]
    }
  )
  const dist = resolve("dist")
  const files = program
    .getSourceFiles()
    .filter(({ fileName }) => [consumer, dist].some((at) => fileName.startsWith(at)))
  assert.isAbove(files.length, 50)
  return files
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map((one) => `${one.file?.fileName}: ${ts.flattenDiagnosticMessageText(one.messageText, "\n")}`)
}

describe("the package", () => {
  it("types of every exported module hold in a strict program (nodenext)", { timeout: SLOW }, () => {
    const exported = ["domain", "services", "layers", "programs"].flatMap((folder) =>
      readdirSync(join("dist", folder), { recursive: true, encoding: "utf8" }).flatMap((file) =>
        file.endsWith(".d.ts") ? [resolve("dist", folder, file)] : []
      )
    )
    assert.isAbove(exported.length, 200)
    assert.deepStrictEqual(diagnose("nodenext", exported), [])
  })

  it("the examples compile as somebody else's files for a bundler, too", { timeout: SLOW }, () => {
    assert.deepStrictEqual(diagnose("bundler", []), [])
  })

  it("the inside stays inside: neither roots nor simulation, nor the making of approvals", () => {
    const paths = ["services/Alerts", "package.json", "simulation/World", "app", "main", "domain/risk/Approved"]
    const script = `
      const results = []
      for (const path of ${JSON.stringify(paths)}) {
        try { results.push([path, import.meta.resolve("kraken-trader/" + path) !== undefined]) }
        catch (error) { results.push([path, error.code]) }
      }
      console.log(JSON.stringify(results))`
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: consumer,
      encoding: "utf8"
    })
    const closed = "ERR_PACKAGE_PATH_NOT_EXPORTED"
    assert.deepStrictEqual(JSON.parse(stdout), [
      ["services/Alerts", true],
      ["package.json", true],
      ["simulation/World", closed],
      ["app", closed],
      ["main", closed],
      ["domain/risk/Approved", closed]
    ])
  })

  it("the examples run on the build", { timeout: SLOW }, () => {
    const run = (name: string) =>
      spawnSync(process.execPath, ["scripts/example.mjs", name], { encoding: "utf8", timeout: SLOW })
    const story = run("trader-on-mocks")
    assert.strictEqual(story.status, 0, story.stderr)
    assert.match(story.stdout, /the books: profit, 0\.0778 USD after fees/)
    const alerts = run("own-alerts")
    assert.strictEqual(alerts.status, 0, alerts.stderr)
    assert.match(alerts.stdout, /breaker\.latched/)
    const wrong = run("no-such")
    assert.strictEqual(wrong.status, 64)
    assert.include(wrong.stderr, "there are: own-alerts, trader-on-mocks")
  })
})
