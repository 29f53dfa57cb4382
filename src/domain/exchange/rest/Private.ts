/** The way of a private call: nonce, permission, limiter, maintenance, parameters, answer; and its line in the request log. */
import { Either } from "effect"
import type { EpochMs } from "../../Time.ts"
import type { RestReply, RestRequest } from "../Boundary.ts"
import { admit, chargeCall, PERMISSION_DENIED, permits, takeNonce } from "../Access.ts"
import type { Draft } from "../Draft.ts"
import { record } from "../Draft.ts"
import type { Out } from "../Json.ts"
import type { Refusal } from "../Validation.ts"
import { UNAVAILABLE } from "../Validation.ts"
import { accountEndpoints } from "./Account.ts"
import type { PrivateEndpoint } from "./Call.ts"
import { knows, reply } from "./Call.ts"
import * as History from "./History.ts"
import { tradingEndpoints } from "./Trading.ts"

const endpoints: ReadonlyMap<string, PrivateEndpoint> = new Map([
  ...accountEndpoints,
  ...tradingEndpoints,
  ["OpenOrders", History.openOrdersEndpoint],
  ["ClosedOrders", History.closedOrdersEndpoint],
  ["QueryOrders", History.queryOrdersEndpoint],
  ["TradesHistory", History.tradesHistoryEndpoint],
  ["QueryTrades", History.queryTradesEndpoint],
  ["Ledgers", History.ledgersEndpoint],
  ["QueryLedgers", History.queryLedgersEndpoint]
])

/** What every private call may carry. */
const common = ["nonce", "otp"]

const answer = (d: Draft, apiKey: string, request: RestRequest, arrivedAt: EpochMs): Either.Either<Out, Refusal> =>
  Either.gen(function* () {
    const { endpoint: name, params } = request
    const endpoint = endpoints.get(name)
    if (endpoint === undefined) return yield* Either.left("EGeneral:Unknown method")
    const admitted = yield* admit(d, apiKey)
    const key = yield* takeNonce(d, admitted, params.get("nonce"))
    if (!permits(key, endpoint.permissions)) return yield* Either.left(PERMISSION_DENIED)
    yield* chargeCall(d, key, name)
    if (d.state.system === "maintenance" && !(endpoint.reads && d.state.switches.maintenanceReads)) {
      return yield* Either.left(UNAVAILABLE)
    }
    yield* knows(d.state, [...common, ...endpoint.params], params)
    return yield* endpoint.answer(d, { params, key, arrivedAt })
  })

/** Answers a call whose signature has been checked. */
export const privateReply = (d: Draft, apiKey: string, request: RestRequest, arrivedAt: EpochMs): RestReply => {
  const result = answer(d, apiKey, request, arrivedAt)
  record(d, {
    at: d.state.now,
    via: "rest",
    endpoint: request.endpoint,
    nonce: request.params.get("nonce"),
    clOrdId: request.params.get("cl_ord_id"),
    result: Either.match(result, { onLeft: (error) => error, onRight: () => "ok" })
  })
  return reply(result)
}
