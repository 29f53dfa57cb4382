/** Nonces from the database, and from memory while the database cannot be written. */
import { Effect, Layer } from "effect"
import { MarketClock } from "../../services/Clock.ts"
import type { NonceShape } from "../../services/Nonce.ts"
import { Nonce } from "../../services/Nonce.ts"
import { Database } from "./Database.ts"
import { LARGEST_NONCE, following, raiseNonce, readNonce, takeNonce } from "./nonces.ts"

/**
 * How far `advance` jumps, in milliseconds of nonce. Far enough to pass whatever another process of ours took from
 * memory meanwhile, near enough that the clock has caught up seconds later.
 */
const JUMP = 10_000n

const make = Effect.gen(function* () {
  const database = yield* Database
  const clock = yield* MarketClock
  const memory = database.nonceMemory
  const remember = (nonce: bigint): bigint => {
    if (nonce > memory.value) memory.value = nonce
    return nonce
  }
  /** The row as far as it can be read: in WAL mode a locked or full database still answers. */
  const recorded = database.read("read the nonce", readNonce).pipe(
    Effect.catchTag("StoreFailed", () => Effect.succeed(0n)),
    Effect.map((row) => (row > memory.value ? row : memory.value))
  )

  const shape: NonceShape = {
    next: Effect.gen(function* () {
      const now = yield* clock.now
      const durable = database.transact("take a nonce", (sql) => takeNonce(sql, now, memory.value))
      return yield* durable.pipe(
        Effect.catchTag("StoreFailed", () => Effect.map(recorded, (last) => following(now, last))),
        // Nothing may come between issuing and remembering: it is one synchronous step.
        Effect.map(remember)
      )
    }),
    advance: (observed) =>
      Effect.gen(function* () {
        const now = yield* clock.now
        const issued = following(now, yield* recorded)
        // A mark that no nonce of ours can exceed is useless to chase: only a new key helps, and the caller says so.
        const mark = observed !== undefined && observed > issued && observed < LARGEST_NONCE ? observed : issued
        const floor = remember(mark + JUMP)
        yield* (
          database
            .transact("advance the nonce", (sql) => raiseNonce(sql, floor))
            // The memory holds it, and the next nonce that the database takes carries it over.
            .pipe(Effect.catchTag("StoreFailed", () => Effect.void))
        )
      }),
    highest: recorded
  }
  return shape
})

export const layer: Layer.Layer<Nonce, never, Database | MarketClock> = Layer.effect(Nonce, make)
