/** One account, one key: executions, balances, nonces, limits, other traders (I9, I10, I11, I12, I15). */
import * as Http from "node:http"
import * as Path from "node:path"
import { describe, it } from "@effect/vitest"
import BetterSqlite3 from "better-sqlite3"
import { Effect, Exit } from "effect"
import { assert } from "vitest"
import { runTrader } from "../../src/app.ts"
import { Nonce } from "../../src/services/Nonce.ts"
import { usd } from "../support/build.ts"
import { anEntry, beside, bought, control, latches, logged, noEntry, rawCall, untilLatched } from "./hands.ts"
import { accountExplained, assertBooks, assertExits, assertExposure, ownFills, rateLimited } from "./judge.ts"
import { enter, makeWorld, own, PATIENCE, ready } from "./World.ts"
import type { World } from "./World.ts"

type Fault = Parameters<World["kraken"]["faults"]["add"]>[0]

/** Market seconds without an order of ours after which the stream is taken to wait for a snapshot that a fault held back. */
const QUIET = 90

/**
 * Fills what rests, a little at a time, under a fault of the stream, again and again until so many executions are added.
 * The fault is over between the bursts, so that the trader, which may have lost its stream by it, enters anew.
 */
const trades = (world: World, least: number, fault: Fault) =>
  Effect.gen(function* () {
    const { faults } = world.kraken
    const wanted = ownFills(yield* world.view).length + least
    let quiet = 0
    world.say(enter(0.1))
    yield* world.until(
      `${least} executions`,
      Effect.gen(function* () {
        if ((yield* world.view).open.length === 0) {
          quiet += 1
          if (quiet % QUIET === 0) yield* world.operate("disconnect", { stream: "auth", code: "1006" })
          yield* world.pass(1000)
          return false
        }
        quiet = 0
        yield* faults.add(fault)
        for (const quantity of ["11", "18", "25"]) {
          for (const { txid } of (yield* world.view).open)
            yield* Effect.ignore(world.kraken.operate("fill", { txid, quantity }))
          yield* world.pass(4000)
        }
        yield* faults.clear()
        return ownFills(yield* world.view).length >= wanted
      })
    )
    world.say(undefined)
  })

/** An entry that rests while the stream works: it told of an execution of it, and has no gap to notice any more. */
const told = (world: World) =>
  Effect.gen(function* () {
    yield* world.operate("disconnect", { stream: "auth", code: "1006" })
    world.say(enter(0.1))
    const entry = yield* world.until(
      "an entry that the stream tells of",
      Effect.gen(function* () {
        const order = (yield* world.view).open.find(({ side }) => side === "buy")
        if (order === undefined) return
        yield* Effect.ignore(world.kraken.operate("fill", { txid: order.txid, quantity: "5" }))
        yield* world.pass(4000)
        const view = yield* world.view
        const booked = world.rows("SELECT * FROM fills").length === ownFills(view).length
        return booked && view.open.some(({ txid }) => txid === order.txid) ? order : undefined
      })
    )
    world.say(undefined)
    return entry
  })

describe("I9, I10: executions and balances", PATIENCE, () => {
  it.scopedLive(
    "I9: repeated, reordered and lost frames, reconnects with snapshots, REST besides: every execution is booked once",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({
          limits: { maxTotalExposure: usd("60"), breakerThreshold: 1000, reconcileEvery: 20_000 }
        })
        const run = yield* world.start()
        yield* ready(world)
        const { faults } = world.kraken
        const frames = { on: "stream", stream: "auth", channel: "executions" } as const
        const twice = { ...frames, probability: 0.5, effect: { kind: "duplicate" } } as const
        yield* trades(world, 5, twice)
        yield* faults.add(twice)
        yield* world.operate("disconnect", { stream: "auth", code: "1006" })
        yield* world.pass(30_000)
        yield* faults.clear()
        yield* trades(world, 5, { ...frames, probability: 0.3, effect: { kind: "reorder" } })
        yield* trades(world, 5, { ...frames, probability: 0.3, times: 3, effect: { kind: "drop" } })
        const entry = yield* told(world)
        // the channel stays mute while heartbeats go on: only REST tells
        yield* faults.add({ ...frames, effect: { kind: "silence", heartbeats: true } })
        for (const quantity of ["11", "12", "13"]) {
          yield* world.operate("fill", { txid: entry.txid, quantity })
          yield* world.pass(4000)
        }
        yield* world.until(
          "REST's executions in the books",
          Effect.gen(function* () {
            return world.rows("SELECT * FROM fills").length === ownFills(yield* world.view).length
          })
        )
        yield* faults.clear()
        assert.isAbove(ownFills(yield* world.view).length, 8)
        assert.isTrue(Exit.isSuccess(yield* run.stop))
        yield* assertBooks(world)
        assertExits(yield* world.view)
        assertExposure(yield* world.view, "60")
      })
  )

  it.scopedLive(
    "I10: deposits, withdrawals and the owner's own trades are explained by the ledger, while running and while down",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ balances: { USD: "98.82", XLM: "500" }, limits: { reconcileEvery: 20_000 } })
        const first = yield* world.start()
        yield* ready(world)
        yield* bought(world)
        yield* world.operate("deposit", { asset: "USD", amount: "100.1234" })
        yield* world.operate("withdraw", { asset: "XLM", amount: "123.45678901" })
        yield* world.operate("order", { symbol: "XLM/USD", side: "sell", type: "market", quantity: "50" })
        for (const asset of ["USD", "XLM"] as const) {
          yield* world.until(`${asset} to be explained`, accountExplained(world, asset))
        }
        assert.isTrue(Exit.isSuccess(yield* first.stop))
        // nobody looks, and hours go by
        yield* world.operate("deposit", { asset: "USD", amount: "7" })
        yield* world.operate("deposit", { asset: "XLM", amount: "30" })
        yield* world.kraken.clock.advance(3_600_000)
        const second = yield* world.start()
        for (const asset of ["USD", "XLM"] as const) {
          yield* world.until(`${asset} to be explained`, accountExplained(world, asset))
        }
        assert.deepEqual(latches(world), [])
        yield* world.price("0.1021")
        yield* world.until(
          "the sale",
          Effect.map(world.view, (v) => ownFills(v).some((f) => f.side === "sell"))
        )
        yield* world.pass(3000)
        assert.isTrue(Exit.isSuccess(yield* second.stop))
        yield* assertBooks(world)
      })
  )

  it.scopedLive("I10: a deposit while the trader is down is told from own trades that an earlier run booked", () =>
    Effect.gen(function* () {
      // the account is looked at when the first run begins, and not again
      const world = yield* makeWorld({ limits: { reconcileEvery: 3_600_000 } })
      const first = yield* world.start()
      yield* ready(world)
      yield* bought(world)
      yield* world.price("0.1021")
      yield* world.until(
        "the sale in the books",
        Effect.sync(() => world.rows("SELECT * FROM totals WHERE closed_trades = 1")[0])
      )
      // a start reads the executions of the last hour again, and the stream's snapshot tells of the last fifty
      yield* world.price("0.1")
      const entry = yield* anEntry(world)
      for (let n = 0; n < 60; n++) yield* world.operate("fill", { txid: entry.txid, quantity: "1" })
      yield* world.until(
        "sixty executions in the books",
        Effect.sync(() => world.rows("SELECT * FROM fills").length === 62)
      )
      assert.isTrue(Exit.isSuccess(yield* first.stop))
      yield* world.operate("deposit", { asset: "USD", amount: "50" })
      yield* world.kraken.clock.advance(7_200_000)
      const second = yield* world.start({ limits: { ...world.settings().limits, reconcileEvery: 20_000 } })
      yield* world.until("the deposit to be explained", accountExplained(world, "USD"))
      yield* logged(world, "50 USD came or went by deposit")
      assert.deepEqual(latches(world), [])
      assert.isTrue(Exit.isSuccess(yield* second.stop))
      yield* assertBooks(world)
    })
  )

  it.scopedLive(
    "I10: a deposit just before the first sight of the account is not counted again with the next one",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ exchange: { speed: 20 }, limits: { reconcileEvery: 20_000 } })
        const run = yield* world.start()
        // the start looks at the key before it looks at the balances
        yield* world.until(
          "the start",
          Effect.map(world.view, (v) => v.requests.some((r) => r.endpoint === "GetApiKeyInfo"))
        )
        yield* world.operate("deposit", { asset: "USD", amount: "11" })
        yield* ready(world)
        yield* world.operate("deposit", { asset: "USD", amount: "7.5" })
        yield* world.until("the second deposit to be explained", accountExplained(world, "USD"))
        yield* logged(world, "7.5 USD came or went by deposit")
        assert.deepEqual(latches(world), [])
        assert.isTrue(Exit.isSuccess(yield* run.stop))
        yield* assertBooks(world)
      })
  )

  it.scopedLive(
    "I10: what nothing explains latches; the operator's reset takes it over for good, but never own lots that are gone",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({
          limits: { maxTotalExposure: usd("60"), reconcileEvery: 20_000, entryExpiry: 3_600_000 }
        })
        const first = yield* world.start()
        yield* ready(world)
        const { entry } = yield* bought(world)
        assert.isTrue(Exit.isSuccess(yield* first.stop))
        // the books forget five dollars
        const books = new BetterSqlite3(Path.join(world.dir, "trading.db"))
        books.exec("UPDATE foreign_holdings SET amount = amount - 5 WHERE asset = 'USD'")
        books.close()
        yield* world.start()
        yield* untilLatched(world, "balance")
        yield* noEntry(world, 20_000, "books and account differ")
        yield* control(world, "/breaker/reset", { cause: "balance" })
        yield* logged(world, "USD differed from the books by 5: counted as yours")
        assert.isTrue(yield* accountExplained(world, "USD"))
        // coins of the trader's lot are moved away: twenty of them are nobody's but the trader's
        yield* world.operate("withdraw", { asset: "XLM", amount: "20" })
        yield* untilLatched(world, "balance")
        yield* control(world, "/breaker/reset", {})
        yield* logged(world, "bring the missing 20 XLM back")
        yield* untilLatched(world, "balance")
        yield* world.operate("deposit", { asset: "XLM", amount: "20" })
        yield* world.pass(30_000)
        yield* control(world, "/breaker/reset", {})
        yield* world.until("XLM to be explained", accountExplained(world, "XLM"))
        const again = yield* anEntry(world)
        assert.notStrictEqual(again.txid, entry.txid)
        yield* world.pass(150_000)
        assert.deepEqual(latches(world), [])
      })
  )

  it.scopedLive("I9, I10: killed between partial fills, again and again: the books are the account's", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ limits: { maxTotalExposure: usd("60"), entryExpiry: 3_600_000 } })
      for (let n = 0; n < 4; n++) {
        const run = yield* world.start()
        yield* ready(world)
        const entry = yield* anEntry(world)
        yield* world.operate("fill", { txid: entry.txid, quantity: "25" })
        yield* Effect.sleep(n * 5)
        yield* run.kill
        yield* world.operate("fill", { txid: entry.txid, quantity: "13" })
        // the dead man's switch ends what rests; market time goes by
        yield* world.kraken.clock.advance(120_000)
        assert.isTrue((yield* world.view).open.every((o) => o.openedAt > entry.openedAt))
      }
      const last = yield* world.start()
      yield* world.until(
        "every execution in the books",
        Effect.gen(function* () {
          return world.rows("SELECT * FROM fills").length === ownFills(yield* world.view).length
        })
      )
      yield* world.until(
        "all lots on sale",
        Effect.map(world.view, (v) => v.open.filter((o) => o.side === "sell").length === 4)
      )
      assert.isTrue(Exit.isSuccess(yield* last.stop))
      yield* assertBooks(world)
      assertExits(yield* world.view)
      assert.lengthOf(world.rows("SELECT * FROM orders WHERE status IN ('open','unknown','pending')"), 0)
    })
  )
})

describe("I11: nonces", PATIENCE, () => {
  it.scopedLive("I11: strictly increasing over restarts, a second process and a clock set back an hour", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld({ exchange: { tier: "pro" }, settings: { tier: "pro" } })
      const first = yield* world.start()
      yield* ready(world)
      yield* anEntry(world)
      // another process cancels all the while, with nonces of the same row
      const calls = yield* beside(
        world,
        Effect.gen(function* () {
          const nonce = yield* Nonce
          const used: Array<bigint> = []
          for (let n = 0; n < 12; n++) {
            const next = yield* nonce.next
            used.push(next)
            yield* rawCall(world, "CancelOrder", next, { txid: "OAAAAA-AAAAA-AAAAAA" })
            yield* Effect.sleep(10)
          }
          return used
        })
      )
      assert.isTrue(Exit.isSuccess(yield* first.stop))
      const back = world.kraken.clock
      const slow = {
        ...back,
        now: Effect.map(back.now, (now) => now - 3_600_000),
        unsafeNow: () => back.unsafeNow() - 3_600_000
      }
      const before = (yield* world.view).requests.length
      const second = yield* world.start({}, { clock: slow })
      yield* world.until(
        "calls of the second run",
        Effect.map(
          world.view,
          (v) => v.requests.length > before + 12 && v.requests.filter((r) => r.nonce !== undefined).length > 40
        )
      )
      yield* second.stop
      const nonces = (yield* world.view).requests.flatMap((r) => (r.nonce === undefined ? [] : [r]))
      assert.isAbove(nonces.length, 40)
      assert.strictEqual(new Set(nonces.map((r) => r.nonce)).size, nonces.length, "a nonce was used twice")
      // only a call that one of higher rank overtook, or that another process's did, may come late
      const late = nonces.filter((r, n) =>
        nonces.slice(0, n).some((other) => BigInt(other.nonce ?? 0) > BigInt(r.nonce ?? 0))
      )
      for (const r of late) assert.include(r.result, "Invalid nonce")
      assert.isBelow(late.length, 6)
      const later = nonces.slice(before)
      assert.isTrue(later.every((r) => BigInt(r.nonce ?? 0) > (calls.at(-1) ?? 0n)))
    })
  )
})

describe("I12: one trader", PATIENCE, () => {
  it.scopedLive("I12: a second trader on the folder, or on the key, is refused before any call", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.start()
      yield* ready(world)
      let hits = 0
      const server = yield* Effect.acquireRelease(
        Effect.async<Http.Server>((resume) => {
          const made = Http.createServer((_, response) => {
            hits += 1
            response.end("{}")
          })
          made.on("connection", () => {
            hits += 1
          })
          made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
        }),
        (made) => Effect.sync(() => made.close())
      )
      const address = server.address()
      const port = address !== null && typeof address === "object" ? address.port : 0
      const settings = {
        ...world.settings(),
        mode: "live",
        endpoints: {
          rest: `http://127.0.0.1:${port}`,
          ws: `ws://127.0.0.1:${port}/v2`,
          wsAuth: `ws://127.0.0.1:${port}/auth/v2`
        },
        confirmed: world.settings().confirmationCode
      } as const
      const onFolder = yield* Effect.exit(runTrader({ settings, version: "0.0.0", fresh: false }))
      assert.include(String(onFolder), "LockHeld")
      const onKey = yield* Effect.exit(
        runTrader({ settings: { ...settings, dataDir: Path.join(world.dir, "other") }, version: "0.0.0", fresh: false })
      )
      assert.include(String(onKey), "LockHeld")
      assert.include(String(onKey), "API key")
      assert.strictEqual(hits, 0)
    })
  )

  it.scopedLive("I12: an order with our mark that is not in the books is cancelled, and entries stop", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld()
      yield* world.start()
      yield* ready(world)
      const entry = yield* anEntry(world)
      const mark = (entry.clOrdId ?? "").slice(0, 7)
      const nonce = yield* beside(
        world,
        Effect.flatMap(Nonce, (n) => n.next)
      )
      const answer = yield* rawCall(world, "AddOrder", nonce, {
        ordertype: "limit",
        type: "buy",
        volume: "50",
        pair: "XLMUSD",
        price: "0.09",
        cl_ord_id: `${mark}zzzzzzzz`
      })
      assert.deepEqual(answer.error, [])
      yield* untilLatched(world, "invariant")
      yield* world.until(
        "the stray and the resting entry to be cancelled",
        Effect.map(world.view, (v) => v.open.length === 0)
      )
      yield* logged(world, "another trader uses this key, or the books were lost")
      yield* noEntry(world, 20_000, "another trader uses the key")
      // an order without our mark is somebody's own business
      const { txid } = (yield* world.operate("order", {
        symbol: "XLM/USD",
        side: "buy",
        type: "limit",
        quantity: "50",
        price: "0.09"
      })) as { readonly txid: string }
      yield* logged(world, "is not the trader's; it is left alone")
      yield* world.pass(10_000)
      assert.strictEqual((yield* world.view).orders.find((o) => o.txid === txid)?.status, "open")
    })
  )
})

describe("I15: rate limits", PATIENCE, () => {
  it.scopedLive(
    "I15: entries placed and withdrawn without end, and restarts: no limit of the starter tier is ever hit",
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld({ limits: { minTradeInterval: 0, maxTradesPerDay: 100_000 } })
        let turn = 0
        // enters and takes back with every other look
        const restless = Effect.forever(
          Effect.gen(function* () {
            turn += 1
            world.say(turn % 2 === 0 ? { _tag: "Withdraw", reason: "told by the test" } : enter(0.1))
            yield* world.pass(2000)
          })
        )
        yield* Effect.forkScoped(restless)
        for (let n = 0; n < 3; n++) {
          const run = yield* world.start()
          yield* world.pass(100_000)
          yield* world.until(
            "six more entries",
            Effect.map(world.view, (view) => own(view, "buy").length >= 6 * (n + 1))
          )
          assert.isTrue(Exit.isSuccess(yield* run.stop))
        }
        const view = yield* world.view
        assert.isAbove(own(view, "buy").length, 15)
        assert.deepEqual(rateLimited(view), [])
        yield* assertBooks(world)
      })
  )
})
