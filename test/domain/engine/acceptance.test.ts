import { assert, describe, it } from "vitest"
import { ACCEPTING_NOTE, acceptingWrite, takesOver } from "../../../src/domain/engine/acceptance.ts"
import type { LedgerMove } from "../../../src/domain/engine/Event.ts"
import { gates } from "../../../src/domain/engine/Views.ts"
import type { Snapshot } from "../../../src/domain/engine/Snapshot.ts"
import { id, lot, NOON, q, usd } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

const REASON = "the operator took a balance difference over"

/** The account as REST shows it; nothing else happens for half a minute before. */
const see = (rig: Rig, dollars: string, xlm = "0"): Rig => {
  rig.after(30_000).quote()
  return rig.send({
    _tag: "BalancesSeen",
    begunAt: rig.now,
    total: new Map<string, bigint>([
      ["USD", usd(dollars)],
      ["XLM", q(xlm)]
    ]),
    hold: new Map()
  })
}

/** Seen often enough to be looked up, and the ledger knows nothing of it. */
const unexplained = (rig: Rig, dollars: string, xlm = "0", moves: ReadonlyArray<LedgerMove> = []): Rig => {
  for (let n = 0; n < 3; n++) see(rig, dollars, xlm)
  return rig.send({ _tag: "LedgerSeen", moves })
}

const reset = (rig: Rig): Rig => rig.send({ _tag: "Reset", cause: "balance", reason: "looked" })
const done = (rig: Rig): Rig => rig.send({ _tag: "ReconcileDone", reason: REASON })
const latched = (rig: Rig): string | undefined => rig.state.breaker.latches.balance?.reason
const told = (rig: Rig): ReadonlyArray<string> => rig.of("Alert").map((alert) => alert.kind)

/** Holds a lot of 100 XLM beside what is the owner's. */
const holding = (xlm = "0", dollars = "100"): Rig =>
  new Rig({
    snapshot: {
      lots: [lot({ id: id("kt1-a") })],
      foreign: new Map<string, bigint>([
        ["XLM", q(xlm)],
        ["USD", usd(dollars)]
      ])
    }
  }).ready(dollars)

/** What the records hold after the writes so far. */
const recorded = (rig: Rig): Partial<Snapshot> => {
  const notes = new Map<string, string>()
  let { foreign } = rig.state
  for (const write of rig.written) {
    if (write._tag === "Note") notes.set(write.key, write.value)
    if (write._tag === "Foreign") ({ foreign } = write)
  }
  return { notes, foreign, lots: [...rig.state.lots.values()], breaker: rig.state.breaker }
}

describe("the operator resets a balance difference (I10)", () => {
  it("what differs is the owner's from the next look on, and does not latch again", () => {
    const rig = unexplained(new Rig().ready("100"), "90", "3")
    assert.include(latched(rig) ?? "", "USD differs from the books by -10")
    assert.include(latched(rig) ?? "", "XLM differs from the books by 3")
    reset(rig)
    assert.isUndefined(latched(rig))
    assert.deepEqual(
      rig.of("Reconcile").map((decision) => decision.reason),
      [REASON]
    )
    // an answer that was on its way does not latch what was looked at
    rig.send({ _tag: "LedgerSeen", moves: [] })
    assert.isUndefined(latched(rig))
    // a missed execution would be booked first
    see(rig, "90", "3")
    assert.isTrue(rig.state.accepting)
    assert.strictEqual(rig.state.foreign.get("USD"), usd("100"))
    done(rig)
    assert.deepEqual(gates(rig.state), [
      "waiting for a quiet look at the account, to count as yours what differs from the books"
    ])
    assert.strictEqual(rig.tick().of("FetchBalances").length, 1)
    assert.strictEqual(rig.tick(9).of("FetchBalances").length, 0)
    assert.strictEqual(rig.tick().of("FetchBalances").length, 1)
    see(rig, "90", "3")
    assert.deepEqual(told(rig), ["balance.accepted", "balance.accepted"])
    assert.include(rig.of("Alert")[0]?.text ?? "", "USD differed from the books by -10")
    assert.deepEqual(
      [...rig.state.foreign],
      [
        ["USD", usd("90")],
        ["XLM", q("3")]
      ]
    )
    assert.deepEqual(rig.state.agreed.get("USD"), { at: rig.now, total: usd("90") })
    assert.deepEqual(gates(rig.state), [])
    const asked = rig.ever("FetchLedger").length
    unexplained(rig, "90", "3")
    assert.isUndefined(latched(rig))
    assert.strictEqual(rig.ever("FetchLedger").length, asked)
    assert.strictEqual(rig.tick(30).of("FetchBalances").length, 0)
  })

  it("own lots stay as they are, and what comes later is told from what was taken over", () => {
    const rig = unexplained(holding("50"), "100", "120")
    done(reset(rig))
    see(rig, "100", "120")
    assert.strictEqual(rig.state.foreign.get("XLM"), q("20"))
    assert.strictEqual(rig.state.lots.get(id("kt1-a"))?.remaining, q("100"))
    unexplained(rig, "100", "115")
    assert.include(latched(rig) ?? "", "XLM differs from the books by -5,")
  })

  it("waits for a quiet window", () => {
    const rig = unexplained(new Rig().ready("100"), "90")
    done(reset(rig))
    rig.state = { ...rig.state, lastFillAt: rig.now + 27_000 }
    see(rig, "90")
    assert.isTrue(rig.state.accepting)
    see(rig, "90")
    assert.isFalse(rig.state.accepting)
    assert.strictEqual(rig.state.foreign.get("USD"), usd("90"))
  })

  it("is over with the first look, whether something differs or not", () => {
    const rig = unexplained(new Rig().ready("100"), "90")
    done(reset(rig))
    see(rig, "100")
    assert.isFalse(rig.state.accepting)
    assert.deepEqual(told(rig), [])
    unexplained(rig, "90")
    assert.isDefined(latched(rig))
  })

  it("holds over a restart, before it was counted and after", () => {
    const rig = unexplained(new Rig().ready("100"), "90")
    reset(rig)
    const again = new Rig({ now: rig.now + 60_000, snapshot: recorded(rig) })
    assert.isTrue(again.state.accepting)
    again.ready("90")
    assert.strictEqual(again.tick().of("FetchBalances").length, 1)
    see(again, "90")
    assert.isFalse(again.state.accepting)
    const third = new Rig({ now: again.now + 60_000, snapshot: recorded(again) })
    assert.isFalse(third.state.accepting)
    third.ready("90")
    unexplained(third, "90")
    assert.isUndefined(latched(third))
  })

  it("a difference whose look takes long is not latched again meanwhile", () => {
    const rig = unexplained(new Rig().ready("100"), "90")
    const asked = rig.ever("FetchLedger").length
    reset(rig)
    for (let n = 0; n < 5; n++) see(rig, "90")
    assert.strictEqual(rig.ever("FetchLedger").length, asked)
    assert.isTrue(rig.state.accepting)
  })

  it("own lots that the account no longer holds are not the owner's: latched again, with what to do", () => {
    const rig = unexplained(holding("50"), "95", "60")
    assert.include(latched(rig) ?? "", "the account holds 60 XLM, less than the 100 of the trader's own lots")
    done(reset(rig))
    see(rig, "95", "60")
    assert.include(latched(rig) ?? "", "bring the missing 40 XLM back")
    assert.isFalse(rig.state.accepting)
    // dollars are taken over all the same; what was the owner's of the coin is not rewritten by a guess
    assert.strictEqual(rig.state.foreign.get("USD"), usd("95"))
    assert.strictEqual(rig.state.foreign.get("XLM"), q("50"))
    // and once they are back
    see(rig, "95", "100")
    done(reset(rig))
    see(rig, "95", "100")
    unexplained(rig, "95", "100")
    assert.isUndefined(latched(rig))
    assert.strictEqual(rig.state.foreign.get("XLM"), 0n)
  })

  it("at the first sight of the account nothing is taken for the owner's that is missing of the lots", () => {
    const rig = new Rig({ snapshot: { lots: [lot({ id: id("kt1-a") })] } }).ready("100")
    assert.include(latched(rig) ?? "", "holds 0 XLM, less than the 100")
    assert.strictEqual(rig.state.foreign.get("XLM"), 0n)
    assert.isUndefined(rig.state.agreed.get("XLM"))
    done(reset(rig))
    see(rig, "100", "40")
    assert.include(latched(rig) ?? "", "the missing 60 XLM")
    see(rig, "100", "100")
    done(reset(rig))
    see(rig, "100", "100")
    assert.isUndefined(latched(rig))
    assert.deepEqual(told(rig), [])
  })

  it("coins that the ledger saw leaving say the same", () => {
    const moves = [
      { asset: "XLM", amount: -q("40"), fee: 0n, type: "transfer", refId: "X", balance: q("60"), at: NOON + 1000 }
    ]
    const rig = unexplained(holding(), "100", "60", moves)
    assert.match(
      latched(rig) ?? "",
      /40 XLM left the account by transfer: .* is gone; .* bring the missing 40 XLM back/
    )
  })

  it("only a balance latch that held is taken over, by the operator alone", () => {
    const rig = new Rig().ready("100")
    see(rig, "90")
    rig.send({ _tag: "Tripped", cause: "operator", reason: "x" }).send({ _tag: "Reset", cause: undefined, reason: "y" })
    reset(rig)
    assert.isFalse(rig.state.accepting)
    assert.strictEqual(rig.state.foreign.get("USD"), usd("100"))
    const all = unexplained(new Rig().ready("100"), "90").send({ _tag: "Reset", cause: undefined, reason: "all" })
    assert.isTrue(all.state.accepting)
    const change = { at: 1, cause: "balance", change: "cleared", reason: "x", by: "operator" } as const
    assert.isTrue(takesOver([change]))
    assert.isFalse(
      takesOver([
        { ...change, cause: "price" },
        { ...change, by: "trader" },
        { ...change, change: "latched" }
      ])
    )
    assert.deepEqual(acceptingWrite(false), { _tag: "Note", key: ACCEPTING_NOTE, value: "" })
  })
})
