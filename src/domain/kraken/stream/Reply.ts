/**
 * Answers to requests on Kraken's WebSocket v2. They are told apart from data by their `method`, and matched to the request
 * by `req_id` alone: one request may have many answers (one a symbol, one an order), and a refused `unsubscribe` has been
 * seen to answer as `subscribe`.
 */
import { Option } from "effect"
import type { EpochMs } from "../../Time.ts"
import { parseRfc3339 } from "../../Time.ts"
import { JsonNumber } from "../JsonText.ts"

export interface Reply {
  readonly _tag: "Reply"
  readonly method: string
  readonly requestId: number | undefined
  readonly success: boolean
  /** Kraken's own text when it refused. */
  readonly error: string | undefined
  /** From the result, or beside the error. */
  readonly symbol: string | undefined
  readonly channel: string | undefined
  /** When the request reached the exchange. */
  readonly timeIn: EpochMs | undefined
}

/** An object as either JSON reader of this program gives it. */
type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

/** A number that a double does not hold exactly is nobody's: `1.00000000000000000001` answers no request. */
const integer = (value: unknown): number | undefined => {
  const number = value instanceof JsonNumber && /^\d{1,16}$/.test(value.text) ? Number(value.text) : value
  return Number.isSafeInteger(number) ? Number(number) : undefined
}

/** Reads an answer; `undefined` if the object has no `method` and so is none. A `pong` counts as a success. */
export const decodeReply = (frame: Fields): Reply | undefined => {
  const method = text(frame["method"])
  if (method === undefined) return undefined
  const error = text(frame["error"])
  const result = isFields(frame["result"]) ? frame["result"] : {}
  return {
    _tag: "Reply",
    method,
    requestId: integer(frame["req_id"]),
    success: error === undefined && frame["success"] !== false && method !== "error",
    error,
    symbol: text(result["symbol"]) ?? text(frame["symbol"]),
    channel: text(result["channel"]) ?? text(frame["channel"]),
    timeIn: Option.getOrUndefined(Option.flatMap(Option.fromNullable(text(frame["time_in"])), parseRfc3339))
  }
}
