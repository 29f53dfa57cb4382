/**
 * What deltas leave out. Kraken says symbol, side and our id of an order once (`pending_new`, a snapshot, a fill) and later
 * only its `order_id`; this remembers them. Bounded: two generations, so that an order that is never heard of again is
 * forgotten and one that is stays.
 */
import { HashMap, Option } from "effect"
import type { PairSymbol } from "../../market/Instrument.ts"
import type { ClientOrderId, ExchangeOrderId } from "../../order/Ids.ts"
import type { Side } from "../../order/Report.ts"

export interface OrderFacts {
  readonly clientId?: ClientOrderId
  readonly symbol?: PairSymbol
  readonly side?: Side
}

export interface OrderMemory {
  readonly young: HashMap.HashMap<ExchangeOrderId, OrderFacts>
  readonly old: HashMap.HashMap<ExchangeOrderId, OrderFacts>
}

/** Orders in one generation; at most twice as many are remembered. */
export const GENERATION = 4_096

export const emptyMemory: OrderMemory = { young: HashMap.empty(), old: HashMap.empty() }

const nothing: OrderFacts = {}

export const recall = (memory: OrderMemory, id: ExchangeOrderId): OrderFacts =>
  Option.getOrElse(
    Option.orElse(HashMap.get(memory.young, id), () => HashMap.get(memory.old, id)),
    () => nothing
  )

/** Adds what a report says to what is known; what was once said is never unsaid. */
export const learn = (memory: OrderMemory, id: ExchangeOrderId, said: OrderFacts): OrderMemory => {
  const facts = { ...recall(memory, id), ...said }
  const full = HashMap.size(memory.young) >= GENERATION && !HashMap.has(memory.young, id)
  return full
    ? { young: HashMap.make([id, facts]), old: memory.young }
    : { young: HashMap.set(memory.young, id, facts), old: memory.old }
}
