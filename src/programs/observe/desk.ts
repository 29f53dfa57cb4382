/**
 * The order desk of observe mode: it has nothing that could send. Of an account that others trade on it names the orders
 * that it sees; whatever else the engine might want done is answered with "observing".
 */
import { Effect, Mailbox } from "effect"
import { Engine } from "../../services/Engine.ts"
import type { KrakenReads } from "../../services/KrakenRest.ts"
import type { DeskDecision, OrderDeskShape } from "../../services/OrderDesk.ts"
import { Store } from "../../services/Store.ts"
import type { ReadingDeps } from "../desk/Deps.ts"
import { identify } from "../desk/identify.ts"
import type { Stranger } from "../desk/identify.ts"

const CAPACITY = 1024
const AGAIN = "2 seconds"
/** What everything that would have to be sent is answered with. */
export const OBSERVING = "observing: nothing is sent"

/** Builds the desk over reads alone. */
export const makeObservingDesk = (rest: KrakenReads): Effect.Effect<OrderDeskShape, never, Engine | Store> =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const d: ReadingDeps = { engine, store: yield* Store, rest }
    const queue = yield* Mailbox.make<DeskDecision>({ capacity: CAPACITY, strategy: "dropping" })

    const name = (strangers: ReadonlyArray<Stranger>): Effect.Effect<void> =>
      strangers.length === 0
        ? Effect.void
        : Effect.flatMap(identify(d, strangers), (done) =>
            done ? Effect.void : Effect.zipRight(Effect.sleep(AGAIN), name(strangers))
          )

    const answer = (decision: DeskDecision): Effect.Effect<void> => {
      switch (decision._tag) {
        case "Propose":
          return engine.tell({
            _tag: "ProposalDropped",
            proposalId: decision.proposal.proposalId,
            why: OBSERVING
          })
        case "Amend":
          return engine.tell({
            _tag: "AmendOutcome",
            orderId: decision.order.id,
            outcome: { _tag: "NotSent", why: "void", text: OBSERVING }
          })
        case "Cancel":
          return engine.tell({
            _tag: "CancelOutcome",
            orderId: decision.order.id,
            result: "failed",
            text: OBSERVING
          })
        case "CancelStray":
          return Effect.logWarning(`${decision.exchangeId} is left as it is (${OBSERVING}): ${decision.reason}`)
        case "Settle":
        case "FetchOrder":
          // books of a trader that never sent an order hold none
          return Effect.logWarning(`order ${decision.order.id} is not looked up: observing has no orders of its own`)
        case "Identify":
          return Effect.void
      }
    }

    return {
      take: (decision) => queue.unsafeOffer(decision),
      run: Effect.forever(
        Effect.gen(function* () {
          const [decisions] = yield* queue.takeAll
          yield* Effect.forEach(decisions, answer, { discard: true })
          const strangers = [...decisions].filter((decision) => decision._tag === "Identify")
          yield* name(strangers)
        })
      ),
      // nothing is ever on its way to the exchange
      idle: () => Effect.succeed(true)
    }
  })
