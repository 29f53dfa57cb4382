/** An order desk that carries nothing out: it keeps what it takes. */
import { Context, Deferred, Effect, Layer } from "effect"
import type { DeskDecision } from "../../services/OrderDesk.ts"
import { CredentialsRefused, OrderDesk } from "../../services/OrderDesk.ts"

export interface MockOrderDeskControlShape {
  /** Every decision that was taken, in order. */
  readonly taken: Effect.Effect<ReadonlyArray<DeskDecision>>
  /** From now on the queue is full, or no longer: nothing is taken. */
  readonly setFull: (full: boolean) => Effect.Effect<void>
  /** What `idle` answers from now on; true until told otherwise. No time passes. */
  readonly setIdle: (idle: boolean) => Effect.Effect<void>
  /** The key is refused: whoever runs the desk fails with this text. */
  readonly refuse: (text: string) => Effect.Effect<void>
}

/** Steers and inspects `MockOrderDesk`. */
export class MockOrderDeskControl extends Context.Tag("trader/layers/mock/MockOrderDesk/MockOrderDeskControl")<
  MockOrderDeskControl,
  MockOrderDeskControlShape
>() {}

const make = Effect.map(Deferred.make<never, CredentialsRefused>(), (refused) => {
  const taken: Array<DeskDecision> = []
  let full = false
  let idle = true
  return Context.make(OrderDesk, {
    take: (decision) => {
      if (!full) taken.push(decision)
      return !full
    },
    run: Deferred.await(refused),
    idle: () => Effect.sync(() => idle)
  }).pipe(
    Context.add(MockOrderDeskControl, {
      taken: Effect.sync(() => [...taken]),
      setFull: (next) =>
        Effect.sync(() => {
          full = next
        }),
      setIdle: (next) =>
        Effect.sync(() => {
          idle = next
        }),
      refuse: (text) => Effect.asVoid(Deferred.fail(refused, new CredentialsRefused({ text })))
    })
  )
})

export const MockOrderDesk: Layer.Layer<OrderDesk | MockOrderDeskControl> = Layer.effectContext(make)
