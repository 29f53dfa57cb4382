/** The checks at the exchange: clock, status, key, pairs, fees, balances, orders that are not ours. Nothing is placed. */
import { Effect, Either } from "effect"
import { NONCE_AHEAD } from "../../domain/kraken/KrakenError.ts"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import type { Instrument, PairSymbol } from "../../domain/market/Instrument.ts"
import { minimumQuantity, roundPrice, roundQuantity } from "../../domain/market/Instrument.ts"
import type { Quote } from "../../domain/market/Market.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import * as Money from "../../domain/money/Money.ts"
import { isOwn } from "../../domain/order/Ids.ts"
import type { Limits } from "../../domain/risk/Limits.ts"
import { MarketClock } from "../../services/Clock.ts"
import { Installation } from "../../services/Installation.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import { Settings } from "../../services/Settings.ts"
import { count } from "../cli/text.ts"
import type { Check, Kind, Subject } from "./Check.ts"
import { fail, ok, warn } from "./Check.ts"
import { judgeKey } from "./key.ts"

const REACH = "Check the network and https://status.kraken.com, then try again."

/** Whether an error speaks against the key; anything else a read may fail with proves nothing. */
const kindOf = (error: KrakenError): "credentials" | "exchange" =>
  error._tag === "KrakenApiError" && (error.stop || error.nonceAhead === true) ? "credentials" : "exchange"

const unread = (subject: Subject, what: string, error: KrakenError, of?: string): Check => {
  const kind = kindOf(error)
  const said = error._tag === "KrakenApiError" && error.nonceAhead === true ? NONCE_AHEAD : error.message
  return fail(
    kind,
    subject,
    `${what} could not be read: ${said}`,
    kind === "credentials" ? "Check the API key and its permissions at Kraken." : REACH,
    of
  )
}

const checked = <A, R>(
  subject: Subject,
  what: string,
  read: Effect.Effect<A, KrakenError, R>,
  judge: (value: A) => ReadonlyArray<Check>
): Effect.Effect<ReadonlyArray<Check>, never, R> =>
  Effect.match(read, { onFailure: (error) => [unread(subject, what, error)], onSuccess: judge })

/** Measures the exchange's clock once: deadlines and nonces count from it. */
export const clockCheck = Effect.gen(function* () {
  const rest = yield* KrakenRest
  const clock = yield* MarketClock
  const { limits } = yield* Settings
  return yield* checked("clock", "the exchange's clock", Effect.zipRight(rest.time, clock.offset), ({ ms }) => [
    // REST stamps whole seconds: half a second either way is not skew
    Math.abs(ms) > limits.maxClockSkew + 1000
      ? fail("clock", "clock", `this machine's clock is ${Math.round(ms)} ms off`, "Synchronise it (NTP).")
      : ok(
          "clock",
          `this machine's clock is within ${limits.maxClockSkew} ms of the exchange's, as far as REST can tell`
        )
  ])
})

/** The key's own record. Nobody else uses the local exchange's key: what could be better about it is not said. */
export const keyCheck = Effect.gen(function* () {
  const rest = yield* KrakenRest
  const clock = yield* MarketClock
  const { mode } = yield* Settings
  const now = yield* clock.now
  return yield* checked("key", "the API key's record", rest.apiKeyInfo, (info) => {
    const { problems, warnings } = judgeKey(info, now, mode === "observe")
    return problems.length > 0
      ? [fail("credentials", "key", problems.join("; "), "Change the key's permissions at Kraken, or make a new key.")]
      : warnings.length > 0 && mode !== "paper"
        ? [warn("key", warnings.join("; "), "Edit the key at Kraken.")]
        : [ok("key", mode === "observe" ? "it may read, and may not withdraw" : "it may trade, and may not withdraw")]
  })
})

/** Whether the exchange is open. */
export const systemCheck = Effect.gen(function* () {
  const rest = yield* KrakenRest
  return yield* checked("system", "the system status", rest.systemStatus, (status) => [
    status === "online"
      ? ok("system", "the exchange is online")
      : warn("system", `the exchange is in ${status} mode`, "Entries wait until it is online.")
  ])
})

/** The rules of pairs, where all of them can be read, and which pairs the exchange does not trade in dollars. */
export const pairsCheck = (symbols: ReadonlyArray<PairSymbol>) =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const read = yield* Effect.either(rest.instruments(symbols))
    if (Either.isLeft(read)) {
      return { check: unread("pairs", "the pairs' rules", read.left), instruments: [], missing: [] }
    }
    const instruments = read.right.filter((i) => i.quote === "USD")
    const missing = symbols.filter((symbol) => !instruments.some((i) => i.symbol === symbol))
    return {
      check:
        missing.length === 0
          ? ok("pairs", `${symbols.join(", ")} exist`)
          : fail(
              "settings",
              "pairs",
              `the exchange does not trade ${missing.join(", ")} in dollars`,
              "Correct ALLOWED_PAIRS."
            ),
      instruments,
      missing
    }
  })

/** Whether every entry that the limits allow can be sold again: I17 at the present price. */
export const sizesCheck = (i: Instrument, quote: Quote, limits: Limits): Check => {
  const least = minimumQuantity(i, quote.bid)
  const most = roundQuantity(
    i,
    Money.quantityFor(Fixed.min(limits.maxTradeSize, limits.maxTotalExposure), quote.ask, "down")
  )
  const cost = Fixed.format(Fixed.toDecimals(Money.notional(quote.ask, least, "up"), 2, "up"), 2)
  const said = `the exchange's minimum is ${Fixed.show(least)} ${i.base}, $${cost} now`
  if (most < least) {
    return fail(
      "settings",
      "sizes",
      `${said}: more than MAX_TRADE_SIZE or MAX_TOTAL_EXPOSURE allow`,
      "Raise the limits, or choose another pair: no order is possible.",
      i.symbol
    )
  }
  // a sale at a loss brings less: what is bought must meet the cost minimum a tenth lower too
  const lower = roundPrice(i, Money.shiftPrice(quote.bid, Money.rate("-0.1"), "down"), "down")
  if (most < minimumQuantity(i, lower)) {
    return fail(
      "settings",
      "sizes",
      `${said}; after a fall of a tenth a full entry could not be sold any more`,
      "Raise MAX_TRADE_SIZE.",
      i.symbol
    )
  }
  return most < least * 2n
    ? warn(
        "sizes",
        `${said}; the largest entry is less than twice that, so a part of it may be too small to sell`,
        "Raise MAX_TRADE_SIZE if you can.",
        i.symbol
      )
    : ok("sizes", `${said}; entries are at most ${Fixed.show(most)} ${i.base}`, i.symbol)
}

/**
 * What a refused test order speaks against. Lack of funds is no mistake of anybody's: they may be at work. What passes by
 * itself (a mode, a limit, no answer), and a text that nobody knows, proves nothing.
 */
const refusalOf = (error: KrakenError): Kind | "funds" => {
  const kind = kindOf(error)
  if (kind === "credentials" || error._tag !== "KrakenApiError") return kind
  if (error.kind === "arguments") return "settings"
  if (error.kind !== "rejected") return kind
  switch (error.reject) {
    case "funds":
      return "funds"
    case "postOnly":
    case "mode":
    case "openOrders":
      return "exchange"
    default:
      return "settings"
  }
}

/** Price, status and sizes of a pair, and the smallest order that would be legal, validated and not placed. */
export const pairChecks = (i: Instrument) =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const { limits, mode } = yield* Settings
    const { symbol } = i
    const read = yield* Effect.either(rest.ticker(symbol))
    if (Either.isLeft(read)) return [unread("price", `the price of ${symbol}`, read.left, symbol)]
    const { quote } = read.right
    if (quote === undefined) {
      return [fail("exchange", "price", `${symbol} has no sound quote now`, "Wait, or choose another pair.", symbol)]
    }
    const pair =
      i.status === "online"
        ? ok("pair", "online", symbol)
        : warn("pair", `in ${i.status} mode`, "Entries wait until it is online.", symbol)
    if (mode === "observe") {
      return [
        pair,
        ok("validate", "observing sends no order, not even to be validated", symbol),
        sizesCheck(i, quote, limits)
      ]
    }
    const price = roundPrice(i, Money.shiftPrice(quote.bid, Money.rate("-0.01"), "down"), "down")
    const quantity = minimumQuantity(i, price)
    const order = `AddOrder for ${Fixed.show(quantity)} ${i.base} at ${Fixed.show(price)} (validation only)`
    const validated = yield* Effect.match(
      rest.validateOrder({ instrument: i, side: "buy", quantity, limitPrice: price, postOnly: limits.postOnly }),
      {
        onSuccess: () => ok("validate", `the exchange would accept ${order}`, symbol),
        onFailure: (error) => {
          const kind = refusalOf(error)
          const text = `${order} is refused: ${error.message}`
          return kind === "funds"
            ? warn("validate", text, "Deposit dollars, or wait until those at work are back.", symbol)
            : fail(kind, "validate", text, "Read the reason: permission, restricted pair, or the network.", symbol)
        }
      }
    )
    return [pair, validated, sizesCheck(i, quote, limits)]
  })

/** What the account pays. */
export const feesCheck = (instruments: ReadonlyArray<Instrument>) =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    return yield* checked("fees", "the account's fees", rest.tradeVolume(instruments), (rates) =>
      [...rates].map(([symbol, { maker, taker }]) =>
        ok("fees", `maker ${Fixed.show(maker * 100n)} %, taker ${Fixed.show(taker * 100n)} %`, symbol)
      )
    )
  })

/** Funds, and orders in the account that are not this trader's. */
export const accountChecks = Effect.gen(function* () {
  const rest = yield* KrakenRest
  const { limits } = yield* Settings
  const { prefix } = yield* Installation
  const balances = yield* checked("balance", "the balances", rest.balanceEx, (rows) => {
    const usd = rows.find((row) => row.assetId === "ZUSD")
    const available = usd?.available ?? 0n
    const earning = rows.filter((row) => row.assetId.endsWith(".F") && row.balance > 0n).map((row) => row.assetId)
    const held = rows.filter((row) => row.hold > 0n).map((row) => row.assetId)
    return [
      available >= limits.maxTradeSize
        ? ok("balance", `$${Fixed.format(available, 2)} are free`)
        : warn(
            "balance",
            `only $${Fixed.format(available, 2)} are free: less than MAX_TRADE_SIZE`,
            "Entries are smaller, or none; deposit dollars if you want more."
          ),
      earning.length === 0
        ? ok("auto-earn", "no funds are moved to auto-earn")
        : warn(
            "auto-earn",
            `auto-earn holds ${earning.join(", ")}: such funds cannot be sold at once`,
            "Switch auto-earn off at Kraken for what is traded."
          ),
      held.length === 0
        ? ok("holds", "nothing is held by open orders")
        : ok("holds", `open orders hold some ${held.join(", ")}`)
    ]
  })
  const foreign = yield* checked("foreign-orders", "the open orders", rest.openOrders, (records) => {
    const others = records.filter(({ report }) => !isOwn(prefix, report.clientId))
    return [
      others.length === 0
        ? ok("foreign-orders", "no open orders but the trader's own")
        : warn(
            "foreign-orders",
            `${count(others.length, "open order")} in the account not of this trader: the dead man's switch is the whole account's and would cancel them too`,
            "Use an account (or a sub-account) of its own for the trader."
          )
    ]
  })
  return [...balances, ...foreign]
})

/** Everything that needs the exchange, in the order in which it makes sense. */
export const remoteChecks: Effect.Effect<
  ReadonlyArray<Check>,
  never,
  KrakenRest | MarketClock | Installation | Settings
> = Effect.gen(function* () {
  const { limits } = yield* Settings
  const clock = yield* clockCheck
  const system = yield* systemCheck
  const key = yield* keyCheck
  const usable = key.every((check) => check.result !== "fail")
  const { check: pairs, instruments } = yield* pairsCheck(limits.allowedPairs)
  const tried = usable ? yield* Effect.forEach(instruments, pairChecks) : []
  const fees = instruments.length === 0 ? [] : yield* feesCheck(instruments)
  const account = usable ? yield* accountChecks : []
  return [...clock, ...system, ...key, pairs, ...tried.flat(), ...fees, ...account]
})
