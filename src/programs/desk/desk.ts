/** The order desk: takes the engine's decisions off its queue and runs each as a fiber of its own, one per order and kind. */
import { Deferred, Effect, FiberMap, Mailbox } from "effect"
import type { Scope } from "effect"
import type { CredentialsRefused, DeskDecision, OrderDeskShape } from "../../services/OrderDesk.ts"
import { amendOrder } from "./amend.ts"
import { cancel } from "./cancel.ts"
import type { Deps } from "./Deps.ts"
import { deps } from "./Deps.ts"
import { identify } from "./identify.ts"
import type { Stranger } from "./identify.ts"
import { fetchOrder } from "./lookup.ts"
import { send } from "./send.ts"
import { settle } from "./settle.ts"

const CAPACITY = 1024
const IDENTIFY_PAUSE = "2 seconds"

/** Strangers wait here so that one read names many. */
const identifyAll = (d: Deps, waiting: Map<string, Stranger>): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (waiting.size > 0) {
      const batch = [...waiting.values()]
      waiting.clear()
      if (yield* identify(d, batch)) continue
      for (const stranger of batch) waiting.set(stranger.exchangeId, stranger)
      yield* Effect.sleep(IDENTIFY_PAUSE)
    }
  })

const cancelStray = (d: Deps, decision: Extract<DeskDecision, { _tag: "CancelStray" }>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { pairs, rules } = d.engine.unsafeState()
    const symbol = [...pairs.keys()][0]
    if (symbol === undefined || rules.observing) return
    const done = yield* Effect.either(d.rest.cancelOrder({ _tag: "Exchange", id: decision.exchangeId }, symbol))
    yield* done._tag === "Left"
      ? Effect.logWarning(`cancel of ${decision.exchangeId} (${decision.reason}) failed: ${done.left.message}`)
      : Effect.logWarning(`cancelled ${decision.exchangeId}: ${decision.reason}`)
  })

/** Builds the desk; its fibers live in the scope it is built in. */
export const makeOrderDesk: Effect.Effect<OrderDeskShape, never, Effect.Effect.Context<typeof deps> | Scope.Scope> =
  Effect.gen(function* () {
    const d = yield* deps
    const queue = yield* Mailbox.make<DeskDecision>({ capacity: CAPACITY, strategy: "dropping" })
    const jobs = yield* FiberMap.make<string, void, never>()
    const refused = yield* Deferred.make<never, CredentialsRefused>()
    const strangers = new Map<string, Stranger>()
    let taking = 0

    /** A job is not started twice for the same order; the one in flight does the work of both. */
    const start = (key: string, job: Effect.Effect<void, CredentialsRefused>): Effect.Effect<void> =>
      Effect.asVoid(
        FiberMap.run(
          jobs,
          key,
          Effect.catchTag(job, "CredentialsRefused", (error) => Effect.asVoid(Deferred.fail(refused, error))),
          { onlyIfMissing: true }
        )
      )

    const carryOut = (decision: DeskDecision): Effect.Effect<void> => {
      switch (decision._tag) {
        case "Propose":
          return start(`propose:${decision.proposal.proposalId}`, send(d, decision.proposal))
        case "Amend":
          return start(`amend:${decision.order.id}`, amendOrder(d, decision))
        case "Cancel":
          return start(`cancel:${decision.order.id}`, cancel(d, decision.order))
        case "Settle":
          return start(`settle:${decision.order.id}`, settle(d, decision.order))
        case "FetchOrder":
          return start(`fetch:${decision.order.id}`, fetchOrder(d, decision.order))
        case "CancelStray":
          return start(`stray:${decision.exchangeId}`, cancelStray(d, decision))
        case "Identify":
          strangers.set(decision.exchangeId, { exchangeId: decision.exchangeId, clientId: decision.clientId })
          return start("identify", identifyAll(d, strangers))
      }
    }

    const loop = Effect.gen(function* () {
      while (true) {
        const [decisions] = yield* queue.takeAll
        taking += decisions.length
        for (const decision of decisions) {
          yield* carryOut(decision)
          taking -= 1
        }
      }
    })

    const size = Effect.all([FiberMap.size(jobs), queue.size])
    const desk: OrderDeskShape = {
      take: (decision) => queue.unsafeOffer(decision),
      // a job that dies of a defect ends the desk, and with it the program: nothing is sent by a desk that lost a job
      run: Effect.raceFirst(
        Effect.raceFirst(loop, Deferred.await(refused)),
        Effect.zipRight(FiberMap.join(jobs), Effect.never)
      ),
      idle: (timeoutMs) =>
        Effect.gen(function* () {
          while (true) {
            const [running, queued] = yield* size
            if (running === 0 && taking === 0 && queued._tag === "Some" && queued.value === 0) return true
            yield* Effect.sleep("20 millis")
          }
        }).pipe(Effect.timeoutTo({ duration: timeoutMs, onTimeout: () => false, onSuccess: (done: boolean) => done }))
    }
    return desk
  })
