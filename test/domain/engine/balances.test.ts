import { FastCheck } from "effect"
import { assert, describe, it } from "vitest"
import type { LedgerMove } from "../../../src/domain/engine/Event.ts"
import { movesSince } from "../../../src/domain/engine/ledger.ts"
import { AGREED_NOTE, agreedNote, readAgreed } from "../../../src/domain/engine/State.ts"
import { id, lot, NOON, q, usd } from "../../support/build.ts"
import { Rig } from "./Rig.ts"

/** A deposit (or, negative, a withdrawal) of dollars at a time, and the balance that it left. */
const moved = (dollars: string, balance: string, at: number, change: Partial<LedgerMove> = {}): LedgerMove => ({
  asset: "USD",
  amount: usd(dollars),
  fee: 0n,
  type: dollars.startsWith("-") ? "withdrawal" : "deposit",
  refId: `R${balance}`,
  balance: usd(balance),
  at,
  ...change
})

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
      moves: [moved("-9", "90", rig.now - 90_000, { fee: usd("1") })]
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
      moves: [
        {
          asset: "XLM",
          amount: -q("40"),
          fee: 0n,
          type: "transfer",
          refId: "X1",
          balance: q("60"),
          at: rig.now - 90_000
        }
      ]
    })
    assert.isDefined(rig.state.breaker.latches.balance)
  })

  it("no comparison while something is in flight or just filled", () => {
    const rig = new Rig().ready("100").signal()
    rig.approve(rig.proposal())
    for (let n = 0; n < 4; n++) see(rig, "90")
    assert.strictEqual(rig.state.differences.size, 0)
  })

  it("a deposit that is part of the first balance explains nothing later, and does not stand in the way of what does", () => {
    // stamped a moment before the first balance was read, and in it
    const early = moved("10", "110", NOON - 5000)
    const unexplained = new Rig().ready("110")
    for (let n = 0; n < 3; n++) see(unexplained, "120")
    assert.strictEqual(unexplained.ever("FetchLedger")[0]?.since, NOON - 60_000)
    unexplained.send({ _tag: "LedgerSeen", moves: [early] })
    assert.match(
      unexplained.state.breaker.latches.balance?.reason ?? "",
      /differs from the books by 10, .* explains 0 /
    )

    const explained = new Rig().ready("110")
    for (let n = 0; n < 3; n++) see(explained, "117")
    explained.send({ _tag: "LedgerSeen", moves: [moved("7", "117", explained.now - 80_000), early] })
    assert.isUndefined(explained.state.breaker.latches.balance)
    assert.strictEqual(explained.state.foreign.get("USD"), usd("117"))
  })

  it("the same with the exchange's clock ahead or behind, and with a balance that was older than its stamp", () => {
    for (const offset of [-5000, -1, 1, 5000]) {
      const rig = new Rig().ready("110")
      for (let n = 0; n < 3; n++) see(rig, "117")
      const moves = [moved("7", "117", NOON + offset + 1), moved("10", "110", NOON + offset)]
      rig.send({ _tag: "LedgerSeen", moves })
      assert.isUndefined(rig.state.breaker.latches.balance, `${offset} ms`)
      assert.strictEqual(rig.state.foreign.get("USD"), usd("117"))
    }
  })

  it("what came after the balance that is explained waits for the next one", () => {
    const rig = new Rig().ready("100")
    for (let n = 0; n < 3; n++) see(rig, "110")
    const first = moved("10", "110", rig.now - 80_000)
    const second = moved("5", "115", rig.now + 100)
    rig.after(200).send({ _tag: "LedgerSeen", moves: [second, first] })
    assert.isUndefined(rig.state.breaker.latches.balance)
    assert.strictEqual(rig.state.foreign.get("USD"), usd("110"))
    for (let n = 0; n < 3; n++) see(rig, "115")
    rig.send({ _tag: "LedgerSeen", moves: [second, first] })
    assert.isUndefined(rig.state.breaker.latches.balance)
    assert.strictEqual(rig.state.foreign.get("USD"), usd("115"))
    assert.strictEqual(rig.state.differences.size, 0)
  })

  it("money that came and went before the last agreement is no part of what explains a later difference", () => {
    const rig = new Rig().ready("100")
    see(rig, "100")
    const agreedAt = rig.now
    for (let n = 0; n < 3; n++) see(rig, "103")
    const moves = [
      moved("3", "103", agreedAt + 10_000),
      moved("-20", "100", agreedAt - 1000),
      // older than what is read
      moved("20", "120", agreedAt - 61_000)
    ]
    rig.send({ _tag: "LedgerSeen", moves: moves.slice(0, 2) })
    assert.isUndefined(rig.state.breaker.latches.balance)
    assert.strictEqual(rig.state.foreign.get("USD"), usd("103"))
  })

  it("own executions that only the records still know are not the owner's moves", () => {
    const rig = new Rig().ready("100")
    for (let n = 0; n < 3; n++) see(rig, "150")
    const trade = { type: "trade", refId: "TOLD" }
    const moves = [
      moved("50", "150.2", rig.now - 70_000),
      moved("8.4", "100.2", rig.now - 80_000, { ...trade, own: true }),
      moved("-8.2", "91.8", rig.now - 85_000, { ...trade, refId: "TOLDER", own: true })
    ]
    // the books hold 0.2 of it as the trader's own
    rig.state = { ...rig.state, totals: { ...rig.state.totals, ownUsd: usd("0.2") } }
    for (let n = 0; n < 3; n++) see(rig, "150.2")
    assert.strictEqual(rig.state.differences.get("USD")?.amount, usd("50"))
    const elses = new Rig()
    elses.state = rig.state
    elses.send({ _tag: "LedgerSeen", moves: moves.map((move) => ({ ...move, own: false })) })
    assert.match(elses.state.breaker.latches.balance?.reason ?? "", /by 50, and the ledger explains 50.2 of it/)
    rig.send({ _tag: "LedgerSeen", moves })
    assert.isUndefined(rig.state.breaker.latches.balance)
    assert.strictEqual(rig.state.foreign.get("USD"), usd("150"))
  })

  it("a difference that one balance showed does not latch because another asset's is looked into", () => {
    const rig = new Rig().ready("100")
    for (let n = 0; n < 2; n++) see(rig, "110")
    see(rig, "110", "4")
    assert.strictEqual(rig.ever("FetchLedger").length, 1)
    rig.send({ _tag: "LedgerSeen", moves: [moved("10", "110", rig.now - 80_000)] })
    assert.isUndefined(rig.state.breaker.latches.balance)
    assert.deepEqual([...rig.state.differences.keys()], ["XLM"])
    for (let n = 0; n < 2; n++) see(rig, "110", "4")
    rig.send({ _tag: "LedgerSeen", moves: [] })
    assert.isDefined(rig.state.breaker.latches.balance)
  })

  it("each asset keeps its own agreement over a restart, while another one differs", () => {
    const rig = new Rig().ready("100")
    for (let n = 0; n < 2; n++) see(rig, "110")
    assert.deepEqual(rig.state.agreed.get("USD"), { at: NOON, total: usd("100") })
    assert.deepEqual(rig.state.agreed.get("XLM"), { at: rig.now, total: 0n })
    const note = rig.written.findLast((write) => write._tag === "Note" && write.key === AGREED_NOTE)
    const value = note?._tag === "Note" ? note.value : ""
    const again = new Rig({
      now: rig.now + 3_600_000,
      snapshot: { notes: new Map([[AGREED_NOTE, value]]), foreign: rig.state.foreign }
    })
    assert.deepEqual(again.state.agreed, rig.state.agreed)
    again.ready("110")
    for (let n = 0; n < 3; n++) see(again, "110")
    assert.strictEqual(again.ever("FetchLedger")[0]?.since, NOON - 60_000)
    again.send({ _tag: "LedgerSeen", moves: [moved("10", "110", NOON + 1000), moved("30", "100", NOON - 1000)] })
    assert.isUndefined(again.state.breaker.latches.balance)
    assert.strictEqual(again.state.foreign.get("USD"), usd("110"))
  })

  it("nothing is read from a note that is no such note", () => {
    for (const note of [undefined, "", "1710072000000", "USD@x@1", "USD@1@1.5", "@1@1", "USD@1@2@3"]) {
      assert.strictEqual(readAgreed(note).size, 0, String(note))
    }
    const agreed = new Map([
      ["USD", { at: 1_710_072_000_000.5, total: usd("98.82") }],
      ["XLM", { at: 5, total: -1n }]
    ])
    assert.deepEqual(readAgreed(agreedNote(agreed)), agreed)
  })
})

describe("moves since an agreement (I10)", () => {
  const sum = (moves: ReadonlyArray<LedgerMove>) => moves.reduce((total, move) => total + move.amount - move.fee, 0n)

  it("whatever the stamps and wherever the cut, the moves from one balance to another make up the difference", () => {
    const steps = FastCheck.array(FastCheck.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 12 })
    FastCheck.assert(
      FastCheck.property(steps, FastCheck.nat(), FastCheck.nat(), (amounts, first, length) => {
        let balance = 100n
        const all = amounts.map((step, n) => {
          balance += BigInt(step)
          return moved("0", "0", n, { amount: BigInt(step) + 1n, fee: 1n, balance, refId: `R${n}` })
        })
        const from = first % all.length
        const to = from + (length % (all.length - from + 1))
        const at = (n: number) => (n === 0 ? 100n : (all[n - 1]?.balance ?? 100n))
        const since = movesSince(all.toReversed(), { at: from, total: at(from) }, at(to))
        assert.isTrue(since.whole)
        assert.strictEqual(sum(since.moves), at(to) - at(from))
      })
    )
  })

  it("executions of one instant are put in order by their balances, and a loop after the seen balance is left out", () => {
    const one = moved("-5", "95", 10)
    const two = moved("-3", "92", 10, { refId: "two" })
    for (const moves of [
      [one, two],
      [two, one]
    ]) {
      const since = movesSince(moves, { at: 9, total: usd("100") }, usd("92"))
      assert.deepEqual(since, { moves: [one, two], whole: true })
    }
    const early = [moved("-5", "95", 3), moved("5", "100", 4)]
    const since = movesSince(
      [moved("7", "107", 20), moved("-7", "100", 30), ...early],
      { at: 9, total: usd("100") },
      usd("100")
    )
    assert.deepEqual(
      since.moves.map((move) => move.at),
      [20, 30]
    )
  })

  it("moves that do not lead to the balance that was seen are not whole", () => {
    const since = movesSince([moved("5", "105", 10)], { at: 9, total: usd("100") }, usd("107"))
    assert.isFalse(since.whole)
  })

  it("where the ledger does not know the agreed balance, or nothing was agreed on, the stamps decide", () => {
    const moves = [moved("5", "1005", 30), moved("4", "1000", 20), moved("3", "996", 10)]
    assert.strictEqual(sum(movesSince(moves, { at: 10, total: usd("50") }, usd("59")).moves), usd("9"))
    assert.strictEqual(sum(movesSince(moves, undefined, usd("59")).moves), usd("12"))
  })
})
