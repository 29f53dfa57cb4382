/** From bars to a market that can be played: several pairs' bars, one after the other, merged in time. */
import type { PairSymbol } from "../../market/Instrument.ts"
import type { EpochMs } from "../../Time.ts"
import type { Bar, Interval, MarketEvent, MarketSource } from "../Boundary.ts"
import { eventsOf } from "./events.ts"
import type { Listing, PathBar } from "./PathBar.ts"

/** One pair's bars, by number. */
export interface Series {
  readonly listing: Listing
  readonly seed: number
  /** Bars follow each other without gaps: bar n covers [first + n × ms, first + (n + 1) × ms). */
  readonly first: EpochMs
  readonly ms: number
  /** How many there are; without it they never end. */
  readonly length: number | undefined
  /** Any bar of the series; asked for in rising order, mostly. */
  readonly bar: (index: number) => PathBar
  /** Up to 720 bars that ended at or before an instant, oldest first. */
  readonly history: (interval: Interval, until: EpochMs) => ReadonlyArray<Bar>
}

/** Where each pair is: the bar, and how many of its events have been played. */
export type Position = ReadonlyArray<{ readonly bar: number; readonly played: number }>

const TOO_LATE = Number.POSITIVE_INFINITY

/**
 * Plays series from `from` on; the first events are those of that very instant. The events of a bar are made when the
 * bar is entered and kept until it is left: the only thing remembered, and one that changes no result.
 */
export const play = (all: ReadonlyArray<Series>, from: EpochMs): MarketSource<Position> => {
  const entered = all.map(() => ({ bar: -1, events: [] as ReadonlyArray<MarketEvent> }))

  const eventsIn = (index: number, series: Series, bar: number): ReadonlyArray<MarketEvent> => {
    const kept = entered[index]
    if (kept !== undefined && kept.bar === bar) return kept.events
    const events = eventsOf(series.listing, series.bar(bar), series.seed)
    entered[index] = { bar, events }
    return events
  }

  const locate = (index: number, series: Series): Position[number] => {
    const bar = Math.max(0, Math.floor((from - series.first) / series.ms))
    if (series.length !== undefined && bar >= series.length) return { bar, played: 0 }
    const events = eventsIn(index, series, bar)
    const played = events.findIndex((event) => event.at >= from)
    return played < 0 ? { bar: bar + 1, played: 0 } : { bar, played }
  }

  /** The next event of one pair; bars always have one (a quote at their start), so the next bar is far enough. */
  const upcoming = (index: number, series: Series, at: Position[number]): MarketEvent | undefined =>
    series.length !== undefined && at.bar >= series.length ? undefined : eventsIn(index, series, at.bar)[at.played]

  const after = (index: number, series: Series, at: Position[number]): Position[number] =>
    at.played + 1 < eventsIn(index, series, at.bar).length
      ? { bar: at.bar, played: at.played + 1 }
      : { bar: at.bar + 1, played: 0 }

  const ends = all.flatMap((s) => (s.length === undefined ? [] : [s.first + s.length * s.ms]))

  return {
    symbols: all.map((s) => s.listing.symbol),
    start: from,
    end: ends.length === all.length && all.length > 0 ? Math.max(...ends) : undefined,
    initial: all.map((series, index) => locate(index, series)),
    history: (symbol: PairSymbol, interval: Interval) =>
      all.find((s) => s.listing.symbol === symbol)?.history(interval, from) ?? [],
    advance: (state, until) => {
      const position = [...state]
      const events: Array<MarketEvent> = []
      for (;;) {
        let chosen: { readonly index: number; readonly event: MarketEvent } | undefined
        for (const [index, series] of all.entries()) {
          const at = position[index]
          const event = at === undefined ? undefined : upcoming(index, series, at)
          if (event !== undefined && event.at <= until && event.at < (chosen?.event.at ?? TOO_LATE)) {
            chosen = { index, event }
          }
        }
        const series = chosen === undefined ? undefined : all[chosen.index]
        const at = chosen === undefined ? undefined : position[chosen.index]
        if (chosen === undefined || series === undefined || at === undefined) return { state: position, events }
        events.push(chosen.event)
        position[chosen.index] = after(chosen.index, series, at)
      }
    },
    nextAt: (state) => {
      const times = all.flatMap((series, index) => {
        const at = state[index]
        const event = at === undefined ? undefined : upcoming(index, series, at)
        return event === undefined ? [] : [event.at]
      })
      return times.length === 0 ? undefined : Math.min(...times)
    }
  }
}
