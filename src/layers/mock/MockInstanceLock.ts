/** Instance locks without files: free until the test says that somebody else holds one. */
import { Context, Effect, Layer } from "effect"
import type { LockUnusable } from "../../services/InstanceLock.ts"
import { InstanceLock, LockHeld } from "../../services/InstanceLock.ts"

export interface MockInstanceLockControlShape {
  /** From now on another process holds this lock; `undefined`: none does. */
  readonly holdElsewhere: (what: LockHeld["what"] | undefined) => Effect.Effect<void>
  /** From now on the folder cannot be locked at all; `undefined`: it can. */
  readonly breakWith: (problem: LockUnusable | undefined) => Effect.Effect<void>
  /** What `verify` answers: false when the locked file is no longer the one at its path. */
  readonly setVerified: (verified: boolean) => Effect.Effect<void>
  /** Whether the locks are held by this program now. */
  readonly held: Effect.Effect<boolean>
}

/** Steers and inspects `MockInstanceLock`. */
export class MockInstanceLockControl extends Context.Tag("trader/layers/mock/MockInstanceLock/MockInstanceLockControl")<
  MockInstanceLockControl,
  MockInstanceLockControlShape
>() {}

const PATH = "mock/.trading_lock"

const make = () => {
  let elsewhere: LockHeld["what"] | undefined
  let problem: LockUnusable | undefined
  let verified = true
  let holders = 0
  const usable = Effect.suspend(() => (problem === undefined ? Effect.void : Effect.fail(problem)))
  const free = Effect.suspend(() =>
    elsewhere === undefined && holders === 0
      ? Effect.void
      : Effect.fail(new LockHeld({ what: elsewhere ?? "data folder", path: PATH, holder: "pid 1" }))
  )
  const acquire = Effect.acquireRelease(
    Effect.zipRight(
      Effect.zipRight(usable, free),
      Effect.sync(() => {
        holders += 1
      })
    ),
    () =>
      Effect.sync(() => {
        holders -= 1
      })
  )
  return Context.make(InstanceLock, {
    acquire,
    verify: Effect.sync(() => verified),
    heldElsewhere: Effect.map(usable, () => elsewhere === "data folder")
  }).pipe(
    Context.add(MockInstanceLockControl, {
      holdElsewhere: (what) =>
        Effect.sync(() => {
          elsewhere = what
        }),
      breakWith: (next) =>
        Effect.sync(() => {
          problem = next
        }),
      setVerified: (next) =>
        Effect.sync(() => {
          verified = next
        }),
      held: Effect.sync(() => holders > 0)
    })
  )
}

export const MockInstanceLock: Layer.Layer<InstanceLock | MockInstanceLockControl> = Layer.effectContext(
  Effect.sync(make)
)
