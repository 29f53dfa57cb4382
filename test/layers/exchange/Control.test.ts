import { request } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Redacted } from "effect"
import { makeLocalKraken } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import { plain } from "../../../src/layers/exchange/Operator.ts"
import { call, connect, control, get, has, plainOptions } from "./support.ts"

const generated = { ...plainOptions, market: { _tag: "Generated" } as const }

describe("who may control", () => {
  it.scopedLive("only who has the token, from this machine, and not from a web page", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const authorization = `Bearer ${Redacted.value(kraken.controlToken)}`
      const status = (headers: Record<string, string>) =>
        Effect.async<number>((resume) => {
          const sent = request(`${kraken.restUrl}/control/faults`, { method: "POST", headers }, (r) =>
            resume(Effect.succeed(r.statusCode ?? 0))
          )
          sent.end()
        })
      assert.strictEqual(yield* status({ authorization }), 200)
      assert.strictEqual(yield* status({ authorization, host: "localhost:1" }), 200)
      assert.strictEqual(yield* status({}), 401)
      assert.strictEqual(yield* status({ authorization: "Basic x" }), 401)
      assert.strictEqual(yield* status({ authorization: "Bearer x" }), 403)
      assert.strictEqual(yield* status({ authorization, host: "evil.example" }), 403)
      assert.strictEqual(yield* status({ authorization, origin: "http://evil.example" }), 403)
    })
  )

  it.scopedLive("is told what is wrong with a request", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const refusal = (name: string, body?: unknown) =>
        Effect.map(control(kraken, name, body), ({ body: told, status }) => {
          assert.strictEqual(status, 400)
          return told.error as string
        })
      assert.match(yield* refusal("fault", "{nonsense"), /not JSON/)
      assert.match(yield* refusal("fault", { on: "rest" }), /effect/)
      assert.match(yield* refusal("fault", { on: "rest", effect: { kind: "drop", executed: true }, typo: 1 }), /typo/)
      assert.match(yield* refusal("clear", { id: "x" }), /whole number/)
      assert.match(yield* refusal("system", { mode: { a: 1 } }), /texts, numbers or booleans/)
      assert.match(yield* refusal("nothing"), /there is no control nothing; there are: system/)
      assert.match(yield* refusal("toString"), /there is no control toString/)
    })
  )
})

describe("faults by control", () => {
  it.scopedLive("are armed, listed and cleared", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const fault = { on: "rest", endpoint: "Time", effect: { kind: "status", status: 502, executed: false } }
      const armed = yield* control(kraken, "fault", fault)
      assert.deepStrictEqual(armed.body, { result: { id: 1 } })
      const struck = yield* Effect.promise(() => fetch(`${kraken.restUrl}/0/public/Time`))
      assert.strictEqual(struck.status, 502)
      assert.deepStrictEqual((yield* control(kraken, "faults")).body.result, [{ id: 1, struck: 1, fault }])
      yield* control(kraken, "clear", { id: 1 })
      yield* control(kraken, "clear")
      assert.deepStrictEqual((yield* get(kraken, "/0/public/Time")).error, [])
    })
  )
})

describe("the exchange's own controls", () => {
  it.scopedLive("change mode, switches, rules and the key", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(generated)
      const stream = yield* connect(kraken.wsUrl)
      yield* kraken.operate("system", { mode: "cancel_only" })
      yield* stream.next(has('"channel":"status"', '"system":"cancel_only"'))
      assert.strictEqual((yield* get(kraken, "/0/public/SystemStatus")).result.status, "cancel_only")
      yield* kraken.operate("system", { mode: "online" })

      yield* kraken.operate("switch", { name: "postOnlyCross", value: "cancel" })
      const crossing = { pair: "XLMUSD", type: "buy", ordertype: "limit", price: "0.3", volume: "50", oflags: "post" }
      assert.deepStrictEqual((yield* call(kraken, "AddOrder", crossing)).error, [])
      yield* kraken.operate("switch", { name: "postOnlyCross", value: "error" })
      assert.deepStrictEqual((yield* call(kraken, "AddOrder", crossing)).error, ["EOrder:Post only order"])
      yield* kraken.operate("switch", { name: "restLagMs", value: "60000" })
      yield* kraken.operate("switch", { name: "ackFirst", value: "false" })

      yield* kraken.operate("instrument", { symbol: "XLM/USD", minQuantity: "60", minCost: "1", status: "post_only" })
      const pair = (yield* get(kraken, "/0/public/AssetPairs?pair=XLMUSD")).result.XXLMZUSD
      assert.deepStrictEqual([Number(pair.ordermin), Number(pair.costmin), pair.status], [60, 1, "post_only"])
      yield* kraken.operate("instrument", { symbol: "XLM/USD" })

      yield* kraken.operate("key", {
        permissions: "query-funds,withdraw-funds",
        nonceWindow: "10",
        validUntil: "1999999999",
        ipAllowlist: "1.2.3.4,"
      })
      const key = (yield* call(kraken, "GetApiKeyInfo")).result
      assert.deepStrictEqual(key.permissions, ["query-funds", "withdraw-funds"])
      assert.deepStrictEqual([key.nonce_window, key.ip_allowlist], ["10", ["1.2.3.4"]])
      yield* kraken.operate("key", {})
      assert.deepStrictEqual((yield* call(kraken, "AddOrder", crossing)).error, ["EGeneral:Permission denied"])
    })
  )

  it.scopedLive("move money, orders and tokens", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(generated)
      yield* kraken.operate("deposit", { asset: "USD", amount: "5.5" })
      yield* kraken.operate("withdraw", { asset: "USD", amount: "0.5" })
      yield* kraken.operate("flex", { asset: "XLM", amount: "300" })
      yield* kraken.operate("unflex", { asset: "XLM", amount: "100" })
      assert.deepStrictEqual((yield* call(kraken, "Balance")).result, {
        ZUSD: "10005.0000",
        XXLM: "800.00000000",
        "XLM.F": "200.00000000"
      })
      const placed = (yield* kraken.operate("order", {
        symbol: "XLM/USD",
        side: "sell",
        type: "limit",
        quantity: "100",
        price: "0.3"
      })) as { readonly txid: string }
      assert.deepStrictEqual(yield* kraken.operate("fill", { txid: placed.txid, quantity: "40" }), { filled: true })
      yield* kraken.operate("cancel", { txid: placed.txid, reason: "Market closed" })
      const order = (yield* kraken.view).orders.find((o) => o.txid === placed.txid)!
      assert.deepStrictEqual([order.status, order.reason, order.clOrdId], ["canceled", "Market closed", undefined])
      const sold = (yield* kraken.operate("order", {
        symbol: "XLM/USD",
        side: "sell",
        type: "market",
        quantity: "100"
      })) as { readonly txid: string }
      const view = (yield* kraken.operate("view", {})) as {
        readonly orders: ReadonlyArray<Record<string, unknown>>
        readonly balances: Record<string, string>
      }
      assert.strictEqual(view.orders.find((o) => o["txid"] === sold.txid)!["filled"], "100")
      assert.strictEqual(view.balances["XLM"], "660")

      const { token } = (yield* call(kraken, "GetWebSocketsToken")).result as { readonly token: string }
      yield* kraken.operate("tokens", {})
      const auth = yield* connect(kraken.wsAuthUrl)
      auth.send({ method: "subscribe", params: { channel: "balances", token } })
      yield* auth.next(has("ESession:Invalid session"))
    })
  )

  it.scopedLive("move and stop market time", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken({ ...generated, speed: 60 })
      yield* kraken.operate("pause", {})
      const stopped = yield* kraken.clock.now
      const moved = yield* control(kraken, "advance", { ms: 3_600_000 })
      assert.deepStrictEqual(moved.body.result, { now: stopped + 3_600_000 })
      assert.isAbove(
        ((yield* get(kraken, "/0/public/Trades?pair=XLMUSD")).result.XXLMZUSD as ReadonlyArray<unknown>).length,
        100
      )
      yield* kraken.operate("resume", {})
      yield* Effect.sleep(50)
      assert.isAbove(yield* kraken.clock.now, stopped + 3_600_000)
    })
  )

  it.scopedLive("fire the dead man's switch when its time has come", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(generated)
      yield* call(kraken, "AddOrder", { pair: "XLMUSD", type: "buy", ordertype: "limit", price: "0.1", volume: "50" })
      yield* call(kraken, "CancelAllOrdersAfter", { timeout: "60" })
      yield* kraken.operate("advance", { ms: "59000" })
      assert.strictEqual((yield* kraken.view).open.length, 1)
      yield* kraken.operate("advance", { ms: "2000" })
      assert.strictEqual((yield* kraken.view).open.length, 0)
    })
  )

  it.scopedLive("refuse what makes no sense, each in its words", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const refusal = (name: string, params: Record<string, string>) =>
        Effect.map(Effect.either(kraken.operate(name, params)), (done) =>
          Either.isLeft(done) ? done.left.message : "accepted"
        )
      const expected: ReadonlyArray<readonly [string, Record<string, string>, RegExp]> = [
        ["system", { mode: "weekend" }, /mode must be one of online, maintenance/],
        ["switch", { value: "1" }, /name is missing/],
        ["switch", { name: "postOnlyCross" }, /value is missing/],
        ["switch", { name: "speed", value: "1" }, /there is no switch speed; there are: postOnlyCross/],
        ["switch", { name: "restLagMs", value: "60001" }, /60001 is no value of the switch restLagMs/],
        ["deposit", { asset: "USD", amount: "much" }, /amount must be a plain decimal/],
        ["deposit", { asset: "USD", amount: "0" }, /amount must be more than 0/],
        ["deposit", { asset: "DOGE", amount: "1" }, /there is no asset DOGE/],
        [
          "order",
          { symbol: "A/B", side: "buy", type: "limit", quantity: "1", price: "1" },
          /EQuery:Unknown asset pair/
        ],
        ["order", { symbol: "XLM/USD", side: "up", type: "limit", quantity: "1" }, /side must be one of buy, sell/],
        ["cancel", { txid: "O", reason: "x" }, /EOrder:Unknown order/],
        ["fill", { txid: "O", quantity: "1" }, /EOrder:Unknown order/],
        ["instrument", { symbol: "A/B" }, /there is no pair A\/B/],
        ["instrument", { symbol: "XLM/USD", status: "odd" }, /status must be one of/],
        ["key", { permissions: "everything" }, /permission must be one of/],
        ["key", { nonceWindow: "-1" }, /nonceWindow must be a whole number/],
        ["advance", { ms: "soon" }, /ms must be a whole number/],
        ["advance", { ms: "2678400001" }, /ms must be at most 2678400000/],
        ["disconnect", { stream: "public", code: "1005" }, /code must be a close code/],
        ["disconnect", { stream: "public", code: "9" }, /code must be a close code/]
      ]
      for (const [name, params, text] of expected) assert.match(yield* refusal(name, params), text)
    })
  )

  it("shows amounts as texts", () => {
    const value = { a: 1_500_000_000_000n, b: [new Map([["x", 2n * 10n ** 12n]])], c: null, d: "e", f: 1 }
    assert.deepStrictEqual(plain(value), { a: "1.5", b: [{ x: "2" }], c: null, d: "e", f: 1 })
  })
})
