/**
 * The local Kraken put together: store, clock, market, exchange, port.
 *
 * A new data file begins the market and issues an API key; an old one goes on where it was, to the millisecond of market
 * time, with the same key. Whatever a client was told is in the file, also if the process ends at any instruction.
 */
import { randomBytes } from "node:crypto"
import { Clock, Context, Effect, Either, FiberSet, Layer, Redacted } from "effect"
import type { Scope } from "effect"
import type { MarketEvent, MarketSource } from "../../domain/exchange/Boundary.ts"
import type { Asset, Switches, Tier } from "../../domain/exchange/Config.ts"
import { defaultConfig, defaultPairs, tradingPermissions } from "../../domain/exchange/Config.ts"
import type { ExchangeConfig } from "../../domain/exchange/Config.ts"
import * as Exchange from "../../domain/exchange/Exchange.ts"
import { initial } from "../../domain/exchange/Initial.ts"
import { play } from "../../domain/exchange/market/Series.ts"
import type { Position, Series } from "../../domain/exchange/market/Series.ts"
import type { Row } from "../../domain/exchange/Persist.ts"
import { restore, rowsSince } from "../../domain/exchange/Persist.ts"
import type { ExchangeState } from "../../domain/exchange/State.ts"
import { view } from "../../domain/exchange/View.ts"
import type { Instrument } from "../../domain/market/Instrument.ts"
import { PairSymbol } from "../../domain/market/Instrument.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { MarketClock } from "../../services/Clock.ts"
import type { Fault, LocalKrakenShape, TapeError } from "../../services/LocalKraken.ts"
import { LocalKraken, LocalKrakenError } from "../../services/LocalKraken.ts"
import type { PaperMarket } from "../../services/Settings.ts"
import { makeAcceleratedClock } from "../node/AcceleratedClock.ts"
import type { Driver } from "./Driver.ts"
import { lastQuotes, makeDriver } from "./Driver.ts"
import { failure, openStore } from "./ExchangeStore.ts"
import type { ExchangeStore } from "./ExchangeStore.ts"
import { makeFaults } from "./Faults.ts"
import { chooseMarket } from "./markets.ts"
import { makeOperator } from "./Operator.ts"
import { openPort } from "./Port.ts"
import { makeRest } from "./Rest.ts"
import type { ExchangeKey } from "./settingsFile.ts"
import { defaultLimits, makeStreams } from "./Streams.ts"
import type { StreamLimits } from "./Streams.ts"

export interface LocalKrakenOptions {
  readonly market: PaperMarket
  readonly seed: number
  /** Starting account of a new data file: stream asset name to amount text. */
  readonly balances: Readonly<Record<string, string>>
  /** Market seconds per real second. */
  readonly speed: number
  /** `exchange.db`; without it the account lives in memory. */
  readonly file?: string
  /** 0, the default, is any free one. */
  readonly port?: number
  /** Pairs of the generated market; XLM/USD unless told. */
  readonly symbols?: ReadonlyArray<PairSymbol>
  /** Where the market of a new data file begins: part of a tape, or the date of a generated market (the machine's, unless told). */
  readonly from?: EpochMs
  /** Where a tape stops. */
  readonly to?: EpochMs
  readonly tier?: Tier
  readonly switches?: Partial<Switches>
  /** Rules of the pairs that the exchange lists. */
  readonly pairs?: ReadonlyArray<Instrument>
  readonly lockout?: ExchangeConfig["lockout"]
  /** Seed of the faults' chances; the market's unless told. */
  readonly faultSeed?: number
  readonly streamLimits?: Partial<StreamLimits>
  /** What was before the start of a market that is fed from outside: up to 720 bars that had ended, oldest first. */
  readonly history?: ExchangeConfig["history"]
  /** A generated market: whether an old file goes on at the machine's time, rather than where it stood still. */
  readonly keepsTime?: boolean
  /** Of a generated market: 2 doubles each move. */
  readonly volatility?: number
  /** Real milliseconds that a call or a frame takes there and back. */
  readonly latencyMs?: number
  /** How far its clock is ahead of the machine's (behind it, if negative). */
  readonly clockShiftMs?: number
  /** The account's keys, instead of the one that the file has made. The first is told to who starts it. */
  readonly keys?: ReadonlyArray<ExchangeKey>
  /** Faults that are armed from the start. */
  readonly armed?: ReadonlyArray<Fault>
}

/** A book older than this is not shown again after a restart; quotes come more often than that. */
const QUOTE_AGE_MS = 10_000
const KEY_BYTES = 42
const SECRET_BYTES = 64
const TOKEN_BYTES = 32

/** The assets that are always there, and those of pairs beside them. */
const assetsOf = (pairs: ReadonlyArray<Instrument>): ReadonlyArray<Asset> => {
  const assets = new Map(defaultConfig.assets.map((asset) => [asset.name, asset]))
  for (const { base, baseDecimals, baseId } of pairs) {
    if (assets.has(base)) continue
    assets.set(base, { name: base, id: baseId, altname: base, decimals: baseDecimals, displayDecimals: 5 })
  }
  return [...assets.values()]
}

const startingBalances = (
  given: Readonly<Record<string, string>>,
  assets: ReadonlyArray<Asset>
): Either.Either<ReadonlyMap<string, bigint>, LocalKrakenError> =>
  Either.map(
    Either.all(
      Object.entries(given).map(([asset, text]) => {
        const known = assets.find((one) => one.name === asset)
        const amount = Either.getOrUndefined(Fixed.parse(text))
        return known !== undefined && amount !== undefined && amount >= 0n
          ? Either.right([asset, Fixed.toDecimals(amount, known.decimals, "down")] as const)
          : Either.left(
              new LocalKrakenError({
                reason: "settings",
                message: `A starting balance of ${asset} is not possible: assets are ${assets.map((one) => one.name).join(", ")}, amounts are plain decimals, 0 or more.`
              })
            )
      })
    ),
    (entries) => new Map(entries)
  )

/** What the data file says of itself; made when it is new. */
interface Identity {
  readonly apiKey: string
  readonly apiSecret: string
  /** Where the market began. */
  readonly start: EpochMs
}

const identify = (
  store: ExchangeStore,
  path: string,
  bound: { readonly market: string; readonly account: string; readonly start: EpochMs }
): Effect.Effect<Identity & { readonly rows: ReadonlyArray<Row> | undefined }, LocalKrakenError> =>
  Effect.gen(function* () {
    const known = yield* Effect.try({
      try: () => ({
        market: store.meta("market"),
        account: store.meta("account"),
        apiKey: store.meta("api_key"),
        apiSecret: store.meta("api_secret"),
        start: Number(store.meta("start")),
        rows: store.rows()
      }),
      catch: (cause) => failure(path, cause)
    })
    if (known.market === undefined) {
      const fresh = {
        apiKey: randomBytes(KEY_BYTES).toString("base64"),
        apiSecret: randomBytes(SECRET_BYTES).toString("base64"),
        start: bound.start
      }
      return { ...fresh, rows: undefined }
    }
    const { apiKey, apiSecret, rows, start } = known
    if (apiKey === undefined || apiSecret === undefined || !Number.isSafeInteger(start)) {
      return yield* new LocalKrakenError({
        reason: "data",
        message: `${path} lacks its API key or its start. Paper money only is lost: start anew with --fresh.`
      })
    }
    if (known.market !== bound.market || known.account !== bound.account) {
      return yield* new LocalKrakenError({
        reason: "bound",
        message: `${path} belongs to another market or account (${known.market}; ${known.account}), not to ${bound.market}; ${bound.account}. Use another DATA_DIR, or start anew with --fresh.`
      })
    }
    return { apiKey, apiSecret, start, rows }
  })

/** Starts it; everything ends with the scope. */
export const makeLocalKraken = (
  options: LocalKrakenOptions
): Effect.Effect<LocalKrakenShape, LocalKrakenError | TapeError, Scope.Scope> =>
  Effect.gen(function* () {
    const path = options.file ?? "the exchange in memory"
    const readAt = yield* Clock.currentTimeNanos
    const pairs = options.pairs ?? defaultPairs
    const balances = yield* startingBalances(options.balances, assetsOf(pairs))
    const market = yield* chooseMarket({
      market: options.market,
      seed: options.seed,
      pairs,
      symbols: options.symbols ?? [PairSymbol("XLM/USD")],
      from: options.from,
      to: options.to,
      realNow: (yield* Clock.currentTimeMillis) + (options.clockShiftMs ?? 0),
      keepsTime: options.keepsTime ?? false,
      volatility: options.volatility
    })
    const store = yield* openStore(options.file)
    const account = JSON.stringify(
      Object.fromEntries([...balances].map(([asset, value]) => [asset, Fixed.show(value)]))
    )
    const identity = yield* identify(store, path, { market: market.name, account, start: market.start })

    const primary = options.keys?.[0] ?? { key: identity.apiKey, secret: identity.apiSecret }
    const keys: ReadonlyArray<ExchangeKey> = options.keys ?? [primary]
    const series = market.series(identity.start)
    const config: ExchangeConfig = {
      ...defaultConfig,
      seed: options.seed,
      tier: options.tier ?? defaultConfig.tier,
      pairs,
      assets: assetsOf(pairs),
      balances,
      keys: keys.map((one) => ({
        apiKey: one.key,
        permissions: one.permissions ?? tradingPermissions,
        nonceWindow: BigInt(one.nonceWindow ?? 0),
        name: one.name ?? "paper",
        ipAllowlist: one.ipAllowlist ?? [],
        ...(one.validUntil === undefined ? {} : { validUntil: one.validUntil })
      })),
      switches: { ...defaultConfig.switches, ...options.switches },
      lockout: options.lockout ?? defaultConfig.lockout,
      history: () => []
    }
    const begun = yield* begin({
      config,
      identity,
      series,
      path,
      resumesAt: market.resumesAt,
      history: options.history
    })

    const commit = (before: ExchangeState | undefined, after: ExchangeState): LocalKrakenError | undefined =>
      Either.getOrUndefined(
        Either.flip(
          Either.try({ try: () => store.commit(rowsSince(before, after)), catch: (cause) => failure(path, cause) })
        )
      )
    if (identity.rows === undefined) {
      yield* Effect.try({
        try: () =>
          store.commit(rowsSince(undefined, begun.state), {
            market: market.name,
            account,
            api_key: identity.apiKey,
            api_secret: identity.apiSecret,
            start: String(identity.start)
          }),
        catch: (cause) => failure(path, cause)
      })
    }

    // At the machine's own speed a new market begins at the machine's time; making its past has taken some of that.
    const late =
      options.speed <= 1 && options.from === undefined && (identity.rows === undefined || options.keepsTime === true)
    const madeInMs = late ? Number(((yield* Clock.currentTimeNanos) - readAt) / 1_000_000n) : 0
    const clock = yield* makeAcceleratedClock({ start: begun.state.now + madeInMs, speed: options.speed })
    const runFork = yield* FiberSet.makeRuntime<never>()
    const fork = (effect: Effect.Effect<unknown>): void => {
      runFork(effect)
    }
    let out = false
    const faults = makeFaults(options.faultSeed ?? options.seed)
    for (const fault of options.armed ?? []) faults.add(fault)
    const latencyMs = options.latencyMs ?? 0
    // The streams carry what the driver gives, and give what they hear to the driver.
    const theDriver = (): Driver => made
    const streams = makeStreams({
      driver: theDriver,
      clock,
      faults,
      fork,
      limits: { ...defaultLimits, ...options.streamLimits },
      latencyMs,
      isOut: () => out
    })
    const made: Driver = yield* makeDriver({
      initial: begun.state,
      source: begun.source,
      clock,
      commit,
      deliver: streams.deliver
    })
    const operate = makeOperator({
      driver: made,
      clock,
      apiKey: primary.key,
      disconnect: streams.disconnect,
      outage: (on) => {
        out = on
      }
    })
    const controlToken = Redacted.make(randomBytes(TOKEN_BYTES).toString("base64url"))
    const handle = makeRest({
      driver: theDriver,
      clock,
      faults,
      latencyMs,
      secrets: new Map(keys.map(({ key, secret }) => [key, secret])),
      controlToken,
      operate,
      refuse: (realMs) => port.refuse(realMs),
      isOut: () => out
    })
    const feed = (events: ReadonlyArray<MarketEvent>): Effect.Effect<void, LocalKrakenError> =>
      made.run((state, now) => ({ ...Exchange.market(state, events, now), value: undefined }))
    yield* feed(begun.quotes)
    yield* made.settle
    // The last instant is kept when the exchange is closed, so that market time goes on from there.
    yield* Effect.addFinalizer(() =>
      Effect.ignore(made.run((state, now) => ({ ...Exchange.tick(state, now), value: undefined })))
    )
    yield* made.pump
    yield* Effect.forkScoped(streams.sweep)
    const port = yield* openPort({
      port: options.port ?? 0,
      onRequest: (request, response) => fork(handle(request, response)),
      onUpgrade: streams.upgrade,
      fork
    })
    const address = `127.0.0.1:${port.number}`
    return LocalKraken.of({
      restUrl: `http://${address}`,
      wsUrl: `ws://${address}/v2`,
      wsAuthUrl: `ws://${address}/auth/v2`,
      credentials: { key: Redacted.make(primary.key), secret: Redacted.make(primary.secret) },
      controlToken,
      clock,
      faults: {
        add: (fault) => Effect.sync(() => faults.add(fault)),
        clear: (id) => Effect.sync(() => faults.clear(id)),
        list: Effect.sync(faults.list)
      },
      operate,
      feed,
      settle: made.settle,
      view: Effect.sync(() => view(made.state())),
      marketEnd: begun.source.end
    })
  })

/** The state to go on from, the market from there on, and the book as it stood. */
const begin = (parts: {
  readonly config: ExchangeConfig
  readonly identity: Identity & { readonly rows: ReadonlyArray<Row> | undefined }
  readonly series: ReadonlyArray<Series>
  readonly path: string
  readonly resumesAt: EpochMs
  readonly history: ExchangeConfig["history"] | undefined
}) => {
  const { config, path, resumesAt, series } = parts
  const { rows, start } = parts.identity
  const past = (source: MarketSource<Position>): ExchangeConfig => ({
    ...config,
    history: parts.history ?? source.history
  })
  if (rows === undefined) {
    const source = play(series, start)
    return Effect.succeed({ source, quotes: [], state: initial(past(source), start) })
  }
  return restore(config, rows, start).pipe(
    Either.flatMap((bare) => {
      const at = Math.max(bare.now, resumesAt)
      // Everything up to this instant has been played; the book is shown again as it stood.
      const source = play(series, at + 1)
      const recent = play(series, Math.max(start, at - QUOTE_AGE_MS))
      const quotes = lastQuotes(recent.advance(recent.initial, at).events, at)
      return Either.map(restore(past(source), rows, at), (state) => ({ source, quotes, state }))
    }),
    Either.mapLeft(
      (corrupt) =>
        new LocalKrakenError({
          reason: "data",
          message: `${path} does not hold a sound account: ${corrupt.why}. Paper money only is lost: start anew with --fresh.`
        })
    )
  )
}

/** The local Kraken and, as the trader's market clock, its own. */
export const localKraken = (
  options: LocalKrakenOptions
): Layer.Layer<LocalKraken | MarketClock, LocalKrakenError | TapeError> =>
  Layer.flatMap(Layer.scoped(LocalKraken, makeLocalKraken(options)), (context) => {
    const kraken = Context.get(context, LocalKraken)
    return Layer.merge(Layer.succeed(LocalKraken, kraken), Layer.succeed(MarketClock, kraken.clock))
  })
