/** Orders over REST: AddOrder, AmendOrder, CancelOrder, CancelAll, CancelAllOrdersAfter. */
import { Either } from "effect"
import type { EpochMs } from "../../Time.ts"
import { amend, armSwitch, cancelBatch, cancelEach, named } from "../Changes.ts"
import { findPair, openOrders } from "../Draft.ts"
import type { Draft } from "../Draft.ts"
import type { OutRecord } from "../Json.ts"
import type { OrderRequest } from "../Placement.ts"
import { check, checkCharged, enter, terms } from "../Placement.ts"
import type { Market } from "../State.ts"
import type { Refusal } from "../Validation.ts"
import { chargeEngine, expiryWithin, invalid, RATE_LIMIT, UNKNOWN_ORDER } from "../Validation.ts"
import { seconds } from "../ws/Text.ts"
import type { Params, PrivateCall, PrivateEndpoint } from "./Call.ts"
import { bracketed, isTrue, list } from "./Call.ts"
import { describe } from "./Rows.ts"

/** REST: a deadline is at least 2 s ahead. */
const DEADLINE_LEAST_MS = 2000
const EXPIRY_LEAST_S = 5

/** `expiretm`: 0 none, `+n` seconds from now (at least 5), or unix seconds. */
const expiryOf = (text: string | undefined, now: EpochMs): Either.Either<EpochMs, Refusal> => {
  if (text === undefined || text === "0" || text === "") return Either.right(0)
  const match = /^(\+?)(\d{1,12})$/.exec(text)
  if (match === null) return Either.left(invalid("expiretm"))
  const value = Number(match[2])
  if (match[1] === "") return expiryWithin(value * 1000, now)
  return value < EXPIRY_LEAST_S ? Either.left(invalid("expiretm")) : expiryWithin(now + value * 1000, now)
}

interface Flags {
  readonly postOnly: boolean
  readonly feeIn: "quote" | "base"
}

/** `oflags`: `post`, one of `fciq` (the default) and `fcib`, and `nompp`, which is ignored. `viqc` is not offered here. */
const flagsOf = (text: string | undefined): Either.Either<Flags, Refusal> => {
  const flags = list(text)
  const known = flags.every((flag) => ["post", "fciq", "fcib", "nompp"].includes(flag))
  if (!known || (flags.includes("fciq") && flags.includes("fcib"))) return Either.left(invalid("oflags"))
  return Either.right({ postOnly: flags.includes("post"), feeIn: flags.includes("fcib") ? "base" : "quote" })
}

/**
 * Parameters that would change what the order does and that this exchange does not offer: spot limit and market orders
 * only. Silence would be a lie, so they are refused; a value that means "not used" passes.
 */
const unoffered: ReadonlyArray<string> = [
  "price2",
  "displayvol",
  "leverage",
  "starttm",
  "reduce_only",
  "close[ordertype]",
  "close[price]",
  "close[price2]"
]
const isUnused = (text: string | undefined): boolean => text === undefined || ["", "0", "none", "false"].includes(text)

const addParams: ReadonlyArray<string> = [
  "ordertype",
  "type",
  "volume",
  "pair",
  "price",
  "trigger",
  "oflags",
  "timeinforce",
  "expiretm",
  "userref",
  "cl_ord_id",
  "stptype",
  "deadline",
  "validate",
  "asset_class",
  "broker",
  "sender_sub_id",
  ...unoffered
]

const requestOf = (d: Draft, call: PrivateCall, market: Market, params: Params = call.params): OrderRequest => {
  const flags = flagsOf(params.get("oflags"))
  const expiry = expiryOf(params.get("expiretm"), d.state.now)
  const unused = unoffered.find((name) => !isUnused(params.get(name)))
  const problem: Refusal | undefined =
    unused !== undefined
      ? invalid(unused)
      : (Either.getOrUndefined(Either.flip(flags)) ?? Either.getOrUndefined(Either.flip(expiry)))
  return {
    market,
    origin: { _tag: "Key", apiKey: call.key.apiKey },
    side: params.get("type"),
    type: params.get("ordertype"),
    volume: params.get("volume"),
    price: params.get("price"),
    timeInForce: params.get("timeinforce"),
    ...Either.getOrElse(flags, (): Flags => ({ postOnly: false, feeIn: "quote" })),
    selfTrade: params.get("stptype"),
    userref: params.get("userref"),
    clOrdId: params.get("cl_ord_id"),
    expiresAt: Either.getOrElse(expiry, () => 0),
    problem,
    deadline: params.get("deadline"),
    deadlineLeastMs: DEADLINE_LEAST_MS,
    arrivedAt: call.arrivedAt
  }
}

const addOrder: PrivateEndpoint = {
  permissions: ["modify-trades"],
  params: addParams,
  reads: false,
  answer: (d, call) =>
    Either.gen(function* () {
      const market = findPair(d.state, call.params.get("pair") ?? "")
      if (market === undefined) return yield* Either.left("EQuery:Unknown asset pair")
      const order = yield* check(d, requestOf(d, call, market))
      const descr = { order: describe(market.rules, order) }
      if (isTrue(call.params.get("validate"))) return { descr }
      return { txid: [enter(d, market, order).txid], descr }
    })
}

const BATCH_LEAST = 2
const BATCH_MOST = 15

/** The orders of a batch, each with the deadline of all: `orders[1][type]` is `type` of the second. */
const batchOf = (params: Params): ReadonlyArray<Params> | undefined => {
  const orders = new Map<number, Map<string, string>>()
  for (const [key, value] of params) {
    const [, index, name, rest = ""] = /^orders\[(\d{1,2})\]\[(\w+)\](.*)$/.exec(key) ?? []
    if (index === undefined || name === undefined) continue
    const order = orders.get(Number(index)) ?? new Map<string, string>()
    orders.set(Number(index), order.set(`${name}${rest}`, value))
  }
  const deadline = params.get("deadline")
  const all = [...orders.entries()].toSorted(([a], [b]) => a - b).map(([, order]) => order)
  if (deadline !== undefined) for (const order of all) order.set("deadline", deadline)
  return all.length >= BATCH_LEAST && all.length <= BATCH_MOST ? all : undefined
}

/** Kraken: the batch is validated as a whole; what the engine refuses afterwards is refused order by order. Costs half a point an order. */
const addOrderBatch: PrivateEndpoint = {
  permissions: ["modify-trades"],
  params: ["pair", "orders", "deadline", "validate", "asset_class", "broker", "sender_sub_id"],
  reads: false,
  answer: (d, call) =>
    Either.gen(function* () {
      const market = findPair(d.state, call.params.get("pair") ?? "")
      if (market === undefined) return yield* Either.left("EQuery:Unknown asset pair")
      const batch = batchOf(call.params)
      if (batch === undefined) return yield* Either.left(invalid("orders"))
      if (!chargeEngine(d, market, { fixed: batch.length / 2, age: 0 }, false)) return yield* Either.left(RATE_LIMIT)
      const requests = batch.map((params) => requestOf(d, call, market, params))
      const checked = yield* Either.all(requests.map((request) => terms(d, request)))
      if (isTrue(call.params.get("validate"))) {
        return { orders: checked.map((order) => ({ descr: { order: describe(market.rules, order) } })) }
      }
      const orders = requests.map((request): OutRecord =>
        Either.match(checkCharged(d, request), {
          onLeft: (error) => ({ error }),
          onRight: (order) => ({
            txid: enter(d, market, order).txid,
            descr: { order: describe(market.rules, order) }
          })
        })
      )
      return { orders }
    })
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false]
])

const amendOrder: PrivateEndpoint = {
  permissions: ["modify-trades"],
  params: ["txid", "cl_ord_id", "order_qty", "limit_price", "post_only", "deadline", "pair"],
  reads: false,
  answer: (d, { params, arrivedAt }) =>
    Either.gen(function* () {
      const order = named(d, { txid: params.get("txid"), clOrdId: params.get("cl_ord_id") })[0]
      if (order === undefined) return yield* Either.left(UNKNOWN_ORDER)
      const postOnly = params.get("post_only")
      const id = yield* amend(d, order, {
        quantity: params.get("order_qty"),
        price: params.get("limit_price"),
        postOnly: postOnly === undefined ? undefined : BOOLEANS.get(postOnly),
        deadline: params.get("deadline"),
        deadlineLeastMs: DEADLINE_LEAST_MS,
        arrivedAt
      })
      return { amend_id: id }
    })
}

/** `txid` may also be a user reference. */
const targets = (d: Draft, params: Params): ReturnType<typeof named> => {
  const txid = params.get("txid")
  const userref = txid !== undefined && /^-?\d{1,10}$/.test(txid) ? Number(txid) : undefined
  return named(d, { txid, userref, clOrdId: params.get("cl_ord_id") })
}

const cancelOrder: PrivateEndpoint = {
  permissions: ["close-trades", "modify-trades"],
  params: ["txid", "cl_ord_id"],
  reads: false,
  answer: (d, { params }) =>
    params.get("txid") === undefined && params.get("cl_ord_id") === undefined
      ? Either.left(invalid("txid"))
      : Either.map(cancelEach(d, targets(d, params)), (count) => ({ count }))
}

const CANCEL_MOST = 50

const cancelOrderBatch: PrivateEndpoint = {
  permissions: ["close-trades", "modify-trades"],
  params: ["orders", "cl_ord_ids"],
  reads: false,
  answer: (d, { params }) => {
    const ids = bracketed(params, "orders")
    const clOrdIds = bracketed(params, "cl_ord_ids")
    const asked = ids.length + clOrdIds.length
    if (asked === 0 || asked > CANCEL_MOST) return Either.left(invalid("orders"))
    const found = [
      ...ids.flatMap((txid) => targets(d, new Map([["txid", txid]]))),
      ...clOrdIds.flatMap((clOrdId) => named(d, { clOrdId }))
    ]
    const orders = new Map(found.map((order) => [order.txid, order]))
    return orders.size === 0
      ? Either.left(UNKNOWN_ORDER)
      : Either.right({ count: cancelBatch(d, [...orders.values()]) })
  }
}

const cancelAll: PrivateEndpoint = {
  permissions: ["close-trades", "modify-trades"],
  params: [],
  reads: false,
  answer: (d) => Either.right({ count: cancelBatch(d, openOrders(d.state)) })
}

const cancelAllOrdersAfter: PrivateEndpoint = {
  permissions: ["close-trades", "modify-trades"],
  params: ["timeout"],
  reads: false,
  answer: (d, { params }) =>
    Either.map(armSwitch(d, params.get("timeout")), ({ now, at }) => ({
      currentTime: seconds(now),
      triggerTime: at === undefined ? "0" : seconds(at)
    }))
}

export const tradingEndpoints: ReadonlyMap<string, PrivateEndpoint> = new Map([
  ["AddOrder", addOrder],
  ["AddOrderBatch", addOrderBatch],
  ["AmendOrder", amendOrder],
  ["CancelOrder", cancelOrder],
  ["CancelOrderBatch", cancelOrderBatch],
  ["CancelAll", cancelAll],
  ["CancelAllOrdersAfter", cancelAllOrdersAfter]
])
