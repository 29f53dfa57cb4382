/**
 * By resetting the breaker's balance latch the operator says: I have looked, and what differs is mine. It is counted so with
 * the first look at the account in a quiet window after everything else was read; the word outlives a restart until then.
 */
import type { BreakerChange } from "../breaker/BreakerState.ts"
import type { StoreWrite } from "./Write.ts"

/** Note that holds while a difference waits to be counted; empty otherwise. */
export const ACCEPTING_NOTE = "balance.accepting"

export const acceptingWrite = (accepting: boolean): StoreWrite => ({
  _tag: "Note",
  key: ACCEPTING_NOTE,
  value: accepting ? "by the operator" : ""
})

export const readAccepting = (note: string | undefined): boolean => note !== undefined && note !== ""

/** Whether a reset took a balance difference over. One that had not latched was not looked at by anybody. */
export const takesOver = (changes: ReadonlyArray<BreakerChange>): boolean =>
  changes.some(({ cause, by, change }) => cause === "balance" && change === "cleared" && by === "operator")
