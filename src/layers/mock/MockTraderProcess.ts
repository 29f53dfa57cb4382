/** The process that holds the data folder: none, until the test names one. Nothing is ever killed. */
import { Context, Effect, Layer } from "effect"
import { CannotEnd, TraderProcess } from "../../services/TraderProcess.ts"

export interface MockTraderProcessControlShape {
  /** From now on this process holds the folder; `undefined`: none can be proved to. */
  readonly setHolder: (pid: number | undefined) => Effect.Effect<void>
  /** The processes that would have been ended, in order. */
  readonly ended: Effect.Effect<ReadonlyArray<number>>
}

/** Steers and inspects `MockTraderProcess`. */
export class MockTraderProcessControl extends Context.Tag(
  "trader/layers/mock/MockTraderProcess/MockTraderProcessControl"
)<MockTraderProcessControl, MockTraderProcessControlShape>() {}

const make = () => {
  let holder: number | undefined
  const ended: Array<number> = []
  return Context.make(TraderProcess, {
    end: Effect.suspend(() => {
      if (holder === undefined) return Effect.fail(new CannotEnd({ detail: "MockTraderProcess: nobody holds it" }))
      ended.push(holder)
      return Effect.succeed(holder)
    })
  }).pipe(
    Context.add(MockTraderProcessControl, {
      setHolder: (pid) =>
        Effect.sync(() => {
          holder = pid
        }),
      ended: Effect.sync(() => [...ended])
    })
  )
}

export const MockTraderProcess: Layer.Layer<TraderProcess | MockTraderProcessControl> = Layer.effectContext(
  Effect.sync(make)
)
