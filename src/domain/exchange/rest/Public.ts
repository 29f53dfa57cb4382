/** Public endpoints. */
import { Either } from "effect"
import * as Fixed from "../../money/Fixed.ts"
import { DAY_MS, dayStart, iso } from "../../Time.ts"
import type { EpochMs } from "../../Time.ts"
import { intervals } from "../Boundary.ts"
import * as Book from "../Book.ts"
import * as Candles from "../Candles.ts"
import type { FeeStep } from "../Config.ts"
import { wsname } from "../Draft.ts"
import type { Out, OutRecord } from "../Json.ts"
import { num } from "../Json.ts"
import * as Log from "../Log.ts"
import type { ExchangeState, Level, Market } from "../State.ts"
import { invalid } from "../Validation.ts"
import type { Endpoint } from "./Call.ts"
import { costText, list, onePair, pairs, volumeText } from "./Call.ts"

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

/** As Kraken's Time shows it, with a year of two digits: `Mon, 05 Jan 26 10:00:00 +0000`. 1970-01-01 was a Thursday. */
export const rfc1123 = (at: EpochMs): string => {
  const text = iso(at)
  const weekday = WEEKDAYS[(dayStart(at) / DAY_MS + 4) % 7]
  return `${weekday}, ${text.slice(8, 10)} ${MONTHS[Number(text.slice(5, 7)) - 1]} ${text.slice(2, 4)} ${text.slice(11, 19)} +0000`
}

const time: Endpoint = {
  params: [],
  answer: (d) =>
    Either.right({ unixtime: Math.floor(d.state.now / 1000), rfc1123: rfc1123(Math.floor(d.state.now / 1000) * 1000) })
}

const systemStatus: Endpoint = {
  params: [],
  answer: (d) => Either.right({ status: d.state.system, timestamp: `${iso(d.state.now).slice(0, 19)}Z` })
}

const assets: Endpoint = {
  params: ["asset", "aclass", "assetVersion"],
  answer: (d, params) => {
    const names = list(params.get("asset"))
    const found = d.state.assets.filter(
      (asset) => names.length === 0 || names.some((name) => [asset.id, asset.altname, asset.name].includes(name))
    )
    if (found.length < names.length) return Either.left("EQuery:Unknown asset")
    return Either.right(
      Object.fromEntries(
        found.map((asset) => [
          asset.id,
          {
            aclass: "currency",
            altname: asset.altname,
            decimals: asset.decimals,
            display_decimals: asset.displayDecimals,
            status: "enabled"
          }
        ])
      )
    )
  }
}

/** A fee schedule as `[volume, per cent]` rows. */
const feeRows = (steps: ReadonlyArray<FeeStep>, side: "maker" | "taker"): Out =>
  steps.map((step) => [num(Fixed.show(step.volume)), num(Fixed.show(step[side] * 100n))])

const pairRow = (state: ExchangeState, { rules }: Market): OutRecord => ({
  altname: rules.altname,
  wsname: wsname(rules),
  aclass_base: "currency",
  base: rules.baseId,
  aclass_quote: "currency",
  quote: rules.quoteId,
  lot: "unit",
  cost_decimals: rules.costDecimals,
  pair_decimals: rules.priceDecimals,
  lot_decimals: rules.quantityDecimals,
  lot_multiplier: 1,
  leverage_buy: [],
  leverage_sell: [],
  fees: feeRows(state.fees, "taker"),
  fees_maker: feeRows(state.fees, "maker"),
  fee_volume_currency: "ZUSD",
  margin_call: 80,
  margin_stop: 40,
  ordermin: Fixed.show(rules.minQuantity),
  costmin: Fixed.show(rules.minCost),
  tick_size: Fixed.show(rules.tickSize),
  status: rules.status
})

const assetPairs: Endpoint = {
  params: ["pair", "info", "aclass_base", "country_code", "assetVersion"],
  answer: (d, params) =>
    Either.map(pairs(d.state, list(params.get("pair"))), (found) =>
      Object.fromEntries(found.map(({ key, market }) => [key, pairRow(d.state, market)]))
    )
}

const tickerRow = (state: ExchangeState, market: Market): OutRecord => {
  const { rules } = market
  const level = (best: Level | undefined): Out => {
    const [price, quantity] = best ?? [0n, 0n]
    return [costText(rules, price), Fixed.format(quantity, 0), Fixed.format(quantity, 3)]
  }
  const today = Candles.since(market.candles, dayStart(state.now)) ?? Candles.nothing
  const day = Candles.since(market.candles, state.now - DAY_MS) ?? Candles.nothing
  const price = (value: number): string => value.toFixed(rules.costDecimals)
  const last = Log.newest(market.prints)
  return {
    a: level(Book.bestOf(state, market, "sell")),
    b: level(Book.bestOf(state, market, "buy")),
    c: [
      last === undefined ? price(day.last) : costText(rules, last.price),
      volumeText(rules, last === undefined ? 0n : last.quantity)
    ],
    v: [today.volume.toFixed(8), day.volume.toFixed(8)],
    p: [price(today.vwap), price(day.vwap)],
    t: [today.count, day.count],
    l: [price(today.low), price(day.low)],
    h: [price(today.high), price(day.high)],
    o: price(today.open)
  }
}

const ticker: Endpoint = {
  params: ["pair", "asset_class"],
  answer: (d, params) =>
    Either.map(pairs(d.state, list(params.get("pair"))), (found) =>
      Object.fromEntries(found.map(({ key, market }) => [key, tickerRow(d.state, market)]))
    )
}

/** A number of a parameter; the default when it is absent, `undefined` when it is none. */
const numberOf = (text: string | undefined, otherwise: number): number | undefined => {
  if (text === undefined || text === "") return otherwise
  return /^\d{1,20}(?:\.\d+)?$/.test(text) ? Number(text) : undefined
}

const ohlc: Endpoint = {
  params: ["pair", "interval", "since", "asset_class"],
  answer: (d, params) =>
    Either.flatMap(onePair(d.state, params.get("pair")), ({ key, market }) => {
      const interval = numberOf(params.get("interval"), 1)
      const since = numberOf(params.get("since"), 0)
      if (since === undefined) return Either.left(invalid("since"))
      const known = intervals.find((one) => one === interval)
      if (known === undefined) return Either.left(invalid("interval"))
      const all = Candles.filled(market.candles, known, d.state.now)
      const price = (value: number): string => value.toFixed(market.rules.priceDecimals)
      const rows = all
        .filter((bar) => bar.time > since)
        .map((bar) => [
          bar.time,
          price(bar.open),
          price(bar.high),
          price(bar.low),
          price(bar.close),
          price(bar.vwap),
          bar.volume.toFixed(8),
          bar.count
        ])
      return Either.right({ [key]: rows, last: all.at(-2)?.time ?? 0 })
    })
}

const depth: Endpoint = {
  params: ["pair", "count", "asset_class"],
  answer: (d, params) =>
    Either.flatMap(onePair(d.state, params.get("pair")), ({ key, market }) => {
      const count = numberOf(params.get("count"), 100)
      if (count === undefined || count < 1 || count > 500) return Either.left(invalid("count"))
      const at = Math.floor(market.quotedAt / 1000)
      const rows = (side: "buy" | "sell"): Out =>
        Book.view(d.state, market, side, count).map(([price, quantity]) => [
          costText(market.rules, price),
          volumeText(market.rules, quantity),
          at
        ])
      return Either.right({ [key]: { asks: rows("sell"), bids: rows("buy") } })
    })
}

const nanosText = (at: EpochMs): string => `${at}000000`

const trades: Endpoint = {
  params: ["pair", "since", "count", "asset_class"],
  answer: (d, params) =>
    Either.flatMap(onePair(d.state, params.get("pair")), ({ key, market }) => {
      const count = numberOf(params.get("count"), 1000)
      const since = params.get("since") ?? ""
      if (count === undefined || count < 1 || count > 1000) return Either.left(invalid("count"))
      if (!/^\d{0,20}$/.test(since)) return Either.left(invalid("since"))
      const prints = Log.last(market.prints, 1000)
      // With `since` the oldest after it, without it the newest.
      const shown =
        since === ""
          ? prints.slice(-count)
          : prints.filter((print) => BigInt(nanosText(print.at)) > BigInt(since)).slice(0, count)
      const rows = shown.map((print) => [
        costText(market.rules, print.price),
        volumeText(market.rules, print.quantity),
        num((print.at / 1000).toFixed(7)),
        print.side === "buy" ? "b" : "s",
        print.type === "market" ? "m" : "l",
        "",
        print.id
      ])
      const newest = shown.at(-1)
      return Either.right({ [key]: rows, last: newest === undefined ? since || "0" : nanosText(newest.at) })
    })
}

const spread: Endpoint = {
  params: ["pair", "since", "asset_class"],
  answer: (d, params) =>
    Either.flatMap(onePair(d.state, params.get("pair")), ({ key, market }) => {
      const since = numberOf(params.get("since"), 0)
      if (since === undefined) return Either.left(invalid("since"))
      const rows = Log.last(market.spreads, 200)
        .filter(([at]) => at / 1000 >= since)
        .map(([at, bid, ask]) => [Math.floor(at / 1000), costText(market.rules, bid), costText(market.rules, ask)])
      return Either.right({ [key]: rows, last: Math.floor(d.state.now / 1000) })
    })
}

export const publicEndpoints: ReadonlyMap<string, Endpoint> = new Map([
  ["Time", time],
  ["SystemStatus", systemStatus],
  ["Assets", assets],
  ["AssetPairs", assetPairs],
  ["Ticker", ticker],
  ["OHLC", ohlc],
  ["Depth", depth],
  ["Trades", trades],
  ["Spread", spread]
])
