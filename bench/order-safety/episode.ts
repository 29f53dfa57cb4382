/** One send under one policy, from two seconds before it leaves until all is quiet; then books and account are compared. */
import type { Order as ExchangeOrder } from "../../src/domain/exchange/State.ts"
import { ClientOrderId } from "../../src/domain/order/Ids.ts"
import type { Books } from "./Books.ts"
import { isUncertain } from "./Books.ts"
import { EXPOSURE_LIMIT } from "./desk.ts"
import type { Draw } from "./Draw.ts"
import { EPISODE_MS } from "./Draw.ts"
import type { Policy } from "./Policy.ts"
import { Trader } from "./Trader.ts"
import { START, World } from "./World.ts"

export interface Result {
  readonly policy: string
  readonly index: number
  /** Orders on the exchange beyond the first, over all intents. */
  readonly duplicates: number
  /** Orders open or (partly) filled on the exchange that the books do not know. */
  readonly orphans: number
  /** The most that the account ever held and had resting, at cost; scale 10^-12. */
  readonly mostExposed: bigint
  readonly overLimit: boolean
  /** From the leaving to the (last) certainty about the ambiguous send, ms; nothing when it never came. */
  readonly certainAfter: number | undefined
  /** The books are certain about the ambiguous send, and the account says otherwise. */
  readonly wrong: boolean
  /** Executions that the books will never learn of, and those of a second order for one intent. */
  readonly fillsLost: number
  readonly fillsDoubled: number
  /** Orders of which the books hold more than the account bought: an execution booked twice. */
  readonly overbooked: number
  /** Later signals that waited for an unknown outcome, later entries that were sent. */
  readonly waited: number
  readonly entered: number
  /** The ambiguous intent ended with exactly one order that rests or bought something. */
  readonly kept: boolean
  readonly attempts: number
}

const none = ClientOrderId("")

const matters = (order: ExchangeOrder): boolean =>
  order.status === "open" || order.status === "pending" || order.filled > 0n

/**
 * Orders of the exchange's that the books know of and have not written off: by the exchange's id, or by ours where the books
 * have no exchange id yet.
 */
const knownTo = (books: Books, orders: ReadonlyArray<ExchangeOrder>): ReadonlySet<string> => {
  const all = [...books.orders.values()]
  const known = new Set<string>()
  const claimed = new Set<string>()
  for (const { clOrdId, txid } of orders) {
    if (all.some((order) => order.exchangeId === txid && order.status !== "rejected")) known.add(txid)
    const own = all.find((order) => order.id === clOrdId)
    const waits = own !== undefined && own.exchangeId === undefined && (isUncertain(own) || own.status === "open")
    if (waits && !claimed.has(own.id)) {
      claimed.add(own.id)
      known.add(txid)
    }
  }
  return known
}

/** Whether the books hold an order as one of which more may come. */
const expectsMore = (books: Books, txid: string, clOrdId: string | undefined): boolean =>
  [...books.orders.values()].some(
    (order) =>
      (order.exchangeId === txid || (order.exchangeId === undefined && order.id === clOrdId)) &&
      (isUncertain(order) || order.status === "open" || order.cumQuantity > order.bookedQuantity)
  )

export const runEpisode = (draw: Draw, policy: Policy): Result => {
  const world = new World(draw)
  const trader = new Trader(world, policy)
  world.timeline.run(START + EPISODE_MS)
  world.timeline.close()

  const { orders, fills } = world.view()
  const { books } = trader
  const seen = new Map<number, number>()
  const second = new Set<string>()
  for (const { txid } of orders) {
    const intent = world.intentOf.get(txid)!
    const n = (seen.get(intent) ?? 0) + 1
    seen.set(intent, n)
    if (n > 1) second.add(txid)
  }
  const known = knownTo(books, orders)
  const orphans = orders.filter((order) => matters(order) && !known.has(order.txid))
  const inBooks = new Set([...books.orders.values()].flatMap((order) => order.executions.map(String)))
  const ofFirst = orders.filter((order) => world.intentOf.get(order.txid) === 0)
  const certain = trader.certainAt
  return {
    policy: policy.key,
    index: draw.index,
    duplicates: second.size,
    orphans: orphans.length,
    mostExposed: world.mostExposed,
    overLimit: world.mostExposed > EXPOSURE_LIMIT,
    certainAfter: certain === undefined ? undefined : certain - START,
    wrong: certain !== undefined && (ofFirst.length > 1 || ofFirst.some((order) => orphans.includes(order))),
    fillsLost: fills.filter(
      ({ id, txid }) => !inBooks.has(id) && !expectsMore(books, txid, orders.find((o) => o.txid === txid)?.clOrdId)
    ).length,
    fillsDoubled: fills.filter(({ txid }) => second.has(txid)).length,
    overbooked: orders.filter(({ filled, txid }) => (books.lots.get(books.idOf(txid) ?? none)?.quantity ?? 0n) > filled)
      .length,
    waited: trader.waited,
    entered: trader.entered,
    kept: ofFirst.filter(matters).length === 1,
    attempts: world.attemptsMade
  }
}
