/** The local Kraken's own inputs: requests of clients, bodies, and what its store gives back. */
import { Either, FastCheck as fc } from "effect"
import { assert, describe, it } from "vitest"
import * as Exchange from "../../src/domain/exchange/Exchange.ts"
import * as Persist from "../../src/domain/exchange/Persist.ts"
import type { ExchangeState } from "../../src/domain/exchange/State.ts"
import { HashMap } from "effect"
import { bodyParams, controlBody, queryParams } from "../../src/layers/exchange/params.ts"
import { KEY, XLM } from "../domain/exchange/Harness.ts"
import { garbage, LONGEST, mutated, repeated, timely, tries } from "../support/fuzz.ts"
import { field, number, plain, printed, string, treeOf } from "../support/tree.ts"
import { config, session } from "./frames.ts"

/** What leaves is JSON, and holds no number that is none. */
const isSound = (text: string): void => {
  const value: unknown = JSON.parse(text)
  assert.isObject(value)
  assert.notMatch(text.replace(/"(?:[^"\\]|\\.)*"/g, ""), /NaN|Infinity|undefined/)
}

const isSoundState = (state: ExchangeState): void => {
  for (const balance of state.account.balances.values()) assert.isTrue(balance >= 0n, "a balance below nothing")
  for (const txid of state.account.open) {
    const order = HashMap.unsafeGet(state.account.orders, txid)
    assert.isTrue(order.filled >= 0n && order.filled < order.quantity && order.price > 0n)
  }
}

const requests = fc.oneof(
  { weight: 10, arbitrary: mutated(session.requests) },
  { weight: 2, arbitrary: garbage },
  { weight: 1, arbitrary: repeated(["[", "{", '"', "\\", '{"method":"', "1", ",", ":", " ", "}"]) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom("subscribe", "unsubscribe", "cancel_order", "batch_cancel", "add_order"),
        fc.constantFrom("symbol", "order_id", "cl_ord_id", "orders", "order_userref"),
        fc.constantFrom('"XLM/USD"', '"x"', "1", "null", "1e5"),
        fc.constantFrom(1, 60, 5000)
      )
      .map(
        ([method, name, item, times]) =>
          `{"method":"${method}","params":{"channel":"ticker","token":"${session.token}","${name}":[${Array.from({ length: times }, () => item).join(",")}]},"req_id":1}`
      )
  }
)

describe("requests on the streams", () => {
  it("are answered in JSON, and change nothing that they do not say", () => {
    fc.assert(
      fc.property(
        fc.array(requests, { minLength: 1, maxLength: 4 }),
        fc.constantFrom("a", "b", "p", "nobody"),
        (texts, to) => {
          let { state } = session
          let { now } = session
          for (const text of texts) {
            now += 700
            const before = state
            const step = timely(() => Exchange.receive(before, to, text, now))
            for (const frame of step.frames) isSound(frame.text)
            if (to !== "nobody") assert.isNotEmpty(step.frames, "a request without an answer")
            isSoundState(step.state)
            state = step.state
            const tree = treeOf(text)
            const placed = HashMap.size(state.account.orders) - HashMap.size(before.account.orders)
            assert.isAtMost(placed, 1)
            if (placed === 0) continue
            const params = field(tree, "params")
            const order = [...HashMap.values(state.account.orders)].find(
              ({ txid }) => !HashMap.has(before.account.orders, txid)
            )
            assert.strictEqual(string(field(tree, "method")), "add_order")
            assert.strictEqual(printed(order?.quantity ?? 0n), plain(number(field(params, "order_qty"))))
            if (order?.type === "limit")
              assert.strictEqual(printed(order.price), plain(number(field(params, "limit_price"))))
          }
        }
      ),
      tries(700)
    )
  })
})

const endpoints = [...session.answers.keys(), "__proto__", "constructor", ""]
const values = fc.oneof(
  { weight: 3, arbitrary: garbage },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "XLMUSD",
      "XLM/USD",
      "buy",
      "sell",
      "limit",
      "market",
      "100",
      "0.149",
      "1e2",
      "25.5",
      "-1",
      "0",
      "NaN",
      "1e400",
      "0.1e-20",
      "12345678901234567890",
      "100.123456789",
      "GTC",
      "IOC",
      "GTD",
      "FOK",
      "post",
      "fciq,post",
      "fcib",
      "+60",
      "+4",
      "60",
      "1.5",
      "kt1-z",
      "2026-01-05T10:03:45Z",
      "true",
      "false",
      "cancel-both",
      "9007199254740993",
      "1000",
      "720",
      "all",
      "trade",
      "0x10",
      ",,,",
      "99999999999"
    )
  },
  { weight: 1, arbitrary: repeated(["1", ",", "0.", "a", " ", "-", "x,", "O"]) }
)
const names = [
  "pair",
  "type",
  "ordertype",
  "volume",
  "price",
  "oflags",
  "timeinforce",
  "expiretm",
  "userref",
  "cl_ord_id",
  "stptype",
  "deadline",
  "validate",
  "txid",
  "order_qty",
  "limit_price",
  "post_only",
  "timeout",
  "start",
  "end",
  "ofs",
  "closetime",
  "trades",
  "without_count",
  "asset",
  "interval",
  "since",
  "count",
  "leverage",
  "nonce",
  "__proto__",
  "consolidate_taker",
  "ledgers",
  "aclass"
]
const calls = fc.record({
  endpoint: fc.constantFrom(...endpoints),
  order: fc.boolean(),
  params: fc.array(fc.tuple(fc.constantFrom(...names), values), { maxLength: 6 })
})

describe("calls", () => {
  it("are answered in JSON, and place the very order that they name", () => {
    fc.assert(
      fc.property(calls, ({ endpoint, order, params }) => {
        const now = session.now + 60_000
        const base: ReadonlyArray<readonly [string, string]> = order
          ? [
              ["pair", "XLMUSD"],
              ["type", "buy"],
              ["ordertype", "limit"],
              ["volume", "25"],
              ["price", "0.12"]
            ]
          : []
        const all = new Map<string, string>([["nonce", String(session.nonce + 1000)], ...base, ...params])
        const open = timely(() => Exchange.publicCall(session.state, { endpoint, params: all }, now))
        isSound(open.reply.body)
        const step = timely(() => Exchange.privateCall(session.state, KEY, { endpoint, params: all }, now))
        isSound(step.reply.body)
        for (const frame of step.frames) isSound(frame.text)
        isSoundState(step.state)
        const placed = [...HashMap.values(step.state.account.orders)].find(
          ({ txid }) => !HashMap.has(session.state.account.orders, txid)
        )
        if (placed === undefined) return
        assert.strictEqual(endpoint, "AddOrder")
        assert.strictEqual(printed(placed.quantity), plain(all.get("volume")?.replace(/\.$/, "")))
        if (placed.type === "limit") assert.strictEqual(printed(placed.price), plain(all.get("price")))
        else assert.strictEqual(all.get("ordertype"), "market")
      }),
      tries(1200)
    )
  })
})

describe("bodies", () => {
  const texts = fc.oneof(
    mutated(session.requests),
    garbage,
    repeated(["a", "=", "&", "%", "+", "[", "]", '{"a":', '"', "1,", "%2", "é"]),
    fc
      .tuple(fc.constantFrom(1, 100, 30_000), fc.constantFrom(1, 15_000))
      .map(([length, times]) => `{"${"k".repeat(length)}":[${Array.from({ length: times }, () => "1").join(",")}]}`)
  )

  it("become parameters or nothing, in time", () => {
    fc.assert(
      fc.property(texts, fc.constantFrom("application/json", "application/x-www-form-urlencoded", ""), (text, type) => {
        const bytes = Buffer.from(text.slice(0, LONGEST))
        const params = timely(() => bodyParams(bytes, type))
        if (params._tag === "Some") for (const value of params.value.values()) assert.isString(value)
        timely(() => queryParams(text))
        const body = timely(() => controlBody(bytes))
        assert.strictEqual(Either.isRight(body), bytes.length === 0 || treeOf(bytes.toString("utf8")) !== undefined)
      }),
      tries(250)
    )
  })
})

describe("a stored exchange", () => {
  const rows = JSON.parse(session.stored) as ReadonlyArray<{ readonly kind: string; readonly text: string }>
  const kinds = ["head", "order", "fill", "ledger"]
  /** One row changed, the others as they were. */
  const damaged = fc.constantFrom(...kinds).chain((kind) => {
    const some = rows.filter((row) => row.kind === kind)
    return fc.tuple(fc.nat({ max: some.length - 1 }), mutated(some.map((row) => row.text))).map(([which, text]) => {
      const chosen = some[which]
      return JSON.stringify(rows.map((row) => (row === chosen ? { ...row, text } : row)))
    })
  })
  const texts = fc.oneof(
    { weight: 6, arbitrary: damaged },
    { weight: 1, arbitrary: mutated([session.stored]) },
    garbage
  )

  it("is restored to work, or refused", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const restored = timely(() => Persist.decode(config, text, session.now))
        if (Either.isLeft(restored)) {
          assert.strictEqual(restored.left._tag, "CorruptExchange")
          return
        }
        let state = restored.right
        const now = session.now + 90_000
        const use = (step: Exchange.Step): void => {
          for (const frame of step.frames) isSound(frame.text)
          state = step.state
        }
        use(timely(() => Exchange.tick(state, now)))
        assert.isTrue(Number.isFinite(state.now), "a clock that is none")
        assert.isTrue(
          [...state.account.balances.values()].every((balance) => balance >= 0n),
          "a balance below nothing"
        )
        use(Exchange.openSession(state, "z", "auth", now))
        let nonce = 10n ** 18n
        const ask = (endpoint: string, params: Readonly<Record<string, string>> = {}): string => {
          nonce += 1n
          const all = new Map(Object.entries({ nonce: String(nonce), ...params }))
          const answered = timely(() => Exchange.privateCall(state, KEY, { endpoint, params: all }, now))
          isSound(answered.reply.body)
          use(answered)
          return answered.reply.body
        }
        const token = string(field(field(treeOf(ask("GetWebSocketsToken")), "result"), "token"))
        for (const channel of ["executions", "balances"]) {
          const subscribe = JSON.stringify({ method: "subscribe", params: { channel, token, snap_trades: true } })
          use(timely(() => Exchange.receive(state, "z", subscribe, now)))
        }
        for (const endpoint of ["BalanceEx", "OpenOrders", "ClosedOrders", "TradesHistory", "Ledgers", "TradeVolume"]) {
          ask(endpoint, { trades: "true", ledgers: "true", pair: "XLMUSD" })
        }
        use(
          timely(() =>
            Exchange.market(
              state,
              [{ _tag: "Quote", symbol: XLM, at: now, bids: [[1n, 1n]] as never, asks: [[2n, 1n]] as never }],
              now
            )
          )
        )
        ask("CancelAll")
        assert.isString(Persist.encode(state))
      }),
      tries(700)
    )
  })
})
