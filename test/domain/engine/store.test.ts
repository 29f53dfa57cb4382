import { assert, describe, it } from "vitest"
import { gates } from "../../../src/domain/engine/Views.ts"
import { proofIn, proofWrite } from "../../../src/domain/engine/Write.ts"
import { XLM } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

/** Proofs that the last event asked for. */
const asked = (rig: Rig) => rig.of("Persist").map((decision) => proofIn(decision.writes))
const told = (rig: Rig) => rig.of("Alert").map((decision) => decision.kind)

/** An entry whose intent could not be recorded. */
const dropped = (rig = new Rig({ limits: { minTradeInterval: 0 } }).ready().signal()): Rig => {
  const approved = rig.approve(rig.proposal())
  return rig.send({ _tag: "IntentFailed", orderId: approved.id, why: "store", text: "the database is busy" })
}

describe("the database fails and recovers (I20)", () => {
  it("an intent that failed once: the writer proves itself, and entries are possible again", () => {
    const rig = dropped()
    assert.deepEqual(asked(rig), [1])
    assert.deepEqual(told(rig), ["store.failed"])
    assert.deepEqual(gates(rig.state), ["the database cannot be written: the database is busy"])
    rig.send({ _tag: "StoreRecovered", proof: 1 })
    assert.deepEqual(told(rig), ["store.recovered"])
    assert.deepEqual(gates(rig.state), [])
    assert.strictEqual(rig.signal().of("Propose").length, 1)
  })

  it("an entry that could not be recorded needs a new signal, whatever kept its intent out", () => {
    for (const why of ["store", "fence"] as const) {
      const rig = new Rig().ready().signal()
      const approved = rig.approve(rig.proposal())
      rig.send({ _tag: "IntentFailed", orderId: approved.id, why, text: "no" })
      assert.isUndefined(rig.state.pairs.get(XLM)?.signal)
      assert.strictEqual(rig.state.pairs.get(XLM)?.note, "not sent: no")
      assert.strictEqual(rig.state.storeProofs.asked, why === "store" ? 1 : 0)
    }
  })

  it("a proof from before the last doubt proves nothing about it, in whatever order the words come", () => {
    const rig = dropped()
    rig.send({ _tag: "StoreDoubted", reason: "io" })
    assert.deepEqual(asked(rig), [2])
    rig.send({ _tag: "StoreRecovered", proof: 1 })
    assert.strictEqual(rig.state.storeFailed, "io")
    rig.send({ _tag: "StoreRecovered" })
    assert.strictEqual(rig.state.storeFailed, "io")
    rig.send({ _tag: "StoreRecovered", proof: 2 })
    assert.isUndefined(rig.state.storeFailed)
    // the writer's own failure needs its own word alone, and an older proof does not undo what was proved
    rig.send({ _tag: "StoreBroken", reason: "full" })
    assert.deepEqual(asked(rig), [])
    rig.send({ _tag: "StoreRecovered", proof: 1 })
    assert.isUndefined(rig.state.storeFailed)
  })

  it("failing and recovering by turns is told once a minute, and an end only of what was told", () => {
    const rig = new Rig().ready()
    const words: Array<string> = []
    for (let n = 0; n < 90; n++) {
      words.push(...told(rig.after(1000).send({ _tag: "StoreDoubted", reason: "busy" })))
      words.push(...told(rig.send({ _tag: "StoreRecovered", proof: rig.state.storeProofs.asked })))
    }
    assert.deepEqual(words, ["store.failed", "store.recovered", "store.failed", "store.recovered"])
  })

  it("a failure that lasts is told even where another one was told shortly before", () => {
    const rig = new Rig().ready().send({ _tag: "StoreBroken", reason: "full" }).send({ _tag: "StoreRecovered" })
    const words: Array<string> = []
    for (let n = 0; n < 20; n++) words.push(...told(rig.after(5000).send({ _tag: "StoreBroken", reason: "full" })))
    assert.deepEqual(words, ["store.failed"])
    assert.deepEqual(told(rig.send({ _tag: "StoreRecovered" })), ["store.recovered"])
  })

  it("the last proof of a batch counts; other notes are none", () => {
    const note = { _tag: "Note", key: "throttle", value: "7" } as const
    assert.isUndefined(proofIn([]))
    assert.isUndefined(proofIn([note]))
    assert.strictEqual(proofIn([proofWrite(3), note, proofWrite(4), note]), 4)
  })
})
