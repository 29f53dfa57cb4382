/**
 * The judge of a simulation: looks at the exchange's own account and request log and at the trader's database, never into
 * the trader, and keeps books of its own. Each check names the invariant that it stands for.
 */
import type { ExchangeState, Fill, Order } from "../domain/exchange/State.ts"
import * as Log from "../domain/exchange/Log.ts"
import { HashMap, Option } from "effect"
import * as Fixed from "../domain/money/Fixed.ts"
import type { EpochMs } from "../domain/Time.ts"
import { iso } from "../domain/Time.ts"
import { SYMBOL } from "./Market.ts"
import { abs, amount, APPROVAL_LIFE_MS, DAY_MS, DEADLINE_GAP_MS, show, SLACK_MS, Witness } from "./Witness.ts"

/** Fills of so long are looked at often, older ones now and then: a long run has many. */
const LATELY_MS = 3_600_000

export class Judge extends Witness {
  // ---- an order as it arrives ------------------------------------------------------------------------------------------

  private ownOrders(state: ExchangeState): ReadonlyArray<Order> {
    return [...HashMap.values(state.account.orders)].filter((order) => this.isOwn(order))
  }

  private ownOpen(state: ExchangeState): ReadonlyArray<Order> {
    return state.account.open.flatMap((txid) => {
      const order = Option.getOrUndefined(HashMap.get(state.account.orders, txid))
      return order !== undefined && this.isOwn(order) ? [order] : []
    })
  }

  /** The exchange has answered the request that was about to be executed. */
  onExecuted(endpoint: string, taken: boolean): void {
    if (endpoint !== "AddOrder") return
    if (taken) {
      for (const { at, invariant, text } of this.broken) this.violate(invariant, at, text)
      this.entries += this.entering ? 1 : 0
    }
    this.broken = []
    this.entering = false
  }

  /** A private request reached the exchange and is about to be executed. */
  onRequest(endpoint: string, params: ReadonlyMap<string, string>, at: EpochMs): void {
    this.requests.set(endpoint, (this.requests.get(endpoint) ?? 0) + 1)
    if (endpoint === "CancelAllOrdersAfter" && params.get("timeout") === "0") this.onDisarm(at)
    if (endpoint !== "AddOrder" || params.get("validate") === "true") return
    const id = params.get("cl_ord_id")
    if (id === undefined || !id.startsWith(this.parts.prefix)) {
      this.violate("I1", at, `an order without an id of ours: ${[...params.keys()].join(",")}`)
      return
    }
    this.orders += 1
    if (this.arrived.has(id)) this.violate("I2", at, `${id} was sent a second time`)
    this.arrived.add(id)
    const state = this.parts.state()
    const [intent] = this.rows(
      "SELECT i.nonce, i.epoch, i.approved_ms, i.deadline_ms FROM intents i WHERE i.order_id = ?",
      id
    )
    if (intent === undefined && !this.parts.aside().includes(id)) {
      this.violate("I1", at, `${id} reached the exchange and no intent of it is on disk`)
    }
    if (intent !== undefined && String(intent["nonce"]) !== params.get("nonce")) {
      this.violate("I1", at, `${id} came with nonce ${params.get("nonce")}, its intent says ${String(intent["nonce"])}`)
    }
    const approvedAt = intent === undefined ? at : Number(intent["approved_ms"])
    // without one, an order that was given up could come onto the book at any time
    if (!Number.isFinite(Date.parse(params.get("deadline") ?? ""))) this.violate("I2", at, `${id} has no deadline`)
    const { written } = this
    if (written !== undefined && written.nonce === params.get("nonce")) {
      const waited = written.at - approvedAt
      if (waited > APPROVAL_LIFE_MS + SLACK_MS) this.violate("I7", at, `${id} left ${waited} ms after its approval`)
    }
    if (params.get("type") === "sell") this.onExit(state, id, params, at)
    else this.onEntry(state, id, params, at, approvedAt, intent === undefined ? undefined : Number(intent["epoch"]))
  }

  /** I19: the dead man's switch is disarmed only when nothing of the trader's rests. */
  private onDisarm(at: EpochMs): void {
    const open = this.ownOpen(this.parts.state())
    if (open.length > 0) this.violate("I19", at, `disarmed with ${open.length} own orders open`)
  }

  private onExit(state: ExchangeState, id: string, params: ReadonlyMap<string, string>, at: EpochMs): void {
    const selling = this.ownOpen(state)
      .filter((o) => o.side === "sell")
      .reduce((sum, o) => sum + o.quantity - o.filled, 0n)
    const quantity = amount(params.get("volume"))
    if (selling + quantity > this.own.held) {
      this.breaks(
        "I5",
        at,
        `${id} sells ${show(quantity)} while ${show(selling)} of ${show(this.own.held)} are on sale already`
      )
    }
  }

  private onEntry(
    state: ExchangeState,
    id: string,
    params: ReadonlyMap<string, string>,
    at: EpochMs,
    approvedAt: EpochMs,
    epoch: number | undefined
  ): void {
    const { limits } = this.parts
    const bad = (invariant: string, text: string): void => this.breaks(invariant, at, `${id}: ${text}`)
    this.entering = true
    const price = amount(params.get("price"))
    const quantity = amount(params.get("volume"))
    const notional = Fixed.multiply(price, quantity, "up")
    if (params.get("pair") !== "XLMUSD") bad("I3", `pair ${params.get("pair")}`)
    if (notional > limits.maxTradeSize) bad("I3", `${show(notional)} USD is above the trade size`)
    if (notional < limits.minOrderSize) bad("I3", `${show(notional)} USD is below the least order`)
    const lately = this.mids.filter((m) => m.at >= at - 20_000)
    const collar = (m: { bid: bigint; ask: bigint }): boolean => {
      const mid = (m.bid + m.ask) / 2n
      return abs(price - mid) <= Fixed.multiply(mid, limits.priceCollar, "up") + Fixed.unit(6)
    }
    if (lately.length > 0 && !lately.some(collar)) bad("I3", `limit ${show(price)} is outside the collar`)
    // by the times of approval: one that was long on its way may arrive close to its successor
    const apart = Math.abs(approvedAt - this.lastEntryAt)
    if (apart < limits.minTradeInterval) bad("I3", `${apart} ms from the last entry`)
    this.lastEntryAt = approvedAt
    const day = Math.floor(at / DAY_MS)
    this.entriesOfDay = { day, count: this.entriesOfDay.day === day ? this.entriesOfDay.count + 1 : 1 }
    if (this.entriesOfDay.count > limits.maxTradesPerDay) bad("I3", `entry ${this.entriesOfDay.count} of the day`)

    const lowest = lately.reduce<bigint | undefined>(
      (least, m) => (least === undefined || m.bid < least ? m.bid : least),
      undefined
    )
    const cost = this.own.lots.reduce((sum, lot) => sum + lot.cost, 0n)
    const mark = Fixed.multiply(lowest ?? 0n, this.own.held, "down")
    const working = this.ownOpen(state)
      .filter((o) => o.side === "buy")
      .reduce((sum, o) => sum + Fixed.multiply(o.price, o.quantity - o.filled, "up"), 0n)
    const exposure = (cost > mark ? cost : mark) + working + notional
    if (exposure > limits.maxTotalExposure) bad("I4", `${show(exposure)} USD at stake with it`)

    const equity = this.equity(state)
    if (equity !== undefined && this.mark !== undefined) {
      const loss = this.mark.equity - equity
      const allowed = limits.maxDailyLoss + limits.maxDailyLoss / 10n + Fixed.unit(2) * 2n
      if (loss >= allowed) bad("I6", `sent with a loss of ${show(loss)} USD today`)
    }
    this.onGates(bad, at, approvedAt, epoch)
    if (limits.postOnly && params.get("oflags")?.includes("post") !== true) bad("I8", `flags ${params.get("oflags")}`)
    if (approvedAt - this.quoteHeard.at > limits.staleAfter + SLACK_MS) {
      bad("I14", `decided ${Math.round((approvedAt - this.quoteHeard.at) / 1000)} s after the last quote it heard`)
    }
    const rules = state.markets.get(SYMBOL)?.rules
    if (rules !== undefined && (quantity < rules.minQuantity || notional < rules.minCost)) {
      bad("I17", `${show(quantity)} could not be sold again`)
    }
    // its loss exit goes this far below the limit at least, and has to be an order all the same
    const worst = price - Fixed.multiply(price, limits.exitCollarMax, "up")
    if (rules !== undefined && Fixed.multiply(worst, quantity, "up") < rules.minCost) {
      bad("I17", `${show(quantity)} could not be sold at ${show(worst)}`)
    }
    const deadline = Date.parse(params.get("deadline") ?? "")
    const isTimed = Number.isFinite(deadline)
    if (isTimed && limits.deadManSwitch !== undefined && !((state.switchAt ?? 0) >= deadline + DEADLINE_GAP_MS)) {
      bad(
        "I19",
        `deadline ${iso(deadline)}, the switch fires at ${state.switchAt === undefined ? "no time" : iso(state.switchAt)}`
      )
    }
  }

  /** I7: what stops entries was not in force when this one was decided. */
  private onGates(
    bad: (invariant: string, text: string) => void,
    at: EpochMs,
    approvedAt: EpochMs,
    epoch: number | undefined
  ): void {
    const moved = this.fence.findLast((f) => epoch !== undefined && f.epoch <= epoch)
    if (moved?.closed === true) bad("I7", `committed under the fence of epoch ${moved.epoch}, which lets no entry pass`)
    const later = this.fence.find((f) => epoch !== undefined && f.epoch > epoch && f.at < at - 11_000)
    if (later !== undefined) bad("I7", `left ${at - later.at} ms after the fence had been moved`)
    if (!this.accountRead) bad("I7", "decided before the account was read")
    this.onUnknown(bad, approvedAt)
    const lost = this.accountStreamLostAt
    if (lost !== undefined && approvedAt > lost + 13_000) {
      bad("I7", `decided ${Math.round((approvedAt - lost) / 1000)} s after the account's stream was lost`)
    }
    const [breaker] = this.rows("SELECT state FROM breaker")
    const latches: unknown = JSON.parse(String(breaker?.["state"] ?? "{}"))
    if (typeof latches !== "object" || latches === null || !("latches" in latches)) return
    for (const [cause, latch] of Object.entries(latches.latches as Record<string, { since: number }>)) {
      if (latch.since < approvedAt - SLACK_MS)
        bad("I7", `decided ${approvedAt - latch.since} ms after ${cause} was latched`)
    }
  }

  /** Order protocol, step 5: no entry while the outcome of an order is unknown. */
  private onUnknown(bad: (invariant: string, text: string) => void, approvedAt: EpochMs): void {
    for (const row of this.rows("SELECT order_id, state FROM orders WHERE status = 'unknown'")) {
      const order: unknown = JSON.parse(String(row["state"]))
      const since = typeof order === "object" && order !== null && "updatedAt" in order ? Number(order.updatedAt) : 0
      if (since < approvedAt - SLACK_MS)
        bad("I4", `decided ${approvedAt - since} ms after ${String(row["order_id"])} was of unknown outcome`)
    }
  }

  // ---- the books at rest -----------------------------------------------------------------------------------------------

  /** Causes latched now, by the database. */
  latched(): ReadonlyArray<string> {
    return Object.entries(this.latches()).map(([cause, { reason }]) => `${cause}: ${reason}`)
  }

  /** When the last of the breaker's cool-downs ends; in the past when there is none. */
  coolsUntil(): EpochMs {
    return Math.max(0, ...Object.values(this.latches()).map(({ probeAt = 0 }) => probeAt))
  }

  private latches(): Readonly<Record<string, { readonly reason: string; readonly probeAt?: EpochMs }>> {
    const [row] = this.rows("SELECT state FROM breaker")
    const state: unknown = JSON.parse(String(row?.["state"] ?? "{}"))
    if (typeof state !== "object" || state === null || !("latches" in state)) return {}
    return state.latches as Record<string, { reason: string; probeAt?: EpochMs }>
  }

  /** Every change of the breaker, as the database tells it. */
  history(): ReadonlyArray<{ readonly at: EpochMs; readonly cause: string; readonly change: string }> {
    return this.rows("SELECT at_ms, cause, change FROM breaker_history ORDER BY id LIMIT 500").map((row) => ({
      at: Number(row["at_ms"]),
      cause: String(row["cause"]),
      change: String(row["change"])
    }))
  }

  /** The account's fills by id, as far as they were taken in. */
  private readonly known = new Map<string, Fill>()
  private knownFills = 0

  /** I9: nothing was ever booked that did not happen, or twice; holds at every moment. `all`: those of long ago too. */
  checkBooked(all: boolean): void {
    const state = this.parts.state()
    const { known } = this
    for (const fill of Log.from(state.account.fills, this.knownFills)) known.set(fill.id, fill)
    this.knownFills = state.account.fills.length
    for (const row of this.rows(
      "SELECT execution_id, quantity, price, fee, liquidity FROM fills WHERE timestamp >= ?",
      all ? "" : iso(state.now - LATELY_MS)
    )) {
      const id = String(row["execution_id"])
      const fill = known.get(id)
      if (fill === undefined) this.violate("I9", state.now, `execution ${id} is booked and never happened`)
      else if (
        amount(String(row["quantity"])) !== fill.quantity ||
        amount(String(row["price"])) !== fill.price ||
        amount(String(row["fee"])) !== fill.fee ||
        (row["liquidity"] === "maker") !== fill.maker
      ) {
        this.violate(
          "I9",
          state.now,
          `execution ${id} is booked as ${["quantity", "price", "fee", "liquidity"].map((name) => String(row[name])).join(" ")} and was ${show(fill.quantity)} ${show(fill.price)} ${show(fill.fee)} ${fill.maker ? "maker" : "taker"}`
        )
      }
    }
  }

  /** What of books and account does not agree now; empty when all is well (I9, I10, I20). */
  differences(): ReadonlyArray<string> {
    const state = this.parts.state()
    const problems: Array<string> = []
    const booked = new Set(this.rows("SELECT execution_id FROM fills").map((row) => String(row["execution_id"])))
    const missing = Log.from(state.account.fills, 0).filter((f) => this.isOwnFill(state, f) && !booked.has(f.id))
    if (missing.length > 0)
      problems.push(
        `${missing.length} executions are not booked: ${missing
          .map((f) => f.id)
          .slice(0, 3)
          .join(", ")}`
      )
    const held = this.rows("SELECT remaining FROM lots WHERE held = 1").reduce(
      (sum, row) => sum + amount(String(row["remaining"])),
      0n
    )
    if (held !== this.own.held) problems.push(`lots say ${show(held)} held, the account ${show(this.own.held)}`)
    const cash = amount(String(this.rows("SELECT own_usd FROM totals")[0]?.["own_usd"] ?? "0"))
    if (cash !== this.own.cash) problems.push(`books say ${show(cash)} USD moved, the ledger ${show(this.own.cash)}`)
    const words: Readonly<Record<string, ReadonlyArray<string>>> = {
      open: ["open"],
      pending: ["open", "pending"],
      closed: ["filled"],
      canceled: ["cancelled"],
      expired: ["expired", "cancelled"]
    }
    const rows = new Map(
      this.rows("SELECT order_id, status, settled, filled_volume FROM orders").map((row) => [
        String(row["order_id"]),
        row
      ])
    )
    for (const order of this.ownOrders(state)) {
      const row = rows.get(order.clOrdId ?? "")
      if (row === undefined) problems.push(`order ${order.clOrdId} is not in the books`)
      else if (words[order.status]?.includes(String(row["status"]).toLowerCase()) !== true) {
        problems.push(`order ${order.clOrdId} is ${order.status}, the books say ${String(row["status"])}`)
      }
    }
    for (const [id, row] of rows) {
      const status = String(row["status"]).toLowerCase()
      if (status === "unknown") problems.push(`order ${id} is still unknown`)
      if (status === "pending") problems.push(`order ${id} is still pending`)
    }
    return problems
  }

  /** Lots that no working order sells although they could be sold. */
  unattended(): ReadonlyArray<string> {
    const state = this.parts.state()
    const rules = state.markets.get(SYMBOL)?.rules
    const selling = this.ownOpen(state)
      .filter((o) => o.side === "sell")
      .reduce((sum, o) => sum + o.quantity - o.filled, 0n)
    const idle = this.own.held - selling
    if (rules === undefined || idle < rules.minQuantity) return []
    return [`${show(idle)} held without a working exit`]
  }

  /** How much of the trader's own coins the account lacks: somebody took them out. */
  missing(): bigint {
    const there = this.parts.state().account.balances.get("XLM") ?? 0n
    return this.own.held > there ? this.own.held - there : 0n
  }

  /** What a person may see of the account, for reports. */
  summary(): string {
    return `held ${show(this.own.held)}, cash ${show(this.own.cash)}`
  }
}
