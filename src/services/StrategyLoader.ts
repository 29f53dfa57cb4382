/** Finds a strategy by built-in name or by the path of a module, and binds its parameters. */
import type { Effect } from "effect"
import { Context, Data } from "effect"
import type { AnyStrategy } from "../domain/strategy/Strategy.ts"

/** The strategy cannot be used: no such name, module missing or throwing, wrong exports, parameters refused (exit 78). */
export class StrategyRefused extends Data.TaggedError("StrategyRefused")<{
  readonly strategy: string
  readonly problems: ReadonlyArray<string>
}> {
  override get message(): string {
    return `strategy ${this.strategy}: ${this.problems.join("; ")}`
  }
}

export interface StrategyLoaderShape {
  readonly load: (
    name: string,
    params: Readonly<Record<string, unknown>>
  ) => Effect.Effect<AnyStrategy, StrategyRefused>
}

export class StrategyLoader extends Context.Tag("trader/services/StrategyLoader")<
  StrategyLoader,
  StrategyLoaderShape
>() {}
