/** What others do to the trader's account and folder: another program with the key, another process, its operator. */
import * as Path from "node:path"
import { Effect, Layer, Redacted } from "effect"
import type { Scope } from "effect"
import { assert } from "vitest"
import * as Money from "../../src/domain/money/Money.ts"
import { sign } from "../../src/layers/kraken/rest/sign.ts"
import * as NonceSqlite from "../../src/layers/sqlite/NonceSqlite.ts"
import * as StoreSqlite from "../../src/layers/sqlite/StoreSqlite.ts"
import { MarketClock } from "../../src/services/Clock.ts"
import type { Nonce } from "../../src/services/Nonce.ts"
import type { Store } from "../../src/services/Store.ts"
import { BTC } from "../support/build.ts"
import { ask, enter, own } from "./World.ts"
import type { World } from "./World.ts"

export interface Answer {
  readonly error: ReadonlyArray<string>
  readonly result?: unknown
}

/** A private call with the trader's key by another program. */
export const rawCall = (
  world: World,
  endpoint: string,
  nonce: bigint,
  params: Readonly<Record<string, string>> = {},
  secret: Redacted.Redacted = world.kraken.credentials.secret
): Effect.Effect<Answer> =>
  Effect.promise(async () => {
    const path = `/0/private/${endpoint}`
    const body = new URLSearchParams({ nonce: String(nonce), ...params }).toString()
    const response = await fetch(`${world.kraken.restUrl}${path}`, {
      method: "POST",
      headers: {
        "API-Key": Redacted.value(world.kraken.credentials.key),
        "API-Sign": sign(secret, path, String(nonce), body),
        "Content-Type": "application/x-www-form-urlencoded"
      },
      body
    })
    return (await response.json()) as Answer
  })

/** Another process of the same installation, beside the trader: its view of records and nonces. */
export const beside = <A, E>(world: World, use: Effect.Effect<A, E, Store | Nonce>): Effect.Effect<A> =>
  use.pipe(
    Effect.provide(
      NonceSqlite.layer.pipe(
        Layer.provideMerge(StoreSqlite.withDatabase({ file: Path.join(world.dir, "trading.db"), role: "visitor" })),
        Layer.provideMerge(Layer.succeed(MarketClock, world.kraken.clock))
      )
    ),
    Effect.orDie
  )

/** A command of the operator's, which the trader must take. */
export const control = (world: World, path: string, body?: object): Effect.Effect<Record<string, unknown>> =>
  world.until(`an answer to ${path}`, ask(world, path, body))

/** The trader says so in its log. */
export const logged = (world: World, text: string | RegExp): Effect.Effect<void> =>
  Effect.asVoid(
    world.until(
      `the log to say ${String(text)}`,
      Effect.sync(() => world.logs.some((line) => (typeof text === "string" ? line.includes(text) : text.test(line))))
    )
  )

/** A resting order of ours ends at the exchange by a cancel. */
export const cancelled = (world: World, txid: string): Effect.Effect<void> =>
  Effect.asVoid(
    world.until(
      `order ${txid} to be cancelled`,
      Effect.map(world.view, (view) => view.orders.find((o) => o.txid === txid)?.status === "canceled")
    )
  )

/** However often the strategy says so, nothing is bought for so much market time. */
export const noEntry = (world: World, marketMs: number, why: string, signal = enter(0.1)): Effect.Effect<void> =>
  Effect.gen(function* () {
    const before = own(yield* world.view, "buy").length
    world.say(signal)
    yield* world.pass(marketMs)
    const after = own(yield* world.view, "buy")
    assert.strictEqual(after.length, before, `an entry although ${why}`)
    world.say(undefined)
  })

/** The strategy says it, and something is bought. */
export const anEntry = (world: World, signal = enter(0.1)) =>
  Effect.gen(function* () {
    const before = own(yield* world.view, "buy").length
    world.say(signal)
    const order = yield* world.until(
      "an entry",
      Effect.map(world.view, (view) => own(view, "buy")[before])
    )
    world.say(undefined)
    return order
  })

/** How often so far a start was reconciled with both streams up and the strategy warm; `start` is the how manieth run of the world. */
export const settledIn = (world: World, start: number): Effect.Effect<void> =>
  Effect.asVoid(
    world.until(
      `run ${start} to be reconciled`,
      Effect.sync(() =>
        ["reconciled: start", "reconciled: the account stream began anew", ": warmed up on"].every(
          (text) => world.logs.filter((line) => line.includes(text)).length >= start
        )
      )
    )
  )

/** Bitcoin trades too, at 50 000, for as long as the scenario lasts. */
export const withBitcoin = (world: World): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() =>
    Effect.orDie(
      world.kraken.feed([
        {
          _tag: "Quote",
          symbol: BTC,
          at: world.kraken.clock.unsafeNow(),
          bids: [[Money.price("50000"), Money.quantity("1")]],
          asks: [[Money.price("50000.1"), Money.quantity("1")]]
        },
        {
          _tag: "Trade",
          symbol: BTC,
          at: world.kraken.clock.unsafeNow(),
          price: Money.price("50000.1"),
          quantity: Money.quantity("0.00001"),
          side: "buy"
        }
      ])
    )
  ).pipe(
    Effect.zipLeft(world.kraken.clock.sleep(1000)),
    Effect.forever,
    Effect.forkScoped,
    Effect.zipRight(world.kraken.clock.advance(120_000))
  )

/** The latches that hold, by the records. */
export const latches = (world: World): ReadonlyArray<string> => {
  const state = world.rows("SELECT state FROM breaker")[0]?.state
  const { latches: held } = JSON.parse(String(state ?? '{"latches":{}}')) as { readonly latches: object }
  return Object.keys(held)
}

export const untilLatched = (world: World, cause: string): Effect.Effect<void> =>
  Effect.asVoid(
    world.until(
      `the breaker to latch ${cause}`,
      Effect.sync(() => latches(world).includes(cause))
    )
  )

/** Buys and lets it fill whole; the lot's target rests at the exchange. */
export const bought = (world: World, signal = enter(0.1)) =>
  Effect.gen(function* () {
    const sales = own(yield* world.view, "sell").length
    const entry = yield* anEntry(world, signal)
    yield* world.operate("fill", { txid: entry.txid, quantity: "1000" })
    const target = yield* world.until(
      "the target",
      Effect.map(world.view, (view) => own(view, "sell")[sales])
    )
    return { entry, target }
  })
