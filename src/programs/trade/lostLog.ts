/** What the start says about records that are gone. */
import { Effect } from "effect"
import type { Snapshot } from "../../domain/engine/Snapshot.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { Alerts } from "../../services/Alerts.ts"
import { LOST_LOG_NOTE, RESTORED_NOTE } from "../../services/Store.ts"

/**
 * Alerts when the write-ahead log of the database vanished after a run that was cut off: the last records before that may
 * be gone, and nobody but the owner can know whether what follows from the exchange is all. Said at every start
 * while the note stands.
 */
export const tellLostLog = ({ notes }: Pick<Snapshot, "notes">, at: EpochMs): Effect.Effect<void, never, Alerts> => {
  const since = notes.get(LOST_LOG_NOTE)
  // of records that were restored a check says more, and refuses the start
  if (since === undefined || since === "" || (notes.get(RESTORED_NOTE) ?? "") !== "") return Effect.void
  return Effect.flatMap(Alerts, (alerts) =>
    alerts.send({
      at,
      severity: "critical",
      kind: "store.lost-log",
      text: "The last records before a crash are gone: the database's write-ahead log was removed while it was needed. Orders, fills and lots of the last moments may be missing from the books, and with them what they cost. Account and open orders are read anew from the exchange before anything is entered. What the books lack is not sold by the trader: stop it and run `recover`, which reads from Kraken what is missing, shows it, and books it.",
      data: { knownSince: since }
    })
  )
}
