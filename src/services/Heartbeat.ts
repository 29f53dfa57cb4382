/** Signs of life for a watcher elsewhere, so that silence is noticed by somebody who is not the trader. */
import type { Effect } from "effect"
import { Context } from "effect"

export interface HeartbeatShape {
  /**
   * Gives a sign of life now and regularly, as long as it runs and `alive` says that what it speaks for makes progress:
   * without progress there is silence, which is what the watcher waits for.
   * A watcher that cannot be reached is logged once when it begins and once when it ends, and touches nothing else.
   */
  readonly run: (alive: Effect.Effect<boolean>) => Effect.Effect<never>
}

export class Heartbeat extends Context.Tag("trader/services/Heartbeat")<Heartbeat, HeartbeatShape>() {}
