import { assert, describe, it } from "vitest"
import {
  entryStops,
  exposure,
  freeUsd,
  gates,
  liveOrders,
  openLots,
  ownAmount,
  riskView
} from "../../../src/domain/engine/Views.ts"
import type { EngineState, PairState } from "../../../src/domain/engine/State.ts"
import type { PairStatus } from "../../../src/domain/market/Instrument.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import { BTC, entry, exit, id, instrument, lot, p, q, rate, share, usd, XLM } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

const { state } = new Rig().ready()
const pair = state.pairs.get(XLM)!
const stops = (change: Partial<PairState>, of: Partial<EngineState> = {}): ReadonlyArray<string> =>
  entryStops({ ...state, ...of }, { ...pair, ...change })
const orders = (...all: ReadonlyArray<Order>) => ({ orders: new Map(all.map((one) => [one.id, one])) })

describe("gates", () => {
  it("none while everything is as it should be; one for each thing that is not", () => {
    assert.deepEqual(gates(state), [])
    for (const [change, said] of [
      [{ phase: "starting" }, "starting"],
      [{ phase: "stopping" }, "stopping"],
      [{ skew: "the clock is off" }, "the clock is off"],
      [{ anotherTrader: "a stranger" }, "a stranger"],
      [{ reconciling: new Set(["by hand"]) }, "reconciling: by hand"],
      [{ publicUp: false }, "the market data stream is down"],
      [{ privateUp: false }, "the account stream is down"]
    ] as ReadonlyArray<readonly [Partial<EngineState>, string]>) {
      assert.deepEqual(gates({ ...state, ...change }), [said])
    }
  })

  it("announced maintenance closes them five minutes ahead", () => {
    assert.deepEqual(gates({ ...state, maintenanceAt: state.now + 300_001 }), [])
    assert.deepEqual(gates({ ...state, maintenanceAt: state.now + 300_000 }), ["maintenance is announced"])
  })

  it("a pair takes entries on a fresh quote, with its fees known, in a mode that takes them", () => {
    assert.deepEqual(stops({}), [])
    assert.deepEqual(stops({ confirmedAt: state.now - 10_000 }), [])
    assert.deepEqual(stops({ confirmedAt: state.now - 10_001 }), ["XLM/USD: no fresh quote"])
    assert.deepEqual(stops({ confirmedAt: undefined }), ["XLM/USD: no fresh quote"])
    assert.deepEqual(stops({ feesAt: undefined }), ["XLM/USD: the account's fees are not known yet"])
    for (const status of ["online", "limit_only", "post_only"] as const) {
      assert.deepEqual(stops({ instrument: instrument({ status }) }, { system: status }), [])
    }
    for (const status of ["cancel_only", "reduce_only", "maintenance"] as ReadonlyArray<PairStatus>) {
      assert.deepEqual(stops({ instrument: instrument({ status }) }), [`XLM/USD is in ${status} mode`])
    }
    assert.deepEqual(stops({}, { system: "cancel_only" }), ["the exchange is in cancel_only mode"])
  })
})

describe("what is held, and what is free", () => {
  it("lots that hold something, orders that have not ended", () => {
    const lots = new Map([lot(), lot({ id: id("s"), remaining: q("0") })].map((one) => [one.id, one]))
    assert.deepEqual(
      openLots({ ...state, lots }).map((one) => one.id),
      [id("kt1a")]
    )
    const some = orders(entry(), entry({ id: id("b"), status: "cancelled" }))
    assert.deepEqual(
      liveOrders({ ...state, ...some }).map((one) => one.id),
      [id("kt1e")]
    )
    assert.deepEqual(riskView({ ...state, ...some }, pair).orders, [...some.orders.values()])
  })

  it("I4: lots count at the larger of cost and the bid", () => {
    const lots = new Map([[id("kt1a"), lot()]])
    const dear = { ...pair, quote: { ...pair.quote!, bid: p("0.2") } }
    assert.strictEqual(exposure({ ...state, lots, pairs: new Map([[XLM, dear]]) }), usd("20"))
  })

  it("free is what is not the trader's plus what it moved, less what entries and others hold, fees rounded up", () => {
    const balances = { at: state.now, total: new Map<string, bigint>(), foreignHoldUsd: usd("3") }
    const books = { foreign: new Map([["USD", usd("90")]]), totals: { ...state.totals, ownUsd: usd("-20") }, balances }
    // 10.0000000001 and 0.4 % of it, 0.0400000000004; another pair's fee is not known
    const entries = orders(
      entry({ limitPrice: p("0.100000000001") }),
      entry({ id: id("b"), symbol: BTC }),
      exit([share("kt1a", "100")])
    )
    assert.strictEqual(freeUsd({ ...state, ...books }), usd("67"))
    assert.strictEqual(freeUsd({ ...state, ...books, ...entries }), usd("46.959999999899"))
    assert.isUndefined(freeUsd({ ...state, ...books, foreign: new Map() }))
    assert.isUndefined(freeUsd({ ...state, ...books, balances: undefined }))
    assert.strictEqual(ownAmount({ ...state, ...books }, "USD"), usd("-20"))
    assert.strictEqual(pair.takerFee, rate("0.004"))
  })
})
