/** Strategies that the test hands out by name. */
import { Context, Effect, Layer } from "effect"
import type { AnyStrategy } from "../../domain/strategy/Strategy.ts"
import { StrategyLoader, StrategyRefused } from "../../services/StrategyLoader.ts"

export interface MockStrategyLoaderControlShape {
  /** From now on there is a strategy of this name. */
  readonly add: (name: string, strategy: AnyStrategy) => Effect.Effect<void>
  /** What was loaded, or asked for in vain, in order. */
  readonly loads: Effect.Effect<
    ReadonlyArray<{ readonly name: string; readonly params: Readonly<Record<string, unknown>> }>
  >
}

/** Steers and inspects `MockStrategyLoader`. */
export class MockStrategyLoaderControl extends Context.Tag(
  "trader/layers/mock/MockStrategyLoader/MockStrategyLoaderControl"
)<MockStrategyLoaderControl, MockStrategyLoaderControlShape>() {}

const make = () => {
  const known = new Map<string, AnyStrategy>()
  const loads: Array<{ readonly name: string; readonly params: Readonly<Record<string, unknown>> }> = []
  return Context.make(StrategyLoader, {
    load: (name, params) =>
      Effect.suspend(() => {
        loads.push({ name, params })
        const found = known.get(name)
        return found === undefined
          ? Effect.fail(new StrategyRefused({ strategy: name, problems: ["the test has no strategy of that name"] }))
          : Effect.succeed(found)
      })
  }).pipe(
    Context.add(MockStrategyLoaderControl, {
      add: (name, strategy) =>
        Effect.sync(() => {
          known.set(name, strategy)
        }),
      loads: Effect.sync(() => [...loads])
    })
  )
}

export const MockStrategyLoader: Layer.Layer<StrategyLoader | MockStrategyLoaderControl> = Layer.effectContext(
  Effect.sync(make)
)
