/**
 * Whether the records can be written. The writer tells of its own failures and of their end; who else finds the database
 * failing (an intent that could not be recorded) has the writer prove with a write of its own that it works again.
 */
import type { Draft } from "./Draft.ts"
import { alert, askOnce, patch } from "./Draft.ts"
import { proofWrite } from "./Write.ts"

/** A database that fails and recovers by turns is told of no more often. */
const TELL_EVERY_MS = 60_000

export const storeBroken = (d: Draft, reason: string): void => {
  patch(d, { storeFailed: reason })
  if (d.state.storeTold || !askOnce(d, "store.failed", TELL_EVERY_MS)) return
  patch(d, { storeTold: true })
  alert(
    d,
    "critical",
    "store.failed",
    `The database cannot be written (${reason}). No entry is sent and resting entries are cancelled; exits, cancels and the dead man's switch go on. Free the disk or repair the folder: the trader goes on by itself when writing works again.`
  )
}

/** Each doubt asks for a proof of its own: one that was committed before says nothing about it. */
export const storeDoubted = (d: Draft, reason: string): void => {
  storeBroken(d, reason)
  const proof = d.state.storeProofs.asked + 1
  patch(d, { storeProofs: { ...d.state.storeProofs, asked: proof } })
  d.writes.push(proofWrite(proof))
}

/** Works again once the last proof that was asked for is given. Without any, the writer's own word is enough. */
export const storeRecovered = (d: Draft, proof: number | undefined): void => {
  const { asked } = d.state.storeProofs
  const given = Math.max(proof ?? 0, d.state.storeProofs.given)
  patch(d, { storeProofs: { asked, given } })
  if (d.state.storeFailed === undefined || given < asked) return
  const told = d.state.storeTold
  patch(d, { storeFailed: undefined, storeTold: false })
  if (told) alert(d, "info", "store.recovered", "The database can be written again; nothing was lost.")
}
