/**
 * Names of pairs and assets. Kraken has four spellings of a pair (`XXBTZUSD`, `XBTUSD`, `XBT/USD`, `BTC/USD`) and three of
 * an asset; they are joined from `AssetPairs` and `Assets`, never made by cutting letters.
 */
import { Either, Option, Schema } from "effect"
import type { Instrument, PairStatus } from "../market/Instrument.ts"
import { PairSymbol } from "../market/Instrument.ts"
import * as Fixed from "../money/Fixed.ts"
import * as Money from "../money/Money.ts"
import type { JsonStrings } from "./JsonText.ts"
import type { PayloadError } from "./Envelope.ts"
import { Amount, Decimals, decoder, mapOf, maybe } from "./rest/fields.ts"

/** The two assets that REST still calls by other letters than the streams do. Kraken: `Assets.altname` is XBT and XDG. */
const MODERN: ReadonlyMap<string, string> = new Map([
  ["XBT", "BTC"],
  ["XDG", "DOGE"]
])

/** The stream's name of an asset by its REST short name (`Assets.altname`). */
export const modernAsset = (altname: string): string => MODERN.get(altname) ?? altname

const AssetRow = Schema.Struct({ altname: Schema.String, decimals: Decimals })
const PairRow = Schema.Struct({
  altname: Schema.String,
  wsname: maybe(Schema.String),
  base: Schema.String,
  quote: Schema.String,
  cost_decimals: Decimals,
  pair_decimals: Decimals,
  lot_decimals: Decimals,
  ordermin: maybe(Amount),
  costmin: maybe(Amount),
  tick_size: maybe(Amount),
  status: maybe(Schema.String)
})
type PairRow = typeof PairRow.Type

const decodeRows = decoder(mapOf(Schema.Unknown))
const decodeAsset = Schema.decodeUnknownOption(AssetRow)
const decodePair = Schema.decodeUnknownOption(PairRow)

const STATUSES: ReadonlySet<string> = new Set<PairStatus>([
  "online",
  "cancel_only",
  "post_only",
  "limit_only",
  "reduce_only",
  "maintenance"
])
const isStatus = (text: string): text is PairStatus => STATUSES.has(text)

/** Every pair of the exchange under each of its names. */
export interface PairNames {
  /** By symbol, REST id, short name or version 1 name. */
  readonly find: (name: string) => Instrument | undefined
  /** REST ids and symbols of pairs listed with terms that could not be read: known, but not usable. */
  readonly unreadable: ReadonlySet<string>
  /** Every symbol that can be used, in the exchange's order. */
  readonly symbols: ReadonlyArray<PairSymbol>
  /** Stream name of an asset by its REST id, without wallet suffixes; the id itself where it is not listed. */
  readonly assetName: (assetId: string) => string
}

/** Knows nothing: every name stays as it was sent. */
export const noNames: PairNames = {
  find: () => undefined,
  unreadable: new Set(),
  symbols: [],
  assetName: (id) => id
}

const decodeWsname = Schema.decodeUnknownOption(Schema.Struct({ wsname: Schema.String }))

/** The symbol of a row that is unreadable otherwise, from its version 1 name. */
const symbolOf = (row: unknown): string | undefined =>
  Option.getOrUndefined(Option.map(decodeWsname(row), ({ wsname }) => wsname.split("/").map(modernAsset).join("/")))

/** The names of pairs that are known already. */
export const namesOf = (instruments: ReadonlyArray<Instrument>): PairNames => ({
  ...noNames,
  symbols: instruments.map((i) => i.symbol),
  find: (name) => instruments.find((i) => i.symbol === name || i.restId === name || i.altname === name)
})

interface Asset {
  readonly name: string
  readonly decimals: number
}

/**
 * A pair without stated minimums (`ordermin`, `costmin`) gets status `unknown`, which is not tradable; one without a
 * `tick_size` has the step that its price decimals give.
 */
const instrument = (restId: string, row: PairRow, base: Asset, quote: Asset): Instrument => {
  const stated = row.ordermin !== undefined && row.costmin !== undefined
  const status = row.status ?? "unknown"
  return {
    symbol: PairSymbol(`${base.name}/${quote.name}`),
    restId,
    altname: row.altname,
    base: base.name,
    quote: quote.name,
    baseId: row.base,
    quoteId: row.quote,
    priceDecimals: row.pair_decimals,
    quantityDecimals: row.lot_decimals,
    costDecimals: row.cost_decimals,
    baseDecimals: base.decimals,
    quoteDecimals: quote.decimals,
    tickSize: Money.Price(
      row.tick_size === undefined || row.tick_size === 0n ? Fixed.unit(row.pair_decimals) : row.tick_size
    ),
    minQuantity: Money.Quantity(row.ordermin ?? 0n),
    minCost: Money.Usd(row.costmin ?? 0n),
    status: stated && isStatus(status) ? status : "unknown"
  }
}

/**
 * Joins the results of `AssetPairs` and `Assets`, whole. A row that cannot be read takes only its own pair out: new kinds
 * of pairs appear without notice. Where two rows claim a symbol (dark pools have no `wsname`) the one with a `wsname` wins.
 */
export const pairNames = (assetPairs: JsonStrings, assets: JsonStrings): Either.Either<PairNames, PayloadError> =>
  Either.gen(function* () {
    const assetRows = yield* decodeRows(assets)
    const pairRows = yield* decodeRows(assetPairs)
    const byId = new Map<string, Asset>()
    for (const [id, row] of Object.entries(assetRows)) {
      const asset = decodeAsset(row)
      if (Option.isSome(asset)) byId.set(id, { name: modernAsset(asset.value.altname), decimals: asset.value.decimals })
    }
    const rows = Object.entries(pairRows).map(([id, row]) => [id, decodePair(row)] as const)
    const named = (row: Option.Option<PairRow>): number =>
      Option.isSome(row) && row.value.wsname !== undefined ? 0 : 1
    const found = new Map<string, Instrument>()
    const unreadable = new Set<string>()
    const learn = (name: string, one: Instrument): void => {
      if (!found.has(name)) found.set(name, one)
    }
    for (const [id, row] of rows.toSorted((a, b) => named(a[1]) - named(b[1]))) {
      const base = Option.isSome(row) ? byId.get(row.value.base) : undefined
      const quote = Option.isSome(row) ? byId.get(row.value.quote) : undefined
      if (Option.isNone(row) || base === undefined || quote === undefined) {
        unreadable.add(id)
        const symbol = symbolOf(pairRows[id])
        if (symbol !== undefined) unreadable.add(symbol)
        continue
      }
      const one = instrument(id, row.value, base, quote)
      for (const name of [one.symbol, id, row.value.altname, row.value.wsname ?? id]) learn(name, one)
    }
    return {
      find: (name: string) => found.get(name),
      unreadable,
      symbols: [...new Set([...found.values()].map((i) => i.symbol))],
      assetName: (id: string) => byId.get(id)?.name ?? id
    }
  })
