/** The conversation on the public socket: subscriptions, their snapshots, and what the frames say. */
import { Option } from "effect"
import type { PairSymbol } from "../../../domain/market/Instrument.ts"
import type { CandleState, ClosedCandles } from "../../../domain/kraken/stream/Candles.ts"
import { forgetRunning, noCandles, onCandles, onCandleTime } from "../../../domain/kraken/stream/Candles.ts"
import type { PublicFrame, Tick } from "../../../domain/kraken/stream/Public.ts"
import { decodePublic } from "../../../domain/kraken/stream/Public.ts"
import type { Reply } from "../../../domain/kraken/stream/Reply.ts"
import { subscribeOhlc, subscribeTicker, subscribeTrade } from "../../../domain/kraken/stream/Requests.ts"
import type { PublicStreamEvent } from "../../../services/KrakenStream.ts"
import type { EpochMs } from "../../../domain/Time.ts"
import type { Conversation } from "./session.ts"
import { ended } from "./SessionEnded.ts"
import type { Wire } from "./Talk.ts"
import { Talk } from "./Talk.ts"
import type { StreamTiming } from "./timing.ts"

export interface PublicTalkOptions {
  readonly symbols: ReadonlyArray<PairSymbol>
  /** Minutes of the bars to watch; `undefined` for none. */
  readonly candleInterval: number | undefined
  readonly timing: StreamTiming
  readonly marketNow: () => EpochMs
  readonly emit: (event: PublicStreamEvent) => void
  /** Every pair is subscribed and has its first quote. */
  readonly onUp: () => void
  readonly onFrame: () => void
  /** A frame that was not understood, or a refusal. */
  readonly note: (kind: string, text: string) => void
  readonly onMaintenance: () => void
  /** Survives the session, so that each bar is told once. */
  readonly candles: { state: CandleState }
}

/** Bars of one run of the stream. */
export const candleMemory = (): { state: CandleState } => ({ state: noCandles })

interface TickerState {
  acked: boolean
  seen: boolean
  refused: boolean
}

export const publicTalk = (options: PublicTalkOptions, wire: Wire): Conversation => {
  const { emit, marketNow, symbols, timing } = options
  const talk = new Talk(wire, timing)
  const tickers = new Map<string, TickerState>(
    symbols.map((symbol) => [symbol, { acked: false, seen: false, refused: false }])
  )
  let isUp = false
  options.candles.state = forgetRunning(options.candles.state)

  const subscribe = (channel: string, make: (id: number) => string): number => {
    const id = talk.request(make)
    for (const symbol of symbols) {
      talk.expect(
        `${channel} ${symbol}`,
        timing.answer,
        "no answer",
        `the ${channel} subscription of ${symbol} was not answered`
      )
    }
    return id
  }
  const requests = new Map<number, string>([
    [subscribe("ticker", (id) => subscribeTicker(symbols, id)), "ticker"],
    [subscribe("trade", (id) => subscribeTrade(symbols, id)), "trade"]
  ])
  const { candleInterval } = options
  if (candleInterval !== undefined) {
    requests.set(
      subscribe("ohlc", (id) => subscribeOhlc(symbols, candleInterval, id)),
      "ohlc"
    )
  }

  const checkUp = (refusal: string): void => {
    const all = [...tickers.values()]
    if (all.every((t) => t.refused)) talk.end(ended("refused", refusal))
    else if (!isUp && all.every((t) => t.refused || (t.acked && t.seen))) {
      isUp = true
      options.onUp()
    }
  }

  const onTickerAnswer = (symbol: string, reply: Reply): void => {
    const ticker = tickers.get(symbol)
    if (ticker === undefined) return
    if (!reply.success) ticker.refused = true
    else {
      ticker.acked = true
      if (!ticker.seen) {
        talk.expect(
          `snapshot ${symbol}`,
          timing.snapshot,
          "mute",
          `the ticker of ${symbol} was confirmed but never came`
        )
      }
    }
  }

  const onReply = (reply: Reply): void => {
    if (talk.onPong(reply)) return
    const channel = reply.requestId === undefined ? undefined : requests.get(reply.requestId)
    const text = reply.error ?? "refused without a reason"
    if (!reply.success) options.note(`${channel ?? "request"} refused`, text)
    if (channel === undefined) return
    // A refusal without a symbol is one of the whole request.
    for (const symbol of reply.symbol === undefined ? symbols : [reply.symbol]) {
      talk.settle(`${channel} ${symbol}`)
      if (channel === "ticker") onTickerAnswer(symbol, reply)
    }
    checkUp(text)
  }

  const onTick = ({ symbol, at, quote }: Tick): void => {
    const ticker = tickers.get(symbol)
    if (ticker !== undefined && !ticker.seen) {
      ticker.seen = true
      talk.settle(`snapshot ${symbol}`)
      checkUp("")
    }
    emit(
      Option.match(quote, {
        onNone: (): PublicStreamEvent => ({ _tag: "QuoteUnsound", symbol, at }),
        onSome: (sound): PublicStreamEvent => ({ _tag: "QuoteSeen", quote: sound })
      })
    )
  }

  const tell = ({ state, closed }: ClosedCandles): void => {
    options.candles.state = state
    for (const { symbol, intervalMinutes, candle } of closed) {
      emit({ _tag: "CandleClosed", symbol, intervalMinutes, candle })
    }
  }

  const onFrame = (frame: PublicFrame, text: string): void => {
    switch (frame._tag) {
      case "Ticker":
        return frame.ticks.forEach(onTick)
      case "Trades":
        return frame.trades.forEach((trade) => emit({ _tag: "TradeSeen", trade }))
      case "Candles":
        return tell(onCandles(options.candles.state, frame.candles, marketNow()))
      case "Status":
        if (frame.status === "maintenance") options.onMaintenance()
        return emit({
          _tag: "SystemSeen",
          status: frame.status,
          ...(frame.maintenanceAt === undefined ? {} : { maintenanceAt: frame.maintenanceAt })
        })
      case "Reply":
        return onReply(frame)
      case "Malformed":
        return options.note(frame.kind, text)
      case "Heartbeat":
        return
    }
  }

  return {
    onFrame: (text) => {
      if (!talk.heard()) return
      options.onFrame()
      onFrame(decodePublic(text, marketNow()), text)
    },
    tick: () => {
      talk.tick()
      if (!talk.over) tell(onCandleTime(options.candles.state, marketNow()))
    },
    ping: (onPong) => {
      const sentAt = marketNow()
      talk.ping(({ timeIn }) => {
        if (timeIn !== undefined) emit({ _tag: "ClockSample", exchangeMs: timeIn, sentAt, receivedAt: marketNow() })
        onPong()
      })
    },
    close: () => {
      talk.over = true
    }
  }
}
