/** A market for simulations: a price that wanders back to its anchor, quotes at random moments, trades at either side. */
import type { MarketEvent } from "../domain/exchange/Boundary.ts"
import * as Exchange from "../domain/exchange/Exchange.ts"
import type { Random } from "../domain/exchange/market/Random.ts"
import { PairSymbol } from "../domain/market/Instrument.ts"
import * as Money from "../domain/money/Money.ts"
import type { EpochMs } from "../domain/Time.ts"
import type { Loop } from "./Loop.ts"
import { world } from "./Loop.ts"
import type { MarketPlan } from "./Plan.ts"
import type { SimExchange } from "./SimExchange.ts"

export const SYMBOL = PairSymbol("XLM/USD")
export const ANCHOR = 0.1
const TICK = 0.000001
const SPREAD_TICKS = 60
/** How much of the way back to the anchor the price goes in a minute. */
const PULL = 0.02
const LEVELS = 3

const price = (ticks: number): Money.Price => Money.Price(BigInt(Math.max(1, Math.round(ticks))) * 1_000_000n)
const quantity = (units: number): Money.Quantity => Money.Quantity(BigInt(Math.max(1, Math.round(units))) * 10n ** 12n)

export class Market {
  private level = ANCHOR
  private readonly loop: Loop
  private readonly exchange: SimExchange
  private readonly random: Random
  private readonly plan: MarketPlan
  private quotedAt: EpochMs
  private quietUntil: EpochMs = 0
  private crossedUntil: EpochMs = 0
  private drift = { until: 0, perMs: 0 }

  constructor(loop: Loop, exchange: SimExchange, random: Random, plan: MarketPlan) {
    this.loop = loop
    this.exchange = exchange
    this.random = random
    this.plan = plan
    this.quotedAt = loop.now
  }

  /** Quotes from now on, for ever. */
  run(): void {
    this.quote()
    this.loop.at(this.loop.now + this.random.between(0.5, 1.5) * this.plan.quoteEveryMs, world, () => this.run())
  }

  jump(percent: number): void {
    this.level *= 1 + percent / 100
    this.quote()
  }

  drifts(percent: number, ms: number): void {
    this.drift = { until: this.loop.now + ms, perMs: Math.log(1 + percent / 100) / ms }
  }

  quiet(ms: number): void {
    this.quietUntil = this.loop.now + ms
  }

  cross(ms: number): void {
    this.crossedUntil = this.loop.now + ms
    this.quote()
  }

  /** Nothing unusual from now on. */
  calm(): void {
    this.quietUntil = 0
    this.crossedUntil = 0
    this.drift = { until: 0, perMs: 0 }
    this.quote()
  }

  private wander(): void {
    const { loop, plan, random } = this
    const ms = loop.now - this.quotedAt
    const minutes = ms / 60_000
    this.quotedAt = loop.now
    const drifting = loop.now <= this.drift.until ? this.drift.perMs * ms : 0
    const back = Math.log(ANCHOR / this.level) * Math.min(1, PULL * minutes) * (drifting === 0 ? 1 : 0)
    this.level *= Math.exp(back + drifting + (plan.volatility / 100) * Math.sqrt(minutes) * random.normal())
  }

  private quote(): void {
    const { loop, plan, random } = this
    this.wander()
    if (loop.now < this.quietUntil) return
    const ticks = this.level / TICK
    const spread =
      loop.now < this.crossedUntil ? -SPREAD_TICKS : Math.max(1, Math.round(SPREAD_TICKS * random.between(0.5, 2)))
    const side = (best: number, away: 1 | -1) =>
      Array.from(
        { length: LEVELS },
        (_, i) => [price(best + away * i * SPREAD_TICKS), quantity(random.between(200, 2000))] as const
      )
    const bid = Math.round(ticks - spread / 2)
    const ask = bid + spread
    const events: Array<MarketEvent> = [
      { _tag: "Quote", symbol: SYMBOL, at: loop.now, bids: side(bid, -1), asks: side(ask, 1) }
    ]
    if (spread > 0 && random.next() < plan.trades) {
      const buys = random.next() < 0.5
      events.push({
        _tag: "Trade",
        symbol: SYMBOL,
        at: loop.now,
        price: price(buys ? ask : bid),
        quantity: quantity(random.between(20, 3000)),
        side: buys ? "buy" : "sell"
      })
    }
    this.exchange.take((state, now) => Exchange.market(state, events, now))
  }
}
