/**
 * The boundary at which effects are counted: every transaction, every request, every connection and every message that
 * leaves the trader. A plan may strike one of them by its number; the disk can fail for a while.
 */
import type BetterSqlite3 from "better-sqlite3"
import { Context, Effect, Layer } from "effect"
import type { DatabaseShape } from "../layers/sqlite/Database.ts"
import { Database } from "../layers/sqlite/Database.ts"
import { StoreFailed } from "../services/Store.ts"
import type { Process } from "./Process.ts"

/** What becomes of the struck effect. `crash`: it succeeds, and the process ends before it hears of it. */
export type Blow = "fail" | "hang" | "crash"

/** How long the disk keeps a caller, and with it the whole process, when a transaction hangs. */
const DISK_HANG_MS = 30_000

export interface Strike {
  readonly effect: number
  readonly how: Blow
}

export class Effects {
  /** Effects so far, over all restarts. */
  count = 0
  /** Why the disk takes no writes now, if so. */
  disk: StoreFailed["reason"] | undefined
  /** Name of the effect that was struck. */
  struck: string | undefined
  /** Told of each effect, for tables of them. */
  onNext: ((effect: number, name: string) => void) | undefined
  private readonly strike: Strike | undefined
  private readonly crash: () => void
  private readonly stall: (ms: number) => void

  /** `crash` ends the trader's process at once; `stall` keeps it from running for a while. */
  constructor(strike: Strike | undefined, crash: () => void, stall: (ms: number) => void) {
    this.strike = strike
    this.crash = crash
    this.stall = stall
  }

  /** Counts one effect, and says what befalls it. */
  next(name: string): Blow | undefined {
    this.count += 1
    this.onNext?.(this.count, name)
    if (this.strike?.effect !== this.count) return undefined
    this.struck = name
    return this.strike.how
  }

  /** Ends the process now; for callbacks. */
  end(): void {
    this.crash()
  }

  /** Ends the process: what follows in the running fiber is never run. */
  get gone(): Effect.Effect<never> {
    return Effect.suspend(() => {
      this.crash()
      return Effect.never
    })
  }

  private readonly transaction = <A>(
    process: Process,
    operation: string,
    writes: boolean,
    self: Effect.Effect<A, StoreFailed>
  ): Effect.Effect<A, StoreFailed> =>
    Effect.suspend(() => {
      // the fiber in which the process ended still runs to its next wait: nothing of it may reach the disk
      if (!process.alive) return Effect.never
      const failed = (reason: StoreFailed["reason"]) =>
        new StoreFailed({ operation, reason, cause: new Error("the simulated disk") })
      if (writes && this.disk !== undefined) return failed(this.disk)
      switch (this.next(`database: ${operation}`)) {
        case undefined:
          return self
        case "fail":
          return failed("io")
        case "hang":
          this.stall(DISK_HANG_MS)
          return Effect.zipRight(Effect.yieldNow(), self)
        case "crash":
          return Effect.zipRight(self, this.gone)
      }
    })

  /** The database as it is, behind the boundary. */
  readonly database = <E, R>(
    process: Process,
    below: Layer.Layer<Database, E, R>,
    onOpen: (raw: BetterSqlite3.Database) => void
  ): Layer.Layer<Database, E, R> =>
    Layer.map(below, (context) => {
      const self = Context.get(context, Database)
      Effect.runSyncExit(self.connection("hold", onOpen))
      const gated: DatabaseShape = {
        ...self,
        transact: (operation, body) => this.transaction(process, operation, true, self.transact(operation, body)),
        read: (operation, body) => this.transaction(process, operation, false, self.read(operation, body)),
        glance: (operation, body) => this.transaction(process, operation, false, self.glance(operation, body)),
        connection: (operation, body) => this.transaction(process, operation, false, self.connection(operation, body))
      }
      return Context.make(Database, gated)
    })
}
