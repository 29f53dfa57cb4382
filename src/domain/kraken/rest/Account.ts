/** Results that speak of the account: balances, ledger, fees, the key itself. */
import { Either, Schema } from "effect"
import type { PairSymbol } from "../../market/Instrument.ts"
import type { Rate, Usd } from "../../money/Money.ts"
import * as Money from "../../money/Money.ts"
import type { EpochMs } from "../../Time.ts"
import type { PayloadError } from "../Envelope.ts"
import type { PairNames } from "../naming.ts"
import { BigCount, Count, Decimal, decoder, mapOf, maybe, Percent, Seconds } from "./fields.ts"

type Decoded<A> = Either.Either<A, PayloadError>

const Balances = decoder(mapOf(Decimal))
export const decodeBalance = (
  result: unknown
): Decoded<ReadonlyArray<{ readonly assetId: string; readonly balance: bigint }>> =>
  Either.map(Balances(result), (rows) => Object.entries(rows).map(([assetId, balance]) => ({ assetId, balance })))

const Holds = decoder(
  mapOf(
    Schema.Struct({
      balance: Decimal,
      hold_trade: maybe(Decimal),
      credit: maybe(Decimal),
      credit_used: maybe(Decimal)
    })
  )
)
/** `BalanceEx`. Kraken: available = balance + credit − credit used − held for orders. */
export const decodeBalanceEx = (
  result: unknown
): Decoded<
  ReadonlyArray<{
    readonly assetId: string
    readonly balance: bigint
    readonly hold: bigint
    readonly available: bigint
  }>
> =>
  Either.map(Holds(result), (rows) =>
    Object.entries(rows).map(([assetId, row]) => {
      const hold = row.hold_trade ?? 0n
      return {
        assetId,
        balance: row.balance,
        hold,
        available: row.balance + (row.credit ?? 0n) - (row.credit_used ?? 0n) - hold
      }
    })
  )

const TradeBalance = decoder(Schema.Struct({ eb: Decimal }))
export const decodeTradeBalance = (result: unknown): Decoded<{ readonly equivalentBalance: Usd }> =>
  Either.map(TradeBalance(result), ({ eb }) => ({ equivalentBalance: Money.Usd(eb) }))

const Fee = Schema.Struct({ fee: Percent })
const Volume = decoder(Schema.Struct({ fees: maybe(mapOf(Fee)), fees_maker: maybe(mapOf(Fee)) }))

/** Fees of this account as rates, from `TradeVolume` (percent). Where no maker fee is told, the taker's holds for both. */
export const decodeTradeVolume = (
  result: unknown,
  names: PairNames
): Decoded<ReadonlyMap<PairSymbol, { readonly maker: Rate; readonly taker: Rate }>> =>
  Either.map(Volume(result), ({ fees, fees_maker }) => {
    const rates = new Map<PairSymbol, { readonly maker: Rate; readonly taker: Rate }>()
    for (const [name, taker] of Object.entries(fees ?? {})) {
      const symbol = names.find(name)?.symbol
      const maker = fees_maker?.[name] ?? taker
      if (symbol !== undefined) rates.set(symbol, { maker: maker.fee, taker: taker.fee })
    }
    return rates
  })

const LedgerRow = Schema.Struct({
  refid: maybe(Schema.String),
  time: Seconds,
  type: Schema.String,
  asset: Schema.String,
  amount: Decimal,
  fee: Decimal,
  balance: Decimal
})
const Ledger = decoder(Schema.Struct({ ledger: mapOf(LedgerRow), count: maybe(Count) }))

export interface LedgerFact {
  readonly ledgerId: string
  readonly refId: string
  readonly type: string
  readonly assetId: string
  readonly amount: bigint
  readonly fee: bigint
  readonly balance: bigint
  readonly at: EpochMs
}

/** `Ledgers`, newest first. */
export const decodeLedgers = (
  result: unknown
): Decoded<{ readonly entries: ReadonlyArray<LedgerFact>; readonly count: number }> =>
  Either.map(Ledger(result), ({ ledger, count }) => {
    const entries = Object.entries(ledger)
      .map(([ledgerId, row]) => ({
        ledgerId,
        refId: row.refid ?? "",
        type: row.type,
        assetId: row.asset,
        amount: row.amount,
        fee: row.fee,
        balance: row.balance,
        at: row.time
      }))
      .toSorted((a, b) => b.at - a.at)
    return { entries, count: count ?? entries.length }
  })

const KeyInfo = decoder(
  Schema.Struct({
    api_key_name: maybe(Schema.String),
    nonce: BigCount,
    nonce_window: maybe(BigCount),
    permissions: Schema.Array(Schema.String),
    ip_allowlist: maybe(Schema.Array(Schema.String)),
    valid_until: maybe(Seconds)
  })
)
/** `GetApiKeyInfo`. `valid_until` 0 means for ever; an allow-list of empty texts is none. */
export const decodeApiKeyInfo = (
  result: unknown
): Decoded<{
  readonly name: string
  readonly permissions: ReadonlyArray<string>
  readonly nonce: bigint
  readonly nonceWindow: bigint
  readonly ipAllowlist: ReadonlyArray<string>
  readonly validUntil?: EpochMs
}> =>
  Either.map(KeyInfo(result), (row) => ({
    name: row.api_key_name ?? "",
    permissions: row.permissions,
    nonce: row.nonce,
    nonceWindow: row.nonce_window ?? 0n,
    ipAllowlist: (row.ip_allowlist ?? []).filter((entry) => entry !== ""),
    ...(row.valid_until === undefined || row.valid_until === 0 ? {} : { validUntil: row.valid_until })
  }))

const Token = decoder(Schema.Struct({ token: Schema.NonEmptyString, expires: Count }))
export const decodeToken = (result: unknown): Decoded<{ readonly token: string; readonly expiresInSeconds: number }> =>
  Either.map(Token(result), ({ token, expires }) => ({ token, expiresInSeconds: expires }))
