import { assert, describe, it } from "vitest"
import { id, lot, q, usd } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

describe("books and account (I10)", () => {
  const see = (rig: Rig, dollars: string, xlm = "0") =>
    rig
      .after(30_000)
      .quote()
      .send({
        _tag: "BalancesSeen",
        begunAt: rig.now,
        total: new Map<string, bigint>([
          ["USD", usd(dollars)],
          ["XLM", q(xlm)]
        ]),
        hold: new Map()
      })

  it("one difference is nothing; two that agree a minute apart consult the ledger; unexplained latches until reset", () => {
    const rig = new Rig().ready("100")
    see(rig, "90")
    see(rig, "90")
    assert.deepEqual(rig.ever("FetchLedger"), [])
    see(rig, "90")
    assert.strictEqual(rig.ever("FetchLedger").length, 1)
    rig.send({ _tag: "LedgerSeen", moves: [] })
    assert.isDefined(rig.state.breaker.latches.balance)
    rig.send({ _tag: "Reset", cause: "balance", reason: "looked" })
    assert.isUndefined(rig.state.breaker.latches.balance)
  })

  it("a withdrawal in the ledger explains it", () => {
    const rig = new Rig().ready("100")
    for (let n = 0; n < 3; n++) see(rig, "90")
    rig.send({
      _tag: "LedgerSeen",
      moves: [{ asset: "USD", amount: usd("-9"), fee: usd("1"), type: "withdrawal", refId: "W1", at: rig.now - 90_000 }]
    })
    assert.isUndefined(rig.state.breaker.latches.balance)
    assert.strictEqual(rig.state.foreign.get("USD"), usd("90"))
  })

  it("coins of the trader's that left latch even though the ledger tells how", () => {
    const held = lot({ id: id("kt1-a") })
    const rig = new Rig({
      snapshot: {
        lots: [held],
        foreign: new Map([
          ["XLM", 0n],
          ["USD", usd("100")]
        ])
      }
    }).ready("100")
    for (let n = 0; n < 3; n++) see(rig, "100", "60")
    rig.send({
      _tag: "LedgerSeen",
      moves: [{ asset: "XLM", amount: -q("40"), fee: 0n, type: "transfer", refId: "X1", at: rig.now - 90_000 }]
    })
    assert.isDefined(rig.state.breaker.latches.balance)
  })

  it("no comparison while something is in flight or just filled", () => {
    const rig = new Rig().ready("100").signal()
    rig.approve(rig.proposal())
    for (let n = 0; n < 4; n++) see(rig, "90")
    assert.strictEqual(rig.state.differences.size, 0)
  })
})
