/**
 * How a bar becomes quotes and trades.
 *
 * The price goes from the open to the extreme that the bar suggests first (the low of a rising bar, the high of a falling
 * one), on to the other extreme and to the close, straight but for a little noise; the extremes fall into the second and
 * the fourth fifth of the bar, roughly. It trades at the open, at both extremes and at the close, so that the bar can be
 * read back from its trades, and at random moments between; the volume is shared out in log-normal portions. The low
 * trades at the bid, the high at the ask, others at either. Quotes come every one to five seconds and whenever a trade
 * needs one, with five levels a side; the spread is the bar's own, or its whole range where that is less. A bar without
 * volume has quotes around its open and no trade. Everything is drawn from (seed, symbol, start of the bar).
 */
import type { MarketEvent } from "../Boundary.ts"
import type { Listing, PathBar, Print } from "./PathBar.ts"
import { priceOf, quantityOf } from "./PathBar.ts"
import type { Random } from "./Random.ts"
import { make, seedOf } from "./Random.ts"

const LEVELS = 5
const MIN_GAP_MS = 1000
const MAX_GAP_MS = 5000

/** A point of the bid's way through the bar. */
interface Waypoint {
  readonly at: number
  readonly bid: number
}

const spreadOf = (bar: PathBar): number =>
  bar.high > bar.low ? Math.max(1, Math.min(bar.spread, bar.high - bar.low)) : Math.max(1, bar.spread)

/** The bid that makes a trade possible: a seller meets the bid, a buyer the ask. */
const bidFor = (print: Print, spread: number): number => (print.side === "sell" ? print.price : print.price - spread)

/** Whether the taker of a trade at this price buys: the high does, the low does not, between them a coin decides. A flat bar keeps to the parity of its price, so that runs of flat bars do not flicker. */
const buys = (bar: PathBar, price: number, random: Random): boolean => {
  const coin = random.next() < 0.5
  if (bar.high === bar.low) return price % 2 === 0
  return price === bar.high || (price !== bar.low && coin)
}

const bidAt = (way: ReadonlyArray<Waypoint>, at: number): number => {
  let from = way[0]
  for (const point of way) {
    if (point.at > at && from !== undefined) {
      return from.bid + ((point.bid - from.bid) * (at - from.at)) / Math.max(1, point.at - from.at)
    }
    from = point
  }
  return from?.bid ?? 0
}

/** The trades of a bar in time order, and the way of the bid through them. */
const route = (
  bar: PathBar,
  spread: number,
  random: Random
): { way: ReadonlyArray<Waypoint>; prints: Array<Print> } => {
  if (bar.prints !== undefined) {
    return { way: bar.prints.map((p) => ({ at: p.at, bid: bidFor(p, spread) })), prints: [...bar.prints] }
  }
  const rising = bar.close >= bar.open
  const first = Math.floor(bar.ms * random.between(0.15, 0.45))
  const second = Math.floor(bar.ms * random.between(0.55, 0.85))
  const stations: ReadonlyArray<readonly [number, number]> = [
    [0, bar.open],
    [first, rising ? bar.low : bar.high],
    [second, rising ? bar.high : bar.low],
    [bar.ms - 1, bar.close]
  ]
  const fixed = stations.map(([offset, price]): Print => ({
    at: bar.at + offset,
    price,
    size: 0,
    side: buys(bar, price, random) ? "buy" : "sell"
  }))
  const way = fixed.map((p) => ({ at: p.at, bid: bidFor(p, spread) }))
  if (bar.volume <= 0) return { way, prints: [] }
  // An extreme that is the open or the close needs no trade of its own, nor does a bar that never moved need a second one.
  const flat = bar.high === bar.low
  const needed = fixed.filter((p, i) => i === 0 || (i === 3 ? !flat : p.price !== bar.open && p.price !== bar.close))
  const extra = Array.from({ length: Math.max(0, bar.count - needed.length) }, (): Print => {
    const at = bar.at + Math.floor(random.next() * bar.ms)
    const bid = Math.round(bidAt(way, at) + random.between(-0.2, 0.2) * spread)
    const buy = random.next() < 0.5
    const price = Math.min(bar.high, Math.max(bar.low, buy ? bid + spread : bid))
    return { at, price, size: 0, side: buy ? "buy" : "sell" }
  })
  // The open trades first and the close last, whatever else falls into their millisecond.
  const between = [...needed.slice(1, flat ? undefined : -1), ...extra].toSorted((a, b) => a.at - b.at)
  const ends = flat ? [] : needed.slice(-1)
  return { way, prints: share([...needed.slice(0, 1), ...between, ...ends], bar.volume, random) }
}

/** Shares the volume out over the trades, exactly, but never less than one unit each. */
const share = (prints: ReadonlyArray<Print>, volume: number, random: Random): Array<Print> => {
  const weights = prints.map(() => Math.exp(0.9 * random.normal()))
  const sum = weights.reduce((a, b) => a + b, 0)
  let left = volume
  return prints.map((print, i) => {
    const size =
      i === prints.length - 1 ? Math.max(1, left) : Math.max(1, Math.floor((volume * (weights[i] ?? 0)) / sum))
    left -= size
    return { ...print, size }
  })
}

/** The trades of a bar, as they will be played. */
export const printsOf = (listing: Listing, bar: PathBar, seed: number): ReadonlyArray<Print> =>
  route(bar, spreadOf(bar), make(seedOf(seed, listing.symbol, bar.at))).prints

/** Everything that happens in a bar, in time order; times lie in [at, at + ms). */
export const eventsOf = (listing: Listing, bar: PathBar, seed: number): ReadonlyArray<MarketEvent> => {
  const random = make(seedOf(seed, listing.symbol, bar.at))
  const spread = spreadOf(bar)
  const { prints, way } = route(bar, spread, random)
  const events: Array<MarketEvent> = []
  const side = (best: number, away: 1 | -1) => {
    let price = best
    return Array.from({ length: LEVELS }, (_, level) => {
      const units = Math.max(1, Math.round(bar.size * (0.5 + random.next()) * (1 + level / 2)))
      const row = [priceOf(listing, Math.max(1, price)), quantityOf(units)] as const
      price += away * Math.max(1, Math.round(spread * random.between(0.25, 1)))
      return row
    }).filter((row, i, rows) => row[0] !== rows[i - 1]?.[0])
  }
  let shown = Number.NaN
  const quote = (at: number, bid: number): void => {
    shown = Math.max(1, Math.round(bid))
    events.push({ _tag: "Quote", symbol: listing.symbol, at, bids: side(shown, -1), asks: side(shown + spread, 1) })
  }
  const end = bar.at + bar.ms
  const still = bidFor({ at: bar.at, price: bar.open, size: 0, side: "sell" }, spread)
  const bidNow = (at: number): number => (bar.volume > 0 || bar.prints !== undefined ? bidAt(way, at) : still)
  let due = bar.at
  for (const print of [...prints, undefined]) {
    const until = print === undefined ? end : print.at + 1
    while (due < until) {
      quote(due, bidNow(due))
      due += Math.floor(random.between(MIN_GAP_MS, MAX_GAP_MS))
    }
    if (print === undefined) break
    if (shown !== bidFor(print, spread)) quote(print.at, bidFor(print, spread))
    events.push({
      _tag: "Trade",
      symbol: listing.symbol,
      at: print.at,
      price: priceOf(listing, print.price),
      quantity: quantityOf(print.size),
      side: print.side
    })
  }
  return events
}
