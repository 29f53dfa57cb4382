/** The built program is one bundle: what it is made of, and what must work in spite of that. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { whyNotBuilt } from "../support/built.ts"
import type { Place } from "./program.ts"
import { eventually, makePlace } from "./program.ts"

const SLOW = 120_000

const scriptsOf = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder).flatMap((file) => (file.endsWith(".js") ? [join(folder, file)] : []))

describe("the bundle", () => {
  it("is up to date", () => assert.isUndefined(whyNotBuilt()))

  it("is what `dist` holds besides the library: no part of an older one, no module that nobody may import", () => {
    assert.sameMembers(
      readdirSync("dist", { withFileTypes: true }).map(({ name }) => name),
      [".build.json", "LICENSES.txt", "chunks", "domain", "layers", "main.js", "main.js.map", "programs", "services"]
    )
    const reached = new Set<string>()
    const follow = (file: string): void => {
      if (reached.has(file)) return
      reached.add(file)
      for (const [, to] of readFileSync(file, "utf8").matchAll(/(?:from|import|import\()"(\.[^"]+)"/g))
        follow(join(dirname(file), to ?? ""))
    }
    for (const entry of ["dist/main.js", "dist/chunks/worker.js"]) follow(entry)
    assert.sameMembers([...reached], ["dist/main.js", ...scriptsOf("dist/chunks")])
  })

  it("has a map for every part, that leads to the sources", () => {
    for (const file of ["dist/main.js", ...scriptsOf("dist/chunks")]) {
      const { sources } = JSON.parse(readFileSync(`${file}.map`, "utf8")) as { readonly sources: ReadonlyArray<string> }
      assert.match(readFileSync(file, "utf8"), /\n\/\/# sourceMappingURL=.+\.js\.map\n$/)
      for (const source of sources) assert.isTrue(existsSync(resolve(dirname(file), source)), `${file}: ${source}`)
    }
  })

  it("hands on the licence of every package in it", () => {
    const text = readFileSync("dist/LICENSES.txt", "utf8")
    for (const name of ["effect", "@effect/platform", "@effect/cli", "ws", "undici", "tar-stream", "readable-stream"])
      assert.match(text, new RegExp(`^${name} \\d[^\n]* \\(MIT\\)\n\n`, "m"))
    assert.notInclude(text, "undefined")
    assert.notMatch(text, /^better-sqlite3 /m)
  })
})

describe("whether the program is built", () => {
  let root: string
  const at = (file: string): string => join(root, file)
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "kraken-built-"))
    for (const part of [
      "src",
      "dist",
      "scripts/build.mjs",
      "tsconfig.json",
      "tsconfig.build.json",
      "package-lock.json"
    ])
      cpSync(part, at(part), { recursive: true })
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  const noticed = (file: string, change: (text: string) => string, said: string): void => {
    const text = readFileSync(at(file), "utf8")
    writeFileSync(at(file), change(text))
    assert.include(whyNotBuilt(root), said)
    writeFileSync(at(file), text)
    assert.isUndefined(whyNotBuilt(root))
  }

  it("is told by what stands in the files, not by their dates", () => {
    assert.isUndefined(whyNotBuilt(root))
    const later = new Date(Date.now() + 60_000)
    utimesSync(at("src/main.ts"), later, later)
    assert.isUndefined(whyNotBuilt(root))
  })

  it("is no longer so when a source, the build or what was built is another, is missing or is new", () => {
    for (const file of ["src/programs/desk/send.ts", "package-lock.json"])
      noticed(file, (text) => `${text}\n`, `${file} is not what dist was built from: run \`npm run build\` first`)
    for (const file of ["dist/main.js", "dist/domain/risk/Risk.js"])
      noticed(file, (text) => `${text}\n`, `${file} is not what was built`)

    writeFileSync(at("src/domain/new.ts"), "")
    assert.include(whyNotBuilt(root), "src/domain/new.ts is not what dist was built from")
    rmSync(at("src/domain/new.ts"))
    const stamp = readFileSync(at("dist/.build.json"))
    rmSync(at("dist/.build.json"))
    assert.include(whyNotBuilt(root), "the last build of dist did not come to its end")
    writeFileSync(at("dist/.build.json"), stamp)
    assert.isUndefined(whyNotBuilt(root))
    rmSync(at("src/domain/risk/Risk.ts"))
    assert.include(whyNotBuilt(root), "src/domain/risk/Risk.ts is not what dist was built from")
    rmSync(at("dist/main.js"))
    assert.include(whyNotBuilt(root), "dist/main.js is missing")
  })
})

/** Buys at the bid at once. `Either` and the trader's own modules are those of `node_modules`, not those of the bundle. */
const OWN_STRATEGY = `
import { Either } from "effect"
import * as Money from "kraken-trader/domain/money/Money"
import { conceal } from "kraken-trader/domain/strategy/Strategy"
import { readPublic } from "kraken-trader/layers/node/SettingsNode"

const share = Number(Money.rate("0.05")) / 1e12
export default {
  name: "importing",
  make: () => {
    process.stderr.write(new Error("called from").stack)
    return typeof readPublic !== "function" ? Either.left({ problems: ["no layers"] }) : Either.right(conceal({
    name: "importing",
    intervalMinutes: 1,
    warmUpCandles: 2,
    initial: null,
    warmUp: () => null,
    step: (state, view) => ({
      _tag: "Ready",
      state,
      features: {},
      signals: view.engaged ? [] : [{
        _tag: "Enter",
        limit: view.bid,
        exit: { target: view.bid * (1 + share), stop: view.bid * (1 - share), holdFor: 3600000 },
        reason: "imported",
        features: {}
      }]
    })
    }))
  }
}
`

describe("a strategy of one's own that imports the package and effect", () => {
  let place: Place
  beforeAll(() => {
    place = makePlace()
    const modules = join(place.directory, "node_modules")
    mkdirSync(modules)
    symlinkSync(resolve("."), join(modules, "kraken-trader"))
    symlinkSync(resolve("node_modules/effect"), join(modules, "effect"))
    writeFileSync(join(place.directory, "own.mjs"), OWN_STRATEGY)
  })
  afterAll(() => place.clear())

  it("trades, with copies of the modules beside those of the bundle", { timeout: SLOW }, async () => {
    const settings = {
      STRATEGY: join(place.directory, "own.mjs"),
      PAPER_SPEED: "20",
      NODE_OPTIONS: "--enable-source-maps"
    }
    const trader = place.start(["trade"], settings)
    const records = async (): Promise<string> => {
      assert.isNull(trader.process.exitCode, trader.error())
      const [orders, trades] = await Promise.all([
        place.run(["orders", "--json"], settings),
        place.run(["trades", "--json"], settings)
      ])
      return orders.out + trades.out
    }
    await eventually(records, (text) => text.includes('"imported"'), 60_000)
    const stopped = await place.run(["stop"], settings)
    assert.strictEqual(stopped.code, 0, stopped.out + stopped.error)
    assert.strictEqual((await trader.ended).code, 0)
    // with the maps, a stack trace names file and line of the source
    assert.match(trader.error(), /src\/layers\/node\/StrategyLoaderNode\.ts:\d+/)
  })
})
