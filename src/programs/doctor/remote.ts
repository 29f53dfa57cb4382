/** The checks at the exchange: clock, status, key, pairs, fees, balances, orders that are not ours. Nothing is placed. */
import { Effect, Either } from "effect"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import type { Instrument } from "../../domain/market/Instrument.ts"
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
import { judgeKey } from "../trade/preflight.ts"
import type { Check } from "./Check.ts"
import { fail, ok, warn } from "./Check.ts"

const REACH = "Check the network and https://status.kraken.com, then try again."

const unread = (id: string, what: string, error: KrakenError): Check =>
  fail(
    id,
    `${what} could not be read: ${error.message}`,
    error._tag === "KrakenApiError" && error.stop ? "Check the API key and its permissions at Kraken." : REACH
  )

const checked = <A, R>(
  id: string,
  what: string,
  read: Effect.Effect<A, KrakenError, R>,
  judge: (value: A) => ReadonlyArray<Check>
): Effect.Effect<ReadonlyArray<Check>, never, R> =>
  Effect.match(read, { onFailure: (error) => [unread(id, what, error)], onSuccess: judge })

const clockCheck = (limits: Limits) =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const clock = yield* MarketClock
    return yield* checked("clock", "the exchange's clock", Effect.zipRight(rest.time, clock.offset), ({ ms }) => [
      // REST stamps whole seconds: half a second either way is not skew
      Math.abs(ms) > limits.maxClockSkew + 1000
        ? fail("clock", `this machine's clock is ${Math.round(ms)} ms off`, "Synchronise it (NTP).")
        : ok(
            "clock",
            `this machine's clock is within ${limits.maxClockSkew} ms of the exchange's, as far as REST can tell`
          )
    ])
  })

/** Whether every entry that the limits allow can be sold again: I17 at the present price. */
export const sizesCheck = (i: Instrument, quote: Quote, limits: Limits): Check => {
  const id = `sizes ${i.symbol}`
  const least = minimumQuantity(i, quote.bid)
  const most = roundQuantity(
    i,
    Money.quantityFor(Fixed.min(limits.maxTradeSize, limits.maxTotalExposure), quote.ask, "down")
  )
  const cost = Fixed.format(Fixed.toDecimals(Money.notional(quote.ask, least, "up"), 2, "up"), 2)
  const said = `the exchange's minimum is ${Fixed.show(least)} ${i.base}, $${cost} now`
  if (most < least) {
    return fail(
      id,
      `${said}: more than MAX_TRADE_SIZE or MAX_TOTAL_EXPOSURE allow`,
      "Raise the limits, or choose another pair: no order is possible."
    )
  }
  // a sale at a loss brings less: what is bought must meet the cost minimum a tenth lower too
  const lower = roundPrice(i, Money.shiftPrice(quote.bid, Money.rate("-0.1"), "down"), "down")
  if (most < minimumQuantity(i, lower)) {
    return fail(id, `${said}; after a fall of a tenth a full entry could not be sold any more`, "Raise MAX_TRADE_SIZE.")
  }
  return most < least * 2n
    ? warn(
        id,
        `${said}; the largest entry is less than twice that, so a part of it may be too small to sell`,
        "Raise MAX_TRADE_SIZE if you can."
      )
    : ok(id, `${said}; entries are at most ${Fixed.show(most)} ${i.base}`)
}

const pairChecks = (i: Instrument, limits: Limits, postOnly: boolean) =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const read = yield* Effect.either(rest.ticker(i.symbol))
    if (Either.isLeft(read)) return [unread(`price ${i.symbol}`, `the price of ${i.symbol}`, read.left)]
    const { quote } = read.right
    if (quote === undefined) {
      return [fail(`price ${i.symbol}`, `${i.symbol} has no sound quote now`, "Wait, or choose another pair.")]
    }
    const price = roundPrice(i, Money.shiftPrice(quote.bid, Money.rate("-0.01"), "down"), "down")
    const quantity = minimumQuantity(i, price)
    const order = `AddOrder for ${Fixed.show(quantity)} ${i.base} at ${Fixed.show(price)} (validation only)`
    const tried = yield* Effect.either(
      rest.validateOrder({ instrument: i, side: "buy", quantity, limitPrice: price, postOnly })
    )
    return [
      i.status === "online"
        ? ok(`pair ${i.symbol}`, "online")
        : warn(`pair ${i.symbol}`, `in ${i.status} mode`, "Entries wait until it is online."),
      Either.isRight(tried)
        ? ok(`validate ${i.symbol}`, `the exchange would accept ${order}`)
        : fail(
            `validate ${i.symbol}`,
            `${order} is refused: ${tried.left.message}`,
            "Read the reason: permission, restricted pair, or funds."
          ),
      sizesCheck(i, quote, limits)
    ]
  })

const marketChecks = (limits: Limits, tradingKey: boolean) =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const read = yield* Effect.either(rest.instruments(limits.allowedPairs))
    if (Either.isLeft(read)) return [unread("pairs", "the pairs' rules", read.left)]
    const missing = limits.allowedPairs.filter((symbol) => !read.right.some((i) => i.symbol === symbol))
    const pairs = tradingKey
      ? (yield* Effect.forEach(read.right, (i) => pairChecks(i, limits, limits.postOnly))).flat()
      : []
    const fees = yield* checked("fees", "the account's fees", rest.tradeVolume(read.right), (rates) =>
      [...rates].map(([symbol, { maker, taker }]) =>
        ok(`fees ${symbol}`, `maker ${Fixed.show(maker * 100n)} %, taker ${Fixed.show(taker * 100n)} %`)
      )
    )
    return [
      missing.length === 0
        ? ok("pairs", `${limits.allowedPairs.join(", ")} exist`)
        : fail("pairs", `the exchange does not know ${missing.join(", ")}`, "Correct ALLOWED_PAIRS."),
      ...pairs,
      ...fees
    ]
  })

const accountChecks = (limits: Limits) =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
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
  const rest = yield* KrakenRest
  const clock = yield* MarketClock
  const { limits, mode } = yield* Settings
  const skew = yield* clockCheck(limits)
  const system = yield* checked("system", "the system status", rest.systemStatus, (status) => [
    status === "online"
      ? ok("system", "the exchange is online")
      : warn("system", `the exchange is in ${status} mode`, "Entries wait until it is online.")
  ])
  const now = yield* clock.now
  const key = yield* checked("key", "the API key's record", rest.apiKeyInfo, (info) => {
    const { problems, warnings } = judgeKey(info, now)
    return problems.length > 0
      ? [fail("key", problems.join("; "), "Change the key's permissions at Kraken, or make a new key.")]
      : warnings.length > 0 && mode !== "paper"
        ? [warn("key", warnings.join("; "), "Edit the key at Kraken.")]
        : [ok("key", "it may trade, and may not withdraw")]
  })
  const usable = key.every((check) => check.result !== "fail")
  const market = yield* marketChecks(limits, usable)
  const account = usable ? yield* accountChecks(limits) : []
  return [...skew, ...system, ...key, ...market, ...account]
})
