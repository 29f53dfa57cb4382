/** Drives one simulated Kraken through a test: keeps its state, its nonces and the frames that left. */
import { assert } from "vitest"
import type { MarketEvent, RestReply } from "../../../src/domain/exchange/Boundary.ts"
import type { ExchangeConfig, Switches } from "../../../src/domain/exchange/Config.ts"
import { defaultConfig, defaultSwitches, tradingPermissions } from "../../../src/domain/exchange/Config.ts"
import * as Exchange from "../../../src/domain/exchange/Exchange.ts"
import { initial } from "../../../src/domain/exchange/Initial.ts"
import type { ExchangeState } from "../../../src/domain/exchange/State.ts"
import { PairSymbol } from "../../../src/domain/market/Instrument.ts"
import * as Money from "../../../src/domain/money/Money.ts"

export const T0 = Date.parse("2026-01-05T10:00:00Z")
export const XLM = PairSymbol("XLM/USD")
export const KEY = "test-key"

export type Json = any // oxlint-disable-line typescript/no-explicit-any -- replies are read field by field in tests

export interface Options extends Partial<Omit<ExchangeConfig, "switches">> {
  readonly switches?: Partial<Switches>
  readonly usd?: string
  readonly xlm?: string
}

export const configOf = (options: Options = {}): ExchangeConfig => ({
  ...defaultConfig,
  keys: [{ apiKey: KEY, permissions: tradingPermissions, nonceWindow: 0n }],
  balances: new Map<string, bigint>([
    ["USD", Money.usd(options.usd ?? "1000")],
    ["XLM", Money.quantity(options.xlm ?? "5000")]
  ]),
  tier: "pro",
  ...options,
  switches: { ...defaultSwitches, ...options.switches }
})

type Levels = ReadonlyArray<readonly [string, string]>

export const quoteOf = (at: number, bids: Levels, asks: Levels, symbol = XLM): MarketEvent => ({
  _tag: "Quote",
  symbol,
  at,
  bids: bids.map(([price, quantity]) => [Money.price(price), Money.quantity(quantity)] as const),
  asks: asks.map(([price, quantity]) => [Money.price(price), Money.quantity(quantity)] as const)
})

export const tradeOf = (
  at: number,
  price: string,
  quantity: string,
  side: "buy" | "sell",
  symbol = XLM
): MarketEvent => ({
  _tag: "Trade",
  symbol,
  at,
  price: Money.price(price),
  quantity: Money.quantity(quantity),
  side
})

export class Harness {
  state: ExchangeState
  now = T0
  nonce = 1_000
  frames: Array<{ session: string; text: string; isPrivate: boolean }> = []
  token = ""

  constructor(options: Options = {}) {
    this.state = initial(configOf(options), T0)
  }

  step(step: Exchange.Step): void {
    this.state = step.state
    this.frames.push(...step.frames)
  }

  wait(ms: number): this {
    this.now += ms
    this.step(Exchange.tick(this.state, this.now))
    return this
  }

  /** Passes time without a tick. */
  later(ms: number): this {
    this.now += ms
    return this
  }

  market(...events: ReadonlyArray<MarketEvent>): this {
    this.step(Exchange.market(this.state, events, this.now))
    return this
  }

  /** A book of 0.150000 / 0.150100 with deep sizes, or what is given. */
  quote(
    bids: Levels = [
      ["0.150000", "1000"],
      ["0.149900", "2000"]
    ],
    asks: Levels = [
      ["0.150100", "1000"],
      ["0.150200", "2000"]
    ]
  ): this {
    return this.market(quoteOf(this.now, bids, asks))
  }

  trade(price: string, quantity: string, side: "buy" | "sell"): this {
    return this.market(tradeOf(this.now, price, quantity, side))
  }

  private parsed(reply: RestReply): Json {
    return JSON.parse(reply.body)
  }

  public(endpoint: string, params: Record<string, string> = {}): Json {
    const answered = Exchange.publicCall(this.state, { endpoint, params: new Map(Object.entries(params)) }, this.now)
    this.step(answered)
    return this.parsed(answered.reply)
  }

  private(endpoint: string, params: Record<string, string> = {}, apiKey = KEY, arrivedAt = this.now): Json {
    this.nonce += 1
    const all = new Map(Object.entries({ nonce: String(this.nonce), ...params }))
    const answered = Exchange.privateCall(this.state, apiKey, { endpoint, params: all }, this.now, arrivedAt)
    this.step(answered)
    return this.parsed(answered.reply)
  }

  /** A call that must succeed. */
  ok(endpoint: string, params: Record<string, string> = {}): Json {
    const reply = this.private(endpoint, params)
    assert.deepStrictEqual(reply.error, [])
    return reply.result
  }

  /** The error of a call that must fail. */
  error(endpoint: string, params: Record<string, string> = {}): string {
    const reply = this.private(endpoint, params)
    assert.strictEqual(reply.error.length, 1, JSON.stringify(reply))
    assert.isFalse("result" in reply)
    return reply.error[0]
  }

  order(params: Record<string, string> = {}): Record<string, string> {
    return { pair: "XLMUSD", type: "buy", ordertype: "limit", volume: "100", price: "0.149000", ...params }
  }

  /** Places an order and gives its txid. */
  add(params: Record<string, string> = {}): string {
    return this.ok("AddOrder", this.order(params)).txid[0]
  }

  query(txid: string): Json {
    const seen = Exchange.privateCall(
      this.state,
      KEY,
      {
        endpoint: "QueryOrders",
        params: new Map([
          ["txid", txid],
          ["trades", "true"],
          ["nonce", String(++this.nonce)]
        ])
      },
      this.now
    )
    return JSON.parse(seen.reply.body).result[txid]
  }

  open(session = "a", host: "public" | "auth" = "auth"): this {
    this.step(Exchange.openSession(this.state, session, host, this.now))
    return this
  }

  close(session: string): this {
    this.step(Exchange.closeSession(this.state, session, this.now))
    return this
  }

  /** Sends a frame and gives what came back during it, parsed. */
  send(frame: Json, session = "a"): ReadonlyArray<Json> {
    this.take()
    this.step(
      Exchange.receive(this.state, session, typeof frame === "string" ? frame : JSON.stringify(frame), this.now)
    )
    return this.take(session)
  }

  /** Frames that left since they were last taken, parsed. */
  take(session?: string): ReadonlyArray<Json> {
    const taken = this.frames.filter((frame) => session === undefined || frame.session === session)
    this.frames = []
    return taken.map((frame) => JSON.parse(frame.text))
  }

  texts(): ReadonlyArray<string> {
    const taken = this.frames.map((frame) => frame.text)
    this.frames = []
    return taken
  }

  /** Opens the authenticated stream with executions and balances subscribed. */
  connect(session = "a", params: Record<string, unknown> = {}): this {
    this.token = this.ok("GetWebSocketsToken").token
    this.open(session)
    this.send({ method: "subscribe", params: { channel: "executions", token: this.token, ...params } }, session)
    this.send({ method: "subscribe", params: { channel: "balances", token: this.token } }, session)
    return this
  }

  /** A trading request on the stream. */
  request(method: string, params: Record<string, unknown>, session = "a"): ReadonlyArray<Json> {
    return this.send({ method, params: { token: this.token, ...params }, req_id: 7 }, session)
  }

  balance(wallet: string): string {
    return this.ok("Balance")[wallet]
  }
}
