/**
 * Rows of Kraken's `executions` channel as reports. A fill is a row with `exec_type` `trade` and nothing else: `filled` is a
 * status event that repeats totals, and counting both would book every fill twice.
 */
import { Either } from "effect"
import { PairSymbol } from "../../market/Instrument.ts"
import * as Money from "../../money/Money.ts"
import { ClientOrderId, ExchangeOrderId, ExecutionId } from "../../order/Ids.ts"
import type { ExchangeStatus, FillReport, Liquidity, OrderReport, Side, StatusReport } from "../../order/Report.ts"
import type { JsonObject, JsonValue } from "../JsonText.ts"
import { amountOf, Fields, isObject, listOf } from "./Fields.ts"
import type { OrderFacts, OrderMemory } from "./OrderMemory.ts"
import { learn, recall } from "./OrderMemory.ts"

/** What happened (`exec_type`), where it says the status by itself. */
const byEvent: Readonly<Record<string, ExchangeStatus | "as stated">> = {
  pending_new: "pending",
  new: "open",
  filled: "filled",
  canceled: "cancelled",
  expired: "expired",
  iceberg_refill: "as stated",
  amended: "as stated",
  restated: "as stated",
  status: "as stated"
}

const byStatus: Readonly<Record<string, ExchangeStatus>> = {
  pending_new: "pending",
  new: "open",
  partially_filled: "open",
  filled: "filled",
  canceled: "cancelled",
  expired: "expired"
}

const look = <A>(table: Readonly<Record<string, A>>, key: string | undefined): A | undefined =>
  key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined

const sideOf = (fields: Fields): Side | undefined => {
  const side = fields.text("side")
  if (side === "buy" || side === "sell") return side
  if (side !== undefined) fields.problem ??= "side"
  return undefined
}

/** The order's constant facts, as far as this row says them. */
const factsOf = (fields: Fields): OrderFacts => {
  const clientId = fields.text("cl_ord_id")
  const symbol = fields.text("symbol")
  const side = sideOf(fields)
  return {
    ...(clientId === undefined ? {} : { clientId: ClientOrderId(clientId) }),
    ...(symbol === undefined ? {} : { symbol: PairSymbol(symbol) }),
    ...(side === undefined ? {} : { side })
  }
}

/** The fee of a fill: every entry in one asset, added up. No entry: no fee. Several assets are not understood. */
const feeOf = (fields: Fields, quote: string): { readonly fee: bigint; readonly feeAsset: string } => {
  const list = listOf(fields.raw("fees"))
  let feeAsset: string | undefined
  let fee = 0n
  for (const entry of list ?? []) {
    const asset = isObject(entry) ? entry["asset"] : undefined
    const amount = isObject(entry) ? amountOf(entry["qty"]) : undefined
    if (typeof asset !== "string" || amount === undefined || (feeAsset ?? asset) !== asset) fields.problem ??= "fees"
    else {
      feeAsset = asset
      fee += amount
    }
  }
  if (list === undefined) fields.problem ??= "fees"
  return { fee, feeAsset: feeAsset ?? quote }
}

const liquidityOf = (fields: Fields): Liquidity | undefined => {
  const mark = fields.text("liquidity_ind")
  return mark === "m" ? "maker" : mark === "t" ? "taker" : undefined
}

type Source = "stream" | "snapshot"

const fill = (fields: Fields, exchangeId: ExchangeOrderId, facts: OrderFacts, source: Source): FillReport => {
  const symbol = fields.need("symbol", facts.symbol, PairSymbol(""))
  const quantity = fields.need("last_qty", fields.size("last_qty"), 0n)
  const price = fields.need("last_price", fields.size("last_price"), 0n)
  if (quantity === 0n || price === 0n) fields.problem ??= "last_qty or last_price"
  return {
    _tag: "Fill",
    source,
    executionId: ExecutionId(fields.need("exec_id", fields.text("exec_id"), "")),
    exchangeId,
    ...(facts.clientId === undefined ? {} : { clientId: facts.clientId }),
    symbol,
    side: fields.need<Side>("side", facts.side, "buy"),
    price: Money.Price(price),
    quantity: Money.Quantity(quantity),
    cost: Money.Usd(fields.need("cost", fields.size("cost"), 0n)),
    ...feeOf(fields, symbol.slice(symbol.indexOf("/") + 1)),
    liquidity: fields.need<Liquidity>("liquidity_ind", liquidityOf(fields), "taker"),
    at: fields.need("timestamp", fields.time("timestamp"), 0)
  }
}

/** A limit price that is a price: `pct` and `quote` ones are distances. */
const limitPriceOf = (fields: Fields): bigint | undefined => {
  const type = fields.text("limit_price_type")
  return type === undefined || type === "static" ? fields.size("limit_price") : undefined
}

const statusReport = (
  fields: Fields,
  exchangeId: ExchangeOrderId,
  facts: OrderFacts,
  status: ExchangeStatus,
  source: Source
): StatusReport => {
  const quantity = fields.size("order_qty")
  const limitPrice = limitPriceOf(fields)
  const cumQuantity = fields.size("cum_qty")
  const cumCost = fields.size("cum_cost")
  const cumFee = fields.looseAmount("fee_usd_equiv")
  const postOnly = fields.flag("post_only")
  const expiresAt = fields.time("expire_time")
  const reason = fields.text("reason") ?? fields.text("cancel_reason")
  return {
    _tag: "Status",
    source,
    exchangeId,
    ...facts,
    status,
    ...(quantity === undefined ? {} : { quantity: Money.Quantity(quantity) }),
    ...(limitPrice === undefined ? {} : { limitPrice: Money.Price(limitPrice) }),
    ...(cumQuantity === undefined ? {} : { cumQuantity: Money.Quantity(cumQuantity) }),
    ...(cumCost === undefined ? {} : { cumCost: Money.Usd(cumCost) }),
    ...(cumFee === undefined ? {} : { cumFee: Money.Usd(cumFee) }),
    ...(postOnly === undefined ? {} : { postOnly }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(reason === undefined ? {} : { reason }),
    at: fields.need("timestamp", fields.time("timestamp"), 0)
  }
}

const statusOf = (fields: Fields, event: string): ExchangeStatus => {
  const said = look(byEvent, event)
  if (said === undefined) fields.problem ??= `exec_type ${event.slice(0, 32)}`
  if (said !== undefined && said !== "as stated") return said
  return fields.need("order_status", look(byStatus, fields.text("order_status")), "open")
}

const readRow = (
  row: JsonObject,
  memory: OrderMemory,
  source: Source
): Either.Either<{ readonly report: OrderReport; readonly memory: OrderMemory }, string> => {
  const fields = new Fields(row)
  const exchangeId = ExchangeOrderId(fields.need("order_id", fields.text("order_id"), ""))
  const event = fields.need("exec_type", fields.text("exec_type"), "")
  const learned = learn(memory, exchangeId, factsOf(fields))
  const facts = recall(learned, exchangeId)
  const report =
    event === "trade"
      ? fill(fields, exchangeId, facts, source)
      : statusReport(fields, exchangeId, facts, statusOf(fields, event), source)
  return fields.problem === undefined ? Either.right({ report, memory: learned }) : Either.left(fields.problem)
}

/**
 * Reads one row with what is remembered of its order, and remembers what it says. Fails with the name of the field that is
 * missing or not understood. A status of an order that was never heard of is a report all the same; a fill needs a pair
 * and a side.
 */
export const readExecution = (
  row: JsonValue,
  memory: OrderMemory,
  source: Source
): Either.Either<{ readonly report: OrderReport; readonly memory: OrderMemory }, string> =>
  isObject(row) ? readRow(row, memory, source) : Either.left("row")
