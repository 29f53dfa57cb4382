/** Signs of life for a watcher elsewhere, so that silence is noticed by somebody who is not the trader. */
import type { Effect } from "effect"
import { Context } from "effect"

export interface HeartbeatShape {
  /**
   * Gives a sign of life now and regularly, as long as it runs: whoever runs it ends it with the trading it speaks for.
   * A watcher that cannot be reached is logged once when it begins and once when it ends, and touches nothing else.
   */
  readonly run: Effect.Effect<never>
}

export class Heartbeat extends Context.Tag("trader/services/Heartbeat")<Heartbeat, HeartbeatShape>() {}
