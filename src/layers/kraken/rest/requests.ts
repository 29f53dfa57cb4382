/** The calls that change something, as Kraken wants them written. */
import { priceText, quantityText } from "../../../domain/market/Instrument.ts"
import type { CommittedIntent } from "../../../domain/order/Steps.ts"
import { iso } from "../../../domain/Time.ts"
import type { AmendRequest, OrderRef, ValidateRequest } from "../../../services/KrakenRest.ts"
import type { Call } from "./body.ts"
import { call } from "./body.ts"

/** Fees in the quote currency always; `post` makes a limit order maker-only. REST knows no `postonly` parameter. */
const flags = (postOnly: boolean): string => (postOnly ? "post,fciq" : "fciq")

/**
 * `AddOrder`: a limit order with our id and a deadline on the exchange's clock. GTD orders expire at the next whole second;
 * exits cancel an older order of ours that they would trade with, instead of being cancelled themselves.
 */
export const addOrder = (intent: CommittedIntent): Call => {
  const { approved } = intent
  const { instrument, side, quantity, limitPrice, postOnly, timeInForce, expiresAfter, purpose } = approved.proposal
  return call("AddOrder", {
    ordertype: "limit",
    type: side,
    volume: quantityText(instrument, quantity),
    pair: instrument.altname,
    price: priceText(instrument, limitPrice),
    oflags: flags(postOnly),
    timeinforce: timeInForce,
    expiretm:
      timeInForce === "GTD" && expiresAfter !== undefined
        ? String(Math.ceil((approved.approvedAt + expiresAfter) / 1000))
        : undefined,
    stptype: purpose._tag === "Exit" ? "cancel-oldest" : undefined,
    cl_ord_id: approved.id,
    deadline: iso(approved.deadline)
  })
}

const named = (ref: OrderRef): { readonly txid?: string; readonly cl_ord_id?: string } =>
  ref._tag === "Client" ? { cl_ord_id: ref.id } : { txid: ref.id }

/** `AmendOrder` with absolute values: the total quantity, filled part included. */
export const amendOrder = (request: AmendRequest): Call =>
  call("AmendOrder", {
    ...named(request.ref),
    order_qty: quantityText(request.instrument, request.quantity),
    limit_price: priceText(request.instrument, request.limitPrice),
    post_only: request.postOnly ? "true" : undefined,
    deadline: iso(request.deadline)
  })

/** `AddOrder` with `validate=true`: looked at by the exchange, not placed. */
export const validateOrder = (request: ValidateRequest): Call =>
  call("AddOrder", {
    ordertype: "limit",
    type: request.side,
    volume: quantityText(request.instrument, request.quantity),
    pair: request.instrument.altname,
    price: priceText(request.instrument, request.limitPrice),
    oflags: flags(request.postOnly),
    validate: "true"
  })

export const cancelOrder = (ref: OrderRef): Call => call("CancelOrder", named(ref))
