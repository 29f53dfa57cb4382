/**
 * The emergency cancel: asks the exchange to cancel, reads its open orders, and asks again until nothing that was meant is
 * left, or says what is. It believes no answer but the open orders themselves. The same steps run inside the trader and,
 * when none answers, beside it.
 */
import { Effect, Option } from "effect"
import { PairSymbol } from "../../domain/market/Instrument.ts"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import { ClientOrderId, ExchangeOrderId, isOwn } from "../../domain/order/Ids.ts"
import type { Order } from "../../domain/order/Order.ts"
import { isLive } from "../../domain/order/Order.ts"
import type { EpochMs } from "../../domain/Time.ts"
import { MarketClock } from "../../services/Clock.ts"
import type { CancelReport, CancelTarget } from "../../services/ControlServer.ts"
import { Installation } from "../../services/Installation.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import type { OrderRecord, OrderRef } from "../../services/KrakenRest.ts"
import type { StoreShape } from "../../services/Store.ts"

/** How often it is asked and looked, and how long is waited between (real time). */
const ROUNDS = 4
const BETWEEN_MS = 1_000
/** Cancels under way at once; the private lane puts them in order. */
const AT_ONCE = 4

/** One order that must go: known by our id, the exchange's, or both. */
interface Wanted {
  readonly clientId: string | undefined
  readonly exchangeId: string | undefined
  readonly symbol: PairSymbol
  readonly ref: OrderRef
}

/** The exchange named no pair: the cancel needs only the id. */
const NO_PAIR = PairSymbol("unknown")

const fromOrder = (order: Order): Wanted => ({
  clientId: order.id,
  exchangeId: order.exchangeId,
  symbol: order.symbol,
  ref: order.exchangeId === undefined ? { _tag: "Client", id: order.id } : { _tag: "Exchange", id: order.exchangeId }
})

const fromRecord = ({ report }: OrderRecord): Wanted => ({
  clientId: report.clientId,
  exchangeId: report.exchangeId,
  symbol: report.symbol ?? NO_PAIR,
  ref: { _tag: "Exchange", id: report.exchangeId }
})

const isSame = (wanted: Wanted, { report }: OrderRecord): boolean =>
  (wanted.exchangeId !== undefined && wanted.exchangeId === report.exchangeId) ||
  (wanted.clientId !== undefined && wanted.clientId === report.clientId)

const label = (wanted: Wanted): string => wanted.clientId ?? wanted.exchangeId ?? "an order without a name"

const describe = (error: KrakenError): string => error.message

/** Note of the records that `doctor` reads: when the emergency stop was last tried and worked (market time). */
export const DRILL_NOTE = "lastDrill"

/** When the last of these orders can still arrive at the exchange: a pending one has not been answered yet. */
export const lastArrivalOf = (orders: ReadonlyArray<Order>): number | undefined => {
  const deadlines = orders
    .filter((order) => order.status === "pending" || order.status === "unknown")
    .map((order) => order.deadline)
  return deadlines.length === 0 ? undefined : Math.max(...deadlines) + 1_000
}

/** Looks an order up in the books under either of its ids; a database that cannot be read knows none. */
export const inBooks =
  (store: StoreShape) =>
  (id: string): Effect.Effect<boolean> =>
    Effect.zipWith(
      store.findOrder({ clientId: ClientOrderId(id) }),
      store.findOrder({ exchangeId: ExchangeOrderId(id) }),
      (ours, theirs) => Option.isSome(ours) || Option.isSome(theirs)
    ).pipe(Effect.orElseSucceed(() => false))

export interface CancelPlan {
  readonly target: CancelTarget
  /** Orders of the books that are not settled. */
  readonly known: ReadonlyArray<Order>
  /** Nothing that was decided before may arrive after this; the open orders are read once more then. */
  readonly lastArrival: EpochMs | undefined
  /** Whether the books know an order by our id or the exchange's, however long ago it ended. */
  readonly inBooks: (id: string) => Effect.Effect<boolean>
  /** Whether an own order that appears meanwhile is to be cancelled too (beside a stopped trader: every one). */
  readonly adopt: (record: OrderRecord) => boolean
}

/** Never fails: what could not be done is in the report. Takes seconds, at most about half a minute. */
export const cancelOrders = (
  plan: CancelPlan
): Effect.Effect<CancelReport, never, KrakenRest | MarketClock | Installation> =>
  Effect.gen(function* () {
    const rest = yield* KrakenRest
    const clock = yield* MarketClock
    const { prefix } = yield* Installation
    const { target } = plan
    const warnings = new Set<string>()
    const unmatched: Array<string> = []
    const refused: Array<string> = []

    const readOpen = rest.openOrders.pipe(
      Effect.map((records): ReadonlyArray<OrderRecord> | undefined => records),
      Effect.catchAll((error) => {
        warnings.add(`the open orders could not be read: ${describe(error)}`)
        return Effect.succeed<ReadonlyArray<OrderRecord> | undefined>(undefined)
      })
    )
    const own = (record: OrderRecord): boolean => isOwn(prefix, record.report.clientId)

    // ---- what is meant ----
    const live = plan.known.filter(isLive)
    const first = yield* readOpen
    const wanted: Array<Wanted> = []
    const seenOpen = new Set<Wanted>()
    const want = (one: Wanted): void => {
      if (!wanted.some((other) => label(other) === label(one))) wanted.push(one)
    }
    if (target._tag === "Orders") {
      for (const id of new Set(target.ids)) {
        const book = live.find((order) => order.id === id || order.exchangeId === id)
        const open = first?.find(({ report }) => report.clientId === id || report.exchangeId === id)
        if (book !== undefined) want(fromOrder(book))
        else if (open !== undefined && own(open)) want(fromRecord(open))
        else if (open !== undefined) {
          refused.push(id)
          warnings.add(
            `${id} is open, but it is not this trader's order: it was left alone (\`--account\` cancels every order of the account)`
          )
        } else unmatched.push(id)
      }
    } else {
      for (const order of live) want(fromOrder(order))
      for (const record of first ?? []) if (own(record) || target._tag === "Account") want(fromRecord(record))
    }

    // ---- ask, look, ask again ----
    const accepted = new Set<Wanted>()
    const cancelOne = (one: Wanted) =>
      rest.cancelOrder(one.ref, one.symbol).pipe(
        Effect.map(({ count }) => {
          if (count > 0) accepted.add(one)
        }),
        Effect.catchAll((error) => {
          // it is not open: that is what was wanted
          if (error._tag === "KrakenApiError" && error.kind === "unknown order") return Effect.void
          warnings.add(`${label(one)}: ${describe(error)}`)
          return Effect.void
        })
      )
    const cancelAccount = rest.cancelAll.pipe(
      Effect.asVoid,
      Effect.catchAll((error) => {
        warnings.add(`the account's orders: ${describe(error)}`)
        return Effect.void
      })
    )
    const ask = (left: ReadonlyArray<Wanted>) =>
      target._tag === "Account"
        ? cancelAccount
        : Effect.forEach(left, cancelOne, { concurrency: AT_ONCE, discard: true })

    let blind = first === undefined
    /** What is still open of what is wanted; everything when it can't be read. */
    const look = Effect.map(readOpen, (records) => {
      blind = records === undefined
      for (const record of records ?? []) {
        if (target._tag === "Account" || (target._tag === "Own" && own(record) && plan.adopt(record))) {
          if (!wanted.some((one) => isSame(one, record))) want(fromRecord(record))
        }
      }
      return wanted.filter((one) => {
        const open = records === undefined || records.some((record) => isSame(one, record))
        if (open && records !== undefined) seenOpen.add(one)
        return open
      })
    })

    const unfinished = (round: number, left: ReadonlyArray<Wanted>): boolean =>
      left.length > 0 || blind || (round === 0 && target._tag === "Account")
    const untilGone = (start: ReadonlyArray<Wanted>, rounds: number) =>
      Effect.gen(function* () {
        let left = start
        for (let round = 0; round < rounds && unfinished(round, left); round++) {
          if (round > 0) yield* Effect.sleep(BETWEEN_MS)
          yield* ask(left)
          left = yield* look
        }
        return left
      })

    for (const one of wanted) if (first?.some((record) => isSame(one, record)) === true) seenOpen.add(one)
    let left = yield* untilGone([...wanted], ROUNDS)
    // what was on its way may still arrive: look once more when nothing can
    if (plan.lastArrival !== undefined) {
      const now = yield* clock.now
      if (plan.lastArrival > now) yield* clock.sleep(plan.lastArrival - now)
      left = yield* untilGone(yield* look, ROUNDS)
    }
    const ended = yield* Effect.filter(unmatched, plan.inBooks)
    const gone = wanted.filter((one) => !left.includes(one))
    return {
      cancelled: gone.filter((one) => accepted.has(one) || seenOpen.has(one)).map(label),
      notOpen: [...gone.filter((one) => !accepted.has(one) && !seenOpen.has(one)).map(label), ...ended],
      unheardOf: unmatched.filter((id) => !ended.includes(id)),
      left: [
        ...left.map(label),
        ...refused,
        // orders that nobody told of may be open: not seeing them is not knowing that there are none
        ...(blind && target._tag !== "Orders" ? ["whatever else is open: the open orders could not be read"] : [])
      ],
      placedAgain: [],
      warnings: [...warnings]
    }
  })
