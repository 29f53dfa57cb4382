/** A store on a real file, and a second hand on the same file for mischief. */
import { join } from "node:path"
import BetterSqlite3 from "better-sqlite3"
import { Effect, Layer } from "effect"
import type { ApprovedOrder } from "../../../src/domain/risk/Approved.ts"
import { mockMarketClock } from "../../../src/layers/mock/MockMarketClock.ts"
import type { DatabaseOptions } from "../../../src/layers/sqlite/Database.ts"
import { layer as nonceLayer } from "../../../src/layers/sqlite/NonceSqlite.ts"
import { withDatabase } from "../../../src/layers/sqlite/StoreSqlite.ts"
import { approve, entryProposal, exitProposal, id, lot, NOON, riskView, share } from "../../support/build.ts"

export const fileIn = (folder: string): string => join(folder, "trading.db")

/** Store, database, nonces and a clock moved by hand, over one file. */
export const world = (file: string, options: Partial<DatabaseOptions> = {}) =>
  nonceLayer.pipe(
    Layer.provideMerge(withDatabase({ file, role: "trader", ...options })),
    Layer.provideMerge(mockMarketClock(NOON))
  )

/** An approved entry under an id of its own. */
export const approvedEntry = (name: string, epoch = 0): ApprovedOrder =>
  approve(entryProposal(), riskView({ nextId: id(name), epoch }))

/** An approved sale of the whole lot. */
export const approvedExit = (name: string, lotId = "kt1a"): ApprovedOrder =>
  approve(
    exitProposal([share(lotId, "100")]),
    riskView({ nextId: id(name), epoch: 0, lots: new Map([[id(lotId), lot({ id: id(lotId) })]]) })
  )

/** Another connection to the file, closed with the scope. */
export const second = (file: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new BetterSqlite3(file, { timeout: 0 })),
    (raw) => Effect.sync(() => raw.close())
  )
