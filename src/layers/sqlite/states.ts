/** JSON documents of the `state` columns: a whole order, lot or breaker, every amount as exact decimal text. */
import { Schema } from "effect"
import type { BreakerState } from "../../domain/breaker/BreakerState.ts"
import { causes } from "../../domain/breaker/BreakerState.ts"
import type { PairSymbol } from "../../domain/market/Instrument.ts"
import { PairSymbol as makePair } from "../../domain/market/Instrument.ts"
import { PriceText, QuantityText, UsdText } from "../../domain/money/Money.ts"
import type { Lot } from "../../domain/portfolio/Lot.ts"
import * as Ids from "../../domain/order/Ids.ts"
import type { Order } from "../../domain/order/Order.ts"

const ClientOrderId = Schema.String.pipe(Schema.fromBrand(Ids.ClientOrderId))
const ExchangeOrderId = Schema.String.pipe(Schema.fromBrand(Ids.ExchangeOrderId))
const ExecutionId = Schema.String.pipe(Schema.fromBrand(Ids.ExecutionId))
const Pair: Schema.Schema<PairSymbol, string> = Schema.String.pipe(Schema.fromBrand(makePair))
const Time = Schema.Finite

const exactly = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** A number that a strategy computed. One that is not finite is kept as null, so that it can never block an intent. */
const Feature = Schema.transform(Schema.NullOr(Schema.Finite), Schema.Number, {
  strict: true,
  decode: (value) => value ?? Number.NaN,
  encode: (value) => (Number.isFinite(value) ? value : null)
})
const Features = Schema.Record({ key: Schema.String, value: Feature })

const Plan = Schema.Struct({ target: PriceText, stop: PriceText, holdFor: Schema.Finite })

const Purpose = Schema.Union(
  Schema.Struct({ _tag: Schema.Literal("Entry"), plan: Plan, features: Features }),
  Schema.Struct({
    _tag: Schema.Literal("Exit"),
    kind: Schema.Literal("target", "loss", "time", "flatten"),
    lots: Schema.Array(Schema.Struct({ lotId: ClientOrderId, quantity: QuantityText })),
    attempt: Schema.Finite
  })
)

const OrderDocument = Schema.Struct({
  id: ClientOrderId,
  symbol: Pair,
  side: Schema.Literal("buy", "sell"),
  purpose: Purpose,
  reason: Schema.String,
  quantity: QuantityText,
  limitPrice: PriceText,
  postOnly: Schema.Boolean,
  timeInForce: Schema.Literal("GTC", "GTD", "IOC"),
  expiresAt: exactly(Time),
  createdAt: Time,
  deadline: Time,
  status: Schema.Literal("pending", "open", "unknown", "filled", "cancelled", "expired", "rejected"),
  exchangeId: exactly(ExchangeOrderId),
  cumQuantity: QuantityText,
  cumCost: UsdText,
  bookedQuantity: QuantityText,
  bookedCost: UsdText,
  bookedFee: UsdText,
  executions: Schema.Array(ExecutionId),
  termsAt: Time,
  amend: exactly(
    Schema.Struct({
      quantity: QuantityText,
      limitPrice: PriceText,
      sentAt: Time,
      deadline: Time,
      state: Schema.Literal("inFlight", "unknown")
    })
  ),
  cancelRequestedAt: exactly(Time),
  endReason: exactly(Schema.String),
  updatedAt: Time
})

const LotDocument = Schema.Struct({
  id: ClientOrderId,
  symbol: Pair,
  exchangeId: exactly(ExchangeOrderId),
  quantity: QuantityText,
  remaining: QuantityText,
  cost: UsdText,
  entryFee: UsdText,
  proceeds: UsdText,
  exitFee: UsdText,
  openedAt: Time,
  closedAt: exactly(Time),
  plan: Plan,
  features: Features,
  reason: Schema.String,
  call: exactly(Schema.Struct({ kind: Schema.Literal("loss", "time", "flatten"), at: Time })),
  attempts: Schema.Finite,
  lastAttemptAt: exactly(Time),
  sellable: exactly(QuantityText)
})

const perCause = <A, I>(value: Schema.Schema<A, I>) =>
  Schema.partialWith(Schema.Record({ key: Schema.Literal(...causes), value }), { exact: true })

const BreakerDocument = Schema.Struct({
  latches: perCause(
    Schema.Struct({
      cause: Schema.Literal(...causes),
      since: Time,
      reason: Schema.String,
      probeAt: exactly(Time),
      rounds: Schema.Finite,
      day: exactly(Schema.String)
    })
  ),
  failures: perCause(Schema.Finite),
  rounds: perCause(Schema.Finite)
})

export const OrderState: Schema.Schema<Order, string> = Schema.parseJson(OrderDocument)
export const LotState: Schema.Schema<Lot, string> = Schema.parseJson(LotDocument)
export const BreakerStateText: Schema.Schema<BreakerState, string> = Schema.parseJson(BreakerDocument)
export const FeaturesText = Schema.parseJson(Features)
