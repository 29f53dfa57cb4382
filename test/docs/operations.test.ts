import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { causes } from "../../src/domain/breaker/BreakerState.ts"
import { guideOfAlert, guideOfCause, guideOfExit } from "../../src/domain/Guide.ts"
import { ExitCodes } from "../../src/programs/cli/ExitCode.ts"

const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")

/** As GitHub makes the name of a heading: lower case, no punctuation, dashes for blanks. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-")

const anchorsOf = (file: string): ReadonlySet<string> =>
  new Set([...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading)))

const GUIDE = "docs/operations.md"
const anchors = anchorsOf(GUIDE)

const exists = (link: string): void => {
  const [file = "", anchor = ""] = link.split("#")
  assert.isTrue(anchorsOf(file).has(anchor), `${file} has no section for #${anchor}`)
}

const sources = readdirSync(new URL("../../src", import.meta.url), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => read(`src/${file}`))

describe("the operations guide", () => {
  it("has a section for each exit code that stands for something wrong", () => {
    const good: ReadonlyArray<number> = [ExitCodes.done, ExitCodes.notRunning, ExitCodes.cannotTell]
    for (const code of Object.values(ExitCodes)) if (!good.includes(code)) exists(guideOfExit(code))
  })

  it("has a section for each cause of the breaker", () => {
    for (const cause of causes) exists(guideOfCause(cause))
  })

  it("has a section for each kind of alert in the program, and for no other", () => {
    const kinds = new Set(
      sources.flatMap((text) => [
        ...[...text.matchAll(/alert\([^"`;]*"(?:info|warning|critical)",\s*"([a-z]+\.[a-z-]+)"/g)].map(
          ([, kind]) => kind
        ),
        ...[...text.matchAll(/alert\(\s*d,\s*severity,\s*"([a-z]+\.[a-z-]+)"/g)].map(([, kind]) => kind),
        ...[...text.matchAll(/kind: (?:[^\n"]* \? )?"([a-z]+\.[a-z-]+)"/g)].map(([, kind]) => kind),
        ...[...text.matchAll(/kind: [^\n"]* \? "[a-z.-]+" : "([a-z]+\.[a-z-]+)"/g)].map(([, kind]) => kind)
      ])
    )
    assert.isAbove(kinds.size, 10)
    for (const kind of kinds) exists(guideOfAlert(kind ?? ""))
    const told = [...kinds].map((kind) => guideOfAlert(kind ?? "").split("#")[1])
    assert.deepEqual(
      [...anchors].filter((anchor) => anchor.startsWith("alert-") && !told.includes(anchor)),
      []
    )
  })

  it("links to sections and files that exist, as the README does", () => {
    for (const file of [GUIDE, "README.md"]) {
      for (const [, link = ""] of read(file).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(link)) continue
        const [path = "", anchor] = link.split("#")
        const target = path === "" ? file : new URL(path, `file:///${file}`).pathname.slice(1)
        const isFolder = /\/$|^(docs|ops|src|test)(\/[^.]+)?$/.test(target)
        if (isFolder) readdirSync(new URL(`../../${target}`, import.meta.url))
        else if (anchor === undefined) read(target)
        else exists(`${target}#${anchor}`)
      }
    }
  })
})
