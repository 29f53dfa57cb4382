/** `subscribe` and `unsubscribe`: one answer per symbol, snapshots, and the refusals in Kraken's words. */
import { Either } from "effect"
import { PairSymbol } from "../../market/Instrument.ts"
import { keyOfToken, PERMISSION_DENIED, permits } from "../Access.ts"
import { intervals } from "../Boundary.ts"
import type { Permission } from "../Config.ts"
import * as Candles from "../Candles.ts"
import type { Draft } from "../Draft.ts"
import { putSession, send, sessionOf } from "../Draft.ts"
import type { OutRecord } from "../Json.ts"
import * as Limits from "../Limits.ts"
import type { Market, Session, Subscription } from "../State.ts"
import type { Refusal } from "../Validation.ts"
import { invalid, UNAVAILABLE } from "../Validation.ts"
import type { Asked } from "./Answer.ts"
import { accept, refuse } from "./Answer.ts"
import { balancesSnapshot } from "./Balances.ts"
import { executionsSnapshot } from "./Executions.ts"
import * as Fields from "./Fields.ts"
import * as Data from "./MarketData.ts"
import { message } from "./Text.ts"

const PRIVATE_ELSEWHERE = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
const PUBLIC_ELSEWHERE = "Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com"
export { PRIVATE_ELSEWHERE }

const DEPTHS = [10, 25, 100, 500, 1000]

/** A wanted subscription: what the answer says of it, and what follows the answer. */
interface Wanted {
  readonly subscription: Subscription
  readonly result: OutRecord
  readonly snapshot: string | undefined
}

type Build = (d: Draft, market: Market) => Wanted

/** Reads the parameters of a channel that is subscribed per symbol. */
type Reader = (asked: Asked) => Either.Either<Build, Refusal>

const ticker: Reader = ({ params }) =>
  Either.gen(function* () {
    const trigger = (yield* Fields.text(params, "event_trigger")) ?? "trades"
    const snapshot = (yield* Fields.boolean(params, "snapshot")) ?? true
    if (trigger !== "trades" && trigger !== "bbo") return yield* Either.left(invalid("event_trigger"))
    return (d: Draft, market: Market): Wanted => ({
      subscription: {
        channel: "ticker",
        symbol: market.rules.symbol,
        trigger,
        shown: Data.bestText(d.state, market)
      },
      result: { channel: "ticker", event_trigger: trigger, snapshot, symbol: market.rules.symbol },
      snapshot: snapshot ? Data.tickerMessage(d.state, market, "snapshot") : undefined
    })
  })

const book: Reader = ({ params }) =>
  Either.gen(function* () {
    const depth = Number((yield* Fields.integer(params, "depth")) ?? "10")
    const snapshot = (yield* Fields.boolean(params, "snapshot")) ?? true
    if (!DEPTHS.includes(depth)) return yield* Either.left("Subscription depth not supported")
    return (d: Draft, market: Market): Wanted => {
      const book = Data.sides(d.state, market, depth)
      return {
        subscription: { channel: "book", symbol: market.rules.symbol, depth, ...book },
        result: { channel: "book", depth, snapshot, symbol: market.rules.symbol },
        snapshot: snapshot ? Data.bookMessage(market.rules, "snapshot", book, book, d.state.now) : undefined
      }
    }
  })

const trade: Reader = ({ params }) =>
  Either.map(Fields.boolean(params, "snapshot"), (snapshot = false) => (_: Draft, market: Market): Wanted => ({
    subscription: { channel: "trade", symbol: market.rules.symbol },
    result: { channel: "trade", snapshot, symbol: market.rules.symbol },
    snapshot: snapshot ? Data.tradesSnapshot(market) : undefined
  }))

const ohlc: Reader = ({ params }) =>
  Either.gen(function* () {
    const interval = Number((yield* Fields.integer(params, "interval")) ?? "1")
    const snapshot = (yield* Fields.boolean(params, "snapshot")) ?? true
    if (!intervals.some((known) => known === interval)) return yield* Either.left(invalid("interval"))
    return (d: Draft, market: Market): Wanted => ({
      subscription: { channel: "ohlc", symbol: market.rules.symbol, interval },
      result: {
        channel: "ohlc",
        interval,
        snapshot,
        symbol: market.rules.symbol,
        warnings: ["timestamp is deprecated, use interval_begin"]
      },
      snapshot: snapshot ? Data.candlesMessage(market, interval, "snapshot", Candles.ROWS, d.state.now) : undefined
    })
  })

const perSymbol: ReadonlyMap<string, Reader> = new Map([
  ["ticker", ticker],
  ["book", book],
  ["trade", trade],
  ["ohlc", ohlc]
])

/** Whether two subscriptions are one and the same: channel, symbol and what else identifies them. */
const sameAs = (a: Subscription, b: Subscription): boolean =>
  a.channel === b.channel &&
  ("symbol" in a && "symbol" in b ? a.symbol === b.symbol : true) &&
  (a.channel === "ohlc" && b.channel === "ohlc" ? a.interval === b.interval : true) &&
  (a.channel === "ticker" && b.channel === "ticker" ? a.trigger === b.trigger : true)

/** As `sameAs`, with what only `unsubscribe` must repeat: a book's depth. */
const exactly = (a: Subscription, b: Subscription): boolean =>
  sameAs(a, b) && (a.channel === "book" && b.channel === "book" ? a.depth === b.depth : true)

/** Adds a subscription, answers, and sends its snapshot. */
const add = (d: Draft, session: Session, asked: Asked, wanted: Wanted, extra: OutRecord): void => {
  const now = sessionOf(d.state, session.id)
  if (now.subscriptions.some((one) => sameAs(one, wanted.subscription))) {
    return refuse(d, asked, "Already subscribed", extra)
  }
  const next = { ...now, subscriptions: [...now.subscriptions, wanted.subscription] }
  putSession(d, next)
  accept(d, asked, { result: wanted.result })
  if (wanted.snapshot !== undefined) send(d, next, wanted.snapshot, next.host === "auth")
}

const EXECUTION_WARNINGS = [
  "cancel_reason is deprecated, use reason",
  "stop_price is deprecated, use triggers.price",
  "trigger is deprecated use triggers.reference",
  "triggered_price is deprecated use triggers.last_price"
]

type PrivateChannel = "executions" | "balances"

const PERMISSION: Readonly<Record<PrivateChannel, Permission>> = {
  executions: "query-open-trades",
  balances: "query-funds"
}

const isPrivate = (channel: string): channel is PrivateChannel => channel === "executions" || channel === "balances"

const executions = (d: Draft, { params }: Asked, token: string): Either.Either<Wanted, Refusal> =>
  Either.gen(function* () {
    const orders = (yield* Fields.boolean(params, "snap_orders")) ?? true
    const trades = (yield* Fields.boolean(params, "snap_trades")) ?? false
    const orderStatus = (yield* Fields.boolean(params, "order_status")) ?? true
    const rateCounter = (yield* Fields.boolean(params, "ratecounter")) ?? false
    const snapshot = orders || trades
    const sequence = snapshot ? 1 : 0
    const rows = executionsSnapshot(d.state, { orders, trades })
    return {
      subscription: { channel: "executions", token, sequence, orderStatus, rateCounter },
      result: {
        channel: "executions",
        maxratecount: Limits.engineRules[d.state.tier].max / Limits.POINT,
        snapshot,
        snap_orders: orders,
        snap_trades: trades,
        warnings: EXECUTION_WARNINGS
      },
      snapshot: snapshot ? message("executions", "snapshot", rows, { sequence }) : undefined
    } satisfies Wanted
  })

const balances = (d: Draft, { params }: Asked, token: string): Either.Either<Wanted, Refusal> =>
  Either.map(Fields.boolean(params, "snapshot"), (snapshot = true): Wanted => {
    const sequence = snapshot ? 1 : 0
    return {
      subscription: { channel: "balances", token, sequence },
      result: { channel: "balances", snapshot },
      snapshot: snapshot ? balancesSnapshot(d.state, sequence) : undefined
    }
  })

const subscribePrivate = (d: Draft, session: Session, asked: Asked, channel: PrivateChannel): void =>
  Either.match(
    Either.gen(function* () {
      const token = yield* Fields.text(asked.params, "token")
      const key = yield* keyOfToken(d, token)
      if (!permits(key, [PERMISSION[channel]])) return yield* Either.left(PERMISSION_DENIED)
      return yield* (channel === "executions" ? executions : balances)(d, asked, String(token))
    }),
    { onLeft: (error) => refuse(d, asked, error), onRight: (wanted) => add(d, session, asked, wanted, {}) }
  )

const instruments = (d: Draft, snapshot: boolean): Wanted => ({
  subscription: { channel: "instrument" },
  result: { channel: "instrument", snapshot },
  snapshot: snapshot ? Data.instrumentMessage(d.state, "snapshot", [...d.state.markets.values()]) : undefined
})

/** Runs a request for each of its symbols, or refuses it where the symbol is unknown. */
const eachSymbol = (d: Draft, asked: Asked, run: (market: Market, symbol: OutRecord) => void): void => {
  const symbols = Fields.texts(asked.params, "symbol")
  if (symbols.length === 0) return refuse(d, asked, invalid("symbol"))
  for (const name of symbols) {
    const market = d.state.markets.get(PairSymbol(name))
    if (market === undefined) refuse(d, asked, `Currency pair not supported ${name}`, { symbol: name })
    else run(market, { symbol: name })
  }
}

/** The channel of a request, once it is at the right host and the exchange is there. */
const channelOf = (d: Draft, session: Session, asked: Asked): Either.Either<string, Refusal> => {
  const channel = Either.getOrUndefined(Fields.text(asked.params, "channel")) ?? ""
  const known = perSymbol.has(channel) || channel === "instrument"
  if (!known && !isPrivate(channel)) return Either.left("Unsupported event")
  if (isPrivate(channel) && session.host === "public") return Either.left(PRIVATE_ELSEWHERE)
  if (known && session.host === "auth") return Either.left(PUBLIC_ELSEWHERE)
  return d.state.system === "maintenance" ? Either.left(UNAVAILABLE) : Either.right(channel)
}

export const subscribe = (d: Draft, session: Session, asked: Asked): void => {
  const channel = channelOf(d, session, asked)
  if (Either.isLeft(channel)) return refuse(d, asked, channel.left)
  if (isPrivate(channel.right)) return subscribePrivate(d, session, asked, channel.right)
  const build = perSymbol.get(channel.right)?.(asked)
  if (build === undefined) {
    const snapshot = Either.getOrUndefined(Fields.boolean(asked.params, "snapshot")) ?? true
    return add(d, session, asked, instruments(d, snapshot), {})
  }
  if (Either.isLeft(build)) return refuse(d, asked, build.left)
  eachSymbol(d, asked, (market, symbol) => add(d, session, asked, build.right(d, market), symbol))
}

/** Removes a subscription; the refusal of an `unsubscribe` is labelled `subscribe`, as recorded. */
const remove = (
  d: Draft,
  session: Session,
  asked: Asked,
  matches: (one: Subscription) => boolean,
  result: OutRecord,
  extra: OutRecord
): void => {
  const now = sessionOf(d.state, session.id)
  const left = now.subscriptions.filter((one) => !matches(one))
  if (left.length === now.subscriptions.length) {
    return refuse(d, asked, "Subscription Not Found", { method: "subscribe", ...extra })
  }
  putSession(d, { ...now, subscriptions: left })
  const { warnings: _, snapshot: __, ...told } = result
  accept(d, asked, { result: told })
}

export const unsubscribe = (d: Draft, session: Session, asked: Asked): void => {
  const channel = channelOf(d, session, asked)
  if (Either.isLeft(channel)) return refuse(d, asked, channel.left, { method: "subscribe" })
  const build = perSymbol.get(channel.right)?.(asked)
  if (build === undefined) {
    const whole = (one: Subscription): boolean => one.channel === channel.right
    return remove(d, session, asked, whole, { channel: channel.right }, {})
  }
  if (Either.isLeft(build)) return refuse(d, asked, build.left, { method: "subscribe" })
  eachSymbol(d, asked, (market, symbol) => {
    const wanted = build.right(d, market)
    remove(d, session, asked, (one) => exactly(one, wanted.subscription), wanted.result, symbol)
  })
}
