import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, TestClock } from "effect"

import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { DeskDecision } from "../../../src/services/OrderDesk.ts"
import { Engine } from "../../../src/services/Engine.ts"
import type { EngineShape } from "../../../src/services/Engine.ts"
import type { KrakenReads } from "../../../src/services/KrakenRest.ts"
import { Store } from "../../../src/services/Store.ts"
import type { StoreShape } from "../../../src/services/Store.ts"
import { makeObservingDesk, OBSERVING } from "../../../src/programs/observe/desk.ts"
import { entry, id } from "../../support/build.ts"
import { timedOut } from "../desk/support.ts"

type Told = Parameters<EngineShape["tell"]>[0]

/** Runs decisions through a desk over an exchange that answers reads as told; gives what the engine was told. */
const told = (decisions: ReadonlyArray<DeskDecision>, reads: ReadonlyArray<"no" | "found"> = []) =>
  Effect.gen(function* () {
    const events: Array<Told> = []
    let asked = 0
    const engine = {
      tell: (event: Told) => Effect.sync(() => void events.push(event))
    } as unknown as EngineShape // what the desk uses of it
    const store = { findOrder: () => Effect.succeed(Option.none()) } as unknown as StoreShape // as above
    const rest = {
      queryOrders: () =>
        Effect.suspend(() => {
          asked += 1
          return reads[asked - 1] === "found" ? Effect.succeed([]) : Effect.fail(timedOut())
        })
    } as unknown as KrakenReads // as above
    const desk = yield* makeObservingDesk(rest).pipe(
      Effect.provideService(Engine, engine),
      Effect.provideService(Store, store)
    )
    yield* Effect.forkScoped(desk.run)
    for (const decision of decisions) assert.isTrue(desk.take(decision))
    for (let i = 0; i < 5; i += 1) yield* TestClock.adjust("2 seconds")
    assert.isTrue(yield* desk.idle(10))
    return { asked, events }
  })

const order = entry({ id: id("kt1-a") })

describe("the desk of observe mode", () => {
  it.scoped("answers everything that would have to be sent with `observing`", () =>
    Effect.gen(function* () {
      const { events } = yield* told([
        { _tag: "Propose", proposal: { proposalId: 3 } } as unknown as DeskDecision, // nothing else of it is read
        { _tag: "Cancel", order, reason: "" },
        { _tag: "Amend", order, quantity: order.quantity, limitPrice: order.limitPrice, postOnly: true, reason: "" },
        { _tag: "CancelStray", exchangeId: ExchangeOrderId("OSTRAY"), reason: "not ours" },
        { _tag: "Settle", order },
        { _tag: "FetchOrder", order, reason: "" }
      ])
      assert.deepStrictEqual(events, [
        { _tag: "ProposalDropped", proposalId: 3, why: OBSERVING },
        { _tag: "CancelOutcome", orderId: order.id, result: "failed", text: OBSERVING },
        { _tag: "AmendOutcome", orderId: order.id, outcome: { _tag: "NotSent", why: "void", text: OBSERVING } }
      ])
    })
  )

  it.scoped("names the orders of others, and asks again until the exchange answers", () =>
    Effect.gen(function* () {
      const stranger = { _tag: "Identify", exchangeId: ExchangeOrderId("OX"), clientId: undefined } as const
      const { asked, events } = yield* told([stranger], ["no", "no", "found"])
      assert.strictEqual(asked, 3)
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["Identified"]
      )
    })
  )
})
