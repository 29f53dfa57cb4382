import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { exampleFile } from "../../../src/domain/settings/keys.ts"
import { scrub } from "../../../src/layers/node/secrets.ts"
import type { SettingsSource } from "../../../src/layers/node/SettingsNode.ts"
import { layer, processSource, read, readPublic, stateDirectory } from "../../../src/layers/node/SettingsNode.ts"
import { Settings } from "../../../src/services/Settings.ts"
import { tempFolder } from "./support/temp.ts"

const KEY = `key${"K".repeat(50)}`
const SECRET = `${"Sekret12".repeat(10)}abcdef==`

const source = (directory: string, environment: Record<string, string> = {}): SettingsSource => ({
  environment,
  directory,
  platform: "linux",
  home: "/home/somebody",
  terminal: false
})

describe("settings of a process", () => {
  it("the example file is the table's", () => {
    assert.strictEqual(readFileSync(resolve(import.meta.dirname, "../../../.env.example"), "utf8"), exampleFile)
  })

  it.scoped("no file: the defaults, paths from the working directory", () =>
    Effect.gen(function* () {
      const directory = yield* tempFolder
      const settings = yield* read(source(directory))
      assert.deepInclude(settings, {
        mode: "paper",
        dataDir: join(directory, "data", "paper-generated"),
        stateDir: "/home/somebody/.local/state/kraken-trader",
        log: { level: "info", format: "json" }
      })
      assert.isUndefined(settings.credentials)
      const onTerminal = yield* read({ ...source(directory), terminal: true })
      assert.strictEqual(onTerminal.log.format, "pretty")
    })
  )

  it.scoped("a file, the environment above it, secrets closed and masked everywhere", () =>
    Effect.gen(function* () {
      const directory = yield* tempFolder
      writeFileSync(
        join(directory, ".env"),
        `TRADING_MODE=live\nKRAKEN_API_KEY=${KEY}\nKRAKEN_API_SECRET=${SECRET}\nLOG_LEVEL=error\nALERT_WEBHOOK_URL=https://hooks.example.com/services/T123/B456\nHEARTBEAT_URL=https://ping.example.com/abcdefgh`
      )
      const settings = yield* read(source(directory, { LOG_LEVEL: "debug", LIVE_TRADING_CONFIRMED: "AAAA-BBBB" }))
      assert.strictEqual(settings.log.level, "debug")
      assert.strictEqual(settings.confirmed, "AAAA-BBBB")
      assert.match(settings.confirmationCode, /^[0-9A-F]{4}-[0-9A-F]{4}$/)
      assert.strictEqual(settings.credentials && Redacted.value(settings.credentials.secret), SECRET)
      assert.notInclude(
        JSON.stringify(settings, (_, v: unknown) => (typeof v === "bigint" ? String(v) : v)),
        KEY
      )
      for (const text of [KEY, SECRET, "/services/T123/B456", "https://ping.example.com/abcdefgh"])
        assert.notInclude(scrub(`before ${text} after`), text)
    })
  )

  it.scoped("tapes and times of a paper market", () =>
    Effect.gen(function* () {
      const directory = yield* tempFolder
      const settings = yield* read(
        source(directory, {
          PAPER_MARKET: "may.csv",
          PAPER_FROM: "2024-05-01T00:00:00Z",
          PAPER_TO: "2024-05-02T00:00:00Z",
          PAPER_STOP_AFTER: "1h"
        })
      )
      assert.deepInclude(settings.paper, {
        market: {
          _tag: "Tape",
          tapes: [{ symbol: settings.limits.allowedPairs[0]!, path: join(directory, "may.csv") }]
        },
        to: Date.UTC(2024, 4, 2),
        stopAfter: 3_600_000
      })
    })
  )

  it.scoped("every problem at once, in one message", () =>
    Effect.gen(function* () {
      const failed = yield* Effect.flip(read(source(yield* tempFolder, { LOG_LEVEL: "loud", POST_ONLY: "no" })))
      assert.strictEqual(
        failed.message,
        "POST_ONLY is none of the choices; allowed: true, false\nLOG_LEVEL is none of the choices; allowed: error, warn, info, debug, trace"
      )
    })
  )

  it.scoped("a .env that cannot be read is a problem, not an absence", () =>
    Effect.gen(function* () {
      const directory = yield* tempFolder
      mkdirSync(join(directory, ".env"))
      const failed = yield* Effect.flip(read(source(directory)))
      assert.include(failed.message, "cannot be read")
    })
  )

  it.scoped("for public calls neither keys nor their absence matter; what else is wrong does", () =>
    Effect.gen(function* () {
      const directory = yield* tempFolder
      writeFileSync(join(directory, ".env"), `KRAKEN_API_KEY=${KEY}\nKRAKEN_API_SECRET=odd\nALLOWED_PAIRS=BTC/USD\n`)
      const live = { TRADING_MODE: "live", KRAKEN_API_KEY: "odd", KRAKEN_REST_URL: "http://127.0.0.1:9" }
      const settings = yield* readPublic(source(directory, live))
      assert.isUndefined(settings.credentials)
      assert.strictEqual(settings.endpoints.rest, "http://127.0.0.1:9")
      assert.deepEqual(settings.limits.allowedPairs.map(String), ["BTC/USD"])
      const { problems } = yield* Effect.flip(readPublic(source(directory, { ALLOWED_PAIRS: "?" })))
      assert.deepEqual(
        problems.map(({ key }) => key),
        ["ALLOWED_PAIRS"]
      )
    })
  )

  it("locks of keys live where the system keeps state", () => {
    const at = (platform: NodeJS.Platform, environment: Record<string, string>): string =>
      stateDirectory({ ...source("/x", environment), platform })
    assert.strictEqual(at("linux", { XDG_STATE_HOME: "/state" }), "/state/kraken-trader")
    assert.strictEqual(at("darwin", {}), "/home/somebody/Library/Application Support/kraken-trader")
    assert.strictEqual(at("win32", { LOCALAPPDATA: "/local" }), "/local/kraken-trader")
    assert.strictEqual(at("win32", {}), "/home/somebody/.local/state/kraken-trader")
  })

  it.effect("the layer reads this very process", () =>
    Effect.gen(function* () {
      const expected = yield* Effect.either(read(processSource()))
      const actual = yield* Effect.either(Effect.provide(Settings, layer))
      assert.strictEqual(actual._tag, expected._tag)
    })
  )
})
