/** What an effect prints with `Console.log`, line by line; it is not shown. */
import { Console, Effect } from "effect"

export const printed = <E, R>(effect: Effect.Effect<unknown, E, R>): Effect.Effect<ReadonlyArray<string>, E, R> =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const own = yield* Console.consoleWith(Effect.succeed)
    const log = (...args: ReadonlyArray<unknown>) =>
      Effect.sync(() => {
        lines.push(args.map(String).join(" "))
      })
    yield* Effect.withConsole(effect, { ...own, log })
    return lines
  })
