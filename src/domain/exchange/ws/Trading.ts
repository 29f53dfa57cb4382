/** Trading methods of the authenticated stream. */
import { Either, Option } from "effect"
import type { EpochMs } from "../../Time.ts"
import { parseRfc3339 } from "../../Time.ts"
import { keyOfToken, PERMISSION_DENIED, permits } from "../Access.ts"
import { amend, armSwitch, cancelBatch, cancelEach, named } from "../Changes.ts"
import type { Permission } from "../Config.ts"
import type { Draft } from "../Draft.ts"
import { openOrders, record } from "../Draft.ts"
import type { In, InRecord, OutRecord } from "../Json.ts"
import { num } from "../Json.ts"
import type { OrderRequest } from "../Placement.ts"
import { check, enter } from "../Placement.ts"
import type { KeyState, Market, Order } from "../State.ts"
import type { Refusal } from "../Validation.ts"
import { expiryWithin, invalid, UNAVAILABLE, UNKNOWN_ORDER } from "../Validation.ts"
import type { Asked } from "./Answer.ts"
import { accept, refuse } from "./Answer.ts"
import * as Fields from "./Fields.ts"
import { seconds } from "./Text.ts"

/** Stream: a deadline is at least half a second ahead. */
const DEADLINE_LEAST_MS = 500

/** Answers one thing of a request; a cancel may give several. */
type Answers = ReadonlyArray<Either.Either<OutRecord, Refusal>>

interface Method {
  readonly permissions: ReadonlyArray<Permission>
  readonly run: (d: Draft, key: KeyState, asked: Asked) => Answers
}

/** Parameters that this exchange does not offer; refused rather than passed over (see REST). */
const unoffered: ReadonlyArray<string> = [
  "cash_order_qty",
  "triggers",
  "conditional",
  "display_qty",
  "effective_time",
  "margin",
  "reduce_only"
]
const isUnused = (value: In | undefined): boolean => value === undefined || value === null || value === false

const NO_MPP = invalid("no_mpp order option is only available when ordertype = market")

const expiryOf = (text: string | undefined, now: EpochMs): Either.Either<EpochMs, Refusal> =>
  text === undefined
    ? Either.right(0)
    : Option.match(parseRfc3339(text), {
        onNone: () => Either.left(invalid("expire_time")),
        onSome: (at) => expiryWithin(at, now)
      })

const feeOf = (preference: string | undefined): Either.Either<"quote" | "base", Refusal> =>
  preference === undefined || preference === "quote" || preference === "base"
    ? Either.right(preference ?? "quote")
    : Either.left(invalid("fee_preference"))

const problemOf = (params: InRecord): Refusal | undefined => {
  const unused = unoffered.find((name) => !isUnused(params.get(name)))
  if (unused !== undefined) return invalid(unused)
  return params.get("no_mpp") === true && params.get("order_type") !== "market" ? NO_MPP : undefined
}

/** The types of the fields are checked before anything else; what they say, after the limiter has been charged. */
const requestOf = (d: Draft, key: KeyState, market: Market, params: InRecord): Either.Either<OrderRequest, Refusal> =>
  Either.gen(function* () {
    yield* Fields.float(d.state, params, "cash_order_qty")
    const expiry = expiryOf(yield* Fields.text(params, "expire_time"), d.state.now)
    const fee = feeOf(yield* Fields.text(params, "fee_preference"))
    const limit = yield* Fields.text(params, "limit_price_type")
    const problem =
      problemOf(params) ??
      (limit === undefined || limit === "static" ? undefined : invalid("limit_price_type")) ??
      Either.getOrUndefined(Either.flip(fee)) ??
      Either.getOrUndefined(Either.flip(expiry))
    return {
      market,
      origin: { _tag: "Key", apiKey: key.apiKey },
      side: yield* Fields.text(params, "side"),
      type: yield* Fields.text(params, "order_type"),
      volume: yield* Fields.float(d.state, params, "order_qty"),
      price: yield* Fields.float(d.state, params, "limit_price"),
      timeInForce: (yield* Fields.text(params, "time_in_force"))?.toUpperCase(),
      postOnly: (yield* Fields.boolean(params, "post_only")) ?? false,
      feeIn: Either.getOrElse(fee, () => "quote" as const),
      selfTrade: (yield* Fields.text(params, "stp_type"))?.replaceAll("_", "-"),
      userref: yield* Fields.integer(params, "order_userref"),
      clOrdId: yield* Fields.text(params, "cl_ord_id"),
      expiresAt: Either.getOrElse(expiry, () => 0),
      problem,
      deadline: yield* Fields.text(params, "deadline"),
      deadlineLeastMs: DEADLINE_LEAST_MS,
      arrivedAt: d.state.now
    } satisfies OrderRequest
  })

const namesOf = (order: Order): OutRecord => ({
  cl_ord_id: order.clOrdId,
  order_userref: order.userref
})

const addOrder: Method = {
  permissions: ["modify-trades"],
  run: (d, key, { params }) => [
    Either.gen(function* () {
      const symbol = (yield* Fields.text(params, "symbol")) ?? ""
      const market = [...d.state.markets.values()].find((one) => one.rules.symbol === symbol)
      if (market === undefined) return yield* Either.left(`Currency pair not supported ${symbol}`)
      const validate = (yield* Fields.boolean(params, "validate")) ?? false
      const order = yield* check(d, yield* requestOf(d, key, market, params))
      return validate ? namesOf(order) : { order_id: enter(d, market, order).txid, ...namesOf(order) }
    })
  ]
}

const amendOrder: Method = {
  permissions: ["modify-trades"],
  run: (d, _, { params }) => [
    Either.gen(function* () {
      const quantity = yield* Fields.float(d.state, params, "order_qty")
      const price = yield* Fields.float(d.state, params, "limit_price")
      const postOnly = yield* Fields.boolean(params, "post_only")
      const deadline = yield* Fields.text(params, "deadline")
      const txid = yield* Fields.text(params, "order_id")
      const clOrdId = yield* Fields.text(params, "cl_ord_id")
      const order = named(d, { txid, clOrdId })[0]
      if (order === undefined) return yield* Either.left(UNKNOWN_ORDER)
      const id = yield* amend(d, order, {
        quantity,
        price,
        postOnly,
        deadline,
        deadlineLeastMs: DEADLINE_LEAST_MS,
        arrivedAt: d.state.now
      })
      return { amend_id: id, order_id: order.txid, cl_ord_id: order.clOrdId }
    })
  ]
}

const cancelOrder: Method = {
  permissions: ["close-trades", "modify-trades"],
  run: (d, _, { params }) => {
    const one = (by: Parameters<typeof named>[1], field: OutRecord): Either.Either<OutRecord, Refusal> =>
      Either.map(cancelEach(d, named(d, by)), () => field)
    const answers = [
      ...Fields.texts(params, "order_id").map((txid) => one({ txid }, { order_id: txid })),
      ...Fields.texts(params, "cl_ord_id").map((clOrdId) => one({ clOrdId }, { cl_ord_id: clOrdId })),
      ...Fields.texts(params, "order_userref").map((text) =>
        one({ userref: Number(text) }, { order_userref: num(String(Number(text))) })
      )
    ]
    return answers.length === 0 ? [Either.left(invalid("order_id"))] : answers
  }
}

const cancelAll: Method = {
  permissions: ["close-trades", "modify-trades"],
  run: (d) => [Either.right({ count: cancelBatch(d, openOrders(d.state)) })]
}

const cancelAllOrdersAfter: Method = {
  permissions: ["close-trades", "modify-trades"],
  run: (d, _, { params }) => [
    Either.flatMap(Fields.integer(params, "timeout"), (timeout) =>
      Either.map(armSwitch(d, timeout), ({ now, at }) => ({
        currentTime: seconds(now),
        triggerTime: at === undefined ? "0" : seconds(at)
      }))
    )
  ]
}

const BATCH_MOST = 50

const batchCancel: Method = {
  permissions: ["close-trades", "modify-trades"],
  run: (d, _, { params }) => {
    const txids = Fields.texts(params, "orders")
    const clOrdIds = Fields.texts(params, "cl_ord_id")
    if (txids.length + clOrdIds.length < 2 || txids.length + clOrdIds.length > BATCH_MOST) {
      return [Either.left(invalid("orders"))]
    }
    const found = new Map(
      [
        ...txids.flatMap((txid) => named(d, { txid, userref: /^-?\d+$/.test(txid) ? Number(txid) : undefined })),
        ...clOrdIds.flatMap((clOrdId) => named(d, { clOrdId }))
      ].map((order) => [order.txid, order])
    )
    return found.size === 0
      ? [Either.left(UNKNOWN_ORDER)]
      : [Either.right({ orders_cancelled: cancelBatch(d, [...found.values()]) })]
  }
}

const methods: ReadonlyMap<string, Method> = new Map([
  ["add_order", addOrder],
  ["amend_order", amendOrder],
  ["cancel_order", cancelOrder],
  ["cancel_all", cancelAll],
  ["cancel_all_orders_after", cancelAllOrdersAfter],
  ["batch_cancel", batchCancel]
])

export const isTrading = (method: string): boolean => methods.has(method)

const answersOf = (d: Draft, method: Method, asked: Asked): Answers =>
  Either.match(
    Either.gen(function* () {
      const key = yield* keyOfToken(d, Either.getOrUndefined(Fields.text(asked.params, "token")))
      if (!permits(key, method.permissions)) return yield* Either.left(PERMISSION_DENIED)
      if (d.state.system === "maintenance") return yield* Either.left(UNAVAILABLE)
      return key
    }),
    { onLeft: (error) => [Either.left(error)], onRight: (key) => method.run(d, key, asked) }
  )

/** Runs a trading request and answers it, before or after its reports as the switch says. */
export const trade = (d: Draft, asked: Asked): void => {
  const method = methods.get(asked.method)
  if (method === undefined) return
  const before = d.frames.length
  const answers = answersOf(d, method, asked)
  const reports = d.frames.splice(before)
  if (!d.state.switches.ackFirst) d.frames.push(...reports)
  for (const answer of answers) {
    if (Either.isLeft(answer)) {
      const session = answer.left === "ESession:Invalid session" ? { status: "error" } : {}
      refuse(d, asked, answer.left, session)
    } else {
      // The batch's count stands beside the usual fields, as recorded.
      accept(d, asked, asked.method === "batch_cancel" ? answer.right : { result: answer.right })
    }
  }
  if (d.state.switches.ackFirst) d.frames.push(...reports)
  record(d, {
    at: d.state.now,
    via: "stream",
    endpoint: asked.method,
    nonce: undefined,
    clOrdId: Fields.texts(asked.params, "cl_ord_id").join(",") || undefined,
    result: answers.map((answer) => (Either.isLeft(answer) ? answer.left : "ok")).join("; ")
  })
}
