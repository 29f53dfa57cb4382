/** I13: a run through every fault with known secrets, at the most talkative level; then every byte that it left is searched. */
import * as FileSystem from "node:fs"
import * as Http from "node:http"
import * as Path from "node:path"
import { describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Redacted } from "effect"
import { assert } from "vitest"
import { token } from "../../src/domain/exchange/Ids.ts"
import * as Logging from "../../src/layers/node/Logging.ts"
import { filesUnder, search } from "../support/secrets.ts"
import { anEntry, bought, control } from "./hands.ts"
import { makeWorld, PATIENCE, ready } from "./World.ts"
import type { RunOptions, World } from "./World.ts"

/** Everything that the world's exchange can have issued as a stream token. */
const tokens = Array.from({ length: 3000 }, (_, n) => ({
  name: "a stream token",
  secret: token(1, n + 1),
  bare: true as const
}))

/** Trades, stumbles over every fault, and is refused in the end. */
const stumble = (world: World, options: RunOptions, webhook: string) =>
  Effect.gen(function* () {
    const hook = Redacted.make(webhook)
    const run = yield* world.start({ alertWebhook: hook, log: { level: "trace", format: "json" } }, options)
    yield* ready(world)
    const controlToken = (
      JSON.parse(FileSystem.readFileSync(Path.join(world.dir, "control.json"), "utf8")) as { readonly token: string }
    ).token
    const { faults } = world.kraken
    yield* bought(world)
    for (const effect of [
      { kind: "status", status: 520, executed: false },
      { kind: "cut", executed: true },
      { kind: "drop", executed: false },
      { kind: "error", error: "EAPI:Invalid nonce", executed: false },
      { kind: "error", error: "EGeneral:Something new", executed: false }
    ] as const) {
      yield* faults.add({ on: "rest", times: 4, effect })
      yield* world.pass(20_000)
    }
    for (const effect of [
      { kind: "corrupt" },
      { kind: "garbage" },
      { kind: "duplicate" },
      { kind: "close", code: 4000 }
    ] as const) {
      yield* faults.add({ on: "stream", times: 3, effect })
      yield* world.pass(20_000)
    }
    yield* faults.clear()
    // tokens run out, the sessions begin anew
    yield* world.operate("tokens")
    yield* world.operate("disconnect", { stream: "both", code: "1006" })
    yield* faults.add({ on: "stream", stream: "auth", times: 1, effect: { kind: "mute", method: "subscribe" } })
    yield* world.pass(30_000)
    // another process holds the records
    yield* Effect.ignore(control(world, "/breaker/trip", { reason: "an alert for the webhook" }))
    yield* Effect.ignore(control(world, "/breaker/reset", {}))
    const status = JSON.stringify(yield* control(world, "/status"))
    yield* Effect.ignore(anEntry(world).pipe(Effect.timeout(2000)))
    // the key loses its right to trade: the run ends by itself
    yield* world.operate("key", { permissions: "query-funds" })
    const end = yield* run.ended
    return { controlToken, status, end: String(end) + JSON.stringify(end) }
  })

describe("I13: secrets", PATIENCE, () => {
  it.scopedLive(
    "I13: key, secret, stream tokens, control token and webhook stand in no file, log, status or error",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ limits: { breakerThreshold: 1000 } })
        const server = yield* Effect.acquireRelease(
          Effect.async<Http.Server>((resume) => {
            const made = Http.createServer((request, response) => {
              // refuses, and repeats what it was called by
              response.statusCode = 400
              response.end(`no such hook ${request.url}`)
            })
            made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
          }),
          (made) => Effect.sync(() => made.close())
        )
        const address = server.address()
        const port = address !== null && typeof address === "object" ? address.port : 0
        const webhook = `http://127.0.0.1:${port}/services/T0CANARY/B0CANARY/${"k4n4r1".repeat(4)}`

        const lines: Array<string> = []
        // the log as it is kept, and the same lines before the last mask
        const unmasked: Array<string> = []
        const logging = Layer.merge(
          Logging.layer({
            dataDir: world.dir,
            level: "trace",
            format: "json",
            write: (line) => {
              lines.push(line)
            }
          }),
          Logger.add(
            Logger.map(Logger.logfmtLogger, (line) => {
              unmasked.push(line)
            })
          )
        )
        const { controlToken, end, status } = yield* stumble(world, { logging }, webhook)
        const { key, secret } = world.kraken.credentials
        assert.include(end, "CredentialsRefused")

        const texts = new Map<string, string>([
          ["the log", lines.join("\n")],
          ["the unmasked log", unmasked.join("\n")],
          ["the status", status],
          ["the error", end]
        ])
        for (const [path, text] of filesUnder(world.dir)) texts.set(path, text)
        for (const name of ["trading.db", "journal.db", "trader.log"])
          assert.isAbove(texts.get(name)?.length ?? 0, 0, name)
        assert.isAbove(lines.length, 100)
        assert.isTrue(unmasked.some((line) => line.includes("kraken call")))
        search(texts, [
          { name: "the API key", secret: Redacted.value(key) },
          { name: "the API secret", secret: Redacted.value(secret) },
          { name: "the control token", secret: controlToken, except: "control.json" },
          // whoever has the path has the webhook
          { name: "the webhook's path", secret: new URL(webhook).pathname },
          ...tokens
        ])
      })
  )
})
