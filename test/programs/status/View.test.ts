import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import * as Breaker from "../../../src/domain/breaker/Breaker.ts"
import { causes, closed } from "../../../src/domain/breaker/BreakerState.ts"
import type { Cause } from "../../../src/domain/breaker/BreakerState.ts"
import { iso } from "../../../src/domain/Time.ts"
import { metricsOf } from "../../../src/programs/status/metrics.ts"
import { recordsView } from "../../../src/programs/status/recordsView.ts"
import type { Recorded } from "../../../src/programs/status/recordsView.ts"
import { renderStatus } from "../../../src/programs/status/render.ts"
import { reasonsOf, runningView } from "../../../src/programs/status/runningView.ts"
import type { TraderHealth } from "../../../src/programs/status/runningView.ts"
import { breakerView, StatusView } from "../../../src/programs/status/View.ts"
import type { StreamHealth } from "../../../src/services/KrakenStream.ts"
import type { TradeRow } from "../../../src/services/Records.ts"
import { emptySnapshot, Rig } from "../../domain/engine/Rig.ts"
import { lost, resting, selling } from "../desk/support.ts"
import { id, limits, lot, NOON, q, usd } from "../../support/build.ts"

const stream: StreamHealth = {
  connected: true,
  since: NOON - 60_000,
  lastFrameAt: NOON - 500,
  reconnects: 0,
  frames: 12,
  malformed: 0
}
const down: StreamHealth = { connected: false, reconnects: 3, frames: 9, malformed: 1 }

const trade: TradeRow = {
  orderId: "kt1-a",
  txid: "OABC",
  pair: "XLM/USD",
  side: "buy",
  price: "0.1",
  volume: "100",
  remaining: "0",
  timestamp: "2024-03-10T11:00:00.000Z",
  status: "filled",
  profitLoss: "-0.25",
  notes: ""
}
const openTrade: TradeRow = { ...trade, txid: undefined, profitLoss: undefined, status: "open" }

const health = (change: Partial<TraderHealth> = {}): TraderHealth => ({
  identity: { mode: "paper", version: "1.2.3", pid: 77, startedAt: NOON - 3_600_000 },
  mode: "paper",
  machineNow: NOON,
  speed: 60,
  offset: { ms: -12.4, measuredAt: NOON - 1000 },
  market: stream,
  account: stream,
  recentTrades: [],
  ...change
})

/** What a reader of the JSON gets: the document through its schema. */
const throughJson = (view: StatusView): StatusView =>
  Schema.decodeUnknownSync(StatusView)(JSON.parse(JSON.stringify(view)), { onExcessProperty: "error" })

describe("the document of a running trader", () => {
  it("begins as the contract says, survives JSON, and says trading when nothing is in the way", () => {
    const rig = new Rig().ready()
    const view = runningView(rig.state, health({ recentTrades: [trade, openTrade] }))
    assert.deepEqual(Object.keys(view).slice(0, 5), ["state", "reasons", "mode", "pid", "startedAt"])
    assert.strictEqual(view.state, "trading")
    assert.deepEqual(view.reasons, [])
    assert.strictEqual(view.pid, 77)
    assert.strictEqual(view.at, iso(rig.now))
    assert.deepEqual(throughJson(view), view)
    assert.deepInclude(view.pairs[0], { symbol: "XLM/USD", bid: "0.1", ask: "0.1001", ageSeconds: 0 })
    assert.deepInclude(view.day, { lossUsd: "0", limitUsd: "20.00", entries: 0, markSource: "no lots" })
    assert.deepEqual(view.exposure, { usd: "0", limitUsd: "10.00", at: iso(rig.now) })
    assert.strictEqual(view.cash.freeUsd, "98.82")
    assert.strictEqual(view.switch.state, "armed")
    assert.strictEqual(view.clock.offsetMs, -12)
    assert.deepEqual(
      view.recentTrades.map((one) => [one.exchangeId, one.profitUsd]),
      [
        ["OABC", "-0.25"],
        [null, null]
      ]
    )
  })

  it("names everything that keeps entries from being sent", () => {
    const of = (rig: Rig) => reasonsOf(rig.state).join("; ")
    assert.include(of(new Rig()), "starting")
    const paused = new Rig()
      .ready()
      .send({ _tag: "FenceSeen", fence: { epoch: 1, paused: true, operatorLatch: Option.some("drill") } })
    assert.include(of(paused), "paused by the operator")
    assert.include(of(paused), "breaker operator: drill")
    assert.include(of(new Rig({ rules: { observing: true } }).ready()), "observing")
    const unarmed = new Rig().ready().send({ _tag: "SwitchLost", reason: "time-out" })
    assert.include(of(unarmed), "dead man's switch is not confirmed armed")
    assert.include(of(new Rig({ snapshot: { lots: [lot()] } }).send({ _tag: "Started" })), "today's loss can't be told")
    assert.include(of(lost().rig), "1 order of unknown outcome")
    const busy = new Rig({ limits: { maxTradesPerDay: 1 } }).ready()
    const spent = { ...busy.state, throttle: { ...busy.state.throttle, day: "2024-03-10", entries: 1 } }
    assert.include(reasonsOf(spent).join(), "MAX_TRADES_PER_DAY (1)")
    const twice = { ...lost().rig.state }
    const [order] = [...twice.orders.values()]
    assert(order !== undefined)
    const two = { ...twice, orders: new Map([...twice.orders, [id("kt1-z"), { ...order, id: id("kt1-z") }]]) }
    assert.include(reasonsOf(two).join(), "2 orders of unknown outcome")
  })

  it("shows lots with their exits, dust with its remedy, and orders with what they are for", () => {
    const rig = selling()
    const view = throughJson(runningView(rig.state, health()))
    const [held] = view.lots
    assert(held !== undefined)
    assert.deepInclude(held, { remaining: "100", mark: "0.094", exit: "exiting", remedy: null })
    assert.isTrue(held.unrealisedUsd?.startsWith("-"))

    const dust = new Rig({ snapshot: { lots: [lot({ remaining: q("5"), quantity: q("100") })] } }).ready().tick(3)
    const [small] = runningView(dust.state, health()).lots
    assert.strictEqual(small?.exit, "dust")
    assert.include(small?.remedy ?? "", "5 XLM is held, 20 XLM is the least")

    const resume = resting()
    const [entry] = runningView(resume.rig.state, health()).orders
    assert.deepInclude(entry, { purpose: "entry", status: "open", side: "buy" })
    assert.isNotNull(entry?.expiresAt)
  })

  it("a lot of a pair that is not traded any more, and one before its first quote, have no figures rather than wrong ones", () => {
    const rig = new Rig({ snapshot: { lots: [lot()] } })
    const [before] = runningView(rig.state, health()).lots
    assert.deepInclude(before, { mark: null, markAt: null, unrealisedUsd: null, exit: "placing" })
    const gone = { ...rig.state, pairs: new Map() }
    assert.deepInclude(runningView(gone, health()).lots[0], { unrealisedUsd: null })
    const view = runningView(rig.state, health())
    assert.deepInclude(view.pairs[0], { bid: null, ageSeconds: null, makerFee: null, takerFee: null, feesAt: null })
    assert.deepInclude(view.day, { markUsd: null, lossUsd: null })
    assert.strictEqual(view.switch.state, "not armed")
    const off = { ...new Rig().ready().state, switchFiresAt: "off" as const }
    assert.deepEqual(runningView(off, health()).switch, { state: "off", firesAt: null })
    assert.strictEqual(runningView(off, health()).state, "trading")
  })
})

describe("the document from the records", () => {
  const recorded = (change: Partial<Recorded> = {}): Recorded => ({
    mode: "live",
    version: "1.2.3",
    limits: limits(),
    machineNow: NOON,
    snapshot: emptySnapshot,
    lastMetricsAt: "2024-03-10T11:59:00.000Z",
    recentTrades: [],
    ...change
  })

  it("says who is not speaking, what is held without an exit, and what would hold the next start", () => {
    const { order } = lost()
    const latch = Breaker.latch(closed, { threshold: 5, cooldown: 60_000 }, "balance", NOON, "5 XLM are missing")
    const view = throughJson(
      recordsView(
        "stopped",
        "no trader runs",
        recorded({
          snapshot: {
            ...emptySnapshot,
            orders: [
              order,
              { ...order, id: id("kt1-p"), status: "pending" },
              { ...order, id: id("kt1-o"), status: "open" }
            ],
            lots: [lot()],
            breaker: latch.state,
            fence: { epoch: 3, paused: true, operatorLatch: Option.some("`cancel --all`") },
            dayMark: Option.some({ day: "2024-03-10", at: NOON - 1, equity: usd("1"), source: "quote" }),
            valuation: Option.some({ at: NOON - 60_000, equity: usd("0.25") }),
            notes: new Map([["throttle", "2024-03-10|3||"]])
          },
          recentTrades: [trade]
        })
      )
    )
    assert.strictEqual(view.source, "records")
    assert.strictEqual(view.reasons[0], "no trader runs")
    const reasons = view.reasons.join("; ")
    for (const text of [
      "1 position is held without any exit",
      "3 orders were not known to be done",
      "paused by the operator",
      "balance: 5 XLM are missing",
      "operator: `cancel --all`"
    ]) {
      assert.include(reasons, text)
    }
    assert.deepEqual(view.unknownOrders, [order.id, "kt1-p"])
    assert.deepInclude(view.lots[0], { exit: "unwatched", mark: null })
    assert.include(view.lots[0]?.exitText, "the trader is down")
    assert.isTrue(view.breaker.open)
    assert.deepEqual(
      view.breaker.latches.map((one) => [one.cause, one.since]),
      [
        ["balance", iso(NOON)],
        ["operator", null]
      ]
    )
    assert.deepInclude(view.day, { lossUsd: "0.75", entries: 3 })
    assert.strictEqual(view.at, "2024-03-10T11:59:00.000Z")
  })

  it("a frozen trader's positions are unwatched too; a latch that the breaker holds is named once", () => {
    const rules = { threshold: 5, cooldown: 60_000 }
    const { state } = Breaker.latch(closed, rules, "operator", NOON, "drill", "operator")
    const view = recordsView(
      "not-entering",
      "it does not answer",
      recorded({
        snapshot: {
          ...emptySnapshot,
          lots: [lot(), lot({ id: id("kt1-b") })],
          orders: [lost().order],
          breaker: state,
          fence: { epoch: 1, paused: false, operatorLatch: Option.some("drill") }
        }
      })
    )
    assert.include(view.lots[0]?.exitText, "does not answer")
    assert.include(view.reasons.join(), "2 positions are held")
    assert.include(view.reasons.join(), "1 order was not known")
    assert.lengthOf(view.breaker.latches, 1)
  })

  it("no database is no figures; a mark of another day is no loss", () => {
    const view = throughJson(
      recordsView("stopped", "never ran", recorded({ snapshot: undefined, lastMetricsAt: undefined }))
    )
    assert.deepEqual(view.reasons, ["never ran"])
    assert.isNull(view.at)
    assert.deepInclude(view.day, { lossUsd: null, entries: null, day: "2024-03-10" })
    const old = recordsView(
      "stopped",
      "why",
      recorded({
        lastMetricsAt: undefined,
        snapshot: {
          ...emptySnapshot,
          dayMark: Option.some({ day: "2024-03-10", at: NOON, equity: usd("1"), source: "quote" }),
          valuation: Option.some({ at: NOON - 86_400_000, equity: usd("0.25") })
        }
      })
    )
    assert.isNull(old.day.lossUsd)
    assert.strictEqual(old.at, iso(NOON - 86_400_000))
  })
})

describe("the breaker in words", () => {
  it("every cause says what clears it", () => {
    const rules = { threshold: 1, cooldown: 60_000 }
    const state = causes.reduce((all, cause) => Breaker.latch(all, rules, cause, NOON, "why").state, closed)
    const clears = new Map(breakerView(state, null).latches.map((one) => [one.cause, one.clears]))
    const said = (cause: Cause) => clears.get(cause) ?? ""
    assert.include(said("dailyLoss"), "after the UTC day 2024-03-10; not by hand")
    assert.include(said("api"), iso(NOON + 60_000))
    assert.include(said("balance"), "breaker reset --cause balance")
    const { day: _, ...dayless } = state.latches.dailyLoss ?? { cause: "dailyLoss", since: NOON, reason: "", rounds: 0 }
    const { probeAt: __, ...probeless } = state.latches.api ?? { cause: "api", since: NOON, reason: "", rounds: 0 }
    const odd = breakerView({ ...state, latches: { dailyLoss: dayless, api: probeless } }, null)
    assert.deepEqual(
      odd.latches.map((one) => one.clears).map((text) => text.slice(0, 20)),
      ["by itself once its p", "by itself after the "]
    )
  })
})

describe("the text", () => {
  it("of a trader in order: what matters, and no colours where there are none", () => {
    const text = renderStatus(runningView(new Rig().ready().state, health({ recentTrades: [trade, openTrade] })), false)
    for (const part of [
      "TRADING",
      "paper mode, version 1.2.3, process 77, running for 60 min",
      "60 times as fast as real time",
      "exposure $0.00 of $10.00",
      "today (2024-03-10, UTC): +$0.00; the limit is $20.00 of loss",
      "0 entries today of 50",
      "free: $98.82",
      "0.25 % / 0.4 %",
      "market data up, last frame 0.5 s ago",
      "dead man's switch armed, fires 12:10:00Z",
      "clock -12 ms",
      "records in order",
      "-$0.25"
    ]) {
      assert.include(text, part)
    }
    assert.notInclude(text, "\u001B")
    assert.notInclude(text, "undefined")
  })

  it("of one in trouble: colours, causes, remedies, unknown orders", () => {
    const { rig } = lost()
    const dust = lot({ id: id("kt1-dust"), remaining: q("5") })
    rig.state = { ...rig.state, lots: new Map([...rig.state.lots, [dust.id, dust]]) }
    rig.tick()
    rig
      .send({ _tag: "Tripped", cause: "operator", reason: "odd\u001B[2J prices" })
      .send({ _tag: "SwitchLost", reason: "x" })
      .send({ _tag: "SystemSeen", status: "online", maintenanceAt: NOON + 60_000 })
      .send({ _tag: "StoreBroken", reason: "full" })
    const { since: _, lastFrameAt: __, ...never } = stream
    const text = renderStatus(
      runningView(rig.state, health({ mode: "live", speed: 1, market: down, account: never })),
      true
    )
    assert.include(text, "\u001B[1mLIVE: real money")
    for (const part of [
      "NOT ENTERING",
      "UNKNOWN: being looked up",
      "what to do:",
      "clears by hand only",
      "DOWN",
      "nothing received yet, 3 reconnects, 1 unreadable frame",
      "not confirmed armed",
      "maintenance announced for",
      "cannot be written: full"
    ]) {
      assert.include(text, part)
    }
    assert.notInclude(text, "\u001B[2J")
    assert.notInclude(text, "times as fast")
  })

  it("of a stopped one: nothing that is not known is made up", () => {
    const view = recordsView("stopped", "no trader runs on x", {
      mode: "paper",
      version: "1.2.3",
      limits: limits(),
      machineNow: NOON,
      snapshot: {
        ...emptySnapshot,
        lots: [lot({ openedAt: NOON - 86_400_000 })],
        fence: { epoch: 1, paused: false, operatorLatch: Option.some("drill") }
      },
      lastMetricsAt: "2024-03-10T11:59:00.000Z",
      recentTrades: []
    })
    const text = renderStatus(view, false)
    for (const part of [
      "NOT RUNNING",
      "figures of 2024-03-10T11:59:00.000Z, from the records",
      "not known; the limit is $20.00",
      "sold now it would make ?",
      "unwatched: the trader is down",
      "2024-03-09 12:00:00Z",
      "operator from the next start: drill",
      "not known while the trader does not say"
    ]) {
      assert.include(text, part)
    }
    const unknown = renderStatus(
      {
        ...view,
        state: "unknown",
        at: null,
        startedAt: "no time",
        store: { ok: false, detail: null, at: null },
        day: { ...view.day, lossUsd: "-1.5", entries: 1 },
        totals: { ...view.totals, realisedUsd: "odd" }
      },
      false
    )
    for (const part of ["CANNOT TELL", "no figures yet", "+$1.50", "no reason known", "1 entry today", "+odd"]) {
      assert.include(unknown, part)
    }
  })

  it("off, stopped pairs, and amounts and ratios that are none", () => {
    const state = { ...new Rig().ready().state, switchFiresAt: "off" as const }
    const view = runningView(state, health({ identity: { mode: "paper", version: "1", pid: 1, startedAt: NOON } }))
    const [pair] = view.pairs
    assert(pair !== undefined)
    const odd: StatusView = {
      ...view,
      day: { ...view.day, lossUsd: "2" },
      pairs: [
        pair,
        {
          ...pair,
          symbol: "BTC/USD",
          ageSeconds: null,
          bid: null,
          ask: null,
          makerFee: "odd",
          takerFee: null,
          stops: ["BTC/USD: no fresh quote"]
        }
      ],
      cash: { freeUsd: "1", at: null },
      clock: { ...view.clock, speed: null }
    }
    const text = renderStatus(odd, false)
    for (const part of ["off (paper)", "no quote", "? / ?", "BTC/USD: no fresh quote", "-$2.00", "free: $1.00 (?)"]) {
      assert.include(text, part)
    }
  })
})

describe("the metrics", () => {
  it.effect("are what the engine knows; what is not known is absent", () =>
    Effect.sync(() => {
      const rig = new Rig().ready().send({ _tag: "Tripped", cause: "price", reason: "x" })
      const samples = metricsOf(rig.state, health({ account: down }))
      const value = (name: string, label?: string) =>
        samples.find(
          (one) => one.name === name && (label === undefined || Object.values(one.labels ?? {}).includes(label))
        )?.value
      assert.strictEqual(value("entries_possible"), 0)
      assert.strictEqual(value("breaker_latched", "price"), 1)
      assert.strictEqual(value("breaker_latched", "api"), 0)
      assert.strictEqual(value("exposure_limit_usd"), 10)
      assert.strictEqual(value("day_loss_usd"), 0)
      assert.strictEqual(value("bid_usd", "XLM/USD"), 0.1)
      assert.strictEqual(value("stream_connected", "market"), 1)
      assert.strictEqual(value("stream_connected", "account"), 0)
      assert.strictEqual(value("dead_man_switch_seconds"), 600)
      assert.strictEqual(value("start_time_seconds"), (NOON - 3_600_000) / 1000)
      // a family's samples stand together
      const names = samples.map((one) => one.name)
      assert.strictEqual(new Set(names).size, names.filter((name, i) => name !== names[i - 1]).length)
      const early = metricsOf(new Rig({ snapshot: { lots: [lot()] } }).state, health()).map((one) => one.name)
      for (const name of ["day_loss_usd", "bid_usd", "quote_age_seconds", "dead_man_switch_seconds"]) {
        assert.notInclude(early, name)
      }
    })
  )
})
