/**
 * From proposal to wire (order protocol, steps 2 to 4): wait for budget and turn as a proposal, then approval, durable
 * intent and send in one step. No retry of any kind.
 */
import { Effect, Either, Exit } from "effect"
import type { EngineState } from "../../domain/engine/State.ts"
import { entryStops } from "../../domain/engine/Views.ts"
import type { SendOutcome } from "../../domain/order/Outcome.ts"
import type { CommittedIntent, Proposal } from "../../domain/order/Steps.ts"
import type { ApprovedOrder } from "../../domain/risk/Approved.ts"
import { CredentialsRefused } from "../../services/OrderDesk.ts"
import type { OrderTurn } from "../../services/KrakenRest.ts"
import type { Deps } from "./Deps.ts"

/** An approval that could not leave within this time (real) is void. */
export const APPROVAL_LIFE_MS = 1000
/** How long an order waits for earlier records to be durable before it goes on without (exits) or is dropped (entries). */
const DRAIN_MS = 2000

/** The last look, without a wait, right before the bytes are written: why the approval no longer holds, or nothing. */
export const voidReason = (state: EngineState, approved: ApprovedOrder, elapsedMs: number): string | undefined => {
  if (elapsedMs >= APPROVAL_LIFE_MS) return "the approval is older than a second"
  if (state.epoch !== approved.epoch) return "the fence was moved by another program"
  if (state.phase === "stopping") return "the trader is stopping"
  if (approved.proposal.purpose._tag === "Exit") return undefined
  const pair = state.pairs.get(approved.proposal.instrument.symbol)
  return pair === undefined ? "the pair is gone" : entryStops(state, pair)[0]
}

interface NotDurable {
  readonly why: "store" | "fence"
  readonly text: string
}

const commit = (d: Deps, approved: ApprovedOrder): Effect.Effect<Either.Either<CommittedIntent, NotDurable>> =>
  d.writer
    // what approving it changed (the day's count of entries) is durable with the intent, not after it
    .along((queued) => d.store.commitIntent(approved, d.clock.unsafeNow(), queued))
    .pipe(
      Effect.map(Either.right),
      Effect.catchTags({
        FenceMoved: (error) =>
          d.store.fence.pipe(
            Effect.flatMap((fence) => d.engine.tell({ _tag: "FenceSeen", fence })),
            Effect.catchTag("StoreFailed", () => Effect.void),
            Effect.as(
              Either.left({
                why: "fence" as const,
                text: `the fence is at ${error.current}, the order was approved at ${error.approved}`
              })
            )
          ),
        StoreFailed: (error) => aside(d, approved, error.message, error.reason)
      })
    )

/** The database cannot be written: an entry is not sent; an exit's intent goes to the side file with a nonce from memory. */
const aside = (
  d: Deps,
  approved: ApprovedOrder,
  text: string,
  reason: string
): Effect.Effect<Either.Either<CommittedIntent, NotDurable>> => {
  const lost = Either.left({ why: "store" as const, text })
  if (approved.proposal.purpose._tag === "Entry") return Effect.succeed(lost)
  return d.engine.tell({ _tag: "StoreDoubted", reason }).pipe(
    Effect.zipRight(d.nonce.next),
    Effect.flatMap((nonce) => d.store.commitExitAside(approved, nonce)),
    Effect.map(Either.right),
    Effect.catchTag("StoreFailed", () => Effect.succeed(lost))
  )
}

const settleAs = (d: Deps, approved: ApprovedOrder, outcome: SendOutcome): Effect.Effect<void> =>
  d.engine.tell({ _tag: "OutcomeSeen", orderId: approved.id, outcome })

/** Approval, intent and send. Must run uninterruptibly: between the reservation and its outcome nothing may be left open. */
const approveAndSend = (d: Deps, turn: OrderTurn, proposal: Proposal): Effect.Effect<SendOutcome | undefined> =>
  Effect.gen(function* () {
    const real = yield* Effect.clock
    // from before the question, so that a pause of the program between the answer and here counts too
    const askedAt = real.unsafeCurrentTimeMillis()
    // nothing is recorded or sent yet: only this wait may be interrupted, or a dead engine would hold the program's end up
    const verdict = yield* Effect.interruptible(d.engine.askApproval(proposal.proposalId))
    if (Either.isLeft(verdict)) return undefined
    const approved = verdict.right
    const intent = yield* commit(d, approved)
    if (Either.isLeft(intent)) {
      yield* d.engine.tell({ _tag: "IntentFailed", orderId: approved.id, why: intent.left.why, text: intent.left.text })
      return undefined
    }
    const lastLook = (): string | undefined =>
      voidReason(d.engine.unsafeState(), approved, real.unsafeCurrentTimeMillis() - askedAt)
    const sent = yield* Effect.exit(turn.addOrder(intent.right, lastLook))
    // whatever a defect hides, the request may have left
    const outcome: SendOutcome = Exit.isSuccess(sent)
      ? sent.value
      : { _tag: "Unknown", text: "the program failed while sending", recognised: false }
    yield* settleAs(d, approved, outcome)
    return outcome
  })

/** Carries one proposal to its outcome. Fails only when the key is refused. */
export const send = (d: Deps, proposal: Proposal): Effect.Effect<void, CredentialsRefused> => {
  const isEntry = proposal.purpose._tag === "Entry"
  return d.rest
    .orderTurn(isEntry ? "entry" : "exit", proposal.instrument.symbol, "add", (turn) =>
      Effect.gen(function* () {
        // what the engine decided before this order must not be younger on disk than the order itself
        const durable = yield* d.writer.drained(DRAIN_MS)
        if (!durable && isEntry) {
          yield* d.engine.tell({
            _tag: "ProposalDropped",
            proposalId: proposal.proposalId,
            why: "earlier records are not durable yet"
          })
          return undefined
        }
        return yield* Effect.uninterruptible(approveAndSend(d, turn, proposal))
      })
    )
    .pipe(Effect.flatMap(refusedKey))
}

/** A refused key ends the program. */
export const refusedKey = (outcome: SendOutcome | undefined): Effect.Effect<void, CredentialsRefused> =>
  outcome?._tag === "NotSent" && outcome.why === "credentials"
    ? Effect.fail(new CredentialsRefused({ text: outcome.text }))
    : Effect.void
