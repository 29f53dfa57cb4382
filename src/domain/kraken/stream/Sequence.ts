/**
 * Sequence numbers of a private subscription. Kraken numbers the frames of each subscription, one more a frame, and starts
 * anew with every subscription; the first number is usually 1 and once was 120, so whatever comes first is the baseline.
 */
export type SequenceCheck = "baseline" | "next" | "gap"

/**
 * Judges the number of a frame against the one before. While snapshots are still coming in (`settling`), several snapshot
 * frames may share a number; afterwards anything but one more means that frames were lost, repeated or reordered.
 */
export const checkSequence = (last: number | undefined, seen: number, settling: boolean): SequenceCheck => {
  if (last === undefined) return "baseline"
  return seen === last + 1 || (settling && seen === last) ? "next" : "gap"
}
