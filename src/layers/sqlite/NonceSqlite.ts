/** Nonces from the database; from memory, and marked in a file beside it, while the database cannot be written. */
import * as Path from "node:path"
import { Effect, Layer, Schedule } from "effect"
import { MarketClock } from "../../services/Clock.ts"
import type { NonceShape } from "../../services/Nonce.ts"
import { Nonce } from "../../services/Nonce.ts"
import { Database } from "./Database.ts"
import { NONCE_MARK, raiseMark, readMark } from "./NonceMark.ts"
import { LARGEST_NONCE, following, larger, raiseNonce, readNonce, takeNonce } from "./nonces.ts"

/**
 * How far a nonce jumps where others of ours may have taken some that cannot be seen, in milliseconds of nonce: far
 * enough to pass them, near enough that the clock has caught up seconds later.
 */
const JUMP = 10_000n

/**
 * Another process's lock is waited for: most are held for an instant, and a nonce from memory may collide with its holder's.
 * Once only: a lock that outlasted this is not waited for again, or no exit would leave within the second that its approval holds.
 */
const PATIENCE = Schedule.spaced("20 millis").pipe(Schedule.upTo("1 second"))

const make = Effect.gen(function* () {
  const database = yield* Database
  const clock = yield* MarketClock
  const memory = database.nonceMemory
  const mark = Path.join(Path.dirname(database.file), NONCE_MARK)
  // An earlier run, or a command beside it, may have gone on from memory: the row does not hold that.
  memory.value = larger(memory.value, readMark(mark))
  // The trader's file has its space before any disk is full.
  if (database.role === "trader") raiseMark(mark, 0n)
  /** The row as far as it can be read (in WAL mode a locked or full database still answers), the mark, the memory: the highest of them. */
  const recorded = database.read("read the nonce", readNonce).pipe(
    Effect.catchTag("StoreFailed", () => Effect.succeed(0n)),
    Effect.map((row) => larger(larger(row, readMark(mark)), memory.value))
  )
  /** What the database did not take outlives this process all the same. */
  const setAside = (nonce: bigint): bigint => {
    memory.value = nonce
    raiseMark(mark, nonce)
    return nonce
  }

  /** Whether the last nonce came from memory. */
  let aside = false

  // Issuing and remembering are one synchronous step each time, so that no two fibers are given the same nonce.
  const shape: NonceShape = {
    next: Effect.flatMap(clock.now, (now) =>
      database
        .transact("take a nonce", (sql) => {
          memory.value = takeNonce(sql, now, memory.value)
          return memory.value
        })
        .pipe(
          // not before the commit: a full disk lets the row be changed and refuses that, call after call
          Effect.tap(() => {
            aside = false
          }),
          Effect.retry({ schedule: PATIENCE, while: (failed) => failed.reason === "busy" && !aside }),
          Effect.catchTag("StoreFailed", () =>
            Effect.map(recorded, (last) => {
              const ahead = aside ? 0n : JUMP
              aside = true
              return setAside(following(now, larger(last, memory.value)) + ahead)
            })
          )
        )
    ),
    advance: (observed = 0n) =>
      Effect.gen(function* () {
        const now = yield* clock.now
        const last = yield* recorded
        // A mark that no nonce of ours can exceed is useless to chase: only a new key helps, and the caller says so.
        const theirs = observed < LARGEST_NONCE ? observed : 0n
        const floor = yield* Effect.sync(() => {
          memory.value = larger(theirs, following(now, larger(last, memory.value))) + JUMP
          return memory.value
        })
        yield* (
          database
            .transact("advance the nonce", (sql) => raiseNonce(sql, floor))
            // The next nonce that the database takes carries it over.
            .pipe(Effect.catchTag("StoreFailed", () => Effect.sync(() => setAside(larger(floor, memory.value)))))
        )
      }),
    highest: recorded
  }
  return shape
})

export const layer: Layer.Layer<Nonce, never, Database | MarketClock> = Layer.effect(Nonce, make)
