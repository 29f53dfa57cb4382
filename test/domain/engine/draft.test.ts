import { assert, describe, it } from "vitest"
import type { Cause } from "../../../src/domain/breaker/BreakerState.ts"
import { Rig } from "./Rig.ts"

const alerts = (rig: Rig) => rig.of("Alert").map(({ kind, severity, data }) => ({ kind, severity, data }))
const cleared = (cause: Cause) => [{ kind: "breaker.cleared", severity: "info", data: { cause } }]
const latched = (cause: Cause, severity: string) => [{ kind: "breaker.latched", severity, data: { cause } }]

describe("the breaker's steps", () => {
  it("are recorded and told, each with its cause and its weight", () => {
    const rig = new Rig().ready().send({ _tag: "Tripped", cause: "api", reason: "drill" })
    assert.deepEqual<unknown>(alerts(rig), latched("api", "warning"))
    rig.send({ _tag: "Tripped", cause: "operator", reason: "drill" })
    assert.deepEqual<unknown>(alerts(rig), latched("operator", "critical"))
    const written = rig.written.findLast((w) => w._tag === "Breaker")
    assert.strictEqual(written?.state, rig.state.breaker)
    assert.deepEqual(
      written?.changes.map((change) => change.cause),
      ["operator"]
    )
    rig.send({ _tag: "Reset", cause: "operator", reason: "looked" })
    assert.deepEqual<unknown>(alerts(rig), cleared("operator"))
  })

  it("that change nothing are neither", () => {
    const rig = new Rig().ready().send({ _tag: "Tripped", cause: "operator", reason: "drill" })
    assert.deepEqual(rig.send({ _tag: "Tripped", cause: "operator", reason: "again" }).last, [])
  })

  it("a success between failures starts their count again", () => {
    const rig = new Rig().ready()
    for (let n = 0; n < 8; n++) {
      if (n === 4) rig.send({ _tag: "Succeeded", cause: "api" })
      rig.send({ _tag: "Failed", cause: "api", reason: "503" })
    }
    assert.isUndefined(rig.state.breaker.latches.api)
    assert.isDefined(rig.send({ _tag: "Failed", cause: "api", reason: "503" }).state.breaker.latches.api)
  })
})

it("a database that fails is critical, one that works again is not", () => {
  const weights = (rig: Rig) => rig.of("Alert").map(({ kind, severity }) => [kind, severity])
  const rig = new Rig().ready().send({ _tag: "StoreBroken", reason: "full" })
  assert.deepEqual(weights(rig), [["store.failed", "critical"]])
  assert.deepEqual(weights(rig.send({ _tag: "StoreRecovered" })), [["store.recovered", "info"]])
})

describe("what a fold puts down", () => {
  it("a lot is recorded with every change", () => {
    const rig = new Rig()
    const bought = rig.bought()
    assert.deepEqual(
      rig.written.findLast((w) => w._tag === "Lot"),
      { _tag: "Lot", lot: rig.state.lots.get(bought.id)! }
    )
  })

  it("an order that the exchange has not named yet is found by its own id alone", () => {
    const rig = new Rig().ready().signal()
    rig.approve(rig.proposal())
    assert.strictEqual(rig.state.byExchangeId.size, 0)
  })

  it("words carry the data that belongs to them, and none where there is none", () => {
    const rig = new Rig().ready().signal()
    const order = rig.place(rig.proposal())
    const log = rig.of("Log").find((d) => d.text.includes("accepted"))
    assert.deepEqual<unknown>(log?.data, { orderId: order.id, exchangeId: order.exchangeId })
    rig.send({ _tag: "PrivateGap", reason: "sequence" })
    assert.isFalse("data" in rig.of("Log")[0]!)
    rig.send({ _tag: "StoreBroken", reason: "full" })
    assert.isFalse("data" in rig.of("Alert")[0]!)
  })
})
