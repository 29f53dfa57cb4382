/** Schemas of what a store keeps; amounts as decimal texts, so that nothing depends on a number's size. */
import { Schema } from "effect"
import { PairSymbol } from "../market/Instrument.ts"
import { PriceText, QuantityText, UsdText } from "../money/Money.ts"

/** `undefined` in memory, `null` in the store. */
const orNothing = <A, I>(schema: Schema.Schema<A, I>): Schema.Schema<A | undefined, I | null> =>
  Schema.transform(Schema.NullOr(schema), Schema.UndefinedOr(Schema.typeSchema(schema)), {
    strict: true,
    decode: (value) => value ?? undefined,
    encode: (value) => value ?? null
  })

const Symbol = Schema.String.pipe(Schema.fromBrand(PairSymbol))
const Side = Schema.Literal("buy", "sell")
const Type = Schema.Literal("limit", "market")
const Balances = Schema.Array(Schema.Tuple(Schema.String, Schema.BigInt))
/** An instant that there is a date for; 0 is never. */
const Time = Schema.Finite.pipe(Schema.between(0, 8_640_000_000_000_000))
const Counter = Schema.Struct({ value: Schema.Finite, at: Time })

export const OrderRecord = Schema.Struct({
  txid: Schema.String,
  clOrdId: orNothing(Schema.String),
  userref: orNothing(Schema.Int),
  origin: Schema.Union(
    Schema.Struct({ _tag: Schema.Literal("Key"), apiKey: Schema.String }),
    Schema.Struct({ _tag: Schema.Literal("Hand") })
  ),
  symbol: Symbol,
  side: Side,
  type: Type,
  quantity: QuantityText,
  price: PriceText,
  timeInForce: Schema.Literal("GTC", "IOC", "GTD", "FOK"),
  postOnly: Schema.Boolean,
  feeIn: Schema.Literal("quote", "base"),
  selfTrade: Schema.Literal("cancel-newest", "cancel-oldest", "cancel-both"),
  expiresAt: Time,
  openedAt: Time,
  closedAt: Time,
  touchedAt: Time,
  status: Schema.Literal("pending", "open", "closed", "canceled", "expired"),
  filled: QuantityText,
  cost: UsdText,
  fee: UsdText,
  reason: orNothing(Schema.String),
  amended: Schema.Boolean,
  queueAhead: QuantityText,
  fills: Schema.Array(Schema.String)
})

export const FillRecord = Schema.Struct({
  id: Schema.String,
  txid: Schema.String,
  tradeId: Schema.Int,
  symbol: Symbol,
  side: Side,
  type: Type,
  at: Time,
  price: PriceText,
  quantity: QuantityText,
  cost: UsdText,
  fee: UsdText,
  feeBase: QuantityText,
  maker: Schema.Boolean,
  ledgers: Schema.Array(Schema.String)
})

export const LedgerRecord = Schema.Struct({
  id: Schema.String,
  refid: Schema.String,
  at: Time,
  type: Schema.Literal("trade", "deposit", "withdrawal", "transfer"),
  subtype: Schema.String,
  wallet: Schema.String,
  amount: Schema.BigInt,
  fee: Schema.BigInt,
  balance: Schema.BigInt
})

/** Everything else that outlives a process: the account's small and quickly changing part. */
export const HeadRecord = Schema.Struct({
  now: Time,
  serial: Schema.NonNegativeInt,
  startingBalances: Balances,
  balances: Balances,
  open: Schema.Array(Schema.String),
  keys: Schema.Array(
    Schema.Struct({
      apiKey: Schema.String,
      nonce: Schema.BigInt,
      recent: Schema.Array(Schema.BigInt),
      calls: Counter,
      usedAt: Time
    })
  ),
  lockout: Schema.Struct({ failures: Schema.Int, until: Time }),
  tokens: Schema.Array(Schema.Struct({ token: Schema.String, apiKey: Schema.String, issuedAt: Time })),
  engine: Schema.Array(Schema.Tuple(Symbol, Counter)),
  tradeIds: Schema.Array(Schema.Tuple(Symbol, Schema.Int)),
  switchAt: orNothing(Time),
  volume: Schema.Struct({ from: Schema.NonNegativeInt, total: UsdText })
})
