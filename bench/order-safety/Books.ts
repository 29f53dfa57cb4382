/**
 * A trader's books: orders and lots in memory, and what of them survives a crash. Reports are folded by the program's own
 * `merge`, fills booked by its own `bookEntry`; what decides around them is the part of the engine's fold that the
 * comparison needs.
 */
import type { EngineState } from "../../src/domain/engine/State.ts"
import type { ClientOrderId } from "../../src/domain/order/Ids.ts"
import { ExchangeOrderId } from "../../src/domain/order/Ids.ts"
import type { Order } from "../../src/domain/order/Order.ts"
import { isNewFill, isTerminal, merge } from "../../src/domain/order/Order.ts"
import type { SendOutcome } from "../../src/domain/order/Outcome.ts"
import type { OrderReport } from "../../src/domain/order/Report.ts"
import type { Lot } from "../../src/domain/portfolio/Lot.ts"
import * as Portfolio from "../../src/domain/portfolio/Portfolio.ts"

/** What is on disk. */
export interface Records {
  readonly orders: ReadonlyMap<ClientOrderId, Order>
  readonly lots: ReadonlyMap<ClientOrderId, Lot>
}

export const noRecords: Records = { orders: new Map(), lots: new Map() }

/** `pending` and `unknown`: nobody knows yet whether the exchange has it. */
export const isUncertain = (order: Order): boolean => order.status === "pending" || order.status === "unknown"

export class Books {
  orders: Map<ClientOrderId, Order>
  lots: Map<ClientOrderId, Lot>
  records: Records
  private readonly savesFirst: boolean

  /** Begins with the records: an intent without a recorded answer may be on the exchange. */
  constructor(records: Records, savesFirst: boolean) {
    this.records = records
    this.savesFirst = savesFirst
    this.orders = new Map(
      [...records.orders].map(([id, order]) => [
        id,
        order.status === "pending" ? { ...order, status: "unknown" } : order
      ])
    )
    this.lots = new Map(records.lots)
  }

  order(id: ClientOrderId): Order | undefined {
    return this.orders.get(id)
  }

  /** Changes an order and commits: at once, or (`savesFirst` not set) from its first certain status on. */
  put(order: Order): void {
    this.orders.set(order.id, order)
    if (this.savesFirst || !isUncertain(order)) {
      this.records = { orders: new Map(this.records.orders).set(order.id, order), lots: new Map(this.lots) }
    }
  }

  get byExchangeId(): EngineState["byExchangeId"] {
    const ids = new Map<ExchangeOrderId, ClientOrderId>()
    for (const order of this.orders.values()) if (order.exchangeId !== undefined) ids.set(order.exchangeId, order.id)
    return ids
  }

  /** Our id of an order of the exchange's. */
  idOf(exchangeId: string): ClientOrderId | undefined {
    return this.byExchangeId.get(ExchangeOrderId(exchangeId))
  }

  /** The end of one AddOrder, as the engine folds it. */
  outcome(id: ClientOrderId, outcome: SendOutcome): void {
    const order = this.orders.get(id)
    if (order === undefined || isTerminal(order.status)) return
    if (outcome._tag === "Accepted") {
      const exchangeId = order.exchangeId ?? outcome.exchangeId
      this.put({ ...order, status: "open", ...(exchangeId === undefined ? {} : { exchangeId }) })
    } else if (outcome._tag === "Unknown") {
      if (isUncertain(order)) this.put({ ...order, status: "unknown" })
    } else {
      this.put({ ...order, status: "rejected", endReason: outcome.text })
    }
  }

  /** Settled as not there: by proof, or because somebody gave up. */
  reject(id: ClientOrderId, reason: string): void {
    const order = this.orders.get(id)
    if (order !== undefined && isUncertain(order)) this.put({ ...order, status: "rejected", endReason: reason })
  }

  /** Folds reports. A second order under one of our ids is somebody else's: its status is not this order's. */
  fold(reports: ReadonlyArray<OrderReport>): void {
    for (const report of reports) {
      const id = report.clientId ?? this.byExchangeId.get(report.exchangeId)
      const order = id === undefined ? undefined : this.orders.get(id)
      if (order === undefined || (order.exchangeId ?? report.exchangeId) !== report.exchangeId) continue
      if (report._tag === "Fill" && isNewFill(order, report)) {
        const lot = Portfolio.bookEntry(this.lots.get(order.id), order, report)
        if (lot !== undefined) this.lots.set(order.id, lot)
      }
      this.put(merge(order, report))
    }
  }
}
