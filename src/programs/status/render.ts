/** The status document as text for a person who must decide quickly: what is wrong first, then money, then the rest. */
import { Either, Option } from "effect"
import { guideOfCause } from "../../domain/Guide.ts"
import * as Fixed from "../../domain/money/Fixed.ts"
import { parseRfc3339 } from "../../domain/Time.ts"
import type { Palette } from "../cli/text.ts"
import { count, indent, palette, printable, span, table } from "../cli/text.ts"
import type { LotView, PairView, StatusView, StreamView, TraderState } from "./View.ts"
import { cents } from "./View.ts"

const headline: Readonly<Record<TraderState, (p: Palette) => string>> = {
  trading: (p) => p.good("TRADING: entries are possible"),
  "not-entering": (p) => p.warn("NOT ENTERING: the trader runs, but sends no entry now"),
  stopped: (p) => p.warn("NOT RUNNING"),
  unknown: (p) => p.bad("CANNOT TELL")
}

/** Dollars to the cent, with a sign where it matters; the text itself where it is no amount. */
const dollars = (text: string | null): string => (text === null ? "?" : amount(text, cents))
const amount = (text: string, show: (value: bigint) => string): string =>
  Either.match(Fixed.parse(text), {
    onLeft: () => text,
    onRight: (value) => (value < 0n ? `-$${show(-value)}` : `$${show(value)}`)
  })

/** An average price without the digits that come of dividing; `--json` has them all. */
const averagePrice = (text: string): string =>
  Either.match(Fixed.parse(text), {
    onLeft: () => text,
    onRight: (value) => Fixed.show(Fixed.toDecimals(value, 8, "nearest"))
  })

/** Gains green, losses red. */
const result = (p: Palette, text: string | null): string => {
  if (text === null) return "?"
  const shown = dollars(text)
  return text.startsWith("-") ? p.bad(shown) : p.good(`+${shown}`)
}

const percentage = (ratio: string | null): string =>
  ratio === null
    ? "?"
    : Either.match(Fixed.parse(ratio), { onLeft: () => "?", onRight: (r) => `${Fixed.show(r * 100n)} %` })

/** `14:03:22` of an ISO time of the day that is shown above, else with its date. */
const shortTime = (at: string | null, day: string | null): string =>
  at === null
    ? "?"
    : day !== null && at.startsWith(day.slice(0, 10))
      ? `${at.slice(11, 19)}Z`
      : `${at.slice(0, 10)} ${at.slice(11, 19)}Z`

const pairRow = (p: Palette, pair: PairView): ReadonlyArray<string> => [
  pair.symbol,
  pair.bid ?? "?",
  pair.ask ?? "?",
  pair.ageSeconds === null ? "no quote" : span(pair.ageSeconds),
  `${percentage(pair.makerFee)} / ${percentage(pair.takerFee)}`,
  pair.stops.length === 0 ? pair.note : p.warn(printable(pair.stops[0] ?? ""))
]

const lotLines = (p: Palette, lot: LotView, at: string | null): ReadonlyArray<string> => [
  `${p.bold(lot.id)}  ${lot.remaining} of ${lot.bought} ${lot.symbol} held, bought ${shortTime(lot.openedAt, at)} at ${lot.entryPrice ?? "?"}`,
  `  bid ${lot.mark ?? "?"}${lot.markAt === null ? "" : ` (${shortTime(lot.markAt, at)})`}; sold now it would make ${result(p, lot.unrealisedUsd)}; fees so far ${dollars(lot.feesUsd)}`,
  `  exit: ${exitText(p, lot)}; target ${lot.target}, loss limit ${lot.stop}, sold by ${shortTime(lot.sellBy, at)} whatever the price`,
  ...(lot.remedy === null ? [] : [`  ${p.warn("what to do:")} ${lot.remedy}`])
]

const exitText = (p: Palette, lot: LotView): string => {
  const text = `${lot.exit}: ${printable(lot.exitText)}`
  return lot.exit === "working" ? text : lot.exit === "unwatched" ? p.bad(text) : p.warn(text)
}

const streamText = (p: Palette, name: string, stream: StreamView): string => {
  const age =
    stream.lastFrameSeconds === null ? "nothing received yet" : `last frame ${span(stream.lastFrameSeconds)} ago`
  const trouble = [
    ...(stream.reconnects > 0 ? [count(stream.reconnects, "reconnect")] : []),
    ...(stream.malformed > 0 ? [count(stream.malformed, "unreadable frame")] : [])
  ]
  return `${name} ${stream.connected ? p.good("up") : p.bad("DOWN")}, ${[age, ...trouble].join(", ")}`
}

const switchText = (p: Palette, view: StatusView): string => {
  switch (view.switch.state) {
    case "armed":
      return `${p.good("armed")}, fires ${shortTime(view.switch.firesAt, view.at)} unless refreshed`
    case "not armed":
      return p.warn("not confirmed armed")
    case "off":
      return "off (paper)"
    case "unknown":
      return "not known while the trader does not say; it fires by itself if the trader died"
  }
}

const runningFor = (view: StatusView): string => {
  if (view.startedAt === null) return ""
  const started = Option.getOrUndefined(parseRfc3339(view.startedAt))
  const now = Option.getOrUndefined(parseRfc3339(view.clock.machineTime))
  return started === undefined || now === undefined ? "" : `, running for ${span(Math.max(0, (now - started) / 1000))}`
}

const section = (p: Palette, title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : ["", p.bold(title), ...lines.map(indent)]

/** For a terminal or a file; ends without a line end. */
export const renderStatus = (view: StatusView, colors: boolean): string => {
  const p = palette(colors)
  const { day, exposure, totals, streams, exchange, breaker } = view
  const asOf = view.at === null ? "no figures yet" : `figures of ${view.at}`
  const time =
    view.source === "trader"
      ? `${asOf} (market time${view.clock.speed !== null && view.clock.speed !== 1 ? `, ${view.clock.speed} times as fast as real time` : ""})`
      : `${asOf}, from the records`
  return [
    p.bold(headline[view.state](p)),
    ...view.reasons.map((reason) => `  - ${printable(reason)}`),
    "",
    `${view.mode === "live" ? p.bold("LIVE: real money") : view.mode} mode, version ${view.version}${view.pid === null ? "" : `, process ${view.pid}`}${runningFor(view)}`,
    time,
    ...section(p, "Money", [
      `exposure ${dollars(exposure.usd)} of ${dollars(exposure.limitUsd)} allowed`,
      day.lossUsd === null
        ? `today (${day.day}, UTC): not known; the limit is ${dollars(day.limitUsd)} of loss`
        : `today (${day.day}, UTC): ${result(p, negate(day.lossUsd))}; the limit is ${dollars(day.limitUsd)} of loss`,
      ...(day.entries === null
        ? []
        : [`${count(day.entries, "entry").replace("entrys", "entries")} today of ${day.maxEntries} allowed`]),
      `since the beginning: ${result(p, totals.realisedUsd)} net of all fees, ${count(totals.closedTrades, "closed trade")}, ${totals.winningTrades} with a profit`,
      ...(view.cash.freeUsd === null
        ? []
        : [`free: ${dollars(view.cash.freeUsd)} (${shortTime(view.cash.at, view.at)})`])
    ]),
    ...section(
      p,
      "Pairs",
      view.pairs.length === 0
        ? []
        : [
            table(
              ["pair", ">bid", ">ask", ">age", "fees maker / taker", "now"],
              view.pairs.map((pair) => pairRow(p, pair))
            )
          ]
    ),
    ...section(
      p,
      "Held",
      view.lots.flatMap((lot) => lotLines(p, lot, view.at))
    ),
    ...section(
      p,
      "Orders",
      view.orders.length === 0
        ? []
        : [
            table(
              ["order", "pair", "side", "for", ">price", ">quantity", ">filled", "state", "since"],
              view.orders.map((order) => [
                order.id,
                order.symbol,
                order.side,
                order.purpose,
                order.price,
                order.quantity,
                order.filled,
                order.status === "unknown" ? p.bad("UNKNOWN: being looked up") : order.status,
                shortTime(order.createdAt, view.at)
              ])
            )
          ]
    ),
    ...section(
      p,
      "Circuit breaker",
      breaker.open
        ? breaker.latches.flatMap((latch) => [
            `${p.bad(latch.cause)} ${latch.since === null ? "from the next start" : `since ${shortTime(latch.since, view.at)}`}: ${printable(latch.reason)}`,
            `  clears ${latch.clears}; see ${guideOfCause(latch.cause)}`
          ])
        : ["closed"]
    ),
    ...section(p, "Connections", [
      ...(streams === null
        ? []
        : [streamText(p, "market data", streams.market), streamText(p, "account", streams.account)]),
      ...(exchange === null
        ? []
        : [
            `exchange ${exchange.status}${exchange.maintenanceAt === null ? "" : `, maintenance announced for ${exchange.maintenanceAt}`}`
          ]),
      `dead man's switch ${switchText(p, view)}`,
      ...(view.clock.offsetMs === null
        ? []
        : [`clock ${view.clock.offsetMs} ms from the exchange's (${shortTime(view.clock.measuredAt, view.at)})`]),
      `records ${view.store.ok ? "in order" : p.bad(`cannot be written: ${view.store.detail ?? "no reason known"}`)}`
    ]),
    ...section(
      p,
      "Last trades",
      view.recentTrades.length === 0
        ? []
        : [
            table(
              ["bought", "pair", ">quantity", ">price", "state", ">result"],
              view.recentTrades.map((trade) => [
                shortTime(trade.at, view.at),
                trade.symbol,
                trade.quantity,
                averagePrice(trade.price),
                trade.status.toLowerCase(),
                trade.profitUsd === null ? "" : result(p, trade.profitUsd)
              ])
            )
          ]
    )
  ].join("\n")
}

const negate = (text: string): string => (text.startsWith("-") ? text.slice(1) : text === "0" ? text : `-${text}`)
