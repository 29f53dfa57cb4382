/**
 * Frames of Kraken's authenticated WebSocket v2. Their amounts enter the books, so they are read by the parser that keeps
 * the text of numbers.
 */
import { Either } from "effect"
import type { OrderReport } from "../../order/Report.ts"
import type { JsonObject } from "../JsonText.ts"
import { parseJsonText } from "../JsonText.ts"
import type { BalanceRow } from "./Balances.ts"
import { readBalances } from "./Balances.ts"
import { readExecution } from "./Executions.ts"
import { amountOf, isObject, listOf } from "./Fields.ts"
import type { OrderMemory } from "./OrderMemory.ts"
import { nameOf } from "./Public.ts"
import type { FrameType } from "./PublicWire.ts"
import { ONE } from "../../money/Fixed.ts"
import type { Reply } from "./Reply.ts"
import { decodeReply } from "./Reply.ts"

export type PrivateChannel = "executions" | "balances"

/** What every data frame of a private channel carries beside its rows. */
interface DataFrame {
  readonly type: FrameType
  readonly sequence: number
  /** Names of the fields for which rows were left out. */
  readonly problems: ReadonlyArray<string>
}

export type PrivateFrame =
  | { readonly _tag: "Heartbeat" }
  | (DataFrame & { readonly _tag: "Executions"; readonly reports: ReadonlyArray<OrderReport> })
  | (DataFrame & { readonly _tag: "Balances"; readonly balances: ReadonlyArray<BalanceRow> })
  | Reply
  /** `lost` says that the frame may have held reports. */
  | { readonly _tag: "Malformed"; readonly kind: string; readonly lost: boolean }

export interface PrivateReading {
  readonly frame: PrivateFrame
  readonly memory: OrderMemory
}

/** Whole, and no larger than a double holds exactly: of two such numbers it can be told whether one follows the other. */
const sequenceOf = (frame: JsonObject): number | undefined => {
  const value = amountOf(frame["sequence"])
  const sequence = value !== undefined && value >= 0n && value % ONE === 0n ? Number(value / ONE) : undefined
  return Number.isSafeInteger(sequence) ? sequence : undefined
}

const readData = (frame: JsonObject, channel: PrivateChannel, memory: OrderMemory): PrivateReading => {
  const type = frame["type"]
  const data = listOf(frame["data"])
  const sequence = sequenceOf(frame)
  if ((type !== "snapshot" && type !== "update") || data === undefined || sequence === undefined) {
    return { frame: { _tag: "Malformed", kind: channel, lost: true }, memory }
  }
  const problems: Array<string> = []
  if (channel === "balances") {
    const balances = data.flatMap((row) =>
      Either.getOrElse(readBalances(row, type), (problem) => {
        problems.push(problem)
        return []
      })
    )
    return { frame: { _tag: "Balances", type, sequence, problems, balances }, memory }
  }
  const reports: Array<OrderReport> = []
  let learned = memory
  for (const row of data) {
    const read = readExecution(row, learned, type === "snapshot" ? "snapshot" : "stream")
    if (Either.isLeft(read)) problems.push(read.left)
    else {
      learned = read.right.memory
      reports.push(read.right.report)
    }
  }
  return { frame: { _tag: "Executions", type, sequence, problems, reports }, memory: learned }
}

/** Reads one private frame with what is remembered of earlier ones. */
export const decodePrivate = (text: string, memory: OrderMemory): PrivateReading => {
  const bad = (kind: string, lost: boolean): PrivateReading => ({ frame: { _tag: "Malformed", kind, lost }, memory })
  const parsed = Either.getOrUndefined(parseJsonText(text))
  if (!isObject(parsed)) return bad(parsed === undefined ? "not JSON" : "not an object", true)
  const channel = parsed["channel"]
  switch (channel) {
    case "executions":
    case "balances":
      return readData(parsed, channel, memory)
    // The state of the exchange is told by the public stream.
    case "heartbeat":
    case "status":
      return { frame: { _tag: "Heartbeat" }, memory }
    default: {
      const reply = decodeReply(parsed)
      return reply === undefined ? bad(`channel ${nameOf(channel)}`, false) : { frame: reply, memory }
    }
  }
}
