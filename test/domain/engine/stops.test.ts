import { Either, Option } from "effect"
import { assert, describe, it } from "vitest"
import { id, lot, usd, XLM } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

describe("what stops entries (I7), and that exits go on (I16)", () => {
  const stops: ReadonlyArray<readonly [string, (rig: Rig) => unknown]> = [
    [
      "pause",
      (rig) => rig.send({ _tag: "FenceSeen", fence: { epoch: 1, paused: true, operatorLatch: Option.none() } })
    ],
    [
      "operator latch from outside",
      (rig) =>
        rig.send({ _tag: "FenceSeen", fence: { epoch: 1, paused: false, operatorLatch: Option.some("cancel --all") } })
    ],
    ["a tripped breaker", (rig) => rig.send({ _tag: "Tripped", cause: "operator", reason: "by hand" })],
    ["market data down", (rig) => rig.send({ _tag: "PublicDown", reason: "closed" })],
    ["account stream down", (rig) => rig.send({ _tag: "PrivateDown", reason: "closed" })],
    ["a gap", (rig) => rig.send({ _tag: "PrivateGap", reason: "sequence" })],
    ["reconciling", (rig) => rig.send({ _tag: "ReconcileStarted", reason: "by hand" })],
    ["a freeze", (rig) => rig.send({ _tag: "Frozen", gapMs: 6000 })],
    ["the database", (rig) => rig.send({ _tag: "StoreBroken", reason: "full" })],
    ["skew", (rig) => rig.send({ _tag: "SkewSeen", skew: "the clock is off" })],
    ["maintenance", (rig) => rig.send({ _tag: "SystemSeen", status: "maintenance" })],
    [
      "announced maintenance",
      (rig) => rig.send({ _tag: "SystemSeen", status: "online", maintenanceAt: rig.now + 60_000 })
    ],
    ["another trader", (rig) => rig.send({ _tag: "AnotherTraderSeen", reason: "a stranger" })],
    ["an invariant", (rig) => rig.send({ _tag: "InvariantBroken", text: "wrong" })],
    ["old data", (rig) => rig.after(11_000).send({ _tag: "Tick" })],
    ["a price jump", (rig) => rig.after(1000).quote("0.11", "0.1101")]
  ]
  for (const [name, stop] of stops) {
    it(`${name}: the resting entry is cancelled and none is sent`, () => {
      const rig = new Rig({ limits: { maxTotalExposure: usd("100") } }).ready().signal()
      const order = rig.place(rig.proposal())
      stop(rig)
      assert.isTrue(
        rig.ever("Cancel").some((d) => d.order.id === order.id),
        "not cancelled"
      )
      const before = rig.ever("Propose").length
      rig.signal()
      assert.strictEqual(rig.ever("Propose").length, before)
    })
  }
  for (const [name, stop] of stops.filter(([n]) => n !== "maintenance" && n !== "old data")) {
    it(`${name}: a position's exit is still proposed and approved`, () => {
      const rig = new Rig().ready()
      stop(rig)
      const held = lot({ id: id("kt1-a") })
      rig.state = { ...rig.state, lots: new Map([[held.id, held]]) }
      rig.after(2000).quote("0.1", "0.1001", "rest")
      assert.isTrue(Either.isRight(rig.ask(rig.proposal())))
    })
  }

  it("a proposal approved too late meets the state of the moment: paused in between, refused", () => {
    const rig = new Rig().ready().signal()
    const proposal = rig.proposal()
    rig.send({ _tag: "FenceSeen", fence: { epoch: 1, paused: true, operatorLatch: Option.none() } })
    assert.isTrue(Either.isLeft(rig.ask(proposal)))
  })

  it("I19: no entry without the switch armed for long enough", () => {
    const rig = new Rig().ready()
    rig.send({ _tag: "SwitchLost", reason: "time-out" }).signal()
    assert.deepEqual(rig.of("Propose"), [])
    rig.send({ _tag: "SwitchArmed", firesAt: rig.now + 19_000 }).signal()
    assert.deepEqual(rig.of("Propose"), [])
    rig.send({ _tag: "SwitchArmed", firesAt: rig.now + 40_000 }).signal()
    assert.strictEqual(rig.of("Propose").length, 1)
  })

  it("I14: a quiet market confirmed over REST is not stale; a silent one that REST cannot confirm latches", () => {
    const rig = new Rig().ready()
    rig.tick(6)
    assert.isTrue(rig.ever("FetchQuote").length > 0)
    rig.quote("0.1", "0.1001", "rest").tick(6)
    assert.isUndefined(rig.state.breaker.latches.stale)
    rig.tick(6).send({ _tag: "StaleConfirmed", symbol: XLM, reason: "time-out" })
    assert.isDefined(rig.state.breaker.latches.stale)
    rig.tick(55)
    assert.isDefined(rig.state.breaker.latches.stale)
    for (let n = 0; n < 70; n++) rig.after(1000).quote().send({ _tag: "Tick" })
    assert.isUndefined(rig.state.breaker.latches.stale)
  })

  it("a price latch clears after a calm cool-down, not before", () => {
    const rig = new Rig().ready().after(1000).quote("0.11", "0.1101")
    assert.isDefined(rig.state.breaker.latches.price)
    for (let n = 0; n < 59; n++) rig.after(1000).quote("0.11", "0.1101").send({ _tag: "Tick" })
    assert.isDefined(rig.state.breaker.latches.price)
    for (let n = 0; n < 3; n++) rig.after(1000).quote("0.11", "0.1101").send({ _tag: "Tick" })
    assert.isUndefined(rig.state.breaker.latches.price)
  })

  it("stream losses latch at the threshold and clear after healthy seconds beyond the cool-down", () => {
    const rig = new Rig().ready()
    for (let n = 0; n < 5; n++) rig.send({ _tag: "PublicDown", reason: "closed" }).send({ _tag: "PublicUp" })
    assert.isDefined(rig.state.breaker.latches.stream)
    for (let n = 0; n < 62; n++) rig.after(1000).quote().send({ _tag: "Tick" })
    assert.isUndefined(rig.state.breaker.latches.stream)
  })

  it("an API latch asks for its probe once, and is cleared by it alone", () => {
    const rig = new Rig().ready()
    for (let n = 0; n < 5; n++) rig.send({ _tag: "Failed", cause: "api", reason: "503" })
    rig.send({ _tag: "Succeeded", cause: "api" })
    assert.isDefined(rig.state.breaker.latches.api)
    rig.tick(62)
    assert.strictEqual(rig.ever("Probe").length, 1)
    rig.send({ _tag: "ProbeDone", cause: "api", ok: false, reason: "503" })
    assert.isDefined(rig.state.breaker.latches.api)
    rig.tick(125)
    rig.send({ _tag: "ProbeDone", cause: "api", ok: true, reason: "fine" })
    assert.isUndefined(rig.state.breaker.latches.api)
  })
})

describe("the fence", () => {
  it("I7: a fence that was read before the one known is not taken for news", () => {
    const rig = new Rig().ready()
    rig.send({ _tag: "FenceSeen", fence: { epoch: 7, paused: true, operatorLatch: Option.none() } })
    rig.send({ _tag: "FenceSeen", fence: { epoch: 6, paused: false, operatorLatch: Option.none() } })
    assert.isTrue(rig.state.paused)
    assert.strictEqual(rig.state.epoch, 7)
  })
})
