import { existsSync, readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"

const text = readFileSync("docs/library.md", "utf8")

/** The cells of each row of the table that begins with this heading. */
const rowsOf = (heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const lines = text.split("\n")
  const from = lines.findIndex((line) => line.startsWith(`| ${heading} `))
  const table = lines.slice(from + 2)
  return table
    .slice(
      0,
      table.findIndex((line) => !line.startsWith("|"))
    )
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim())
    )
}

const codes = (markdown: string): ReadonlyArray<string> => [...markdown.matchAll(/`([^`]+)`/g)].map((m) => m[1] ?? "")

/** The services by the names of their tags. */
const services = readdirSync("src/services").flatMap((file) =>
  [...readFileSync(`src/services/${file}`, "utf8").matchAll(/class (\w+) extends Context\.Tag\(/g)].map(
    (m) => m[1] ?? ""
  )
)

describe("docs/library.md", () => {
  it("the table names every service, once, in order", () => {
    const named = rowsOf("service").map(([cell]) => codes(cell ?? "")[0])
    assert.deepStrictEqual(named, services.toSorted())
  })

  it("every module and every layer of it exists", () => {
    const paths = [...text.matchAll(/`((?:services|layers|programs|domain)\/[\w/]+)(?::(\w+))?`/g)]
    assert.isAbove(paths.length, services.length * 2)
    for (const [, module, name] of paths) {
      const file = `src/${module}.ts`
      assert.isTrue(existsSync(file), `${file} is missing`)
      if (name !== undefined)
        assert.match(readFileSync(file, "utf8"), new RegExp(`export const ${name}\\b`), `${file} has no ${name}`)
    }
    for (const cells of rowsOf("service")) {
      const [service, , , mock] = cells
      assert.match(mock ?? "", /^`layers\/mock\/\w+:\w+`$/, service)
    }
  })

  it("what the trading program needs is what its type says", () => {
    const [, world] = /export type World =\n((?: {2}\| \w+\n)+)/.exec(
      readFileSync("src/programs/trade/trade.ts", "utf8")
    ) ?? ["", ""]
    const [, line] = /<!-- the type World .*-->\n\n(.+)\n/.exec(text) ?? ["", ""]
    assert.deepStrictEqual(
      codes(line ?? ""),
      [...(world ?? "").matchAll(/\| (\w+)/g)].map((m) => m[1] ?? "")
    )
  })

  it("names every example, and no other", () => {
    const named = rowsOf("file").map(([cell]) => codes(cell ?? "")[0])
    assert.sameMembers(
      [...named],
      readdirSync("examples").map((file) => `examples/${file}`)
    )
  })
})
