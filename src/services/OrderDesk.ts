/**
 * The order desk carries out what the engine decides about orders: proposals to the wire under the order protocol,
 * amends, cancels, and finding out what became of orders of unknown outcome.
 */
import type { Effect } from "effect"
import { Context, Data } from "effect"
import type { Decision } from "../domain/engine/Decision.ts"

/** Decisions that the desk takes. */
export type DeskDecision = Extract<
  Decision,
  { readonly _tag: "Propose" | "Cancel" | "Amend" | "Settle" | "FetchOrder" | "Identify" | "CancelStray" }
>

/** The key was refused while trading: nothing more can be done with it (exit 77). */
export class CredentialsRefused extends Data.TaggedError("CredentialsRefused")<{ readonly text: string }> {
  override get message(): string {
    return `Kraken refuses the API key: ${this.text}. The trader stops; resting orders are cancelled by the dead man's switch. Check the key's permissions, or make a new one.`
  }
}

export interface OrderDeskShape {
  /** Queues a decision; false when the desk is hopelessly behind (1,024), which latches the breaker. */
  readonly take: (decision: DeskDecision) => boolean
  /** Runs until interrupted, or until the key is refused. */
  readonly run: Effect.Effect<never, CredentialsRefused>
  /** Waits until nothing is on its way, at most so long (real milliseconds). */
  readonly idle: (timeoutMs: number) => Effect.Effect<boolean>
}

export class OrderDesk extends Context.Tag("trader/services/OrderDesk")<OrderDesk, OrderDeskShape>() {}
