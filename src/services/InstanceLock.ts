/** One trader per data folder and per API key. Held by the operating system: it dies with the process. */
import type { Effect, Scope } from "effect"
import { Context, Data } from "effect"

/** Another process holds the lock (exit 75), or the folder cannot be locked. */
export class LockHeld extends Data.TaggedError("LockHeld")<{
  readonly what: "data folder" | "API key"
  readonly path: string
  readonly holder?: string
}> {}
export class LockUnusable extends Data.TaggedError("LockUnusable")<{
  readonly path: string
  readonly detail: string
}> {}

export interface InstanceLockShape {
  /** Takes both locks, before any network call, and holds them until the scope closes. */
  readonly acquire: Effect.Effect<void, LockHeld | LockUnusable, Scope.Scope>
  /** Whether the locked file is still the one at its path (somebody may have deleted or replaced it). */
  readonly verify: Effect.Effect<boolean>
  /** Whether some other process holds the data folder's lock now; takes nothing. */
  readonly heldElsewhere: Effect.Effect<boolean, LockUnusable>
}

export class InstanceLock extends Context.Tag("trader/services/InstanceLock")<InstanceLock, InstanceLockShape>() {}
