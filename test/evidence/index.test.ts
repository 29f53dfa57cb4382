/** docs/evidence/README.md: each claim is there, and whatever it names exists. */
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Schema } from "effect"
import { assert, describe, it } from "vitest"
import { parseStrike } from "../../src/simulation/nthEffect.ts"
import { scenarios } from "../../src/simulation/scenarios/all.ts"
import { protections } from "../simulation/protections/switchboard.ts"

const PAGE = "docs/evidence/README.md"
const page = readFileSync(PAGE, "utf8")
const Package = Schema.parseJson(
  Schema.Struct({ scripts: Schema.Record({ key: Schema.String, value: Schema.String }) })
)
const { scripts } = Schema.decodeUnknownSync(Package)(readFileSync("package.json", "utf8"))

/** The claims, each with its text. */
const sections = page
  .split(/^## /m)
  .slice(1)
  .map((text) => ({ invariant: text.split("\n", 1)[0] ?? "", text }))

/** What stands in backticks in the line of a section that begins with this word. */
const named = (text: string, label: string): ReadonlyArray<string> =>
  [...(new RegExp(`^- ${label}: (.*)$`, "m").exec(text)?.[1] ?? "").matchAll(/`([^`]+)`/g)].map(
    ([, name]) => name ?? ""
  )

const commands = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/```\n([\s\S]*?)```/g)].flatMap(([, block]) => (block ?? "").trim().split("\n"))

const scenarioNames = new Set(scenarios.map(({ name }) => name))
/** Words of a command; quotes of either kind hold one together. */
const words = (command: string): ReadonlyArray<string> =>
  [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "")

const after = (all: ReadonlyArray<string>, option: string): string | undefined =>
  all.includes(option) ? all[all.indexOf(option) + 1] : undefined

/** What is wrong with a command, if anything. */
const problem = (command: string): string | undefined => {
  const all = words(command)
  const [program, verb, name, ...rest] = all
  if (program === "npx" && verb === "vitest" && name === "run") {
    const pattern = after(all, "-t")
    const files = rest.filter((word) => word.startsWith("test/"))
    if (files.length === 0) return "no test file"
    return files.find(
      (file) => !existsSync(file) || (pattern !== undefined && !new RegExp(pattern).test(readFileSync(file, "utf8")))
    )
  }
  if (program === "npm" && verb === "run" && name !== undefined) {
    if (scripts[name] === undefined) return `no script ${name}`
    if (name !== "protections") return undefined
    return rest.slice(1).find((row) => !protections.some((one) => one.name === row))
  }
  if (program === "node" && verb === "dist/main.js" && name === "simulate") {
    if (!existsSync("src/main.ts")) return "no program"
    const scenario = after(all, "--scenario")
    const strike = after(all, "--strike")
    if (strike !== undefined && parseStrike(strike) === undefined) return strike
    return scenario === undefined || scenario === "all" || scenarioNames.has(scenario) ? undefined : scenario
  }
  return "not a command of this project"
}

describe("the index of evidence", () => {
  it("has every claim once, in order", () => {
    assert.deepEqual(
      sections.map(({ invariant }) => invariant),
      Array.from({ length: 22 }, (_, i) => `I${i + 1}`)
    )
  })

  it.each(sections)("$invariant: what it names exists", ({ text }) => {
    const tests = named(text, "Tests")
    assert.isNotEmpty(tests)
    for (const file of tests) assert.isTrue(existsSync(file), file)
    for (const name of named(text, "Scenarios")) assert.isTrue(scenarioNames.has(name), name)
    assert.isNotEmpty(commands(text))
    for (const command of commands(text)) assert.isUndefined(problem(command), command)
  })

  it("has each protection under the claim that it guards, and protections.md has a row of it", () => {
    const table = readFileSync("docs/evidence/protections.md", "utf8")
    const rows = sections.flatMap(({ invariant, text }) =>
      named(text, "Protections").map((name) => `${invariant} ${name}`)
    )
    assert.sameMembers(
      rows,
      protections.map(({ invariant, name }) => `${invariant} ${name}`)
    )
    for (const { name } of protections) assert.include(table, `| ${name} `)
  })

  it("leads to pages that are there", () => {
    for (const [, target] of page.matchAll(/\]\(([^)#:]+)\)/g)) {
      assert.isTrue(existsSync(join(dirname(PAGE), target ?? "")), target)
    }
    for (const [, file] of page.matchAll(/`((?:test|src|docs)\/[^`\s]+)`/g)) assert.isTrue(existsSync(file ?? ""), file)
  })

  it("notices what does not exist", () => {
    assert.isUndefined(problem('npm run protections -- "intent row before the send"'))
    assert.strictEqual(problem('npm run protections -- "a wall"'), "a wall")
    assert.strictEqual(problem("npm run nothing"), "no script nothing")
    assert.strictEqual(problem("npx vitest run test/nowhere.test.ts"), "test/nowhere.test.ts")
    assert.strictEqual(problem("npx vitest run test/domain/Time.test.ts -t 'I99'"), "test/domain/Time.test.ts")
    assert.strictEqual(problem("npx vitest run"), "no test file")
    assert.strictEqual(problem("node dist/main.js simulate --scenario nothing"), "nothing")
    assert.strictEqual(problem("node dist/main.js simulate --strike 3:melt"), "3:melt")
    assert.strictEqual(problem("rm -r docs"), "not a command of this project")
  })
})
