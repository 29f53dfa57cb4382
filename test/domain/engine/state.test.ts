import { assert, describe, it } from "vitest"
import { agreedNote, readAgreed, readThrottle, throttleNote } from "../../../src/domain/engine/State.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { entry, id, NOON, p, q, XLM } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

describe("a run begins", () => {
  it("with nothing known of the world, and therefore closed", () => {
    const { state } = new Rig()
    assert.strictEqual(state.phase, "starting")
    assert.deepEqual([...state.reconciling], ["start"])
    assert.isFalse(state.publicUp)
    assert.isFalse(state.privateUp)
    assert.strictEqual(state.system, "unknown")
    assert.isUndefined(state.switchFiresAt)
    assert.strictEqual(new Rig({ limits: { deadManSwitch: undefined } }).state.switchFiresAt, "off")
    const pair = state.pairs.get(XLM)!
    assert.deepEqual([pair.warm, pair.mids, pair.closed, pair.lotStatuses], [false, [], [], []])
    assert.deepEqual(
      [pair.quote, pair.confirmedAt, pair.feesAt, pair.signal],
      [undefined, undefined, undefined, undefined]
    )
  })

  it("with the orders of the books, found by the exchange's id where they have one", () => {
    const known = entry({ id: id("kt1-a"), exchangeId: ExchangeOrderId("OA"), status: "open" })
    const { state } = new Rig({ snapshot: { orders: [known, entry({ id: id("kt1-b") })] } })
    assert.deepEqual([...state.byExchangeId], [[ExchangeOrderId("OA"), id("kt1-a")]])
    assert.strictEqual(state.orders.get(id("kt1-b"))?.status, "unknown")
  })

  it("with amends that were on their way unknown, and no others", () => {
    const amend = { quantity: q("1"), limitPrice: p("0.1"), sentAt: NOON, deadline: NOON, state: "inFlight" } as const
    const open = entry({ id: id("kt1-a"), status: "open" })
    const { orders } = new Rig({
      snapshot: {
        orders: [
          { ...open, amend },
          { ...open, id: id("kt1-b") }
        ]
      }
    }).state
    assert.deepEqual(orders.get(id("kt1-a"))?.amend, { ...amend, state: "unknown" })
    assert.isFalse("amend" in orders.get(id("kt1-b"))!)
  })
})

describe("the throttle's note", () => {
  const all = { day: "2024-03-10", entries: 7, lastEntryAt: NOON + 0.25, lastLossAt: NOON }

  it("is read back as it was written, with or without its times", () => {
    for (const one of [
      all,
      { ...all, lastEntryAt: undefined },
      { ...all, lastLossAt: undefined },
      { ...all, lastEntryAt: undefined, lastLossAt: undefined }
    ]) {
      assert.deepEqual(readThrottle(throttleNote(one)), one)
    }
    assert.strictEqual(throttleNote({ ...all, lastEntryAt: undefined, lastLossAt: undefined }), "2024-03-10|7||")
  })

  it("that is unreadable counts nothing; a time that is unreadable is none", () => {
    for (const note of [undefined, "", "2024-03-10", "2024-03-10|", "2024-03-10|7x|5|5", "2024-03-10|x7|5|5"]) {
      assert.deepEqual(readThrottle(note), { day: "", entries: 0, lastEntryAt: undefined, lastLossAt: undefined }, note)
    }
    for (const time of ["x5", "5x", "5.", "5.x", "5.5.5", ".5"]) {
      assert.isUndefined(readThrottle(`2024-03-10|7|${time}|`).lastEntryAt, time)
    }
  })
})

describe("the note of what was agreed", () => {
  it("is read back as it was written", () => {
    const agreed = new Map([
      ["USD", { at: NOON + 0.25, total: 98n }],
      ["XLM", { at: NOON, total: -5n }]
    ])
    assert.deepEqual(readAgreed(agreedNote(agreed)), agreed)
  })

  it("what is unreadable was never agreed on", () => {
    assert.deepEqual(readAgreed(undefined), new Map())
    for (const part of ["", "USD", "USD@5", "USD@x@5", "USD@5@x", "@5@5", "USD@5@5x", "USD@5.@5", "xUSD@5@5@5"]) {
      assert.deepEqual([...readAgreed(`XLM@1@2|${part}`).keys()], ["XLM"], part)
    }
  })
})
