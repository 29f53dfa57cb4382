/** What a person writes: `.env`, settings, parameters of a strategy, tapes. */
import { Either, FastCheck as fc, Option } from "effect"
import { assert, describe, it } from "vitest"
import { toBar } from "../../src/domain/exchange/market/PathBar.ts"
import type { Listing } from "../../src/domain/exchange/market/PathBar.ts"
import { taped } from "../../src/domain/exchange/market/Taped.ts"
import type { Tape, TapeFault } from "../../src/domain/exchange/market/tapeText.ts"
import { makeReader } from "../../src/domain/exchange/market/tapeText.ts"
import { parseDotEnv } from "../../src/domain/settings/DotEnv.ts"
import { exampleFile, settingKeys } from "../../src/domain/settings/keys.ts"
import { confirmationText, parseSettings } from "../../src/domain/settings/Parse.ts"
import { nearest } from "../../src/domain/settings/spelling.ts"
import * as Value from "../../src/domain/settings/values.ts"
import * as Money from "../../src/domain/money/Money.ts"
import { MeanReversion } from "../../src/domain/strategy/MeanReversion.ts"
import { XLM } from "../support/build.ts"
import { garbage, LONGEST, mutated, repeated, timely, tries } from "../support/fuzz.ts"
import { plain, printed } from "../support/tree.ts"

const names = settingKeys.map(({ key }) => key)

const valueTexts = fc.oneof(
  fc.constantFrom(
    "paper",
    "live",
    "observe",
    "true",
    "10",
    "1e1",
    "0x10",
    "1e400",
    "-1",
    "0.1e-20",
    "12345678901234567890.5",
    "NaN",
    "10s",
    "1d",
    "999999999d",
    "XLM/USD",
    "XLM/USD,BTC/USD",
    '["XLM/USD"]',
    "XBT/USD",
    "XLM/USD=a.csv,BTC/USD=b.csv",
    "off",
    "{}",
    '{"USD":"98.82"}',
    '{"USD":98.82}',
    '{"USD":"1e400"}',
    '{"__proto__":"1"}',
    '{"window":60}',
    "https://api.kraken.com",
    "http://127.0.0.1:80",
    "wss://ws.kraken.com/v2",
    "2026-01-31T00:00:00Z",
    "' quoted '",
    '"a\\nb"',
    "'torn",
    "a # comment"
  ),
  garbage,
  repeated([
    "a",
    "/",
    "https://h",
    "/",
    "x",
    " ",
    "#",
    "\u2028",
    "'",
    '"',
    "\\",
    ",",
    "[",
    '{"a":',
    "=",
    "XLM/USD",
    "0",
    "A",
    "\t"
  ])
)
const lines = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...names), valueTexts).map(([key, value]) => `${key}=${value}`) },
  { weight: 1, arbitrary: garbage },
  { weight: 1, arbitrary: fc.constantFrom("# comment", "", "export LOG_LEVEL=debug", "MAX_TRADE_SISE=1", "A=b", "=") },
  {
    weight: 1,
    arbitrary: repeated([
      "KEY=",
      " ",
      "export",
      "A",
      "x\u2028",
      "'",
      '"',
      "\\",
      "#",
      "=",
      "\u2028",
      "\n",
      "A=\n",
      "MAX_TRADE_SIZE=1\n"
    ])
  }
)
const files = fc.oneof(
  fc.array(lines, { maxLength: 12 }).map((all) => all.join("\n").slice(0, LONGEST)),
  mutated([exampleFile]),
  lines
)

describe(".env", () => {
  it("is read or complained about, line by line, in time", () => {
    fc.assert(
      fc.property(files, (text) => {
        const file = timely(() => parseDotEnv(text))
        const written = text.replace(/^\uFEFF/, "").split(/\r\n?|\n/)
        for (const { key, line } of file.entries) {
          assert.match(key, /^[A-Za-z_]\w*$/)
          assert.include(written[line - 1], key)
        }
        for (const { wrong } of file.problems) assert.isBelow(wrong.length, LONGEST + 200)
        const settings = timely(() => parseSettings({}, file))
        if (Either.isLeft(settings)) assert.isNotEmpty(settings.left)
        else assert.isString(timely(() => confirmationText(settings.right)))
      }),
      tries(900)
    )
  })

  it("no problem quotes a value", () => {
    const secret = "sEcReT+0123456789/abcdefghijklmnop"
    const line = fc.tuple(
      fc.constantFrom(...names),
      fc.constantFrom("", "'", '"', "{", "[", " "),
      fc.constantFrom("", "'", '"', "}", " #")
    )
    fc.assert(
      fc.property(line, ([key, before, after]) => {
        const file = parseDotEnv(`TRADING_MODE=live\n${key}=${before}${secret}${after}`)
        const settings = parseSettings({}, file)
        if (Either.isLeft(settings)) assert.notInclude(JSON.stringify(settings.left), secret.slice(0, 8))
      }),
      tries(200)
    )
  })
})

describe("single settings", () => {
  const readers: Readonly<Record<string, Value.Read<unknown>>> = {
    usd: Value.usd,
    percent: Value.percent("50"),
    integer: Value.integer(0, 1000),
    number: Value.number(1, 60),
    duration: Value.duration("0s", "7d"),
    instant: Value.instant,
    jsonObject: Value.jsonObject,
    balances: Value.balances,
    pair: Value.pair,
    pairs: Value.pairs,
    tapes: Value.tapes([XLM]),
    rest: Value.address("https", ""),
    stream: Value.address("wss", "/v2"),
    secretAddress: Value.secretAddress,
    apiKey: Value.apiKey,
    apiSecret: Value.apiSecret,
    boolean: Value.boolean
  }

  it("are what their texts say, or refused without them", () => {
    const values = fc.oneof(valueTexts, garbage, fc.stringMatching(/^\d{1,12}(\.\d{0,14})?(ms|s|m|h|d)?$/))
    fc.assert(
      fc.property(fc.constantFrom(...Object.entries(readers)), values, ([name, read], text) => {
        const value = timely(() => read(text))
        if (Either.isLeft(value)) return
        if (name === "usd") assert.strictEqual(printed(value.right as bigint), plain(text))
        if (name === "percent") assert.strictEqual(printed((value.right as bigint) * 100n), plain(text))
        if (name === "integer" || name === "number") assert.strictEqual(plain(String(value.right)), plain(text))
        if (name === "duration") assert.strictEqual(String((value.right as number) % 1), "0")
        if (name === "balances") {
          for (const amount of Object.values(value.right as Readonly<Record<string, string>>))
            assert.isDefined(plain(amount))
        }
      }),
      tries(3000)
    )
  })

  it("a word is compared with the keys in time", () => {
    fc.assert(
      fc.property(fc.oneof(garbage, repeated(["A", "MAX_", "_", "é", "ß"])), (word) => {
        const found = timely(() => nearest(word, names))
        assert.isTrue(found === undefined || names.some((name) => name === found))
      }),
      tries(150)
    )
  })
})

describe("parameters of a strategy", () => {
  const given = [
    `{"window":${"[".repeat(500)}${"]".repeat(500)}}`,
    '{"window":60,"entryZ":2,"stopPct":2,"holdMinutes":180}',
    "{}",
    '{"window":"60"}',
    "[]",
    '{"other":1}'
  ]

  it("are read or complained about", () => {
    fc.assert(
      fc.property(fc.oneof(mutated(given), garbage, repeated(["[", "]", '{"a":', "}", '"a"', ",", "1"])), (text) => {
        const params = timely(() => Value.jsonObject(text))
        if (Either.isLeft(params)) return
        const read = timely(() => MeanReversion.make(params.right))
        if (Either.isLeft(read)) assert.isNotEmpty(read.left.problems)
      }),
      tries(1000)
    )
  })
})

describe("tapes", () => {
  const listing: Listing = { symbol: XLM, tick: Money.price("0.000001"), anchor: 0.1, tradeSize: 100 }
  const bars = [
    "ts,open,high,low,close,volume",
    "1767607200,0.1,0.11,0.09,0.105,1000",
    "1767607260,0.105,0.105,0.105,0.105,0",
    "1767607320,0.105,0.107,0.105,0.106,12.5"
  ].join("\n")
  const trades = [
    "ts,price,volume,side",
    "1767607200.25,0.1,20,b",
    "1767607201,0.1000005,1e2,sell",
    "1767607201,0.1,5,"
  ].join("\r\n")
  const cells = fc.constantFrom(
    "1",
    "0.1",
    "1e400",
    "1e300",
    "1e-400",
    "-1",
    "",
    " 1",
    "0x1",
    "NaN",
    "9007199254740993",
    "1767607380",
    "1767607380000",
    "0.0000004",
    "123456789.123456",
    "1e15",
    "99999999999999999999",
    "b",
    "buy",
    "1."
  )
  const built = fc
    .tuple(fc.boolean(), fc.array(fc.array(cells, { minLength: 6, maxLength: 6 }), { maxLength: 4 }))
    .map(([bar, rows]) =>
      bar
        ? [bars, ...rows.map((row, i) => [1_767_607_380 + 60 * i, ...row.slice(1)].join(","))].join("\n")
        : [trades, ...rows.map((row, i) => [1_767_607_380 + i, ...row.slice(1, 4)].join(","))].join("\n")
    )
  const texts = fc.oneof(
    { weight: 3, arbitrary: mutated([bars, trades]) },
    { weight: 4, arbitrary: built },
    { weight: 1, arbitrary: garbage },
    { weight: 1, arbitrary: repeated([`${bars}\n`, ",", "ts,", "1767607200,", "1", "\n", "0.1,", "\r", " ", "e"]) }
  )

  const readTape = (text: string): Either.Either<Tape, TapeFault> => {
    const reader = makeReader(listing)
    for (const line of text.split("\n")) {
      const fault = reader.line(line)
      if (fault !== undefined) return Either.left(fault)
    }
    return reader.end()
  }

  it("are played to the tick, or refused with the line", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const tape = timely(() => readTape(text))
        if (Either.isLeft(tape)) return
        const numbers =
          tape.right._tag === "Bars"
            ? tape.right.bars.flatMap((bar) => [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.at])
            : tape.right.prints.flatMap((print) => [print.price, print.size, print.at])
        for (const one of numbers)
          assert.isTrue(
            Number.isSafeInteger(one) || (Number.isInteger(one) && one <= 1e20),
            `${one}: neither whole nor possible`
          )
        const market = taped({ seed: 1, pairs: [{ listing, tape: tape.right }] })
        const until = Math.min(market.end ?? market.start, market.start + 120_000)
        const { events } = timely(() => market.advance(market.initial, until))
        for (const event of events) if (event._tag === "Trade") assert.isTrue(event.price > 0n && event.quantity > 0n)
        timely(() => market.history(XLM, 1))
      }),
      tries(700)
    )
  })

  it("keep a price that lies on the tick", () => {
    const price = fc.integer({ min: 1, max: 30_000_000 })
    fc.assert(
      fc.property(
        fc.constantFrom("0.000001", "0.00001", "0.0001", "0.01", "0.1", "1", "0.5", "0.0005"),
        price,
        (tick, ticks) => {
          const coarse: Listing = { ...listing, tick: Money.price(tick) }
          const text = printed(BigInt(ticks) * Money.price(tick)) ?? ""
          const reader = makeReader(coarse)
          assert.isUndefined(reader.line("ts,open,high,low,close,volume"))
          assert.isUndefined(reader.line(`1767607200,${text},${text},${text},${text},1`))
          const tape = Either.getOrThrow(reader.end())
          assert.isTrue(tape._tag === "Bars" && tape.bars[0].open === ticks, text)
          if (tape._tag === "Bars") {
            const bar = { ...tape.bars[0], ms: 60_000, count: 1, spread: 1, size: 1 }
            assert.strictEqual(toBar(coarse, bar).open, Number(text))
          }
        }
      ),
      tries(600)
    )
  })

  it("have no time that is not theirs", () => {
    assert.isTrue(Option.isNone(Option.fromNullable(makeReader(listing).line("ts,price,volume"))))
  })
})
