/** Strategies by built-in name, or from a module on disk through a dynamic import. */
import { stat } from "node:fs/promises"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import type { Duration } from "effect"
import { Effect, Either, Layer } from "effect"
import { attempt, guarded, isRecord, stateful, thrownText } from "../../domain/strategy/guarded.ts"
import { MeanReversion } from "../../domain/strategy/MeanReversion.ts"
import type { AnyStrategy, Strategy, StrategyInfo, StrategyModule } from "../../domain/strategy/Strategy.ts"
import { StrategyLoader, StrategyRefused } from "../../services/StrategyLoader.ts"

const BUILT_IN: ReadonlyArray<StrategyModule> = [MeanReversion]

/** Kraken: OHLC intervals, in minutes. */
const INTERVALS: ReadonlyArray<number> = [1, 5, 15, 30, 60, 240, 1440, 10_080, 21_600]
/** Kraken: OHLC hands out 720 rows at most, the last of them unfinished. */
const MAX_WARM_UP = 719
/** Problems shown at once, at most. */
const MAX_PROBLEMS = 20

/** Real time that a module has to load; awaiting at its top level it could hang for ever. */
const IMPORT_TIMEOUT: Duration.DurationInput = "10 seconds"

type Unknowns = Readonly<Record<string, unknown>>
type Refusal = Either.Either<never, ReadonlyArray<string>>
type Checked<A> = Either.Either<A, ReadonlyArray<string>>
const refuse = (...problems: ReadonlyArray<string>): Refusal => Either.left(problems)

/** A name is a path when it has a separator or the ending of a module. */
const isPath = (name: string): boolean => /[/\\]|\.[cm]?[jt]s$/.test(name)

const unknownName = (): ReadonlyArray<string> => [
  `there is no built-in strategy of that name; there are: ${BUILT_IN.map((one) => one.name).join(", ")}`,
  "for a module of your own give its path, e.g. ./my-strategy.mjs"
]

const whyNotLoaded = (thrown: unknown): string => {
  const text = thrownText(thrown)
  if (isRecord(thrown) && thrown["code"] === "ERR_UNKNOWN_FILE_EXTENSION")
    return `this version of Node cannot load such a file; compile it to JavaScript (.mjs) first (${text})`
  if (thrown instanceof SyntaxError) return `the module is not valid JavaScript: ${text}`
  return `the module could not be loaded, it threw ${text}`
}

const whyNotFound = (path: string, thrown: unknown): string =>
  isRecord(thrown) && thrown["code"] === "ENOENT"
    ? `there is no file ${path}`
    : `${path} cannot be read: ${thrownText(thrown)}`

const importModule = (path: string): Effect.Effect<Unknowns, ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const found = yield* Effect.tryPromise({ try: () => stat(path), catch: (thrown) => [whyNotFound(path, thrown)] })
    if (!found.isFile()) return yield* Effect.fail([`${path} is not a file`])
    return yield* Effect.tryPromise({
      try: (): Promise<Unknowns> => import(pathToFileURL(path).href),
      catch: (thrown) => [whyNotLoaded(thrown)]
    })
  }).pipe(
    Effect.timeoutFail({
      duration: IMPORT_TIMEOUT,
      onTimeout: () => ["the module did not finish loading within 10 s; does it wait for something at its top level?"]
    })
  )

/** The `make` of a loaded module's default export. */
const findMake = (loaded: Unknowns): Checked<(params: unknown) => unknown> => {
  const module = loaded["default"]
  if (module === undefined) return refuse("the module has no default export; export a StrategyModule as default")
  const make = isRecord(module) ? module["make"] : undefined
  if (!isRecord(module) || typeof make !== "function")
    return refuse("the module's default export has no function make(params)")
  if (typeof module["name"] !== "string" || module["name"] === "")
    return refuse("the module's default export has no name")
  return Either.right((params) => Reflect.apply(make, module, [params]))
}

/** The problems that a module's own check found. */
const problemsOf = (left: unknown): ReadonlyArray<string> => {
  const problems = isRecord(left) ? left["problems"] : undefined
  return Array.isArray(problems) && problems.length > 0
    ? problems.slice(0, MAX_PROBLEMS).map(thrownText)
    : ["the module refused its parameters and did not say why"]
}

const readInfo = (made: Unknowns): Checked<StrategyInfo> => {
  const { name, intervalMinutes, warmUpCandles } = made
  if (typeof name !== "string" || name === "") return refuse("the strategy has no name")
  if (typeof intervalMinutes !== "number" || !INTERVALS.includes(intervalMinutes))
    return refuse(`the strategy's intervalMinutes is not one of ${INTERVALS.join(", ")}`)
  if (typeof warmUpCandles !== "number" || !Number.isInteger(warmUpCandles) || warmUpCandles < 0)
    return refuse("the strategy's warmUpCandles is not a whole number")
  if (warmUpCandles > MAX_WARM_UP)
    return refuse(`the strategy's warmUpCandles is above ${MAX_WARM_UP}, more than the exchange hands out`)
  return Either.right({ name, intervalMinutes, warmUpCandles })
}

const hasStart = (made: object): made is Pick<AnyStrategy, "start"> =>
  "start" in made && typeof made.start === "function"

const hasSteps = (made: object): made is Strategy<unknown> =>
  "step" in made &&
  typeof made.step === "function" &&
  "warmUp" in made &&
  typeof made.warmUp === "function" &&
  "initial" in made

/**
 * The strategy in what `make` returned: an `Either` of effect, or a plain object of the same form (`{ _tag, right }`,
 * `{ _tag, left }`), holding an `AnyStrategy` or a `Strategy<S>`. So a module without any import can be one.
 */
const readMade = (made: unknown): Checked<AnyStrategy> => {
  if (isRecord(made) && made["_tag"] === "Left") return Either.left(problemsOf(made["left"]))
  const strategy = isRecord(made) && made["_tag"] === "Right" ? made["right"] : undefined
  if (!isRecord(strategy)) return refuse("make returned neither a strategy (Right) nor problems (Left)")
  return Either.flatMap(readInfo(strategy), (info): Checked<AnyStrategy> => {
    if (hasStart(strategy)) return Either.right(guarded(info, () => strategy.start()))
    if (hasSteps(strategy)) return Either.right(guarded(info, () => stateful(strategy, strategy.initial)))
    return refuse("the strategy has neither start() nor initial, warmUp() and step()")
  })
}

/** Binds parameters; a throw of the module's is a refusal. */
const bind = (make: (params: unknown) => unknown, params: unknown): Checked<AnyStrategy> =>
  Either.match(
    attempt(() => readMade(make(structuredClone(params)))),
    { onLeft: (why) => refuse(`make failed: ${why}`), onRight: (made) => made }
  )

const load = (name: string, params: Readonly<Record<string, unknown>>): Effect.Effect<AnyStrategy, StrategyRefused> => {
  const builtIn = BUILT_IN.find((one) => one.name === name)
  const found: Effect.Effect<(params: unknown) => unknown, ReadonlyArray<string>> = builtIn !== undefined
    ? Effect.succeed(() => builtIn.make(params))
    : isPath(name)
      ? Effect.flatMap(importModule(resolve(name)), findMake)
      : Effect.fail(unknownName())
  return found.pipe(
    Effect.flatMap((make) => bind(make, params)),
    Effect.mapError((problems) => new StrategyRefused({ strategy: name, problems }))
  )
}

/**
 * Loads strategies in this process. Paths are taken from the working directory; a module is loaded once, so a changed
 * file counts after a restart of the trader. A module is code that runs with all rights of the trader, API key included.
 */
export const StrategyLoaderNode: Layer.Layer<StrategyLoader> = Layer.succeed(
  StrategyLoader,
  StrategyLoader.of({ load })
)
