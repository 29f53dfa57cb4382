import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc } from "effect"
import { PairSymbol } from "../../../src/domain/market/Instrument.ts"
import * as Money from "../../../src/domain/money/Money.ts"
import { parseDotEnv } from "../../../src/domain/settings/DotEnv.ts"
import type { SettingKey } from "../../../src/domain/settings/keys.ts"
import { exampleFile, settingKeys } from "../../../src/domain/settings/keys.ts"
import type { ParsedSettings, SettingProblem } from "../../../src/domain/settings/Parse.ts"
import { confirmationText, parseSettings } from "../../../src/domain/settings/Parse.ts"
import { distance, nearest } from "../../../src/domain/settings/spelling.ts"

const KEY = "k".repeat(56)
const SECRET = `${"s".repeat(86)}==`
const nothing = parseDotEnv("")
const parse = (environment: Record<string, string>, file = "") => parseSettings(environment, parseDotEnv(file))
const settled = (environment: Record<string, string>, file = ""): ParsedSettings =>
  Either.getOrThrowWith(parse(environment, file), (problems) => new Error(JSON.stringify(problems)))
const problems = (environment: Record<string, string>, file = ""): ReadonlyArray<SettingProblem> =>
  Either.match(parse(environment, file), { onLeft: (list) => list, onRight: () => [] })
const keysOf = (list: ReadonlyArray<SettingProblem>): ReadonlyArray<string> => list.map((problem) => problem.key)

describe("defaults", () => {
  it("are those of the contract", () => {
    const settings = settled({})
    assert.deepInclude(settings, {
      mode: "paper",
      confirmed: undefined,
      key: undefined,
      tier: "starter",
      dataDir: "./data/paper-generated",
      backupEvery: 86_400_000,
      logLevel: "info",
      logFormat: undefined,
      controlPort: 0
    })
    assert.deepInclude(settings.paper, {
      market: { _tag: "Generated" },
      seed: 1,
      balances: { USD: "98.82" },
      speed: 60,
      from: undefined
    })
    assert.deepStrictEqual(settings.limits, {
      maxTradeSize: Money.usd("10"),
      maxTotalExposure: Money.usd("10"),
      allowedPairs: [PairSymbol("XLM/USD")],
      minOrderSize: Money.usd("1"),
      postOnly: true,
      maxDailyLoss: Money.usd("20"),
      maxTradesPerDay: 50,
      minTradeInterval: 10_000,
      cooldownAfterLoss: 300_000,
      priceCollar: Money.rate("0.02"),
      maxSpread: Money.rate("0.02"),
      maxPriceJump: Money.rate("0.05"),
      staleAfter: 10_000,
      maxClockSkew: 1000,
      reconcileEvery: 60_000,
      deadManSwitch: 60_000,
      breakerThreshold: 5,
      breakerCooldown: 60_000,
      entryExpiry: 120_000,
      exitCollar: Money.rate("0.005"),
      exitCollarMax: Money.rate("0.05"),
      exitInterval: 2000,
      maxRequotes: 5
    })
    assert.deepStrictEqual(settings.endpoints, {
      rest: "https://api.kraken.com",
      ws: "wss://ws.kraken.com/v2",
      wsAuth: "wss://ws-auth.kraken.com/v2"
    })
    assert.deepStrictEqual(settings.strategy, { name: "mean-reversion", params: {} })
  })

  it("the example file, used as it is, gives the same", () => {
    assert.deepStrictEqual(settled({}, exampleFile), settled({}))
  })
})

describe("values", () => {
  const good: ReadonlyArray<readonly [string, string, (settings: ParsedSettings) => unknown, unknown]> = [
    ["MAX_TRADE_SIZE", "9.123456789012", (s) => s.limits.maxTradeSize, Money.usd("9.123456789012")],
    ["MIN_ORDER_SIZE", "0.5", (s) => s.limits.minOrderSize, Money.usd("0.5")],
    ["PRICE_COLLAR_PCT", "0.25", (s) => s.limits.priceCollar, Money.rate("0.0025")],
    ["MAX_CLOCK_SKEW", "250ms", (s) => s.limits.maxClockSkew, 250],
    ["COOLDOWN_AFTER_LOSS", "0s", (s) => s.limits.cooldownAfterLoss, 0],
    ["ENTRY_EXPIRY", "1d", (s) => s.limits.entryExpiry, 86_400_000],
    ["RECONCILE_EVERY", "1h", (s) => s.limits.reconcileEvery, 3_600_000],
    ["POST_ONLY", "false", (s) => s.limits.postOnly, false],
    ["MAX_REQUOTES", "0", (s) => s.limits.maxRequotes, 0],
    ["DEAD_MAN_SWITCH", "off", (s) => s.limits.deadManSwitch, undefined],
    ["ALLOWED_PAIRS", "XLM/USD, BTC/USD", (s) => s.limits.allowedPairs, ["XLM/USD", "BTC/USD"]],
    ["ALLOWED_PAIRS", '["ETH/USD"]', (s) => s.limits.allowedPairs, ["ETH/USD"]],
    ["STRATEGY_PARAMS", '{"period":20}', (s) => s.strategy.params, { period: 20 }],
    ["PAPER_BALANCES", '{"USD":"5","XLM.F":"0"}', (s) => s.paper.balances, { USD: "5", "XLM.F": "0" }],
    ["PAPER_SPEED", "1.5", (s) => s.paper.speed, 1.5],
    ["PAPER_STOP_AFTER", "6h", (s) => s.paper.stopAfter, 21_600_000],
    [
      "PAPER_MARKET",
      "kraken",
      (s) => [s.paper.market, s.paper.speed, s.dataDir],
      [{ _tag: "Kraken" }, 1, "./data/paper-kraken"]
    ],
    [
      "PAPER_MARKET",
      "tapes/may 2024.csv",
      (s) => [s.paper.market, s.dataDir],
      [{ _tag: "Tape", tapes: [{ symbol: "XLM/USD", path: "tapes/may 2024.csv" }] }, "./data/paper-tape-may-2024"]
    ],
    [
      "PAPER_MARKET",
      "XLM/USD=a.csv, BTC/USD=b=c.csv",
      (s) => [s.paper.market, s.dataDir],
      [
        {
          _tag: "Tape",
          tapes: [
            { symbol: "XLM/USD", path: "a.csv" },
            { symbol: "BTC/USD", path: "b=c.csv" }
          ]
        },
        "./data/paper-tape-a-b-c"
      ]
    ],
    ["KRAKEN_REST_URL", "http://127.0.0.1:8080/", (s) => s.endpoints.rest, "http://127.0.0.1:8080"],
    ["KRAKEN_REST_URL", "http://[::1]:8080", (s) => s.endpoints.rest, "http://[::1]:8080"],
    ["KRAKEN_WS_URL", "ws://localhost:9/v2", (s) => s.endpoints.ws, "ws://localhost:9/v2"],
    ["KRAKEN_WS_AUTH_URL", "wss://example.com/x/v2/", (s) => s.endpoints.wsAuth, "wss://example.com/x/v2"],
    ["DATA_DIR", "/srv/trader", (s) => s.dataDir, "/srv/trader"],
    ["LOG_FORMAT", "json", (s) => s.logFormat, "json"],
    ["ALERT_WEBHOOK_URL", "https://hooks.example.com/T/B", (s) => s.alertWebhook, "https://hooks.example.com/T/B"],
    ["HEARTBEAT_URL", "http://127.0.0.1:8/x", (s) => s.heartbeatUrl, "http://127.0.0.1:8/x"],
    ["LIVE_TRADING_CONFIRMED", " ABCD-1234 ", (s) => s.confirmed, "ABCD-1234"],
    ["MAX_TRADE_SIZE", "", (s) => s.limits.maxTradeSize, Money.usd("10")]
  ]
  it.each(good)("%s=%s", (key, value, look, expected) => {
    assert.deepStrictEqual(look(settled({ [key]: value })), expected)
  })

  const bad: ReadonlyArray<readonly [string, string]> = [
    ["TRADING_MODE", "Live"],
    ["MAX_TRADE_SIZE", "ten"],
    ["MAX_TRADE_SIZE", "0"],
    ["MAX_TRADE_SIZE", "-1"],
    ["MAX_TRADE_SIZE", "9.1234567890123"],
    ["MAX_DAILY_LOSSES", "1000000001"],
    ["MAX_DAILY_LOSSES", "NaN"],
    ["PRICE_COLLAR_PCT", "0"],
    ["PRICE_COLLAR_PCT", "51"],
    ["PRICE_COLLAR_PCT", "2%"],
    ["PRICE_COLLAR_PCT", "0.000000000001"],
    ["POST_ONLY", "yes"],
    ["MAX_TRADES_PER_DAY", "1.5"],
    ["MAX_TRADES_PER_DAY", "0"],
    ["CONTROL_PORT", "65536"],
    ["STALE_AFTER", "10"],
    ["STALE_AFTER", "10 s"],
    ["STALE_AFTER", "500ms"],
    ["STALE_AFTER", "1w"],
    ["DEAD_MAN_SWITCH", "29s"],
    ["DEAD_MAN_SWITCH", "30500ms"],
    ["DEAD_MAN_SWITCH", "no"],
    ["ALLOWED_PAIRS", "xlm/usd"],
    ["ALLOWED_PAIRS", "XLM/EUR"],
    ["ALLOWED_PAIRS", "XBT/USD"],
    ["ALLOWED_PAIRS", "XLM/USD,XLM/USD"],
    ["ALLOWED_PAIRS", "[]"],
    ["ALLOWED_PAIRS", "[1]"],
    ["ALLOWED_PAIRS", "[oops"],
    ["STRATEGY_PARAMS", "[]"],
    ["STRATEGY_PARAMS", "null"],
    ["STRATEGY_PARAMS", "{oops"],
    ["PAPER_BALANCES", '{"USD":98.82}'],
    ["PAPER_BALANCES", '{"USD":"-1"}'],
    ["PAPER_BALANCES", '{"usd":"1"}'],
    ["PAPER_BALANCES", '{"USD":"much"}'],
    ["PAPER_BALANCES", "5"],
    ["PAPER_SPEED", "0"],
    ["PAPER_SPEED", "61"],
    ["PAPER_SPEED", "fast"],
    ["PAPER_STOP_AFTER", "soon"],
    ["PAPER_MARKET", "XLM/USD=a,XLM/USD=b"],
    ["PAPER_MARKET", "XLM/USD=a,b.csv"],
    ["PAPER_MARKET", "XBT/USD=a"],
    ["KRAKEN_REST_URL", "http://api.kraken.com"],
    ["KRAKEN_REST_URL", "https://api.kraken.com/0"],
    ["KRAKEN_REST_URL", ["https://user:pass", "api.kraken.com"].join("@")],
    ["KRAKEN_REST_URL", "https://api.kraken.com?x=1"],
    ["KRAKEN_REST_URL", "ftp://api.kraken.com"],
    ["KRAKEN_REST_URL", "api.kraken.com"],
    ["KRAKEN_WS_URL", "wss://ws.kraken.com"],
    ["KRAKEN_WS_URL", "ws://10.0.0.1/v2"],
    ["KRAKEN_API_TIER", "vip"],
    ["LOG_LEVEL", "loud"],
    ["LOG_FORMAT", "xml"],
    ["BACKUP_EVERY", "1s"],
    ["ALERT_WEBHOOK_URL", "http://example.com/x"],
    ["HEARTBEAT_URL", "ping"]
  ]
  it.each(bad)("%s=%s is refused", (key, value) => {
    const list = problems({ [key]: value })
    assert.deepStrictEqual(keysOf(list), [key])
    assert.isTrue(list.every(({ wrong, allowed }) => wrong.length > 0 && allowed.length > 0))
  })

  it("no problem ever quotes a value", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...settingKeys.map((k) => k.key)),
        fc.stringMatching(/^[!-~]{12,40}$/),
        (key, value) => {
          fc.pre(!exampleFile.includes(value))
          for (const problem of problems({ [key]: value }))
            assert.notInclude(`${problem.wrong}${problem.allowed}`, value)
        }
      )
    )
  })

  const secretLooking = ["Aa0".repeat(28) + "zz==", "Aa0+".repeat(14), "https://hooks.example/T0/x", "./x/https://h/T0"]
  it.each(
    ["STRATEGY", "DATA_DIR", "PAPER_MARKET", "LIVE_TRADING_CONFIRMED"].flatMap((key) =>
      secretLooking.map((value) => [key, value])
    )
  )("%s refuses what looks like a secret: it would be shown", (key, value) => {
    const list = problems({ [String(key)]: String(value) })
    assert.deepStrictEqual(keysOf(list), [key])
    assert.match(String(list[0]?.wrong), /^has the form of (a Kraken key|an address), which is not shown$/)
  })

  it("a path is no secret, however long", () => {
    for (const path of [`/${"Aa0x/".repeat(11)}`, "./data/Live-1", "D:/kraken/data", "a".repeat(56), "x".repeat(300)]) {
      assert.strictEqual(settled({ DATA_DIR: path }).dataDir, path)
    }
  })

  it("the private key in the API key's place is refused: it would be sent as the key", () => {
    const list = problems({ TRADING_MODE: "live", KRAKEN_API_KEY: SECRET, KRAKEN_API_SECRET: "s".repeat(56) })
    assert.deepStrictEqual(keysOf(list), ["KRAKEN_API_KEY"])
    assert.notInclude(JSON.stringify(list), SECRET)
  })

  it("everything that is wrong is reported at once", () => {
    const list = problems({ MAX_TRADE_SIZE: "x", STALE_AFTER: "y", LOG_LEVEL: "z" }, "NO_SUCH=1")
    assert.deepStrictEqual(keysOf(list).toSorted(), [".env line 1", "LOG_LEVEL", "MAX_TRADE_SIZE", "STALE_AFTER"])
  })
})

describe("what does not go together", () => {
  const cases: ReadonlyArray<readonly [Record<string, string>, ReadonlyArray<string>]> = [
    [{ MAX_TRADE_SIZE: "11" }, ["MAX_TRADE_SIZE"]],
    [{ MIN_ORDER_SIZE: "11" }, ["MIN_ORDER_SIZE"]],
    [{ EXIT_COLLAR_PCT: "6" }, ["EXIT_COLLAR_PCT"]],
    [{ KRAKEN_API_KEY: KEY, KRAKEN_API_SECRET: SECRET }, ["KRAKEN_API_KEY", "KRAKEN_API_SECRET"]],
    [{ TRADING_MODE: "observe" }, ["KRAKEN_API_KEY", "KRAKEN_API_SECRET"]],
    [{ TRADING_MODE: "live", KRAKEN_API_KEY: KEY }, ["KRAKEN_API_SECRET"]],
    [
      { TRADING_MODE: "live", KRAKEN_API_KEY: KEY, KRAKEN_API_SECRET: SECRET, DEAD_MAN_SWITCH: "off" },
      ["DEAD_MAN_SWITCH"]
    ],
    [{ PAPER_MARKET: "kraken", PAPER_SPEED: "2" }, ["PAPER_SPEED"]],
    [{ PAPER_FROM: "2024-01-01T00:00:00Z" }, ["PAPER_MARKET"]],
    [{ PAPER_TO: "2024-01-01T00:00:00Z", PAPER_MARKET: "kraken" }, ["PAPER_MARKET"]],
    [{ PAPER_MARKET: "a.csv", PAPER_FROM: "2024-01-02T00:00:00Z", PAPER_TO: "2024-01-02T00:00:00Z" }, ["PAPER_FROM"]],
    [{ PAPER_MARKET: "a.csv", PAPER_FROM: "yesterday" }, ["PAPER_FROM"]]
  ]
  it.each(cases)("%j", (environment, keys) => {
    assert.deepStrictEqual(keysOf(problems(environment)), keys)
  })

  it("a sound pair of times, and a speed of one with the real market, do", () => {
    const span = { PAPER_FROM: "2024-01-01T00:00:00Z", PAPER_TO: "2024-01-02T00:00:00Z" }
    assert.isTrue(Either.isRight(parse({ PAPER_MARKET: "a.csv", ...span })))
    assert.isTrue(Either.isRight(parse({ PAPER_MARKET: "kraken", PAPER_SPEED: "1" })))
  })
})

describe("keys", () => {
  const live = { TRADING_MODE: "live", KRAKEN_API_KEY: KEY, KRAKEN_API_SECRET: SECRET }
  it("live takes both, and its folder is its own", () => {
    assert.deepInclude(settled(live), { mode: "live", key: KEY, secret: SECRET, dataDir: "./data/live" })
    assert.strictEqual(settled({ ...live, TRADING_MODE: "observe" }).dataDir, "./data/observe")
  })
  const malformed: ReadonlyArray<readonly [string, string]> = [
    ["KRAKEN_API_KEY", `${KEY} ${KEY}`],
    ["KRAKEN_API_KEY", `"${KEY}"`],
    ["KRAKEN_API_KEY", "short"],
    ["KRAKEN_API_SECRET", `${"s".repeat(86)}=`],
    ["KRAKEN_API_SECRET", `${"s".repeat(40)} ${"s".repeat(40)}`],
    ["KRAKEN_API_SECRET", "c2hvcnQ="]
  ]
  it.each(malformed)("%s of the wrong form", (key, value) => {
    const list = problems({ ...live, [key]: value })
    assert.deepStrictEqual(keysOf(list), [key])
    assert.notInclude(JSON.stringify(list), value)
  })
})

describe(".env", () => {
  it("environment wins; an empty one counts as not given", () => {
    assert.strictEqual(settled({ LOG_LEVEL: "debug" }, "LOG_LEVEL=error").logLevel, "debug")
    assert.strictEqual(settled({ LOG_LEVEL: "" }, "LOG_LEVEL=error").logLevel, "error")
    assert.isTrue(Either.isRight(parseSettings({ LOG_LEVEL: undefined, MAX_NO_SUCH: "1" }, nothing)))
  })

  it("is read as it says", () => {
    const file = [
      "\uFEFF# comment",
      "",
      "  A=plain # note",
      "export B='# as it stands'  # note",
      String.raw`C="two\nlines \"quoted\" \\"`,
      "D=",
      "E= a=b#c ",
      'F={"USD":"1"}\r'
    ].join("\n")
    assert.deepStrictEqual(
      parseDotEnv(file).entries.map(({ key, value }) => [key, value]),
      [
        ["A", "plain"],
        ["B", "# as it stands"],
        ["C", 'two\nlines "quoted" \\'],
        ["D", ""],
        ["E", "a=b#c"],
        ["F", '{"USD":"1"}']
      ]
    )
  })

  it("what cannot be read is an error with its line, and without its text", () => {
    const secret = "hunter2hunter2"
    const list = problems({}, `LOG_LEVEL=info\n${secret}\nSTRATEGY="${secret}\nSTRATEGY='${secret}`)
    assert.deepStrictEqual(keysOf(list), [".env line 2", ".env line 3", ".env line 4"])
    assert.notInclude(JSON.stringify(list), secret)
  })

  it("a line that is a secret reads as a name, and is not repeated", () => {
    const secret = "Aa0".repeat(28) + "zz"
    const text = [`${secret}==`, `${secret}==`, `KRAKEN_${secret}==`, `export ${secret}='`, "max_trade_sise=5", "QQ='"]
    const list = problems({}, text.join("\n"))
    assert.notInclude(JSON.stringify(list), secret)
    assert.deepStrictEqual(
      list.map(({ key, wrong }) => [key, wrong]),
      [
        [".env line 4", "the quotes around the value of this name do not match"],
        [".env line 6", "the quotes around the value of QQ do not match"],
        [".env line 1", "this name is no setting"],
        [".env line 2", "this name stands in line 1 already"],
        [".env line 2", "this name is no setting"],
        [".env line 3", "this name is no setting"],
        [".env line 5", "max_trade_sise is no setting"]
      ]
    )
  })

  it("an unknown key is an error with the likely spelling, a key twice as well", () => {
    const list = problems({}, "MAX_TRADESIZE=5\nZZZ=1\nLOG_LEVEL=info\nLOG_LEVEL=debug")
    assert.deepStrictEqual(
      list.map(({ key, allowed }) => [key, allowed]),
      [
        [".env line 1", "did you mean MAX_TRADE_SIZE?"],
        [".env line 2", "the keys of .env.example"],
        [".env line 4", "every key once"]
      ]
    )
  })

  it("never throws, whatever the file holds", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseDotEnv(text)))
  })
})

describe("spelling", () => {
  it("counts the fewest changes", () => {
    assert.strictEqual(distance("kitten", "sitting"), 3)
    assert.strictEqual(distance("", "abc"), 3)
    assert.strictEqual(distance("abc", ""), 3)
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => assert.strictEqual(distance(a, b), distance(b, a))))
    fc.assert(fc.property(fc.string(), (a) => assert.strictEqual(distance(a, a), 0)))
  })
  it("finds the nearest, if any is near", () => {
    assert.strictEqual(nearest("postonly", ["LOG_LEVEL", "POST_ONLY"]), "POST_ONLY")
    assert.strictEqual(nearest("x", ["LOG_LEVEL"]), undefined)
    assert.strictEqual(nearest("x", []), undefined)
  })
})

describe("what is confirmed", () => {
  const text = (environment: Record<string, string>): string => confirmationText(settled(environment))
  it("changes with mode, pairs, strategy, parameters and every limit, and with nothing else", () => {
    const changes: Record<string, string> = {
      ALLOWED_PAIRS: "BTC/USD",
      STRATEGY: "other",
      STRATEGY_PARAMS: '{"period":20}',
      MAX_TRADE_SIZE: "9",
      MAX_TOTAL_EXPOSURE: "11",
      MIN_ORDER_SIZE: "2",
      POST_ONLY: "false",
      MAX_DAILY_LOSSES: "21",
      MAX_TRADES_PER_DAY: "51",
      MIN_TRADE_INTERVAL: "11s",
      COOLDOWN_AFTER_LOSS: "6m",
      PRICE_COLLAR_PCT: "3",
      CIRCUIT_BREAKER_THRESHOLD: "6",
      BREAKER_COOLDOWN: "61s",
      MAX_PRICE_JUMP_PCT: "6",
      MAX_SPREAD_PCT: "3",
      STALE_AFTER: "11s",
      MAX_CLOCK_SKEW: "2s",
      RECONCILE_EVERY: "61s",
      DEAD_MAN_SWITCH: "61s",
      ENTRY_EXPIRY: "121s",
      EXIT_COLLAR_PCT: "0.6",
      EXIT_COLLAR_MAX_PCT: "6",
      EXIT_INTERVAL: "3s",
      MAX_REQUOTES: "6"
    }
    const all = Object.entries(changes).map(([key, value]) => text({ [key]: value }))
    assert.strictEqual(new Set([...all, text({})]).size, all.length + 1)
    for (const [key, value] of [
      ["LOG_LEVEL", "debug"],
      ["DATA_DIR", "elsewhere"],
      ["CONTROL_PORT", "1"]
    ] as const)
      assert.strictEqual(text({ [key]: value }), text({}))
  })
  it("does not depend on the order of pairs or of parameters", () => {
    assert.strictEqual(text({ ALLOWED_PAIRS: "XLM/USD,BTC/USD" }), text({ ALLOWED_PAIRS: "BTC/USD,XLM/USD" }))
    assert.strictEqual(
      text({ STRATEGY_PARAMS: '{"a":[1,{"x":null,"y":2}],"b":2}' }),
      text({ STRATEGY_PARAMS: '{"b":2,"a":[1,{"y":2,"x":null}]}' })
    )
  })
})

describe("the table", () => {
  it("explains every key once", () => {
    const list: ReadonlyArray<SettingKey> = settingKeys
    assert.strictEqual(new Set(list.map((k) => k.key)).size, list.length)
    assert.isTrue(list.every((k) => k.meaning.length > 10))
    assert.isTrue(list.every((k) => k.secret !== true || k.default === undefined))
  })
})
