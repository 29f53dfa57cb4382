/** Orders on the exchange that match nothing in memory: the store is asked first, then the exchange, many at a time. */
import { Effect, Option } from "effect"
import type { ClientOrderId, ExchangeOrderId } from "../../domain/order/Ids.ts"
import type { ReadingDeps } from "./Deps.ts"

const A_CALL = 50

export interface Stranger {
  readonly exchangeId: ExchangeOrderId
  readonly clientId: ClientOrderId | undefined
}

/**
 * From our own records: an order settled long ago. `named` when it was found and the engine told. While the records cannot
 * be read, nobody can say that an order with our mark is not in them.
 */
const fromStore = (d: ReadingDeps, stranger: Stranger): Effect.Effect<"named" | "unknown" | "unread"> =>
  Effect.gen(function* () {
    const byExchange = yield* d.store.findOrder({ exchangeId: stranger.exchangeId })
    const found =
      Option.isNone(byExchange) && stranger.clientId !== undefined
        ? yield* d.store.findOrder({ clientId: stranger.clientId })
        : byExchange
    if (Option.isNone(found)) return "unknown" as const
    const order = { ...found.value, exchangeId: stranger.exchangeId }
    // lots an exit names, or the entry's own
    const ids = order.purpose._tag === "Entry" ? [order.id] : order.purpose.lots.map((share) => share.lotId)
    const lots = yield* Effect.forEach(ids, (id) => d.store.findLot(id))
    yield* d.engine.tell({ _tag: "Recalled", order, lots: lots.flatMap((lot) => Option.toArray(lot)) })
    return "named" as const
  }).pipe(Effect.catchTag("StoreFailed", () => Effect.succeed("unread" as const)))

/** Names a set of strangers. A failed read of either kind leaves them unnamed; they are asked for again. True when all were named. */
export const identify = (d: ReadingDeps, strangers: ReadonlyArray<Stranger>): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const left: Array<Stranger> = []
    let unread = 0
    for (const stranger of strangers) {
      const inStore = yield* fromStore(d, stranger)
      if (inStore === "unknown") left.push(stranger)
      if (inStore === "unread") unread += 1
    }
    if (unread > 0) yield* Effect.logInfo(`identifying ${unread} orders failed: the records cannot be read`)
    for (let from = 0; from < left.length; from += A_CALL) {
      const part = left.slice(from, from + A_CALL)
      const records = yield* Effect.either(d.rest.queryOrders(part.map((s) => s.exchangeId)))
      if (records._tag === "Left") {
        yield* Effect.logInfo(`identifying ${part.length} orders failed: ${records.left.message}`)
        return false
      }
      for (const stranger of part) {
        const record = records.right.find((r) => r.report.exchangeId === stranger.exchangeId)
        yield* d.engine.tell({
          _tag: "Identified",
          exchangeId: stranger.exchangeId,
          clientId: record?.report.clientId ?? stranger.clientId,
          found: record !== undefined
        })
      }
    }
    return unread === 0
  })
