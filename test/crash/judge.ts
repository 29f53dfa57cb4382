/**
 * The judge: holds the exchange's own account and request log against the trader's database, after the trader has ended. It
 * keeps books of its own and shares no code with the trader's. Each check names the invariant that it stands for.
 */
import Sqlite from "better-sqlite3"
import { amount, show, sum, worth } from "./amounts.ts"
import { own } from "./view.ts"
import type { View, ViewFill, ViewOrder } from "./view.ts"

export interface Evidence {
  readonly view: View
  /** `trading.db`, which nobody has open. */
  readonly database: string
  readonly limits: { readonly exposure: string; readonly trade: string; readonly least: string }
  /** How far the two clocks may have been apart. */
  readonly slackMs: number
}

export interface Judgement {
  readonly broken: ReadonlyArray<string>
  readonly orders: number
  readonly fills: number
  /** Answers `Invalid nonce`, which an overtaken call may get. */
  readonly invalidNonces: number
  /** Orders that were of unknown outcome at some time, and those that were settled as never arrived. */
  readonly neverArrived: number
}

/** How far nonces may run ahead of the clock: two jumps past what another process may have taken. */
const LONGEST_JUMP_MS = 20_000

type Row = Readonly<Record<string, unknown>>

const text = (row: Row, name: string): string => String(row[name])

/** The exchange's word for an order that has ended, and what the books may say then. */
const words: Readonly<Record<ViewOrder["status"], ReadonlyArray<string>>> = {
  pending: ["pending", "open"],
  open: ["open"],
  closed: ["filled"],
  canceled: ["cancelled"],
  expired: ["expired", "cancelled"]
}

const twice = (list: ReadonlyArray<string>): ReadonlyArray<string> => {
  const seen = new Set<string>()
  return list.filter((one) => seen.size === seen.add(one).size)
}

/** What was held and what worked at an instant, by the exchange's account alone. */
const stakes = (orders: ReadonlyArray<ViewOrder>, fills: ReadonlyArray<ViewFill>) => {
  const mine = fills.filter((fill) => orders.some((order) => order.txid === fill.txid))
  /**
   * What an order was for at an instant. The account tells what it was amended to, not what it was before: an exit grows with
   * what is bought meanwhile, at most, and an entry never grows.
   */
  const quantityAt = ({ amended, openedAt, quantity, side, touchedAt }: ViewOrder, at: number): bigint => {
    if (!amended || side === "buy" || at >= touchedAt) return amount(quantity)
    const bought = mine.filter((fill) => fill.side === "buy" && fill.at > openedAt && fill.at <= touchedAt)
    const before = amount(quantity) - sum(bought.map((fill) => amount(fill.quantity)))
    return before > 0n ? before : 0n
  }
  /** Unfilled part of those that rested when another arrived; one that ended in the same instant does not count. */
  const working = (side: "buy" | "sell", at: number, but: ViewOrder) =>
    orders
      .filter((order) => order !== but && order.side === side && order.openedAt <= at)
      .filter((order) => order.closedAt === 0 || order.closedAt > at)
      .map((order) => {
        const done = fills.filter((fill) => fill.txid === order.txid && fill.at <= at)
        return { order, rest: quantityAt(order, at) - sum(done.map((fill) => amount(fill.quantity))) }
      })
  const moved = (side: "buy" | "sell", at: number) => mine.filter((fill) => fill.side === side && fill.at <= at)
  const held = (at: number): bigint =>
    sum(moved("buy", at).map((fill) => amount(fill.quantity))) -
    sum(moved("sell", at).map((fill) => amount(fill.quantity)))
  /** Least that the coins held can have cost: those that were sold were the dearest. */
  const leastCost = (at: number): bigint => {
    let left = held(at)
    let cost = 0n
    const byPrice = moved("buy", at).toSorted((a, b) => (amount(a.price) < amount(b.price) ? -1 : 1))
    for (const fill of byPrice) {
      const part = amount(fill.quantity) < left ? amount(fill.quantity) : left
      cost += (amount(fill.price) * part) / 10n ** 12n
      left -= part
    }
    return cost
  }
  return { working, held, leastCost, quantityAt }
}

export const judge = ({ database, limits, slackMs, view }: Evidence): Judgement => {
  const broken: Array<string> = []
  const orders = own(view.orders)
  const mine = new Set(orders.map((order) => order.txid))
  const fills = view.fills.filter((fill) => mine.has(fill.txid))
  const db = new Sqlite(database, { readonly: true, fileMustExist: true })
  const rows = (sql: string): ReadonlyArray<Row> => db.prepare<[], Row>(sql).all()
  try {
    const intents = new Map(rows("SELECT * FROM intents").map((row) => [text(row, "order_id"), row]))
    const books = new Map(rows("SELECT * FROM orders").map((row) => [text(row, "order_id"), row]))
    const sent = view.requests.filter((request) => request.endpoint === "AddOrder" && request.clOrdId !== undefined)

    // I1: an intent for each order, older than its arrival, with the nonce that the request came with
    for (const order of orders) {
      const id = order.clOrdId ?? ""
      const intent = intents.get(id)
      if (intent === undefined) broken.push(`I1: ${order.txid} (${id}) has no intent`)
      else if (Number(intent["approved_ms"]) > order.openedAt + slackMs) {
        broken.push(`I1: ${id} was approved ${Number(intent["approved_ms"]) - order.openedAt} ms after it had arrived`)
      }
    }
    for (const request of sent) {
      const intent = intents.get(request.clOrdId ?? "")
      if (intent === undefined) broken.push(`I1: ${request.clOrdId} was sent without an intent`)
      else if (text(intent, "nonce") !== request.nonce) {
        broken.push(`I1: ${request.clOrdId} came with nonce ${request.nonce}, its intent says ${text(intent, "nonce")}`)
      }
    }

    // I2: one order for an intent, sent once
    for (const id of twice(orders.map((order) => order.clOrdId ?? ""))) broken.push(`I2: ${id} is there twice`)
    for (const id of twice(sent.map((request) => request.clOrdId ?? ""))) broken.push(`I2: ${id} was sent twice`)

    // I3, I4, I8 for entries, I5 for exits, each as it arrived
    const { held, leastCost, quantityAt, working } = stakes(orders, fills)
    for (const order of orders) {
      const id = order.clOrdId ?? order.txid
      const at = order.openedAt
      if (order.side === "buy") {
        const notional = worth(amount(order.price), amount(order.quantity))
        if (notional > amount(limits.trade)) broken.push(`I3: ${id} is of ${show(notional)} USD`)
        if (notional < amount(limits.least)) broken.push(`I3: ${id} is of ${show(notional)} USD only`)
        const resting = sum(working("buy", at, order).map(({ order: other, rest }) => worth(amount(other.price), rest)))
        const stake = leastCost(at) + resting + notional
        if (stake > amount(limits.exposure)) broken.push(`I4: ${show(stake)} USD were at stake with ${id}`)
      } else {
        for (const moment of order.amended ? [at, order.touchedAt] : [at]) {
          const done = fills.filter((fill) => fill.txid === order.txid && fill.at <= moment)
          // what it sold of itself already was there to be sold
          const there = held(moment) + sum(done.map((fill) => amount(fill.quantity)))
          const others = sum(working("sell", moment, order).map(({ rest }) => rest))
          const selling = others + quantityAt(order, moment)
          if (selling > there) broken.push(`I5: ${id} made it ${show(selling)} on sale of ${show(there)} held`)
        }
      }
    }
    for (const fill of fills) {
      if (fill.side === "buy" && !fill.maker) broken.push(`I8: the entry ${fill.txid} took liquidity`)
    }

    // I9: every execution once, with its amounts
    const booked = new Map(rows("SELECT * FROM fills").map((row) => [text(row, "execution_id"), row]))
    for (const fill of fills) {
      const row = booked.get(fill.id)
      if (row === undefined) broken.push(`I9: execution ${fill.id} is not booked`)
      else {
        for (const name of ["price", "quantity", "cost", "fee"] as const) {
          if (amount(text(row, name)) === amount(fill[name])) continue
          broken.push(`I9: execution ${fill.id} is booked with ${name} ${text(row, name)} and had ${fill[name]}`)
        }
      }
    }
    const happened = new Set(fills.map((fill) => fill.id))
    for (const id of booked.keys()) if (!happened.has(id)) broken.push(`I9: execution ${id} never happened`)

    // I10: orders, lots and cash as the account has them
    for (const order of orders) {
      const row = books.get(order.clOrdId ?? "")
      if (row === undefined) broken.push(`I10: ${order.clOrdId} is not in the books`)
      else if (!words[order.status].includes(text(row, "status").toLowerCase())) {
        broken.push(`I10: ${order.clOrdId} is ${order.status}, the books say ${text(row, "status")}`)
      }
    }
    const arrived = new Set(orders.map((order) => order.clOrdId))
    for (const [id, row] of books) {
      const status = text(row, "status").toLowerCase()
      if (status === "unknown" || status === "pending") broken.push(`I20: ${id} is still ${status}`)
      else if (!arrived.has(id) && status !== "rejected") broken.push(`I10: ${id} is ${status} and never was there`)
    }
    const remaining = sum(rows("SELECT remaining FROM lots").map((row) => amount(text(row, "remaining"))))
    if (remaining !== held(view.now)) {
      broken.push(`I10: the lots hold ${show(remaining)}, the account ${show(held(view.now))}`)
    }
    const own_usd = amount(text(rows("SELECT own_usd FROM totals")[0] ?? {}, "own_usd"))
    const moved = sum(
      view.ledgers
        .filter((entry) => entry.wallet === "USD" && happened.has(entry.refid))
        .map((entry) => amount(entry.amount) - amount(entry.fee))
    )
    if (own_usd !== moved) broken.push(`I10: ${show(own_usd)} USD moved by the books, ${show(moved)} by the ledger`)

    // I11: no nonce was handed out twice, and those that were taken rose
    const nonces = view.requests.flatMap(({ nonce }) => (nonce === undefined ? [] : [nonce]))
    for (const nonce of twice(nonces)) broken.push(`I11: the nonce ${nonce} was sent twice`)
    const refused = view.requests.filter((request) => request.result.includes("Invalid nonce"))
    const taken = view.requests.flatMap((one) =>
      one.nonce === undefined || refused.includes(one) ? [] : [BigInt(one.nonce)]
    )
    if (taken.some((nonce, i) => i > 0 && nonce <= (taken[i - 1] ?? 0n))) broken.push("I11: nonces did not rise")

    // what ran ahead of the clock locks the key's next program out for as long
    for (const { at, endpoint, nonce } of view.requests) {
      const ahead = nonce === undefined ? 0n : BigInt(nonce) - BigInt(Math.floor(at))
      if (ahead > BigInt(LONGEST_JUMP_MS + slackMs)) broken.push(`I11: ${endpoint} came with a nonce ${ahead} ms ahead`)
    }

    // I22: what the trader itself found wrong with itself
    for (const row of rows("SELECT cause, reason FROM breaker_history WHERE change <> 'cleared'")) {
      if (!["invariant", "balance"].includes(text(row, "cause"))) continue
      broken.push(`I22: the trader latched ${text(row, "cause")}: ${text(row, "reason")}`)
    }
    return {
      broken,
      orders: orders.length,
      fills: fills.length,
      invalidNonces: refused.length,
      neverArrived: [...books.keys()].filter((id) => !arrived.has(id)).length
    }
  } finally {
    db.close()
  }
}
