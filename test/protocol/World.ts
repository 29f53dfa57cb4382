/**
 * The whole trader against the local Kraken over real sockets, in this process: a market that the test moves, a strategy
 * that says what the test wants, faults, kills and restarts, and the exchange's own account as the judge.
 */
import * as FileSystem from "node:fs"
import * as OperatingSystem from "node:os"
import * as Path from "node:path"
import BetterSqlite3 from "better-sqlite3"
import { Deferred, Effect, Fiber, FiberRef, Layer, Logger, LogLevel } from "effect"
import type { Exit, Scope } from "effect"
import { tradeWith } from "../../src/app.ts"
import { pointedAt } from "../../src/app/localKraken.ts"
import type { AppError } from "../../src/app.ts"
import type { View } from "../../src/domain/exchange/View.ts"
import * as Money from "../../src/domain/money/Money.ts"
import { conceal } from "../../src/domain/strategy/Strategy.ts"
import type { MarketView, Signal } from "../../src/domain/strategy/Strategy.ts"
import { makeLocalKraken } from "../../src/layers/exchange/LocalKrakenServer.ts"
import type { LocalKrakenOptions } from "../../src/layers/exchange/LocalKrakenServer.ts"
import { mockSettingsValue } from "../../src/layers/mock/MockSettings.ts"
import * as InstanceLockNode from "../../src/layers/node/InstanceLockNode.ts"
import type { FlattenRun } from "../../src/programs/flatten/FlattenRun.ts"
import type { StopReport } from "../../src/programs/trade/shutdown.ts"
import { MarketClock } from "../../src/services/Clock.ts"
import type { MarketClockShape } from "../../src/services/Clock.ts"
import { InstanceLock } from "../../src/services/InstanceLock.ts"
import type { LocalKrakenShape } from "../../src/services/LocalKraken.ts"
import type { SettingsShape } from "../../src/services/Settings.ts"
import { StopSignal } from "../../src/services/StopSignal.ts"
import { limits as defaultLimits, XLM } from "../support/build.ts"

/** Of a scenario, which is some seconds of work; a loaded machine may take its time. */
export const PATIENCE = { timeout: 60_000 }

/** 2024-03-10T12:00:00Z */
export const START = 1_710_072_000_000

export interface Running {
  /** Asks for the graceful stop and waits for its end. */
  readonly stop: Effect.Effect<Exit.Exit<StopReport, AppError>>
  /** Cuts every fiber where it stands: no graceful stop, the switch stays armed. */
  readonly kill: Effect.Effect<void>
  readonly ended: Effect.Effect<Exit.Exit<StopReport, AppError>>
}

export interface Options {
  readonly balances?: Readonly<Record<string, string>>
  readonly exchange?: Partial<LocalKrakenOptions>
  readonly settings?: Partial<SettingsShape>
  readonly limits?: Partial<SettingsShape["limits"]>
  readonly bid?: string
  readonly spread?: string
}

/** What the strategy is told. */
export interface Told {
  /** Said once: emptied as it is said. */
  signals: Array<Signal>
  /** Said with every step, while set. */
  always: Signal | ((view: MarketView) => Signal) | undefined
  readonly views: Array<MarketView>
}

/** How one run differs from another on the same folder. */
export interface RunOptions {
  readonly clock?: MarketClockShape
  /** The run sells everything and ends. */
  readonly flatten?: FlattenRun
  /** Instead of the lines in `logs`. */
  readonly logging?: Layer.Layer<never>
}

type Level = readonly [price: string, quantity: string]

export const enter = (
  limit: number,
  change: { readonly target?: number; readonly stop?: number; readonly holdFor?: number } = {}
): Signal => ({
  _tag: "Enter",
  limit,
  exit: {
    target: change.target ?? limit * 1.02,
    stop: change.stop ?? limit * 0.98,
    holdFor: change.holdFor ?? 3_600_000
  },
  reason: "told by the test",
  features: { z: -2 }
})

export interface World {
  readonly dir: string
  readonly kraken: LocalKrakenShape
  readonly told: Told
  readonly logs: ReadonlyArray<string>
  /** Moves the outside market; quotes follow every market second. */
  readonly price: (bid: string, spread?: string) => Effect.Effect<void>
  /** Stops and resumes quotes (a quiet market). */
  readonly quiet: (value: boolean) => Effect.Effect<void>
  /** Quotes of the test's own making, however unsound, until the next `price`. */
  readonly book: (bids: ReadonlyArray<Level>, asks: ReadonlyArray<Level>) => Effect.Effect<void>
  /** The strategy's signal with every step from now on; nothing stops it. */
  readonly say: (signal: Told["always"]) => void
  /** One of the exchange's own controls. */
  readonly operate: (name: string, params?: Readonly<Record<string, string>>) => Effect.Effect<unknown>
  readonly settings: (change?: Partial<SettingsShape>) => SettingsShape
  readonly start: (change?: Partial<SettingsShape>, run?: RunOptions) => Effect.Effect<Running, never, Scope.Scope>
  readonly view: Effect.Effect<View>
  /** Rows of a query on the trader's own database. */
  readonly rows: (sql: string) => ReadonlyArray<Record<string, unknown>>
  /** Waits, by the real clock, until something holds; says what was waited for when it does not. */
  readonly until: <A>(what: string, look: Effect.Effect<A | undefined | false>, seconds?: number) => Effect.Effect<A>
  /** Lets the market time pass. */
  readonly pass: (marketMs: number) => Effect.Effect<void>
}

/** Own orders of one side on the exchange. */
export const own = (view: View, side: "buy" | "sell") =>
  view.orders.filter((order) => order.clOrdId !== undefined && order.side === side)

/** Without the line of every call. */
const notable = (logs: ReadonlyArray<string>): ReadonlyArray<string> =>
  logs.filter((line) => !line.includes("kraken call"))

export const makeWorld = (options: Options = {}): Effect.Effect<World, never, Scope.Scope> =>
  Effect.gen(function* () {
    const dir = yield* Effect.acquireRelease(
      Effect.sync(() => FileSystem.mkdtempSync(Path.join(OperatingSystem.tmpdir(), "trader-"))),
      (path) => Effect.sync(() => FileSystem.rmSync(path, { recursive: true, force: true }))
    )
    const kraken = yield* Effect.orDie(
      makeLocalKraken({
        market: { _tag: "Kraken" },
        seed: 1,
        balances: options.balances ?? { USD: "98.82" },
        speed: 60,
        from: START,
        ...options.exchange
      })
    )
    const market = {
      bid: Money.price(options.bid ?? "0.1"),
      spread: Money.price(options.spread ?? "0.0001"),
      quiet: false,
      book: undefined as readonly [ReadonlyArray<Level>, ReadonlyArray<Level>] | undefined
    }
    const level = ([price, quantity]: Level) => [Money.price(price), Money.quantity(quantity)] as const
    const quote = Effect.suspend(() =>
      kraken.feed([
        {
          _tag: "Quote",
          symbol: XLM,
          at: kraken.clock.unsafeNow(),
          bids: market.book?.[0].map(level) ?? [[market.bid, Money.quantity("100000")]],
          asks: market.book?.[1].map(level) ?? [[Money.Price(market.bid + market.spread), Money.quantity("100000")]]
        }
      ])
    )
    const trade = Effect.suspend(() =>
      kraken.feed([
        {
          _tag: "Trade",
          symbol: XLM,
          at: kraken.clock.unsafeNow(),
          price: market.bid,
          quantity: Money.quantity("1"),
          side: "sell"
        }
      ])
    )
    // a little past, so that OHLC has finished bars
    yield* Effect.orDie(quote)
    yield* Effect.orDie(trade)
    yield* kraken.clock.advance(300_000)
    yield* Effect.orDie(quote)
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.zipRight(
          kraken.clock.sleep(1000),
          Effect.suspend(() => (market.quiet ? Effect.void : Effect.orDie(quote)))
        )
      )
    )

    const told: Told = { signals: [], always: undefined, views: [] }
    const strategy = conceal<null>({
      name: "told",
      intervalMinutes: 1,
      warmUpCandles: 2,
      initial: null,
      warmUp: () => null,
      step: (state, view) => {
        told.views.push(view)
        const { always } = told
        const signals = always === undefined ? told.signals : [typeof always === "function" ? always(view) : always]
        told.signals = []
        return { _tag: "Ready", state, signals, features: {} }
      }
    })

    const logs: Array<string> = []
    const logger = Logger.replace(
      Logger.defaultLogger,
      Logger.map(Logger.logfmtLogger, (line) => {
        logs.push(line)
      })
    )
    const settings = (change: Partial<SettingsShape> = {}): SettingsShape =>
      pointedAt(
        {
          ...mockSettingsValue,
          mode: "paper",
          dataDir: dir,
          stateDir: Path.join(dir, "state"),
          limits: { ...defaultLimits(), minTradeInterval: 1000, cooldownAfterLoss: 0, ...options.limits },
          ...options.settings,
          ...change
        },
        kraken
      )

    const start = (
      change: Partial<SettingsShape> = {},
      options: RunOptions = {}
    ): Effect.Effect<Running, never, Scope.Scope> =>
      Effect.gen(function* () {
        const used = settings(change)
        const signal = yield* Deferred.make<StopSignal["Type"]>()
        const scope = yield* Effect.scope
        const run = Effect.scoped(
          Effect.gen(function* () {
            const lock = Layer.succeedContext(
              yield* Layer.build(
                InstanceLockNode.layer({
                  dataDir: used.dataDir,
                  stateDir: used.stateDir,
                  keyFingerprint: InstanceLockNode.keyFingerprint(kraken.credentials.key)
                })
              )
            )
            yield* Effect.flatMap(InstanceLock, (held) => held.acquire).pipe(Effect.provide(lock))
            return yield* tradeWith({
              settings: used,
              version: "0.0.0",
              clock: Layer.succeed(MarketClock, options.clock ?? kraken.clock),
              lock,
              strategy,
              ...(options.flatten === undefined ? {} : { flatten: options.flatten }),
              alongside: Effect.flatMap(StopSignal, (stop) => Effect.asVoid(Deferred.succeed(signal, stop)))
            })
          })
        ).pipe(
          Effect.locally(FiberRef.currentMinimumLogLevel, LogLevel.Trace),
          Effect.provide(options.logging ?? logger)
        )
        const fiber = yield* Effect.forkIn(run, scope)
        return {
          stop: Deferred.await(signal).pipe(
            Effect.flatMap((stop) => stop.request("the test is over")),
            Effect.raceFirst(Effect.asVoid(Fiber.await(fiber))),
            Effect.zipRight(Fiber.await(fiber))
          ),
          kill: Effect.asVoid(Fiber.interrupt(fiber)),
          ended: Fiber.await(fiber)
        }
      })

    const until: World["until"] = (what, look, seconds = 30) =>
      Effect.gen(function* () {
        while (true) {
          const found = yield* look
          if (found !== undefined && found !== false) return found
          yield* Effect.sleep("10 millis")
        }
      }).pipe(
        Effect.timeoutFail({
          duration: seconds * 1000,
          onTimeout: () => new Error(`waited ${seconds} s for: ${what}\n${notable(logs).slice(-25).join("\n")}`)
        }),
        Effect.orDie
      )

    return {
      dir,
      kraken,
      told,
      logs,
      price: (bid, spread) =>
        Effect.suspend(() => {
          market.bid = Money.price(bid)
          market.book = undefined
          if (spread !== undefined) market.spread = Money.price(spread)
          return Effect.orDie(quote)
        }),
      quiet: (value) =>
        Effect.sync(() => {
          market.quiet = value
        }),
      book: (bids, asks) =>
        Effect.suspend(() => {
          market.book = [bids, asks]
          return Effect.orDie(quote)
        }),
      say: (signal) => {
        told.always = signal
      },
      operate: (name, params = {}) => Effect.orDie(kraken.operate(name, params)),
      settings,
      start,
      view: Effect.zipRight(Effect.orDie(kraken.settle), kraken.view),
      rows: (sql) => {
        const file = Path.join(dir, "trading.db")
        if (!FileSystem.existsSync(file)) return []
        const db = new BetterSqlite3(file, { readonly: true })
        try {
          return db.prepare<[], Record<string, unknown>>(sql).all()
        } catch (cause) {
          // a run that has only begun to make its tables
          if (cause instanceof BetterSqlite3.SqliteError && cause.message.startsWith("no such table")) return []
          throw cause
        } finally {
          db.close()
        }
      },
      until,
      pass: (ms) => kraken.clock.sleep(ms)
    }
  })

/** The running trader's control server, as the command line finds it; nothing while it does not answer. */
export const ask = (world: World, path: string, body?: object): Effect.Effect<Record<string, unknown> | undefined> =>
  Effect.promise(async () => {
    try {
      const text = FileSystem.readFileSync(Path.join(world.dir, "control.json"), "utf8")
      const { token, url } = JSON.parse(text) as { readonly url: string; readonly token: string }
      const response = await fetch(`${url}${path}`, {
        ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
        headers: { authorization: `Bearer ${token}` }
      })
      return response.ok ? ((await response.json()) as Record<string, unknown>) : undefined
    } catch {
      return undefined
    }
  })

/** Ready to enter: the trader itself says that nothing stands in the way. */
export const ready = (world: World): Effect.Effect<void> =>
  Effect.asVoid(
    world.until(
      "the trader to be trading",
      Effect.map(ask(world, "/status"), (status) => status?.state === "trading" && world.told.views.length > 0)
    )
  )

/** Signals until the exchange has a new order of ours to buy. */
export const buy = (world: World, signal: Signal = enter(0.1)) =>
  Effect.gen(function* () {
    const before = own(yield* world.view, "buy").length
    return yield* world.until(
      "an entry on the exchange",
      Effect.gen(function* () {
        world.told.signals = [signal]
        const orders = own(yield* world.view, "buy")
        return orders.length > before ? orders.at(-1) : undefined
      })
    )
  })
