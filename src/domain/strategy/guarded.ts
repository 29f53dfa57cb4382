/**
 * A guard around strategies from outside: whatever a module throws or returns, the trader goes on.
 *
 * A throw or a malformed answer becomes Unready with the reason, so it can't be read as a signal (I18) and can't end a
 * fiber. Answers are rebuilt from the fields that were checked; views and candles are handed over as copies, so that a
 * module that writes to them changes nothing. What it can't do is end a loop that never ends.
 */
import { Either } from "effect"
import type { Candle } from "../market/Market.ts"
import type {
  AnyStrategy,
  EntrySignal,
  MarketView,
  PlannedExit,
  RunningStrategy,
  Signal,
  Strategy,
  StrategyInfo
} from "./Strategy.ts"

/** Signals in one step and features in one record, at most; more is a mistake. */
const MAX_SIGNALS = 16
const MAX_FEATURES = 200
/** Candles that failed steps may owe to the next one, at most: what the exchange would give as history. */
const MAX_OWED = 720
/** Longest text taken from a module; the rest is cut. */
const MAX_TEXT = 500

type Outcome = ReturnType<RunningStrategy["step"]>["outcome"]
type Unknowns = Readonly<Record<string, unknown>>
type Checked<A> = Either.Either<A, string>

/** What was thrown, as short text. A thrown value may be anything, even one whose text throws. */
export const thrownText = (thrown: unknown): string =>
  Either.getOrElse(
    Either.try(() => (thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown))),
    () => "something without a text"
  ).slice(0, MAX_TEXT)

/** Whether a value is an object whose fields can be looked at. */
export const isRecord = (value: unknown): value is Unknowns => typeof value === "object" && value !== null

const text = (value: unknown, what: string): Checked<string> =>
  typeof value === "string" ? Either.right(value.slice(0, MAX_TEXT)) : Either.left(`${what} is not a text`)

const positive = (value: unknown, what: string): Checked<number> =>
  typeof value === "number" && Number.isFinite(value) && value > 0
    ? Either.right(value)
    : Either.left(`${what} is not a positive number (${typeof value === "number" ? value : typeof value})`)

const readFeatures = (value: unknown): Checked<Readonly<Record<string, number>>> => {
  if (!isRecord(value) || Array.isArray(value)) return Either.left("features is not an object")
  const entries = Object.entries(value)
  if (entries.length > MAX_FEATURES) return Either.left(`features has more than ${MAX_FEATURES} entries`)
  const features: Record<string, number> = {}
  for (const [key, number] of entries) {
    if (typeof number !== "number" || !Number.isFinite(number))
      return Either.left(`feature ${key.slice(0, MAX_TEXT)} is not a finite number`)
    features[key] = number
  }
  return Either.right(features)
}

const readExit = (value: unknown, limit: number): Checked<PlannedExit> => {
  if (!isRecord(value)) return Either.left("the signal has no exit plan")
  return Either.flatMap(
    Either.all({
      target: positive(value["target"], "the exit's target"),
      stop: positive(value["stop"], "the exit's stop"),
      holdFor: positive(value["holdFor"], "the exit's holdFor")
    }),
    (exit): Checked<PlannedExit> =>
      exit.target > limit && exit.stop < limit
        ? Either.right(exit)
        : Either.left(`stop ${exit.stop}, limit ${limit}, target ${exit.target} do not rise in this order`)
  )
}

const readEntry = (value: Unknowns): Checked<EntrySignal> =>
  Either.gen(function* () {
    const limit = yield* positive(value["limit"], "the entry's limit")
    const exit = yield* readExit(value["exit"], limit)
    const reason = yield* text(value["reason"], "the entry's reason")
    const features = yield* readFeatures(value["features"])
    return { _tag: "Enter", limit, exit, reason, features }
  })

const readSignal = (value: unknown): Checked<Signal> => {
  const tag = isRecord(value) ? value["_tag"] : undefined
  if (isRecord(value) && tag === "Enter") return readEntry(value)
  if (isRecord(value) && tag === "Withdraw")
    return Either.map(text(value["reason"], "the withdrawal's reason"), (reason) => ({ _tag: "Withdraw", reason }))
  return Either.left("a signal is neither Enter nor Withdraw")
}

const readSignals = (value: unknown): Checked<ReadonlyArray<Signal>> => {
  if (!Array.isArray(value)) return Either.left("signals is not a list")
  if (value.length > MAX_SIGNALS) return Either.left(`there are more than ${MAX_SIGNALS} signals`)
  return Either.all(value.map(readSignal))
}

const readOutcome = (value: unknown): Checked<Outcome> =>
  Either.gen(function* () {
    if (!isRecord(value)) return yield* Either.left("there is no outcome")
    if (value["_tag"] === "Unready") return { _tag: "Unready", why: yield* text(value["why"], "why") }
    if (value["_tag"] !== "Ready") return yield* Either.left("the outcome is neither Ready nor Unready")
    const signals = yield* readSignals(value["signals"])
    return { _tag: "Ready", signals, features: yield* readFeatures(value["features"]) }
  })

/** Whether a value can be asked for steps. */
const isRunning = (value: unknown): value is RunningStrategy =>
  isRecord(value) && typeof value["step"] === "function" && typeof value["warmUp"] === "function"

/** Runs foreign code: what it throws becomes a text. */
export const attempt = <A>(run: () => A): Checked<A> =>
  Either.try({ try: run, catch: (thrown) => `it threw ${thrownText(thrown)}` })

const copyCandles = (candles: ReadonlyArray<Candle>): ReadonlyArray<Candle> => candles.map((candle) => ({ ...candle }))

/** A strategy that cannot go on: each step says why. Only a restart of the trader makes a new one. */
const broken = (why: string): RunningStrategy => {
  const self: RunningStrategy = { warmUp: () => self, step: () => ({ next: self, outcome: { _tag: "Unready", why } }) }
  return self
}

const stepped = (
  inner: RunningStrategy,
  view: MarketView,
  closed: ReadonlyArray<Candle>
): Checked<ReturnType<RunningStrategy["step"]>> =>
  Either.flatMap(
    attempt(() => {
      const answer: unknown = inner.step({ ...view, closed: copyCandles(closed) })
      if (!isRecord(answer) || !isRunning(answer["next"]))
        return Either.left("it returned no successor state (a step is not asynchronous)")
      const next = running(answer["next"])
      return Either.map(readOutcome(answer["outcome"]), (outcome) => ({ next, outcome }))
    }),
    (checked) => checked
  )

/**
 * `owed` are candles of steps that failed: the state is still the one before them, so they come again with the next
 * view. Left out, they would be a hole that the strategy can't see.
 */
const running = (inner: RunningStrategy, owed: ReadonlyArray<Candle> = []): RunningStrategy => ({
  warmUp: (candles) =>
    Either.match(
      attempt((): unknown => inner.warmUp(copyCandles(candles))),
      {
        onLeft: (why) => broken(`the strategy's warmUp failed: ${why}`),
        onRight: (next) => (isRunning(next) ? running(next, owed) : broken("the strategy's warmUp returned no state"))
      }
    ),
  step: (view) => {
    const closed = [...owed, ...view.closed]
    return Either.getOrElse(stepped(inner, view, closed), (problem) => {
      const why = `the strategy's step failed: ${problem}`
      const next = closed.length > MAX_OWED ? broken(`${why} (for ${closed.length} candles)`) : running(inner, closed)
      return { next, outcome: { _tag: "Unready", why } }
    })
  }
})

/**
 * A strategy from outside behind the guard, under information that was checked already. `begin` gives what should be a
 * `RunningStrategy`; whether it is one is looked at here.
 */
export const guarded = (info: StrategyInfo, begin: () => unknown): AnyStrategy => ({
  name: info.name,
  intervalMinutes: info.intervalMinutes,
  warmUpCandles: info.warmUpCandles,
  start: () =>
    Either.match(attempt(begin), {
      onLeft: (why) => broken(`the strategy did not start: ${why}`),
      onRight: (first) =>
        isRunning(first) ? running(first) : broken("the strategy did not start: it returned no state")
    })
})

/**
 * `conceal` for a strategy from outside: a step or warm-up that hands no state back has no successor, which the guard
 * reports, instead of one that begins from nothing.
 */
export const stateful = (strategy: Strategy<unknown>, state: unknown): unknown => ({
  warmUp: (candles: ReadonlyArray<Candle>) => {
    const next = strategy.warmUp(state, candles)
    return next === undefined ? undefined : stateful(strategy, next)
  },
  step: (view: MarketView) => {
    const answer: unknown = strategy.step(state, view)
    if (!isRecord(answer) || answer["state"] === undefined) return undefined
    return { next: stateful(strategy, answer["state"]), outcome: answer }
  }
})
