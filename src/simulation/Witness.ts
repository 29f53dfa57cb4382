/**
 * What the judge of a simulation has seen: the exchange's own account and request log, the texts that reached the trader,
 * and books kept from them by rules of its own. It never looks into the trader.
 */
import BetterSqlite3 from "better-sqlite3"
import type { ExchangeState, Fill, Order } from "../domain/exchange/State.ts"
import * as Log from "../domain/exchange/Log.ts"
import { HashMap, Option } from "effect"
import * as Fixed from "../domain/money/Fixed.ts"
import type { Limits } from "../domain/risk/Limits.ts"
import type { EpochMs } from "../domain/Time.ts"
import { SYMBOL } from "./Market.ts"

export interface Violation {
  readonly invariant: string
  readonly at: EpochMs
  readonly text: string
}

/** What the judge is told of the world besides what it sees at the exchange. */
export interface JudgeParts {
  readonly limits: Limits
  /** Begins the trader's own order ids. */
  readonly prefix: string
  /** The trader's database as it is on disk now. */
  readonly file: () => string
  readonly aside: () => string
  readonly state: () => ExchangeState
}

/** Delays between a decision and the exchange that are no fault of the decision. */
export const SLACK_MS = 2000
export const DEADLINE_GAP_MS = 10_000
/** An approval that has not left by then is void. */
export const APPROVAL_LIFE_MS = 1000
export const DAY_MS = 86_400_000
const MAX_KEPT = 20

export const abs = (value: bigint): bigint => (value < 0n ? -value : value)
export const show = Fixed.show
export const amount = (text: string | undefined): bigint => {
  const parsed = Fixed.parse(text ?? "")
  return parsed._tag === "Right" ? parsed.right : 0n
}

interface OwnBooks {
  /** Bought and not sold, by the exchange's fills. */
  held: bigint
  /** Dollars paid for what is held, without fees, the dearest sold first. */
  readonly lots: Array<{ quantity: bigint; cost: bigint }>
  /** Dollars moved by own fills, as the ledger has them. */
  cash: bigint
}

export class Witness {
  readonly violations: Array<Violation> = []
  /** Orders to buy that were accepted. */
  entries = 0
  fills = 0
  orders = 0
  /** Private requests that reached the exchange, by endpoint. */
  readonly requests = new Map<string, number>()
  /** Ids of orders that carry the installation's mark and are not the trader's. */
  readonly strangers = new Set<string>()
  protected readonly parts: JudgeParts
  protected readonly own: OwnBooks = { held: 0n, lots: [], cash: 0n }
  protected readonly arrived = new Set<string>()
  protected readonly ownTxids = new Set<string>()
  protected entering = false
  protected seenFills = 0
  protected seenRequests = 0
  protected lastNonce = 0n
  /** When the last order was written, by its nonce. */
  protected written: { readonly nonce: string; readonly at: EpochMs } | undefined
  /** Whether the account was read since the process began. */
  protected accountRead = false
  protected lastEntryAt = Number.NEGATIVE_INFINITY
  protected entriesOfDay = { day: -1, count: 0 }
  protected mark: { day: number; equity: bigint } | undefined
  protected readonly mids: Array<{ readonly at: EpochMs; readonly bid: bigint; readonly ask: bigint }> = []
  protected quoteHeard = { at: Number.NEGATIVE_INFINITY, text: "" }
  protected accountStreamLostAt: EpochMs | undefined = Number.NEGATIVE_INFINITY
  protected fence: Array<{ readonly at: EpochMs; readonly epoch: number; readonly closed: boolean }> = []
  protected db:
    | {
        readonly file: string
        readonly raw: BetterSqlite3.Database
        readonly statements: Map<string, BetterSqlite3.Statement<unknown[], Record<string, unknown>>>
      }
    | undefined

  /** What the request under way breaks if the exchange takes it: a refused one has done no harm. */
  protected broken: Array<Violation> = []

  constructor(parts: JudgeParts) {
    this.parts = parts
  }

  close(): void {
    this.db?.raw.close()
    this.db = undefined
  }

  violate(invariant: string, at: EpochMs, text: string): void {
    if (this.violations.length < MAX_KEPT) this.violations.push({ invariant, at, text })
  }

  protected breaks(invariant: string, at: EpochMs, text: string): void {
    this.broken.push({ invariant, at, text })
  }

  rows(sql: string, ...params: ReadonlyArray<string>): ReadonlyArray<Record<string, unknown>> {
    const file = this.parts.file()
    if (this.db?.file !== file) {
      this.close()
      const raw = new BetterSqlite3(file, { readonly: true, fileMustExist: true })
      this.db = { file, raw, statements: new Map() }
    }
    const { raw, statements } = this.db
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = raw.prepare<unknown[], Record<string, unknown>>(sql)
      statements.set(sql, statement)
    }
    return statement.all(...params)
  }

  // ---- what is seen and heard ------------------------------------------------------------------------------------------

  /** A request as its bytes were written: nonces only rise (I11). */
  onWritten(endpoint: string, nonce: bigint, at: EpochMs): void {
    if (nonce <= this.lastNonce) {
      this.violate("I11", at, `${endpoint} was written with nonce ${nonce} after ${this.lastNonce}`)
    }
    this.lastNonce = nonce
    if (endpoint === "AddOrder") this.written = { nonce: `${nonce}`, at }
  }

  /** A life of the trader begins: what it read before is forgotten. */
  onStart(): void {
    this.accountRead = false
  }

  /** Texts that reached the trader: what it could know of the market. */
  onHeard(what: string, text: string, at: EpochMs): void {
    // executions are read in whole reconciliations alone
    if (what === "TradesHistory" && text.startsWith('{"error":[],')) this.accountRead = true
    if (what === "Ticker" || text.startsWith('{"channel":"ticker"')) this.quoteHeard = { at, text }
  }

  /** Another process moved the fence; `closed`: no entry may follow until it is opened. */
  onFence(epoch: number, closed: boolean, at: EpochMs): void {
    this.fence.push({ at, epoch, closed })
  }

  /** Every change of the exchange. */
  onStep(before: ExchangeState, after: ExchangeState): void {
    const market = after.markets.get(SYMBOL)
    if (market !== before.markets.get(SYMBOL)) {
      const bid = market?.bids[0]?.[0]
      const ask = market?.asks[0]?.[0]
      if (bid !== undefined && ask !== undefined && bid < ask) {
        this.mids.push({ at: after.now, bid, ask })
        while (this.mids.length > 64) this.mids.shift()
      }
    }
    if (after.account.fills.length !== this.seenFills) this.takeFills(after)
    if (after.requests.length < this.seenRequests) this.seenRequests = Math.max(0, after.requests.length - 1)
    for (const record of Log.from(after.requests, this.seenRequests)) {
      if (/rate limit|too many|lockout|throttle/i.test(record.result)) {
        this.violate("I15", record.at, `${record.endpoint}: ${record.result}`)
      }
    }
    this.seenRequests = after.requests.length
    if (after.sessions !== before.sessions) {
      const streams = [...after.sessions.values()].some((s) => s.subscriptions.some((c) => c.channel === "executions"))
      if (streams) this.accountStreamLostAt = undefined
      else this.accountStreamLostAt ??= after.now
    }
    this.markDay(after)
  }

  protected takeFills(state: ExchangeState): void {
    for (const fill of Log.from(state.account.fills, this.seenFills)) {
      if (!this.isOwnFill(state, fill)) continue
      this.fills += 1
      this.own.cash += this.ledgerOf(state, fill)
      if (fill.side === "buy") {
        if (this.parts.limits.postOnly && !fill.maker) {
          this.violate(
            "I8",
            fill.at,
            `an entry took liquidity: ${fill.txid}, ${show(fill.quantity)} at ${show(fill.price)}`
          )
        }
        this.own.held += fill.quantity
        this.own.lots.push({ quantity: BigInt(fill.quantity), cost: BigInt(fill.cost) })
        continue
      }
      this.own.held -= fill.quantity
      if (this.own.held < 0n) {
        this.violate("I5", fill.at, `more was sold than bought: ${show(-this.own.held)} of the owner's coins are gone`)
      }
      let left: bigint = fill.quantity
      // an exit names the lots that it sells, which the judge does not know: what is left may have cost so much at least
      this.own.lots.sort((a, b) => Number(b.cost * a.quantity - a.cost * b.quantity))
      for (let lot = this.own.lots[0]; lot !== undefined && left > 0n; lot = this.own.lots[0]) {
        const part = left < lot.quantity ? left : lot.quantity
        const cost = (lot.cost * part) / lot.quantity
        lot.quantity -= part
        lot.cost -= cost
        left -= part
        if (lot.quantity === 0n) this.own.lots.shift()
      }
    }
    this.seenFills = state.account.fills.length
  }

  isOwn({ clOrdId }: Order): boolean {
    return clOrdId?.startsWith(this.parts.prefix) === true && !this.strangers.has(clOrdId)
  }

  protected isOwnFill(state: ExchangeState, fill: Fill): boolean {
    if (this.ownTxids.has(fill.txid)) return true
    const order = Option.getOrUndefined(HashMap.get(state.account.orders, fill.txid))
    if (order === undefined || !this.isOwn(order)) return false
    this.ownTxids.add(fill.txid)
    return true
  }

  protected ledgerOf(state: ExchangeState, fill: Fill): bigint {
    let total = 0n
    for (const entry of Log.last(state.account.ledgers, 64)) {
      if (fill.ledgers.includes(entry.id) && entry.wallet === "USD") total += entry.amount - entry.fee
    }
    return total
  }

  protected equity(state: ExchangeState): bigint | undefined {
    const bid = state.markets.get(SYMBOL)?.bids[0]?.[0]
    if (bid === undefined) return undefined
    const worth = Fixed.multiply(bid, this.own.held, "down")
    return this.own.cash + worth - (worth * 4n) / 1000n
  }

  protected markDay(state: ExchangeState): void {
    const day = Math.floor(state.now / DAY_MS)
    if (this.mark?.day === day) return
    const equity = this.equity(state)
    if (equity !== undefined) this.mark = { day, equity }
  }
}
