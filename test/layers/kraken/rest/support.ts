/** What the tests of the REST client share: settings, a listing, a clock that can be read, a counting nonce. */
import { Layer, Redacted } from "effect"
import * as Money from "../../../../src/domain/money/Money.ts"
import { PairSymbol } from "../../../../src/domain/market/Instrument.ts"
import type { Instrument } from "../../../../src/domain/market/Instrument.ts"
import type { SettingsShape } from "../../../../src/services/Settings.ts"
import { Settings } from "../../../../src/services/Settings.ts"

export const XLM = PairSymbol("XLM/USD")

export const xlm: Instrument = {
  symbol: XLM,
  restId: "XXLMZUSD",
  altname: "XLMUSD",
  base: "XLM",
  quote: "USD",
  baseId: "XXLM",
  quoteId: "ZUSD",
  priceDecimals: 6,
  quantityDecimals: 8,
  costDecimals: 8,
  baseDecimals: 8,
  quoteDecimals: 4,
  tickSize: Money.price("0.000001"),
  minQuantity: Money.quantity("20"),
  minCost: Money.usd("0.5"),
  status: "online"
}

export const API_KEY = "the-public-part"
// Kraken's published sample secret, which belongs to nobody.
export const SECRET = `kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg${"="}=`

/** Only what the client reads. */
export const settings = (rest: string, withKey = true): Layer.Layer<Settings> => {
  const read: Partial<SettingsShape> = {
    tier: "starter",
    endpoints: { rest, ws: "ws://localhost/v2", wsAuth: "ws://localhost/v2" },
    ...(withKey ? { credentials: { key: Redacted.make(API_KEY), secret: Redacted.make(SECRET) } } : {})
  }
  return Layer.succeed(Settings, read as SettingsShape)
}
