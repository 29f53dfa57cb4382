import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { defaultConfig } from "../../../src/domain/exchange/Config.ts"
import { marketOf, orderOf, sessionOf } from "../../../src/domain/exchange/Draft.ts"
import * as Operator from "../../../src/domain/exchange/Operator.ts"
import type { Row } from "../../../src/domain/exchange/Persist.ts"
import * as Persist from "../../../src/domain/exchange/Persist.ts"
import type { ExchangeState } from "../../../src/domain/exchange/State.ts"
import { view } from "../../../src/domain/exchange/View.ts"
import { PairSymbol } from "../../../src/domain/market/Instrument.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import { configOf, Harness, XLM } from "./Harness.ts"

/** An exchange with something of everything. */
const busy = (): Harness => {
  const x = new Harness().quote().connect()
  x.add({ price: "0.150100", cl_ord_id: "a" })
  x.add({ price: "0.149950", userref: "4", expiretm: "+600" })
  x.ok("CancelOrder", { txid: x.add({ oflags: "fcib,post" }) })
  x.trade("0.149900", "30", "sell")
  x.step(Operator.placeForeign(x.state, { symbol: XLM, side: "sell", type: "market", quantity: "25" }, x.now))
  x.step(Operator.deposit(x.state, "USD", Money.usd("5"), x.now))
  x.ok("CancelAllOrdersAfter", { timeout: "60" })
  return x
}

/** What a store holds after each write. */
const store = (): { write: (rows: ReadonlyArray<Row>) => void; rows: () => ReadonlyArray<Row> } => {
  const kept = new Map<string, Row>()
  return {
    write: (rows) => {
      for (const row of rows) kept.set(`${row.kind} ${row.id}`, row)
    },
    rows: () => [...kept.values()].toReversed()
  }
}

const restored = (rows: ReadonlyArray<Row>, now: number): ExchangeState =>
  Either.getOrThrow(Persist.restore(configOf(), rows, now))

describe("persistence", () => {
  it("what was encoded decodes to the same account", () => {
    const x = busy()
    const again = Either.getOrThrow(Persist.decode(configOf(), Persist.encode(x.state), x.now))
    assert.deepStrictEqual({ ...view(again), requests: [] }, { ...view(x.state), requests: [] })
    assert.strictEqual(again.serial, x.state.serial)
    assert.strictEqual(again.switchAt, x.state.switchAt)
    assert.deepStrictEqual(again.engine, x.state.engine)
    assert.deepStrictEqual(again.keys, x.state.keys)
    assert.strictEqual(Persist.encode(again), Persist.encode(x.state))
    assert.strictEqual(marketOf(again, XLM).tradeId, marketOf(x.state, XLM).tradeId)
  })

  it("rows of each call, written one after another, restore every state on the way", () => {
    const x = new Harness().quote()
    const db = store()
    db.write(Persist.rowsSince(undefined, x.state))
    let before = x.state
    const calls: ReadonlyArray<() => unknown> = [
      () => x.add({ price: "0.149950" }),
      () => x.trade("0.149900", "30", "sell"),
      () => x.ok("Balance"),
      () => x.add({ price: "0.150100" }),
      () => x.ok("CancelAll"),
      () => x.step(Operator.deposit(x.state, "USD", Money.usd("1"), x.now)),
      () => x.later(1_000).add({ price: "0.150100", timeinforce: "IOC", volume: "5000" })
    ]
    for (const call of calls) {
      call()
      db.write(Persist.rowsSince(before, x.state))
      before = x.state
      const again = restored(db.rows(), x.now)
      assert.deepStrictEqual({ ...view(again), requests: [] }, { ...view(x.state), requests: [] })
    }
  })

  it("a read writes the head alone", () => {
    const x = busy()
    const before = x.state
    x.ok("Balance")
    assert.deepStrictEqual(
      Persist.rowsSince(before, x.state).map((row) => row.kind),
      ["head"]
    )
  })

  it("goes on where it stopped: nonces, ids, tokens, time", () => {
    const x = busy()
    const ids = new Set(view(x.state).orders.map((order) => order.txid))
    x.state = restored(Persist.rowsSince(undefined, x.state), x.now - 50_000)
    assert.strictEqual(x.state.now, x.now)
    assert.strictEqual(x.error("Balance", { nonce: "1000" }), "EAPI:Invalid nonce")
    x.quote()
    assert.isFalse(ids.has(x.add()))
    x.open("z")
    assert.isTrue(x.send({ method: "cancel_all", params: { token: x.token } }, "z")[0].success)
  })

  it("a pair that joined later starts its own trade numbers", () => {
    const x = busy()
    const rows = Persist.rowsSince(undefined, x.state).map((row) =>
      row.kind === "head" ? { ...row, text: row.text.replace(/\["BTC\/USD",\d+\],?/, "") } : row
    )
    assert.strictEqual(marketOf(restored(rows, x.now), PairSymbol("BTC/USD")).tradeId, 1_000_000)
  })

  const broken: ReadonlyArray<readonly [string, (rows: ReadonlyArray<Row>) => ReadonlyArray<Row>, RegExp]> = [
    ["no head", (rows) => rows.filter((row) => row.kind !== "head"), /no head/],
    [
      "a torn row",
      (rows) => rows.map((row) => (row.kind === "fill" ? { ...row, text: row.text.slice(1) } : row)),
      /fill row/
    ],
    [
      "an order of a strange side",
      (rows) => rows.map((row) => ({ ...row, text: row.text.replace('"buy"', '"hold"') })),
      /order row/
    ],
    ["a missing order", (rows) => rows.filter((row) => row.kind !== "order"), /missing/],
    ["a missing ledger entry", (rows) => rows.filter((row) => row.kind !== "ledger"), /sum of the ledger/]
  ]
  it.each(broken)("refuses %s", (_, change, why) => {
    const x = busy()
    const read = Persist.restore(configOf(), change(Persist.rowsSince(undefined, x.state)), x.now)
    assert.match(Either.isLeft(read) ? read.left.why : "", why)
  })

  it("refuses a configuration without the pair, and a text that is none", () => {
    const x = busy()
    const rows = Persist.rowsSince(undefined, x.state)
    const read = Persist.restore({ ...defaultConfig, pairs: [] }, rows, x.now)
    assert.match(Either.isLeft(read) ? read.left.why : "", /no longer has/)
    const text = Persist.decode(configOf(), "[{}]", x.now)
    assert.strictEqual(Either.isLeft(text) ? text.left._tag : "", "CorruptExchange")
  })
})

describe("operator", () => {
  it("orders by hand have no client id and count as the account's", () => {
    const x = new Harness().quote()
    const placed = Operator.placeForeign(x.state, { symbol: XLM, side: "sell", type: "market", quantity: "100" }, x.now)
    x.step(placed)
    assert.isTrue(Either.isRight(placed.value))
    assert.deepInclude(view(x.state).orders[0], { clOrdId: undefined, origin: { _tag: "Hand" }, status: "closed" })
    const unknown = Operator.placeForeign(
      x.state,
      { symbol: PairSymbol("NO/USD"), side: "buy", type: "market", quantity: "1" },
      x.now
    )
    assert.deepStrictEqual(unknown.value, Either.left("EQuery:Unknown asset pair"))
  })

  it("the exchange cancels by itself, and fills at will", () => {
    const x = new Harness().quote()
    const txid = x.add()
    const half = Operator.injectFill(x.state, txid, Money.quantity("40"), x.now)
    x.step(half)
    assert.deepStrictEqual(half.value, Either.right(true))
    assert.strictEqual(x.query(txid).vol_exec, "40.00000000")
    x.step(Operator.cancelByExchange(x.state, txid, "Regulatory", x.now))
    assert.deepInclude(x.query(txid), { status: "canceled", reason: "Regulatory" })
    const gone = Operator.cancelByExchange(x.state, txid, "Regulatory", x.now)
    assert.deepStrictEqual(gone.value, Either.left("EOrder:Unknown order"))
    assert.isTrue(Either.isLeft(Operator.injectFill(x.state, "ONO", 1n, x.now).value))
    const whole = x.add()
    x.step(Operator.injectFill(x.state, whole, Money.quantity("9999"), x.now))
    assert.strictEqual(x.query(whole).status, "closed")
  })

  it("the view lists holds by wallet", () => {
    const x = new Harness().quote()
    x.add({ type: "sell", price: "0.2" })
    assert.deepStrictEqual(
      view(x.state).holds,
      new Map([
        ["USD", 0n],
        ["XLM", Money.quantity("100")]
      ])
    )
  })

  it("an older state stays whole when its future is thrown away", () => {
    const x = new Harness().quote()
    x.add()
    const before = x.state
    const text = Persist.encode(before)
    x.add({ price: "0.150100" })
    x.ok("CancelAll")
    assert.strictEqual(Persist.encode(before), text)
    x.state = before
    x.nonce = 50_000
    x.add({ price: "0.150100" })
    assert.strictEqual(view(x.state).fills.length, 1)
  })
})

describe("what the state names and does not have is a bug, not an answer", () => {
  it("throws", () => {
    const { state } = new Harness()
    assert.throws(() => orderOf(state, "ONO"), /lost its order/)
    assert.throws(() => marketOf(state, PairSymbol("NO/USD")), /lost its pair/)
    assert.throws(() => sessionOf(state, "no"), /lost its connection/)
  })
})
