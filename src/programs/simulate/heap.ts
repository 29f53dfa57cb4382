/** Whether the memory of a long run stays flat: what is in use after each simulated day, against the first. */
import type { DayOver } from "../../services/Simulator.ts"
import { megabytes } from "./summary.ts"

/**
 * What a day may add to the heap of the first one, in bytes. The simulated exchange keeps the account's history, as the
 * real one does, and the judge what it needs to tell whether something happens twice; the trader keeps nothing.
 */
export const BYTES_A_DAY = 1_048_576
/** And once, for what is only made when it is first needed. */
export const BYTES_ONCE = 16 * 1_048_576

export const allowedAfter = (firstBytes: number, day: number): number =>
  firstBytes + BYTES_ONCE + Math.max(0, day - 1) * BYTES_A_DAY

/** What is wrong, for people; nothing when all days are within the bound. */
export const heapProblem = (days: ReadonlyArray<DayOver>): string | undefined => {
  const [first] = days
  if (first === undefined) return undefined
  const over = days.find(({ day, heapBytes }) => heapBytes > allowedAfter(first.heapBytes, day))
  return over === undefined
    ? undefined
    : `the heap grew from ${megabytes(first.heapBytes)} after the first day to ${megabytes(over.heapBytes)} after day ${over.day}; ${megabytes(allowedAfter(first.heapBytes, over.day))} is the bound`
}
