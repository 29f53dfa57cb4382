/** What the checks of `doctor` mean to a trader that starts: one table, a reason each. */
import { Effect } from "effect"
import { ExitCodes } from "../cli/ExitCode.ts"
import type { TradingMode } from "../../services/Settings.ts"
import type { ExitCode } from "../cli/ExitCode.ts"
import type { Check, Failed, Kind, Subject } from "../doctor/Check.ts"

/**
 * What a failed check does. `start`: no start at all, since no exit would be possible either. `entries`: no start while
 * nothing is held, else exits only. `nothing`: a person is told.
 */
export interface Consequence {
  readonly failed: "start" | "entries" | "nothing"
  /** The same in paper mode, where it differs because no more than play money is at stake. */
  readonly inPaper?: "nothing"
  /** The same for a check that the exchange did not answer. */
  readonly unanswered: "start" | "nothing"
  readonly why: string
}

const entries = (why: string): Consequence => ({ failed: "entries", unanswered: "nothing", why })
const entriesOfMoney = (why: string): Consequence => ({ ...entries(why), inPaper: "nothing" })
const nothing = (why: string): Consequence => ({ failed: "nothing", unanswered: "nothing", why })

/** Every check of `doctor`, and what its failure means to a trader that starts. */
export const consequences: Readonly<Record<Subject, Consequence>> = {
  settings: entries("settings that cannot be used are refused before the lock is taken"),
  confirmation: entries("what was not confirmed must not buy; to sell what is held needs no confirmation"),
  switch: nothing("the switch may be off in paper mode only, which the settings see to"),
  folder: entries("no entry goes out without a record; an exit has a side file of its own"),
  disk: entriesOfMoney(
    "a lock that cannot be trusted may let a second trader buy; what is held must be sold all the same"
  ),
  space: entriesOfMoney("a full disk stops entries; an exit's record has its space already"),
  env: entriesOfMoney("a key that others can read must not be put to new risk"),
  log: nothing("trading never depends on its log file"),
  webhook: nothing("trading never depends on its alerts"),
  instance: nothing("this trader holds the lock itself, or it would not have come so far"),
  database: entries("books that may be wrong must not grow; what they say is held needs its exits all the same"),
  backup: nothing("one is made while the trader runs"),
  "backup-drill": nothing("a copy is as good untried; that it was tried is for the operator's peace"),
  restored: {
    failed: "start",
    unanswered: "start",
    why: "restored books may hold what was sold already: an exit would sell the owner's coins"
  },
  breaker: nothing("a latched breaker stops entries by itself, until its probe or the operator closes it"),
  "unknown-orders": nothing("the start settles them, and entries wait for that"),
  drill: nothing("the emergency stop works untried; that it was tried is for the operator's peace"),
  strategy: entries(
    "a strategy that cannot be used gives no signals; positions keep the exit plans they were bought with"
  ),
  exchange: nothing("the trader tries its own exchange, check by check"),
  clock: {
    failed: "entries",
    unanswered: "start",
    why: "deadlines count from the exchange's clock, which has to be known; a skewed one is corrected by what was measured"
  },
  system: nothing("the trader watches the system's status and waits for it"),
  key: {
    failed: "start",
    unanswered: "start",
    why: "without a fit key no order gets through, and a key that can withdraw must not lie on a machine that trades"
  },
  pairs: {
    failed: "entries",
    unanswered: "start",
    why: "an unknown pair cannot be bought; without any rules nothing can be priced, exits neither"
  },
  pair: nothing("the trader watches the pair's mode and waits for it"),
  price: nothing("the trader watches quotes and enters on none that is not sound and fresh"),
  validate: entries("an order that the exchange refuses for good would be refused again and again"),
  sizes: entriesOfMoney("what could not be sold again must not be bought, and the limits are the owner's to change"),
  fees: nothing("entries wait until the fees are known"),
  balance: nothing("entries are as large as the free dollars allow"),
  "auto-earn": nothing("what cannot be sold at once is seen when it is sold"),
  holds: nothing("orders that hold funds are reconciled with the books"),
  "foreign-orders": nothing("they are never touched, but for the switch, of which the owner is told")
}

/** What a failure speaks against, as the exit code of a start that it refused. */
export const codes: Readonly<Record<Kind, ExitCode>> = {
  settings: ExitCodes.configuration,
  clock: ExitCodes.clockSkewed,
  credentials: ExitCodes.credentials,
  store: ExitCodes.cannotWrite,
  data: ExitCodes.dataCorrupt,
  exchange: ExitCodes.exchangeUnavailable,
  operator: ExitCodes.halted
}

/** What a failure does to a start. */
export const consequenceOf = ({ kind, subject }: Failed, mode: TradingMode): Consequence["failed"] => {
  const { failed, inPaper, unanswered } = consequences[subject]
  if (kind === "exchange") return unanswered
  return mode === "paper" ? (inPaper ?? failed) : failed
}

/** Why a start goes on in spite of a failure. */
const whyOf = ({ kind, subject }: Failed): string => {
  const { failed, why } = consequences[subject]
  if (kind === "exchange") return "no answer proves nothing"
  return failed === "nothing" ? why : "no more than play money is at stake"
}

/** One line a check: ok for those who look closely, warnings, and failures as loud as their consequence. */
export const tell =
  (mode: TradingMode) =>
  (check: Check): Effect.Effect<void> => {
    const line = `check ${check.id}: ${check.text}${check.remedy === "" ? "" : `. ${check.remedy}`}`
    if (check.result !== "fail") return check.result === "ok" ? Effect.logDebug(line) : Effect.logWarning(line)
    return consequenceOf(check, mode) === "nothing"
      ? Effect.logWarning(`${line} The start goes on: ${whyOf(check)}`)
      : Effect.logError(line)
  }
