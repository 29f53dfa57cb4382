/**
 * Which entries of the exchange's ledger came after books and account last agreed. Clocks do not tell: an entry stamped just
 * before a balance was read may be part of that balance or not. The balance that each entry left tells it exactly.
 */
import type { EpochMs } from "../Time.ts"
import type { LedgerMove } from "./Event.ts"
import type { Agreement } from "./State.ts"

/** Kraken: new balance = old + amount - fee. */
const balanceBefore = (move: LedgerMove): bigint => move.balance - move.amount + move.fee

export interface MovesSince {
  readonly moves: ReadonlyArray<LedgerMove>
  /** They lead from the balance that was agreed on to the one that was seen. Otherwise they explain nothing. */
  readonly whole: boolean
}

/** Takes the entry that goes on from a balance: the first stamped at or after `at`, else the last one before. */
const takeNext = (left: Array<LedgerMove>, balance: bigint, at: EpochMs): LedgerMove | undefined => {
  const goesOn = (move: LedgerMove): boolean => balanceBefore(move) === balance
  const after = left.findIndex((move) => move.at >= at && goesOn(move))
  const index = after === -1 ? left.findLastIndex(goesOn) : after
  return index === -1 ? undefined : left.splice(index, 1)[0]
}

/**
 * The moves of one asset since an agreement, oldest first, up to the balance `seen`. They are followed from the agreed
 * balance on, each beginning where the one before ended: what was part of the agreed balance is left out, and so is what came
 * after the seen one. Only where the ledger does not show the agreed balance at all, or nothing was agreed on, do entries
 * stamped after it count.
 */
export const movesSince = (
  moves: ReadonlyArray<LedgerMove>,
  agreement: Agreement | undefined,
  seen: bigint
): MovesSince => {
  // the exchange lists the newest first, also among those of one instant
  const left = moves.toReversed().toSorted((a, b) => a.at - b.at)
  const anchored =
    agreement !== undefined &&
    left.some((move) => move.balance === agreement.total || balanceBefore(move) === agreement.total)
  if (!anchored) return { moves: left.filter((move) => move.at > (agreement?.at ?? 0)), whole: true }
  const chain: Array<LedgerMove> = []
  let { at, total: balance } = agreement
  let end = balance === seen ? 0 : undefined
  for (let next = takeNext(left, balance, at); next !== undefined; next = takeNext(left, balance, at)) {
    // there already, and nothing later goes on from here
    if (end === chain.length && next.at < at) break
    chain.push(next)
    at = next.at
    balance = next.balance
    if (balance === seen) end = chain.length
  }
  return { moves: chain.slice(0, end), whole: end !== undefined }
}
