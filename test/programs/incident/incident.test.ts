import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { incident } from "../../../src/programs/incident/incident.ts"
import { exitCodeOf } from "../../../src/programs/cli/ExitCode.ts"
import type { ControlClientShape } from "../../../src/services/ControlClient.ts"
import { ArchiveRefused, Incident } from "../../../src/services/Incident.ts"
import type { IncidentShape } from "../../../src/services/Incident.ts"
import { clientOf, Screen, world } from "../cli/support.ts"

const frame = { at: "2024-03-10T12:00:00.000Z", stream: "private", text: "{}" } as const

const run = (
  options: { readonly client?: ControlClientShape; readonly file?: string; readonly refused?: "exists" | "io" },
  prepare: Effect.Effect<void, never, MockRecordsControl> = Effect.void
) =>
  Effect.gen(function* () {
    const written = new Map<string, string>()
    let name = ""
    const parts: IncidentShape = {
      log: (lastMs) => Effect.succeed(`log of ${lastMs}`),
      journal: (lastMs) => Effect.succeed(`journal of ${lastMs}`),
      versions: Effect.succeed({ node: "20" }),
      archive: (file, entries) => {
        name = file
        for (const entry of entries) written.set(entry.name, entry.text)
        return options.refused === undefined
          ? Effect.succeed({ bytes: 1025 })
          : new ArchiveRefused({ file, reason: options.refused, detail: "EACCES" })
      }
    }
    yield* prepare
    const exit = yield* Effect.exit(
      Effect.provideService(incident({ lastMs: 60_000, file: options.file, version: "1" }), Incident, parts)
    )
    const { out } = yield* Screen
    return { written, name, code: exitCodeOf(exit), out: out() }
  }).pipe(
    Effect.provide(
      Layer.fresh(
        world({
          ...(options.client === undefined ? {} : { client: options.client }),
          settings: {
            credentials: { key: Redacted.make("THE-KEY"), secret: Redacted.make("THE-SECRET") },
            alertWebhook: Redacted.make("https://hooks.example/THE-HOOK")
          }
        })
      )
    )
  )

describe("incident", () => {
  it.effect("gathers everything, masks the settings' secrets, and says what is missing", () =>
    Effect.gen(function* () {
      const { code, name, out, written } = yield* run({})
      assert.strictEqual(code, 0)
      assert.strictEqual(name, "incident-1970-01-01T00-00-00-000Z.tar.gz")
      assert.include(out, "2 KiB")
      assert.include(out, "Without frames of the streams: no trader has announced itself")
      assert.sameMembers(
        [...written.keys()],
        [
          "README.txt",
          "versions.json",
          "settings.json",
          "status.json",
          "database.json",
          "trader.log",
          "journal.jsonl",
          "frames.jsonl"
        ]
      )
      assert.strictEqual(written.get("trader.log"), "log of 60000")
      assert.strictEqual(written.get("journal.jsonl"), "journal of 60000")
      assert.strictEqual(written.get("frames.jsonl"), "")
      const settings = JSON.parse(written.get("settings.json") ?? "")
      assert.deepEqual(settings.credentials, { key: "[redacted]", secret: "[redacted]" })
      assert.strictEqual(settings.limits.maxTradeSize, "10")
      for (const text of written.values()) assert.notMatch(text, /THE-(KEY|SECRET|HOOK)/)
      const database = JSON.parse(written.get("database.json") ?? "")
      assert.deepInclude(database, { exists: true, orders: [], lastMetrics: null })
      assert.deepEqual(database.books.notes, {})
    })
  )

  it.effect("with the frames of a trader that answers", () =>
    Effect.gen(function* () {
      const { out, written } = yield* run({ client: clientOf({ frames: Effect.succeed([frame]) }), file: "x.tgz" })
      assert.strictEqual(written.get("frames.jsonl"), `${JSON.stringify(frame)}\n`)
      assert.notInclude(out, "Without")
    })
  )

  it.effect("records that are missing or cannot be read are no reason to write none", () =>
    Effect.gen(function* () {
      const none = yield* run(
        {},
        Effect.flatMap(MockRecordsControl, (control) => control.set({ exists: false }))
      )
      assert.deepEqual(JSON.parse(none.written.get("database.json") ?? ""), { exists: false })
      const torn = yield* run(
        {},
        Effect.flatMap(MockRecordsControl, (control) => control.failWith("corrupt"))
      )
      assert.strictEqual(torn.code, 0)
      assert.deepEqual(JSON.parse(torn.written.get("database.json") ?? "").books, {
        unreadable: "snapshot: the database is corrupt"
      })
    })
  )

  it.effect("a name that is taken is 64, a folder that takes none 73", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* run({ refused: "exists" })).code, 64)
      assert.strictEqual((yield* run({ refused: "io" })).code, 73)
    })
  )
})
