import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import * as Operator from "../../../src/domain/exchange/Operator.ts"
import * as Persist from "../../../src/domain/exchange/Persist.ts"
import { view } from "../../../src/domain/exchange/View.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import type { Json } from "./Harness.ts"
import { configOf, Harness } from "./Harness.ts"

type Act = (x: Harness) => void

const price = FastCheck.integer({ min: 148_000, max: 152_000 }).map((ticks) => (ticks / 1e6).toFixed(6))
const size = FastCheck.integer({ min: 20, max: 3_000 }).map(String)
const side = FastCheck.constantFrom("buy", "sell")

const act: FastCheck.Arbitrary<Act> = FastCheck.oneof(
  {
    weight: 6,
    arbitrary: FastCheck.record({
      type: side,
      price,
      volume: size,
      oflags: FastCheck.constantFrom("", "post", "fcib", "post,fciq"),
      stptype: FastCheck.constantFrom("cancel-newest", "cancel-oldest", "cancel-both"),
      timeinforce: FastCheck.constantFrom("GTC", "IOC", "FOK")
    }).map(
      (params): Act =>
        (x) =>
          void x.private("AddOrder", x.order(params))
    )
  },
  {
    weight: 1,
    arbitrary: FastCheck.tuple(side, size).map(
      ([type, volume]): Act =>
        (x) =>
          void x.private("AddOrder", x.order({ ordertype: "market", type, volume }))
    )
  },
  {
    weight: 4,
    arbitrary: FastCheck.tuple(
      FastCheck.integer({ min: 148_500, max: 151_500 }),
      FastCheck.integer({ min: 1, max: 500 })
    ).map(
      ([mid, quantity]): Act =>
        (x) =>
          void x.quote(
            [[((mid - 50) / 1e6).toFixed(6), String(quantity)]],
            [[((mid + 50) / 1e6).toFixed(6), String(quantity)]]
          )
    )
  },
  {
    weight: 4,
    arbitrary: FastCheck.tuple(price, size, FastCheck.constantFrom("buy" as const, "sell" as const)).map(
      ([at, quantity, taker]): Act =>
        (x) =>
          void x.trade(at, quantity, taker)
    )
  },
  {
    weight: 2,
    arbitrary: FastCheck.tuple(FastCheck.nat(20), price, size).map(([index, limit_price, order_qty]): Act => (x) => {
      const txid = x.state.account.open[index % Math.max(1, x.state.account.open.length)] ?? "none"
      x.private("AmendOrder", { txid, limit_price, order_qty })
    })
  },
  {
    weight: 1,
    arbitrary: FastCheck.nat(20).map((index): Act => (x) => {
      x.private("CancelOrder", {
        txid: x.state.account.open[index % Math.max(1, x.state.account.open.length)] ?? "none"
      })
    })
  },
  {
    weight: 1,
    arbitrary: FastCheck.integer({ min: 1, max: 40_000 }).map(
      (ms): Act =>
        (x) =>
          void x.wait(ms)
    )
  },
  {
    weight: 1,
    arbitrary: FastCheck.constantFrom<Act>(
      (x) => x.step(Operator.deposit(x.state, "USD", Money.usd("3.33339"), x.now)),
      (x) => x.step(Operator.withdraw(x.state, "USD", Money.usd("55.5"), x.now)),
      (x) => x.step(Operator.transferToFlex(x.state, "XLM", Money.quantity("77"), x.now)),
      (x) => void x.ok("CancelAllOrdersAfter", { timeout: "30" }),
      (x) => x.step(Operator.setSystem(x.state, "post_only", x.now)),
      (x) => x.step(Operator.setSystem(x.state, "online", x.now))
    )
  }
)

/** Every promise that the account makes, whatever happened. */
const judge = (x: Harness, filledBefore: ReadonlyMap<string, bigint>): Map<string, bigint> => {
  const seen = view(x.state)
  const sums = new Map(seen.startingBalances)
  for (const entry of seen.ledgers) {
    sums.set(entry.wallet, (sums.get(entry.wallet) ?? 0n) + entry.amount - entry.fee)
    assert.strictEqual(sums.get(entry.wallet), entry.balance)
  }
  assert.deepStrictEqual(sums, new Map(seen.balances))
  for (const [wallet, balance] of seen.balances) assert.isTrue(balance >= 0n, wallet)
  for (const [wallet, hold] of seen.holds) assert.isTrue(hold >= 0n, wallet)
  const filled = new Map<string, bigint>()
  for (const order of seen.orders) {
    filled.set(order.txid, order.filled)
    assert.isTrue(order.filled >= (filledBefore.get(order.txid) ?? 0n), "cumulative quantity fell")
    assert.isTrue(order.filled <= order.quantity || order.status === "canceled", "filled more than ordered")
    const own = seen.fills.filter((fill) => fill.txid === order.txid)
    assert.strictEqual(
      own.reduce((sum, fill) => sum + fill.quantity, 0n),
      order.filled
    )
    assert.strictEqual(
      own.reduce((sum, fill) => sum + fill.cost, 0n),
      order.cost
    )
    assert.strictEqual(order.status === "open", seen.open.includes(order))
    // Nobody pays more, or gets less, than the limit.
    for (const fill of own) {
      const fair =
        order.amended ||
        order.type === "market" ||
        (order.side === "buy" ? fill.price <= order.price : fill.price >= order.price)
      assert.isTrue(fair, "a fill beyond the limit")
    }
    if (order.postOnly && !order.amended)
      assert.isTrue(
        own.every((fill) => fill.maker),
        "a post-only order took"
      )
  }
  // Orders of ours never rest across each other.
  const bids = seen.open.filter((order) => order.side === "buy").map((order) => order.price)
  const asks = seen.open.filter((order) => order.side === "sell").map((order) => order.price)
  if (x.state.system === "online")
    assert.isTrue(
      bids.every((bid) => asks.every((ask) => bid < ask)),
      "crossed with ourselves"
    )
  assert.strictEqual(
    new Set([...seen.orders.map((o) => o.txid), ...seen.fills.map((f) => f.id), ...seen.ledgers.map((l) => l.id)]).size,
    seen.orders.length + seen.fills.length + seen.ledgers.length
  )
  return filled
}

describe("whatever happens", () => {
  it("money is conserved, holds and balances are never negative, fills only grow, sequences rise by one", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(act, { minLength: 5, maxLength: 60 }),
        FastCheck.boolean(),
        FastCheck.boolean(),
        (acts, holdIncludesFee, late) => {
          const x = new Harness({
            usd: "500",
            xlm: "3000",
            switches: { holdIncludesFee, reportLagMs: late ? 700 : 0, postOnlyCross: late ? "cancel" : "error" }
          })
            .quote()
            .connect()
          x.take()
          let filled = new Map<string, bigint>()
          const frames: Array<Json> = []
          for (const one of acts) {
            x.later(50)
            one(x)
            filled = judge(x, filled)
            frames.push(...x.take())
          }
          x.wait(60_000)
          frames.push(...x.take())
          for (const channel of ["executions", "balances"]) {
            const sequences = frames.filter((frame) => frame.channel === channel).map((frame) => frame.sequence)
            // A snapshot that is held back comes among the updates.
            const first = late ? 1 : 2
            assert.deepStrictEqual(
              sequences,
              sequences.map((_, i) => i + first)
            )
          }
          const told = frames.filter((frame) => frame.channel === "executions").flatMap((frame) => frame.data)
          assert.strictEqual(told.filter((row: Json) => row.exec_type === "trade").length, view(x.state).fills.length)
          const config = configOf({ switches: { holdIncludesFee } })
          const again = Either.getOrThrow(Persist.decode(config, Persist.encode(x.state), x.now))
          assert.deepStrictEqual(
            { ...view(again), requests: [], system: "" },
            { ...view(x.state), requests: [], system: "" }
          )
        }
      ),
      { numRuns: 150 }
    )
  })

  it("the same acts give the same bytes", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(act, { minLength: 5, maxLength: 25 }), (acts) => {
        const play = (): string => {
          const x = new Harness().quote().connect()
          for (const one of acts) one(x.later(50))
          return x.texts().join("\n") + Persist.encode(x.state)
        }
        assert.strictEqual(play(), play())
      }),
      { numRuns: 30 }
    )
  })

  it("no text that arrives can break it", () => {
    const x = new Harness().quote().connect()
    FastCheck.assert(
      FastCheck.property(
        FastCheck.oneof(
          FastCheck.string(),
          FastCheck.json(),
          FastCheck.record({
            method: FastCheck.constantFrom(
              "subscribe",
              "unsubscribe",
              "add_order",
              "amend_order",
              "cancel_order",
              "batch_cancel",
              "cancel_all_orders_after",
              "ping"
            ),
            params: FastCheck.dictionary(
              FastCheck.constantFrom(
                "channel",
                "symbol",
                "depth",
                "token",
                "order_qty",
                "limit_price",
                "side",
                "order_type",
                "orders",
                "timeout",
                "order_id"
              ),
              FastCheck.oneof(FastCheck.jsonValue(), FastCheck.constantFrom("book", "executions", "XLM/USD", "ticker"))
            )
          }).map((frame) => JSON.stringify(frame))
        ),
        (text) => {
          x.send(text)
          assert.isTrue(x.state.sessions.has("a"))
        }
      ),
      { numRuns: 500 }
    )
  })
})
