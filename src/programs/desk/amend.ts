/** Amends: journaled writes with absolute values and a deadline, sent in the same one step as an order. */
import { Effect, Either, Exit } from "effect"
import type { Decision } from "../../domain/engine/Decision.ts"
import type { SendOutcome } from "../../domain/order/Outcome.ts"
import type { CredentialsRefused } from "../../services/OrderDesk.ts"
import type { OrderTurn } from "../../services/KrakenRest.ts"
import type { Deps } from "./Deps.ts"
import { APPROVAL_LIFE_MS, refusedKey } from "./send.ts"

type Amend = Extract<Decision, { readonly _tag: "Amend" }>

const approveAndAmend = (d: Deps, turn: OrderTurn, amend: Amend): Effect.Effect<SendOutcome | undefined> =>
  Effect.gen(function* () {
    const real = yield* Effect.clock
    const { id } = amend.order
    const askedAt = real.unsafeCurrentTimeMillis()
    // nothing is recorded or sent yet: only this wait may be interrupted
    const verdict = yield* Effect.interruptible(d.engine.askAmend(id, amend.quantity, amend.limitPrice))
    if (Either.isLeft(verdict)) {
      yield* Effect.logDebug(`amend of ${id} not sent: ${verdict.left}`)
      return undefined
    }
    const { order, deadline } = verdict.right
    const told = (outcome: SendOutcome): Effect.Effect<SendOutcome> =>
      Effect.as(d.engine.tell({ _tag: "AmendOutcome", orderId: id, outcome }), outcome)
    const recorded = yield* Effect.either(d.store.commit([{ _tag: "Order", order }]))
    // an exit's amend goes on without its record: absolute values, and the order itself is known
    if (Either.isLeft(recorded) && order.purpose._tag === "Entry") {
      return yield* told({ _tag: "NotSent", why: "void", text: recorded.left.message })
    }
    const pair = d.engine.unsafeState().pairs.get(order.symbol)
    if (pair === undefined) return yield* told({ _tag: "NotSent", why: "void", text: "the pair is gone" })
    const lastLook = (): string | undefined => {
      const state = d.engine.unsafeState()
      if (state.phase === "stopping") return "the trader is stopping"
      return real.unsafeCurrentTimeMillis() - askedAt >= APPROVAL_LIFE_MS
        ? "the approval is older than a second"
        : undefined
    }
    const sent = yield* Effect.exit(
      turn.amendOrder(
        {
          ref: order.exchangeId === undefined ? { _tag: "Client", id } : { _tag: "Exchange", id: order.exchangeId },
          instrument: pair.instrument,
          quantity: amend.quantity,
          limitPrice: amend.limitPrice,
          postOnly: amend.postOnly,
          deadline
        },
        lastLook
      )
    )
    return yield* told(
      Exit.isSuccess(sent)
        ? sent.value
        : { _tag: "Unknown", text: "the program failed while sending", recognised: false }
    )
  })

/** Carries one amend to its outcome. Uninterruptible from the engine's word to the outcome, like an order. */
export const amendOrder = (d: Deps, amend: Amend): Effect.Effect<void, CredentialsRefused> =>
  d.rest
    .orderTurn(amend.order.purpose._tag === "Entry" ? "entry" : "exit", amend.order.symbol, "amend", (turn) =>
      Effect.uninterruptible(approveAndAmend(d, turn, amend))
    )
    .pipe(Effect.flatMap(refusedKey))
