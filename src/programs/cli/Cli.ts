/**
 * The command line. It says which commands and options there are and nothing of what they do: that is given to it. What
 * it does not know is an error (64), never a start.
 */
import { Args, CliConfig, Command, HelpDoc, Options, ValidationError } from "@effect/cli"
import type { CliApp } from "@effect/cli"
import { Effect, Either, Option } from "effect"
import { causes } from "../../domain/breaker/BreakerState.ts"
import type { Cause } from "../../domain/breaker/BreakerState.ts"
import { nearest } from "../../domain/settings/spelling.ts"
import * as Value from "../../domain/settings/values.ts"
import type { CancelTarget } from "../../services/ControlServer.ts"
import { blows } from "../../services/Simulator.ts"
import type { Strike } from "../../services/Simulator.ts"
import type { Terminal } from "../../services/Terminal.ts"
import type { PriceOptions } from "../price/price.ts"
import type { SimulateOptions } from "../simulate/work.ts"
import { UsageError } from "./ExitCode.ts"
import { recordsCommands } from "./recordsCommands.ts"
import type { RecordsCommands } from "./recordsCommands.ts"
import { throughTerminal } from "./throughTerminal.ts"

/** What each command gets told. Durations are milliseconds of real time. */
export interface Commands<E, R> extends RecordsCommands<E, R> {
  readonly trade: (options: { readonly fresh: boolean }) => Effect.Effect<void, E, R>
  readonly status: (options: { readonly json: boolean; readonly watch: boolean }) => Effect.Effect<void, E, R>
  readonly stop: (options: {
    readonly timeoutMs: number | undefined
    readonly flatten: boolean
  }) => Effect.Effect<void, E, R>
  readonly flatten: (options: {
    readonly yes: boolean
    readonly force: boolean
    readonly timeoutMs: number | undefined
  }) => Effect.Effect<void, E, R>
  readonly recover: (options: { readonly yes: boolean; readonly json: boolean }) => Effect.Effect<void, E, R>
  readonly pause: Effect.Effect<void, E, R>
  readonly resume: Effect.Effect<void, E, R>
  readonly orders: (options: { readonly open: boolean; readonly json: boolean }) => Effect.Effect<void, E, R>
  readonly trades: (options: {
    readonly open: boolean
    readonly json: boolean
    readonly csv: boolean
  }) => Effect.Effect<void, E, R>
  readonly price: (options: PriceOptions) => Effect.Effect<void, E, R>
  readonly cancel: (target: CancelTarget) => Effect.Effect<void, E, R>
  readonly doctor: (options: { readonly json: boolean }) => Effect.Effect<void, E, R>
  readonly breaker: (options: {
    readonly action: "show" | "trip" | "reset"
    readonly cause: Cause | undefined
    readonly reason: string | undefined
  }) => Effect.Effect<void, E, R>
  readonly exchange: (options: ExchangeOptions) => Effect.Effect<void, E, R>
  readonly simulate: (options: SimulateOptions) => Effect.Effect<void, E, R>
}

/** Options of `exchange` as they were given; what is left out comes from the PAPER_ settings. */
export interface ExchangeOptions {
  readonly port: number
  readonly balances: string | undefined
  readonly market: string | undefined
  readonly seed: number | undefined
  readonly speed: number | undefined
  readonly data: string | undefined
  readonly settings: string | undefined
  readonly json: boolean
}

const NAMES = [
  "trade",
  "status",
  "stop",
  "pause",
  "resume",
  "orders",
  "trades",
  "price",
  "backup",
  "restore",
  "incident",
  "cancel",
  "flatten",
  "recover",
  "doctor",
  "breaker",
  "exchange",
  "simulate"
] as const

/** Seeds that a double holds exactly, however many follow. */
const MOST_SEED = 2 ** 52

const json = Options.boolean("json").pipe(Options.withDescription("print JSON, and nothing else, on standard output"))
const open = Options.boolean("open").pipe(Options.withDescription("only what is open"))

const fresh = Options.boolean("fresh").pipe(
  Options.withDescription("paper mode: put the old paper account aside (into backups/) and start anew")
)

const timeout = (description: string) =>
  Options.text("timeout").pipe(
    Options.withDescription(description),
    Options.mapEffect((text) =>
      Either.mapLeft(Value.duration("1s", "1h")(text), ({ wrong, allowed }) =>
        ValidationError.invalidValue(HelpDoc.p(`--timeout ${wrong}; allowed: ${allowed}`))
      )
    ),
    Options.optional
  )

const yes = Options.boolean("yes").pipe(Options.withAlias("y"), Options.withDescription("ask nothing"))

const wholeNumber = (name: string, least: number, most: number, description: string) =>
  Options.integer(name).pipe(
    Options.withDescription(description),
    Options.filterMap(
      (value) => (value >= least && value <= most ? Option.some(value) : Option.none()),
      `--${name} must be a whole number from ${least} to ${most}`
    )
  )

/** `12:crash`: the twelfth effect, and what becomes of it. */
const toStrike = (text: string): Either.Either<Strike, ValidationError.ValidationError> => {
  const [, number, word] = /^([1-9]\d{0,8}):(\w+)$/.exec(text) ?? []
  const how = blows.find((blow) => blow === word)
  return number === undefined || how === undefined
    ? Either.left(
        ValidationError.invalidValue(
          HelpDoc.p(`--strike is "${text}"; allowed: the number of an effect and ${blows.join(", ")}, e.g. 12:crash`)
        )
      )
    : Either.right({ effect: Number(number), how })
}

const toTarget = (
  ids: ReadonlyArray<string>,
  all: boolean,
  account: boolean
): Either.Either<CancelTarget, UsageError> => {
  if (all && ids.length === 0) return Either.right(account ? { _tag: "Account" } : { _tag: "Own" })
  if (!all && !account && ids.length > 0) return Either.right({ _tag: "Orders", ids })
  return Either.left(
    new UsageError({
      text: "cancel takes ids of orders, or --all (every order of this trader), or --all --account (every order of the whole account, also those placed by hand). Nothing was cancelled."
    })
  )
}

const commandsOf = <E, R>(run: Commands<E, R>) => {
  const trade = Command.make("trade", { fresh }, run.trade).pipe(
    Command.withDescription("Run the trader until it is stopped. This is also what happens without any command.")
  )
  const watch = Options.boolean("watch").pipe(
    Options.withDescription("on a terminal: draw it anew each second until Ctrl-C")
  )
  const status = Command.make("status", { json, watch }, run.status).pipe(
    Command.withDescription(
      "How the trader is, and why it does not enter if so. Exit code 0: trading, 1: not entering, 3: not running, 4: cannot tell."
    )
  )
  const stop = Command.make(
    "stop",
    {
      timeout: timeout("how long to wait, e.g. 30s or 2m; 30s unless told, with --flatten 2m for the sale too"),
      flatten: Options.boolean("flatten").pipe(
        Options.withDescription("sell everything that the trader holds first, without asking")
      )
    },
    ({ flatten, timeout: wait }) => run.stop({ flatten, timeoutMs: Option.getOrUndefined(wait) })
  ).pipe(Command.withDescription("Stop the running trader gracefully, wait for it, and say what is still held."))
  const flatten = Command.make(
    "flatten",
    {
      yes,
      force: Options.boolean("force").pipe(
        Options.withDescription("end the process of a trader that does not answer, and sell without it")
      ),
      timeout: timeout("how long the sale may take, waiting for Kraken included, e.g. 30s or 5m; 2m unless told")
    },
    ({ force, timeout: wait, yes: asked }) => run.flatten({ yes: asked, force, timeoutMs: Option.getOrUndefined(wait) })
  ).pipe(
    Command.withDescription(
      "Emergency: cancel the trader's orders and sell everything that it bought itself, never more, through the running trader or without it. Exit code 0: nothing is left, 1: something is, 86: something is not known."
    )
  )
  const pause = Command.make("pause", {}, () => run.pause).pipe(
    Command.withDescription("No new entries; exits go on. Holds across restarts until `resume`.")
  )
  const resume = Command.make("resume", {}, () => run.resume).pipe(Command.withDescription("Entries again."))
  const orders = Command.make("orders", { open, json }, run.orders).pipe(
    Command.withDescription("Orders in the books, newest first.")
  )
  const csv = Options.boolean("csv").pipe(
    Options.withDescription("every execution, oldest first, as CSV for spreadsheets and taxes")
  )
  const trades = Command.make("trades", { open, json, csv }, run.trades).pipe(
    Command.withDescription("Trades in the books, newest first.")
  )
  const price = Command.make(
    "price",
    {
      json,
      pairs: Args.text({ name: "pair" }).pipe(
        Args.withDescription("e.g. XLM/USD; the pairs of ALLOWED_PAIRS unless told"),
        Args.repeated
      )
    },
    run.price
  ).pipe(Command.withDescription("What pairs cost at the exchange now. Public calls only: needs no key and no trader."))
  const { backup, incident, restore } = recordsCommands(run)
  const cancel = Command.make(
    "cancel",
    {
      all: Options.boolean("all").pipe(Options.withDescription("every order of this trader")),
      account: Options.boolean("account").pipe(
        Options.withDescription("with --all: every order of the whole account, also those placed by hand")
      ),
      ids: Args.text({ name: "order" }).pipe(Args.withDescription("our id or the exchange's"), Args.repeated)
    },
    ({ all, account, ids }) => Effect.flatMap(toTarget(ids, all, account), run.cancel)
  ).pipe(
    Command.withDescription(
      "Cancel orders at once, through the running trader or without it, and verify that they are gone."
    )
  )
  const recover = Command.make("recover", { yes, json }, run.recover).pipe(
    Command.withDescription(
      "Bring books that were lost, or restored from an old backup, up to what the exchange tells of this trader's orders: shows the difference, asks, writes after a backup. Not while a trader runs."
    )
  )
  const doctor = Command.make("doctor", { json }, run.doctor).pipe(
    Command.withDescription("Check everything that must be right before trading, and say what to do where it is not.")
  )
  const breaker = Command.make(
    "breaker",
    {
      action: Args.choice<"show" | "trip" | "reset">(
        [
          ["show", "show"],
          ["trip", "trip"],
          ["reset", "reset"]
        ],
        { name: "action" }
      ).pipe(Args.withDefault("show" as const)),
      cause: Options.choice("cause", causes).pipe(
        Options.withDescription("which cause; trip: operator unless told, reset: all unless told"),
        Options.optional
      ),
      reason: Options.text("reason").pipe(Options.withDescription("why, for the history"), Options.optional)
    },
    ({ action, cause, reason }) =>
      run.breaker({ action, cause: Option.getOrUndefined(cause), reason: Option.getOrUndefined(reason) })
  ).pipe(Command.withDescription("The circuit breaker: show it, trip it, reset it."))
  const exchange = Command.make(
    "exchange",
    {
      port: wholeNumber("port", 0, 65_535, "port on 127.0.0.1; any free one unless told").pipe(Options.withDefault(0)),
      balances: Options.text("balances").pipe(
        Options.withDescription('starting account, e.g. {"USD":"100"}'),
        Options.optional
      ),
      market: Options.text("market").pipe(
        Options.withDescription("generated, kraken, or a path to a tape"),
        Options.optional
      ),
      seed: wholeNumber("seed", 0, Number.MAX_SAFE_INTEGER, "seed of the generated market").pipe(Options.optional),
      speed: wholeNumber("speed", 1, 60, "market seconds per real second").pipe(Options.optional),
      data: Options.text("data").pipe(
        Options.withDescription("folder that keeps the account over a restart; without it the account lives in memory"),
        Options.optional
      ),
      settings: Options.text("settings").pipe(
        Options.withDescription(
          "JSON file with these and more settings: keys, faults, latency, clock, tier, volatility"
        ),
        Options.optional
      ),
      json
    },
    ({ port, balances, data, market, seed, settings, speed, json: asJson }) =>
      run.exchange({
        port,
        balances: Option.getOrUndefined(balances),
        market: Option.getOrUndefined(market),
        seed: Option.getOrUndefined(seed),
        speed: Option.getOrUndefined(speed),
        data: Option.getOrUndefined(data),
        settings: Option.getOrUndefined(settings),
        json: asJson
      })
  ).pipe(
    Command.withDescription("Serve the local Kraken alone, for any Kraken client: docs/exchange.md tells all about it.")
  )
  const simulate = Command.make(
    "simulate",
    {
      seeds: wholeNumber("seeds", 1, 1_000_000, "how many seeds, one after the other; 10 unless told").pipe(
        Options.optional
      ),
      from: wholeNumber("from", 0, MOST_SEED, "the first seed; 1 unless told").pipe(Options.optional),
      days: Options.float("days").pipe(
        Options.withDescription("length of each run in simulated days; one hour unless told"),
        Options.filterMap(
          (days) => (days > 0 && days <= 366 ? Option.some(days) : Option.none()),
          "--days must be a number above 0, and at most 366"
        ),
        Options.optional
      ),
      scenario: Options.text("scenario").pipe(
        Options.withDescription("carry out the scenario of this name, or all of them"),
        Options.optional
      ),
      exhaustive: Options.boolean("exhaustive").pipe(
        Options.withDescription("strike every effect of the scenarios in every way, a run each")
      ),
      strike: Options.text("strike").pipe(
        Options.withDescription("N:fail, N:hang or N:crash: what becomes of the Nth effect of the run"),
        Options.mapEffect(toStrike),
        Options.optional
      ),
      plan: Options.text("plan").pipe(Options.withDescription("carry out the plan in this file"), Options.optional),
      journal: Options.text("journal").pipe(
        Options.withDescription("write all that is sent, heard, decided and done in the run to this file"),
        Options.optional
      ),
      workers: wholeNumber("workers", 1, 64, "how many runs side by side").pipe(Options.withDefault(1)),
      checkHeap: Options.boolean("check-heap").pipe(
        Options.withDescription("fail when the memory in use grows after the first simulated day")
      ),
      json
    },
    ({ days, from, journal, plan, scenario, seeds, strike, ...rest }) =>
      run.simulate({
        ...rest,
        seeds: Option.getOrUndefined(seeds),
        from: Option.getOrUndefined(from),
        days: Option.getOrUndefined(days),
        scenario: Option.getOrUndefined(scenario),
        strike: Option.getOrUndefined(strike),
        plan: Option.getOrUndefined(plan),
        journal: Option.getOrUndefined(journal)
      })
  ).pipe(
    Command.withDescription(
      "Run the trader against a simulated exchange and network on virtual time, with faults drawn from seeds, and check every rule it must keep. Exit code 0: all held, 1: one was broken; the replay is printed. Opens no data folder and calls nobody."
    )
  )
  return Command.make("kraken-trader").pipe(
    Command.withDescription(
      "A spot trading service for Kraken: paper by default, live when told to. Without a command it trades. Every command has --help; --version says the version; --completions prints a script for your shell."
    ),
    Command.withSubcommands([
      trade,
      status,
      stop,
      pause,
      resume,
      orders,
      trades,
      price,
      backup,
      restore,
      incident,
      cancel,
      flatten,
      recover,
      doctor,
      breaker,
      exchange,
      simulate
    ])
  )
}

/** Options that need no command. */
const GENERAL = /^(--help|-h|--version|--completions|--wizard)(=|$)/

/**
 * The arguments as the parser wants them: no command means `trade`, so that `--fresh` alone starts one; a first word that
 * is no command is refused here, whatever follows it.
 */
export const normalise = (args: ReadonlyArray<string>): Either.Either<ReadonlyArray<string>, UsageError> => {
  const [first] = args
  if (first === undefined || first.startsWith("-")) {
    return Either.right(args.some((arg) => GENERAL.test(arg)) ? args : ["trade", ...args])
  }
  if (NAMES.some((name) => name === first)) return Either.right(args)
  const meant = nearest(
    first,
    NAMES.map((name) => name.toUpperCase())
  )?.toLowerCase()
  return Either.left(
    new UsageError({
      text: `There is no command "${first}"${meant === undefined ? "." : `; did you mean ${meant}?`} Commands: ${NAMES.join(", ")}. Nothing was started.`
    })
  )
}

/** Parses `args` (without program and script) and runs what they ask for. */
export const runCli = <E, R>(
  args: ReadonlyArray<string>,
  version: string,
  commands: Commands<E, R>
): Effect.Effect<void, E | UsageError | ValidationError.ValidationError, R | CliApp.CliApp.Environment | Terminal> =>
  Effect.flatMap(normalise(args), (normal) =>
    Command.run(commandsOf(commands), { name: "kraken-trader", version })(["node", "kraken-trader", ...normal]).pipe(
      Effect.provideService(CliConfig.CliConfig, CliConfig.make({ showBuiltIns: false })),
      throughTerminal
    )
  )
