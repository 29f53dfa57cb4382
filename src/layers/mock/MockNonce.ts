/** Nonces from memory, by the rule of the real ones: max(market time, last + 1). */
import { Context, Effect, Layer } from "effect"
import { MarketClock } from "../../services/Clock.ts"
import { Nonce } from "../../services/Nonce.ts"

export interface MockNonceControlShape {
  /** Every nonce handed out, in order. */
  readonly issued: Effect.Effect<ReadonlyArray<bigint>>
  /** What `advance` was called with, in order. */
  readonly advances: Effect.Effect<ReadonlyArray<bigint | undefined>>
  /** Sets the highest nonce, as another process on the same records would. */
  readonly setHighest: (nonce: bigint) => Effect.Effect<void>
}

/** Steers and inspects `MockNonce`. */
export class MockNonceControl extends Context.Tag("trader/layers/mock/MockNonce/MockNonceControl")<
  MockNonceControl,
  MockNonceControlShape
>() {}

const make = Effect.map(MarketClock, (clock) => {
  let highest = 0n
  const issued: Array<bigint> = []
  const advances: Array<bigint | undefined> = []
  return Context.make(Nonce, {
    next: Effect.sync(() => {
      const now = BigInt(clock.unsafeNow())
      highest = now > highest ? now : highest + 1n
      issued.push(highest)
      return highest
    }),
    advance: (observed) =>
      Effect.sync(() => {
        advances.push(observed)
        if (observed !== undefined && observed > highest) highest = observed
      }),
    highest: Effect.sync(() => highest)
  }).pipe(
    Context.add(MockNonceControl, {
      issued: Effect.sync(() => [...issued]),
      advances: Effect.sync(() => [...advances]),
      setHighest: (nonce) =>
        Effect.sync(() => {
          highest = nonce
        })
    })
  )
})

export const MockNonce: Layer.Layer<Nonce | MockNonceControl, never, MarketClock> = Layer.effectContext(make)
