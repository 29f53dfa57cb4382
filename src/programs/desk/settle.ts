/**
 * What became of an order of unknown outcome (order protocol, step 5): cancel by client id, now and after the deadline;
 * look among open orders, closed orders, executions, in this order. Settled as never arrived only by proof.
 */
import { Effect } from "effect"
import type { Order } from "../../domain/order/Order.ts"
import { ownAmount } from "../../domain/engine/Views.ts"
import type { Deps } from "./Deps.ts"
import { cancelOnce } from "./cancel.ts"
import { inClosedOrders, inOpenOrders, inTrades, reportsFrom } from "./lookup.ts"

/** Kraken may show an order up to a minute after an ambiguous answer. */
export const VISIBILITY_MS = 60_000
/** Between looks while reads fail, in market time: what the REST budget can bear. */
const AGAIN_MS = 15_000
const ALERT_AFTER_MS = 300_000

/** A resting order is in no other list, so that the proof never does without this one. */
const OPEN = "open orders"

const sources = [
  { name: OPEN, look: inOpenOrders },
  { name: "closed orders", look: inClosedOrders },
  { name: "executions", look: inTrades }
] as const

const isUnknown = (d: Deps, order: Order): boolean => d.engine.unsafeState().orders.get(order.id)?.status === "unknown"

const waitUntil = (d: Deps, at: number): Effect.Effect<void> =>
  Effect.flatMap(d.clock.now, (now) => (at > now ? d.clock.sleep(at - now) : Effect.void))

/** Looks everywhere once, and tells the engine what it finds. Otherwise the sources that answered to their end and lack it. */
const look = (d: Deps, order: Order): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const lacking: Array<string> = []
    for (const source of sources) {
      const read = yield* Effect.either(reportsFrom(d, order, source.look))
      if (read._tag === "Left") {
        yield* Effect.logInfo(`looking for order ${order.id} among ${source.name} failed: ${read.left.message}`)
        continue
      }
      const { reports, whole } = read.right
      if (reports !== undefined) {
        yield* d.engine.tell({ _tag: "ReportsSeen", reports })
        yield* d.engine.settled
        return []
      }
      if (whole) lacking.push(source.name)
    }
    return lacking
  })

/**
 * An IOC exit cannot rest: after its deadline it either executed or never will. With the account stream gap-free since
 * before the send, and balance and holds as the books expect them, it did not execute.
 */
const iocProof = (d: Deps, order: Order): Effect.Effect<string | undefined> =>
  Effect.gen(function* () {
    if (order.timeInForce !== "IOC" || order.side !== "sell") return undefined
    const before = d.engine.unsafeState()
    if (!before.privateUp || before.privateUpAt === undefined || before.privateUpAt >= order.createdAt) return undefined
    const instrument = before.pairs.get(order.symbol)?.instrument
    if (instrument === undefined) return undefined
    const balances = yield* Effect.either(d.rest.balanceEx)
    if (balances._tag === "Left") return undefined
    // what the stream told meanwhile is folded before it is compared
    yield* d.engine.settled
    const state = d.engine.unsafeState()
    const held = balances.right.find((asset) => asset.assetId === instrument.baseId)
    const foreign = state.foreign.get(instrument.base)
    if (held === undefined || foreign === undefined || state.privateUpAt !== before.privateUpAt) return undefined
    let resting = 0n
    for (const other of state.orders.values()) {
      if (other.symbol === order.symbol && other.side === "sell" && other.status === "open") {
        resting += other.quantity - other.bookedQuantity
      }
    }
    return held.balance === foreign + ownAmount(state, instrument.base) && held.hold === resting
      ? "account stream without a gap, balance and holds unchanged after the deadline"
      : undefined
  })

const never = (d: Deps, order: Order, proof: string): Effect.Effect<void> =>
  Effect.zipRight(d.engine.tell({ _tag: "NeverArrived", orderId: order.id, proof }), d.engine.settled)

/** Runs until the order is no longer unknown. Never sends anything but cancels and reads. */
export const settle = (d: Deps, order: Order): Effect.Effect<void> =>
  Effect.gen(function* () {
    const begunAt = yield* d.clock.now
    yield* cancelOnce(d, order)
    yield* look(d, order)
    if (!isUnknown(d, order)) return
    yield* waitUntil(d, order.deadline + 1000)
    if (!isUnknown(d, order)) return
    yield* cancelOnce(d, order)
    const proof = yield* iocProof(d, order)
    if (proof !== undefined && isUnknown(d, order)) return yield* never(d, order, proof)
    if (isUnknown(d, order)) yield* look(d, order)
    if (isUnknown(d, order)) yield* waitUntil(d, order.deadline + VISIBILITY_MS + 1)
    let told = false
    while (isUnknown(d, order)) {
      const online = d.engine.unsafeState().system === "online"
      const lacking = yield* look(d, order)
      const stillOnline = d.engine.unsafeState().system === "online"
      if (!isUnknown(d, order)) return
      if (lacking.includes(OPEN) && lacking.length >= 2 && online && stillOnline) {
        return yield* never(d, order, `not among ${lacking.join(", ")} a minute after its deadline`)
      }
      const now = yield* d.clock.now
      if (!told && now - begunAt > ALERT_AFTER_MS) {
        told = true
        yield* d.alerts.send({
          at: now,
          severity: "critical",
          kind: "order.unsettled",
          text: `Order ${order.id} (${order.side} ${order.symbol}) is still of unknown outcome after five minutes: the exchange's reads fail or it is not online. It stays counted; no entry until it is settled. Look at the account's orders.`
        })
      }
      yield* d.clock.sleep(AGAIN_MS)
    }
  })
