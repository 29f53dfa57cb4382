import { Either } from "effect"
import { assert, describe, it } from "vitest"
import type { JsonStrings } from "../../../src/domain/kraken/JsonText.ts"
import { modernAsset, namesOf, noNames, pairNames } from "../../../src/domain/kraken/naming.ts"
import * as Money from "../../../src/domain/money/Money.ts"

const assets: JsonStrings = {
  XXLM: { altname: "XLM", decimals: "8" },
  XXBT: { altname: "XBT", decimals: "10" },
  XXDG: { altname: "XDG", decimals: "8" },
  ZUSD: { altname: "USD", decimals: "4" },
  ODD: { altname: "ODD" }
}
const row = (altname: string, base: string, more: Record<string, JsonStrings> = {}): JsonStrings => ({
  altname,
  base,
  quote: "ZUSD",
  cost_decimals: "8",
  pair_decimals: "6",
  lot_decimals: "8",
  ordermin: "20",
  costmin: "0.5",
  tick_size: "0.000001",
  status: "online",
  ...more
})
const table = {
  "XXBTZUSD.d": row("XBTUSD.d", "XXBT"),
  XXLMZUSD: row("XLMUSD", "XXLM", { wsname: "XLM/USD" }),
  XXBTZUSD: row("XBTUSD", "XXBT", { wsname: "XBT/USD", status: "post_only" }),
  XDGUSD: row("XDGUSD", "XXDG", { wsname: "XDG/USD", status: "who knows" }),
  ODDUSD: row("ODDUSD", "ODD", { wsname: "ODD/USD" }),
  BAD: { altname: "BAD", wsname: "XBT/BAD" },
  FINE: row("FINE", "XXLM", { pair_decimals: "13" }),
  WORSE: "?"
} satisfies Record<string, JsonStrings>

const names = Either.getOrThrow(pairNames(table, assets))

describe("names", () => {
  it("are found under every spelling", () => {
    for (const name of ["XXLMZUSD", "XLMUSD", "XLM/USD"]) assert.strictEqual(names.find(name)?.symbol, "XLM/USD")
    for (const name of ["XXBTZUSD", "XBTUSD", "XBT/USD", "BTC/USD"]) {
      assert.strictEqual(names.find(name)?.symbol, "BTC/USD")
      assert.strictEqual(names.find(name)?.restId, "XXBTZUSD")
    }
    assert.strictEqual(names.find("DOGE/USD")?.altname, "XDGUSD")
    assert.isUndefined(names.find("ETH/USD"))
    assert.strictEqual(modernAsset("XLM"), "XLM")
  })

  it("carry exact terms", () => {
    const xlm = names.find("XLM/USD")
    assert.deepStrictEqual(xlm, {
      symbol: xlm?.symbol,
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
    })
    assert.strictEqual(names.find("BTC/USD")?.status, "post_only")
    assert.strictEqual(names.find("DOGE/USD")?.status, "unknown")
  })

  it("a pair without minimums is not tradable; one without a tick has its decimals'", () => {
    const bare = Either.getOrThrow(
      pairNames(
        {
          A: row("A", "XXLM", { ordermin: null, tick_size: null, pair_decimals: "3" }),
          B: row("B", "XXBT", { costmin: null, tick_size: "0" }),
          C: row("C", "XXDG", { status: null })
        },
        assets
      )
    )
    assert.deepInclude(bare.find("A") ?? {}, { status: "unknown", tickSize: Money.price("0.001"), minQuantity: 0n })
    assert.deepInclude(bare.find("B") ?? {}, { status: "unknown", tickSize: Money.price("0.000001"), minCost: 0n })
    assert.deepInclude(bare.find("C") ?? {}, { status: "unknown" })
  })

  it("say which pairs are listed but unreadable", () => {
    assert.deepStrictEqual([...names.unreadable].toSorted(), ["BAD", "BTC/BAD", "FINE", "ODD/USD", "ODDUSD", "WORSE"])
  })

  it("name assets", () => {
    assert.strictEqual(names.assetName("XXBT"), "BTC")
    assert.strictEqual(names.assetName("XLM.F"), "XLM.F")
    assert.strictEqual(noNames.assetName("XXBT"), "XXBT")
    assert.isUndefined(noNames.find("XXBTZUSD"))
  })

  it("come from known instruments too", () => {
    const xlm = names.find("XLM/USD")
    const known = namesOf(xlm === undefined ? [] : [xlm])
    for (const name of ["XLM/USD", "XXLMZUSD", "XLMUSD"]) assert.strictEqual(known.find(name), xlm)
    assert.isUndefined(known.find("XBTUSD"))
  })

  it("refuse results that are no tables", () => {
    assert.isTrue(Either.isLeft(pairNames("x", assets)))
    assert.isTrue(Either.isLeft(pairNames(table, [])))
  })
})
