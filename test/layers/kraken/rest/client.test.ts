/** The client against real sockets: small servers that do what Kraken, its front end, or the network may do. */
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { it } from "@effect/vitest"
import { Clock, Deferred, Effect, Either, Exit, Fiber, Layer, Logger, LogLevel, Metric, Redacted, Scope } from "effect"
import { assert, describe } from "vitest"
import type { KrakenError } from "../../../../src/domain/kraken/KrakenError.ts"
import * as RateBudget from "../../../../src/domain/kraken/RateBudget.ts"
import * as Money from "../../../../src/domain/money/Money.ts"
import { ClientOrderId, ExchangeOrderId } from "../../../../src/domain/order/Ids.ts"
import type { Purpose } from "../../../../src/domain/order/Order.ts"
import type { SendOutcome } from "../../../../src/domain/order/Outcome.ts"
import type { CommittedIntent, Proposal } from "../../../../src/domain/order/Steps.ts"
import { commitIntent } from "../../../../src/domain/order/Steps.ts"
import type { ApprovedOrder } from "../../../../src/domain/risk/Approved.ts"
import { KrakenRestLive } from "../../../../src/layers/kraken/rest/KrakenRestLive.ts"
import { makeRateLimits } from "../../../../src/layers/kraken/rest/RateLimitsLive.ts"
import { sign } from "../../../../src/layers/kraken/rest/sign.ts"
import { MarketClock } from "../../../../src/services/Clock.ts"
import { KrakenRest } from "../../../../src/services/KrakenRest.ts"
import type { KrakenRestShape } from "../../../../src/services/KrakenRest.ts"
import { Nonce } from "../../../../src/services/Nonce.ts"
import { RateLimits } from "../../../../src/services/RateLimits.ts"
import type { RateLimitsShape } from "../../../../src/services/RateLimits.ts"
import { API_KEY, SECRET, settings, XLM, xlm } from "./support.ts"

interface Seen {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly headers: http.IncomingHttpHeaders
  readonly socket: number
}
type Answer = (seen: Seen, res: http.ServerResponse, count: number) => void
type Answers = Readonly<Record<string, Answer>>

const say =
  (body: unknown, status = 200): Answer =>
  (_, res) => {
    res.writeHead(status)
    res.end(typeof body === "string" ? body : JSON.stringify(body))
  }
const result = (value: unknown): Answer => say({ error: [], result: value })
const error = (...texts: ReadonlyArray<string>): Answer => say({ error: texts })
/** One answer after another; the last for ever. */
const inTurn =
  (...answers: ReadonlyArray<Answer>): Answer =>
  (seen, res, count) =>
    (answers[count] ?? answers.at(-1))?.(seen, res, count)
const drop: Answer = (_, res) => res.destroy()
const cut: Answer = (_, res) => {
  res.writeHead(200, { "Content-Length": "100" })
  res.write(`{"error":[],`)
  setTimeout(() => res.destroy(), 5)
}
const silence: Answer = () => undefined

const listing: Answers = {
  Assets: result({ XXLM: { altname: "XLM", decimals: 8 }, ZUSD: { altname: "USD", decimals: 4 } }),
  AssetPairs: result({
    XXLMZUSD: {
      altname: "XLMUSD",
      wsname: "XLM/USD",
      base: "XXLM",
      quote: "ZUSD",
      cost_decimals: 8,
      pair_decimals: 6,
      lot_decimals: 8,
      ordermin: "20",
      costmin: "0.5",
      tick_size: "0.000001",
      status: "online"
    },
    ODDUSD: { altname: "ODDUSD", wsname: "ODD/USD" }
  })
}

const serve = (answers: Answers): Effect.Effect<{ url: string; seen: Array<Seen> }, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ url: string; seen: Array<Seen>; server: http.Server }>((resume) => {
      const seen: Array<Seen> = []
      const counts = new Map<string, number>()
      const server = http.createServer((req, res) => {
        let body = ""
        req.on("data", (chunk: Buffer) => (body += chunk.toString()))
        req.on("end", () => {
          const one: Seen = {
            method: req.method ?? "",
            path: req.url ?? "",
            body,
            headers: req.headers,
            socket: req.socket.remotePort ?? 0
          }
          seen.push(one)
          const endpoint = new URL(one.path, "http://x").pathname.split("/").at(-1) ?? ""
          const count = counts.get(endpoint) ?? 0
          counts.set(endpoint, count + 1)
          ;(answers[endpoint] ?? error("EGeneral:Unknown method"))(one, res, count)
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, seen, server }))
      })
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

/** Market time runs a thousand times as fast, so that no pause of the limiter holds the tests up. */
const SPEED = 1000
const clockLayer = Layer.effect(
  MarketClock,
  Effect.map(Effect.clock, (clock) => {
    const start = clock.unsafeCurrentTimeMillis()
    const unsafeNow = (): number => 1_767_600_000_000 + (clock.unsafeCurrentTimeMillis() - start) * SPEED
    return {
      now: Effect.sync(unsafeNow),
      unsafeNow,
      sleep: (ms: number) => Effect.sleep(ms / SPEED),
      speed: SPEED,
      hold: <A, E, R>(self: Effect.Effect<A, E, R>) => self,
      offset: Effect.succeed({ ms: 0, measuredAt: 0 }),
      observe: (sample: { exchangeMs: number }) => Effect.sync(() => void observed.push(sample.exchangeMs))
    }
  })
)
const observed: Array<number> = []

interface World {
  readonly rest: KrakenRestShape
  readonly limits: RateLimitsShape
  readonly url: string
  readonly seen: Array<Seen>
  readonly advanced: () => number
  readonly of: (endpoint: string) => ReadonlyArray<Seen>
}

const world = (answers: Answers, options: { readonly url?: string; readonly withKey?: boolean } = {}) =>
  Effect.gen(function* () {
    const server = yield* serve({ ...listing, ...answers })
    let last = 1000n
    let advanced = 0
    const nonces = Layer.succeed(Nonce, {
      next: Effect.sync(() => (last += 1n)),
      advance: () =>
        Effect.sync(() => {
          advanced += 1
          last += 1_000_000n
        }),
      highest: Effect.sync(() => last)
    })
    const limitsLayer = Layer.scoped(
      RateLimits,
      Effect.flatMap(MarketClock, (clock) =>
        makeRateLimits(RateBudget.tiers.starter, clock, {
          load: Effect.succeed(RateBudget.serialise(RateBudget.empty(0), true)),
          save: () => Effect.void
        })
      )
    )
    const url = options.url ?? server.url
    const layer = KrakenRestLive.pipe(
      Layer.provideMerge(limitsLayer),
      Layer.provide(Layer.mergeAll(settings(url, options.withKey ?? true), nonces)),
      Layer.provide(clockLayer)
    )
    const context = yield* Layer.build(layer)
    return {
      rest: yield* Effect.provide(KrakenRest, context),
      limits: yield* Effect.provide(RateLimits, context),
      url,
      seen: server.seen,
      advanced: () => advanced,
      of: (endpoint) => server.seen.filter((one) => one.path.split("?")[0]?.endsWith(`/${endpoint}`))
    } satisfies World
  })

const failure = <A>(self: Effect.Effect<A, KrakenError>): Effect.Effect<KrakenError> =>
  Effect.flip(self).pipe(Effect.orDie)

const entry: Purpose = {
  _tag: "Entry",
  plan: { target: Money.price("0.2"), stop: Money.price("0.1"), holdFor: 0 },
  features: {}
}
const exit: Purpose = { _tag: "Exit", kind: "loss", lots: [], attempt: 1 }
const intent = (change: Partial<Proposal> = {}): CommittedIntent =>
  commitIntent(
    // Only risk can make one; here its fields are enough.
    {
      id: ClientOrderId("kt1abcdefgh"),
      proposal: {
        proposalId: 1,
        instrument: xlm,
        side: "buy",
        purpose: entry,
        quantity: Money.quantity("25"),
        limitPrice: Money.price("0.15"),
        postOnly: true,
        timeInForce: "GTD",
        expiresAfter: 120_000,
        reason: "test",
        proposedAt: 0,
        ...change
      },
      approvedAt: 1_767_600_000_500,
      deadline: 1_767_600_010_500,
      epoch: 1
    } as unknown as ApprovedOrder,
    500n
  )
const yes = (): undefined => undefined
const place = (
  { rest }: World,
  change?: Partial<Proposal>,
  lastLook: () => string | undefined = yes
): Effect.Effect<SendOutcome> => rest.orderTurn("entry", XLM, "add", (turn) => turn.addOrder(intent(change), lastLook))

const added = result({ txid: ["OABCDE-FGHIJ-KLMNOP"], descr: { order: "…" } })

describe("the bytes of an order", () => {
  it.scopedLive("are exactly these, and signed as sent", () =>
    Effect.gen(function* () {
      const w = yield* world({ AddOrder: added })
      assert.deepStrictEqual(yield* place(w), { _tag: "Accepted", exchangeId: ExchangeOrderId("OABCDE-FGHIJ-KLMNOP") })
      const [sent] = w.of("AddOrder")
      const body =
        "nonce=500&ordertype=limit&type=buy&volume=25.00000000&pair=XLMUSD&price=0.150000&oflags=post%2Cfciq" +
        "&timeinforce=GTD&expiretm=1767600121&cl_ord_id=kt1abcdefgh&deadline=2026-01-05T08%3A00%3A10.500Z"
      assert.deepInclude(sent, { method: "POST", path: "/0/private/AddOrder", body })
      assert.strictEqual(sent?.headers["api-key"], API_KEY)
      assert.strictEqual(sent?.headers["api-sign"], sign(Redacted.make(SECRET), "/0/private/AddOrder", "500", body))
      assert.match(sent?.headers["content-type"] ?? "", /^application\/x-www-form-urlencoded/)
      assert.strictEqual(sent?.headers["content-length"], String(body.length))
      assert.strictEqual(sent?.headers.host, new URL(w.url).host)
    })
  )

  it.scopedLive("of an exit: no post, no expiry, cancels an older order instead of being cancelled", () =>
    Effect.gen(function* () {
      const w = yield* world({ AddOrder: added })
      yield* place(w, { side: "sell", purpose: exit, postOnly: false, timeInForce: "IOC" })
      const body = w.of("AddOrder")[0]?.body ?? ""
      assert.include(body, "type=sell")
      assert.include(body, "oflags=fciq&timeinforce=IOC&stptype=cancel-oldest&cl_ord_id=")
      assert.notInclude(body, "expiretm")
    })
  )

  it.scopedLive("of amends, validations and cancels", () =>
    Effect.gen(function* () {
      const w = yield* world({
        AmendOrder: result({ amend_id: "T1" }),
        AddOrder: result({ descr: { order: "…" } }),
        CancelOrder: result({ count: 1 }),
        CancelAll: result({ count: 3 }),
        CancelAllOrdersAfter: result({ currentTime: "2026-01-05T10:00:00Z", triggerTime: "2026-01-05T10:01:00Z" })
      })
      const request = {
        instrument: xlm,
        quantity: Money.quantity("30"),
        limitPrice: Money.price("0.16"),
        deadline: 1_767_600_010_000
      }
      const amend = (postOnly: boolean, ref: Parameters<KrakenRestShape["cancelOrder"]>[0]) =>
        w.rest.orderTurn("exit", XLM, "amend", (turn) => turn.amendOrder({ ...request, ref, postOnly }, yes))
      const client = { _tag: "Client", id: ClientOrderId("kt1abcdefgh") } as const
      const exchange = { _tag: "Exchange", id: ExchangeOrderId("O1") } as const
      assert.deepStrictEqual(yield* amend(true, client), { _tag: "Accepted" })
      yield* amend(false, exchange)
      yield* w.rest.validateOrder({ ...request, side: "buy", postOnly: true })
      assert.deepStrictEqual(yield* w.rest.cancelOrder(client, XLM), { count: 1, pending: false })
      yield* w.rest.cancelOrder(exchange, XLM)
      assert.deepStrictEqual(yield* w.rest.cancelAll, { count: 3 })
      assert.strictEqual((yield* w.rest.cancelAllOrdersAfter(60.5)).triggerAt, Date.parse("2026-01-05T10:01:00Z"))
      const deadline = "deadline=2026-01-05T08%3A00%3A10.000Z"
      assert.deepStrictEqual(
        w.seen.map((one) => one.body.replace(/^nonce=\d+&?/, "")),
        [
          `cl_ord_id=kt1abcdefgh&order_qty=30.00000000&limit_price=0.160000&post_only=true&${deadline}`,
          `txid=O1&order_qty=30.00000000&limit_price=0.160000&${deadline}`,
          "ordertype=limit&type=buy&volume=30.00000000&pair=XLMUSD&price=0.160000&oflags=post%2Cfciq&validate=true",
          "cl_ord_id=kt1abcdefgh",
          "txid=O1",
          "",
          "timeout=60"
        ]
      )
      const nonces = w.seen.map((one) => BigInt(/^nonce=(\d+)/.exec(one.body)?.[1] ?? "0"))
      assert.isTrue(nonces.every((n, i) => i === 0 || n > (nonces[i - 1] ?? 0n)))
    })
  )
})

describe("an order ends in one of four ways, and is sent once", () => {
  const ends: ReadonlyArray<readonly [name: string, answer: Answer, outcome: Partial<SendOutcome>]> = [
    ["dropped after it was read", drop, { _tag: "Unknown" }],
    ["answered half", cut, { _tag: "Unknown" }],
    ["HTML with 502", say("<html>bad gateway</html>", 502), { _tag: "Unknown" }],
    ["HTML with 200", say("<html>hello</html>"), { _tag: "Unknown" }],
    ["HTTP 429", say("", 429), { _tag: "Unknown" }],
    ["a result without an id", result({}), { _tag: "Unknown" }],
    ["service unavailable", error("EService:Unavailable"), { _tag: "Unknown" }],
    ["a text nobody knows", error("EWhat:Ever"), { _tag: "Unknown" }],
    ["refused", error("EOrder:Insufficient funds"), { _tag: "Rejected" }],
    ["post-only", error("EOrder:Post only order"), { _tag: "Rejected" }],
    ["rate limit", error("EOrder:Rate limit exceeded"), { _tag: "NotSent" }],
    ["wrong key", error("EAPI:Invalid key"), { _tag: "NotSent" }]
  ]
  for (const [name, answer, outcome] of ends) {
    it.scopedLive(name, () =>
      Effect.gen(function* () {
        const w = yield* world({ AddOrder: answer })
        assert.strictEqual((yield* place(w))._tag, outcome._tag)
        assert.strictEqual(w.of("AddOrder").length, 1)
        assert.strictEqual(w.advanced(), 0)
      })
    )
  }

  it.scopedLive("a refused connection is not sent", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const gone = yield* Scope.extend(serve({}), scope)
      yield* Scope.close(scope, Exit.void)
      const w = yield* world({}, { url: gone.url })
      assert.deepInclude(yield* place(w), { _tag: "NotSent", why: "refused connection" })
    })
  )

  it.scopedLive("an invalid nonce is settled not sent, and the nonce moves ahead", () =>
    Effect.gen(function* () {
      const w = yield* world({ AddOrder: error("EAPI:Invalid nonce"), AmendOrder: error("EAPI:Invalid nonce") })
      assert.deepInclude(yield* place(w), { _tag: "NotSent", why: "invalid nonce" })
      // The order's nonce (500) is below the highest that was issued: it was overtaken.
      assert.strictEqual(w.advanced(), 0)
      const amend = w.rest.orderTurn("exit", XLM, "amend", (turn) =>
        turn.amendOrder(
          {
            ref: { _tag: "Client", id: ClientOrderId("a") },
            instrument: xlm,
            quantity: Money.quantity("1"),
            limitPrice: Money.price("1"),
            postOnly: false,
            deadline: 0
          },
          yes
        )
      )
      assert.deepInclude(yield* amend, { _tag: "NotSent", why: "invalid nonce" })
      assert.strictEqual(w.advanced(), 1)
      assert.strictEqual(w.of("AddOrder").length + w.of("AmendOrder").length, 2)
    })
  )

  it.scopedLive("the last look withholds it: no byte leaves, and the budget is given back", () =>
    Effect.gen(function* () {
      const w = yield* world({ AddOrder: added })
      assert.deepStrictEqual(yield* place(w, {}, () => "the fence moved"), {
        _tag: "NotSent",
        why: "void",
        text: "the fence moved"
      })
      assert.strictEqual(w.seen.length, 0)
      assert.strictEqual((yield* w.limits.state).engine[XLM]?.value, 0)
      assert.strictEqual((yield* place(w))._tag, "Accepted")
    })
  )

  it.scopedLive("a turn sends once", () =>
    Effect.gen(function* () {
      const w = yield* world({ AddOrder: added })
      const second = yield* w.rest.orderTurn("entry", XLM, "add", (turn) =>
        Effect.zipRight(turn.addOrder(intent(), yes), turn.addOrder(intent(), yes))
      )
      assert.deepInclude(second, { _tag: "NotSent", why: "void" })
      assert.strictEqual(w.of("AddOrder").length, 1)
    })
  )

  it.scopedLive("nothing is sent during a lockout, nor without a key", () =>
    Effect.gen(function* () {
      const w = yield* world({ AddOrder: added })
      const locked = yield* w.rest.orderTurn("entry", XLM, "add", (turn) =>
        Effect.zipRight(w.limits.observe({ scope: "private", kind: "lockout" }), turn.addOrder(intent(), yes))
      )
      assert.deepInclude(locked, { _tag: "NotSent", why: "lockout" })
      const keyless = yield* world({ AddOrder: added }, { withKey: false })
      assert.deepInclude(yield* place(keyless), { _tag: "NotSent", why: "credentials" })
      assert.deepInclude(yield* failure(keyless.rest.balance), { _tag: "KrakenNotSent", why: "credentials" })
      const validation = { instrument: xlm, side: "buy", quantity: xlm.minQuantity, limitPrice: xlm.tickSize } as const
      assert.deepInclude(yield* failure(w.rest.validateOrder({ ...validation, postOnly: true })), { why: "lockout" })
      assert.strictEqual(w.seen.length + keyless.seen.length, 0)
    })
  )

  it.scopedLive("an interruption of whoever asked waits for the outcome", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const w = yield* world({
        AddOrder: (seen, res, count) => {
          Deferred.unsafeDone(arrived, Effect.void)
          setTimeout(() => added(seen, res, count), 50)
        }
      })
      const outcomes: Array<SendOutcome> = []
      const fiber = yield* Effect.fork(
        w.rest.orderTurn("entry", XLM, "add", (turn) =>
          Effect.uninterruptible(Effect.tap(turn.addOrder(intent(), yes), (o) => Effect.sync(() => outcomes.push(o))))
        )
      )
      yield* Deferred.await(arrived)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(outcomes[0]?._tag, "Accepted")
    })
  )
})

describe("reads", () => {
  const balance = result({ ZUSD: "310.4412" })

  it.scopedLive("are repeated after drops, cuts, HTML, trouble of the service and limits", () =>
    Effect.gen(function* () {
      const w = yield* world({
        Balance: inTurn(
          drop,
          cut,
          say("<html>", 520),
          error("EService:Busy"),
          error("EAPI:Rate limit exceeded"),
          balance
        )
      })
      assert.deepStrictEqual(yield* w.rest.balance, [{ assetId: "ZUSD", balance: Money.usd("310.4412") }])
      assert.strictEqual(w.of("Balance").length, 6)
      const nonces = w.of("Balance").map((one) => one.body)
      assert.strictEqual(new Set(nonces).size, 6)
    })
  )

  it.scopedLive("are not repeated for ever, and never after a definite error", () =>
    Effect.gen(function* () {
      const w = yield* world({
        Balance: error("EGeneral:Permission denied"),
        GetWebSocketsToken: result({ token: "", expires: 900 })
      })
      assert.deepInclude(yield* failure(w.rest.balance), { _tag: "KrakenApiError", kind: "credentials", stop: true })
      assert.strictEqual(w.of("Balance").length, 1)
      const bad = yield* failure(w.rest.webSocketsToken)
      assert.deepInclude(bad, { _tag: "KrakenTransportError", reason: "body" })
      assert.include(bad.message, "result.token")
      assert.strictEqual(w.of("GetWebSocketsToken").length, 6)
    })
  )

  it.scopedLive("repeat an invalid nonce once, past everything ever issued", () =>
    Effect.gen(function* () {
      const w = yield* world({
        Balance: inTurn(error("EAPI:Invalid nonce"), balance),
        BalanceEx: error("EAPI:Invalid nonce"),
        CancelAll: inTurn(error("EAPI:Invalid nonce"), result({ count: 0 }))
      })
      yield* w.rest.balance
      assert.strictEqual(w.advanced(), 1)
      assert.deepInclude(yield* failure(w.rest.balanceEx), { kind: "nonce" })
      assert.strictEqual(w.of("BalanceEx").length, 2)
      assert.deepStrictEqual(yield* w.rest.cancelAll, { count: 0 })
    })
  )

  it.scopedLive("time out after three seconds, make way for an order at once, and are asked again", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const w = yield* world({
        AddOrder: added,
        Balance: inTurn((seen, res, count) => {
          Deferred.unsafeDone(arrived, Effect.void)
          silence(seen, res, count)
        }, balance)
      })
      const read = yield* Effect.fork(w.rest.balance)
      yield* Deferred.await(arrived)
      const begun = yield* Clock.currentTimeMillis
      assert.strictEqual((yield* place(w))._tag, "Accepted")
      assert.isBelow((yield* Clock.currentTimeMillis) - begun, 1500)
      yield* Fiber.join(read)
      assert.strictEqual(w.of("Balance").length, 2)
      // Orders keep a connection of their own.
      const sockets = new Set(w.of("Balance").map((one) => one.socket))
      assert.isFalse(sockets.has(w.of("AddOrder")[0]?.socket ?? 0))
    })
  )

  it.scopedLive("a slow answer is a time-out", () =>
    Effect.gen(function* () {
      const w = yield* world({ Balance: inTurn(silence, balance) })
      const begun = yield* Clock.currentTimeMillis
      yield* w.rest.balance
      assert.isAtLeast((yield* Clock.currentTimeMillis) - begun, 2900)
      assert.strictEqual(w.of("Balance").length, 2)
    })
  )

  it.scopedLive("answer in the service's types", () =>
    Effect.gen(function* () {
      const order = {
        cl_ord_id: "kt1abcdefgh",
        status: "open",
        opentm: 1767600000.5,
        descr: { pair: "XLMUSD", type: "buy", ordertype: "limit", price: "0.15" },
        vol: "25",
        vol_exec: "0",
        cost: "0",
        fee: "0"
      }
      const trade = {
        ordertxid: "O1",
        pair: "XXLMZUSD",
        time: 1,
        type: "buy",
        price: "1",
        cost: "1",
        fee: "0",
        vol: "1"
      }
      const w = yield* world({
        OpenOrders: result({ open: { O1: order, O2: { ...order, cl_ord_id: null } } }),
        ClosedOrders: result({ closed: {}, count: 120 }),
        QueryOrders: result({ O1: order }),
        TradesHistory: result({ trades: { T1: trade }, count: 1 }),
        QueryTrades: result({ T1: trade }),
        BalanceEx: result({ ZUSD: { balance: "1", hold_trade: "0.25" } }),
        TradeBalance: result({ eb: "98.82" }),
        TradeVolume: result({ fees: { XXLMZUSD: { fee: "0.4" } }, fees_maker: { XXLMZUSD: { fee: "0.25" } } }),
        Ledgers: result({ ledger: {}, count: 0 }),
        GetApiKeyInfo: result({ nonce: "1", permissions: ["query-funds"] }),
        GetWebSocketsToken: result({ token: "abc", expires: 900 })
      })
      const open = yield* w.rest.openOrders
      assert.strictEqual(open[0]?.report.symbol, XLM)
      const start = 1_767_600_000_000
      assert.strictEqual((yield* w.rest.closedOrders({ start, offset: 50, clientId: ClientOrderId("kt1") })).count, 120)
      assert.strictEqual(
        (yield* w.rest.queryOrders(Array.from({ length: 51 }, (_, i) => ExchangeOrderId(`O${i}`)))).length,
        2
      )
      assert.deepStrictEqual(yield* w.rest.queryOrders([]), [])
      assert.strictEqual((yield* w.rest.tradesHistory({ start, offset: 0 })).fills[0]?.symbol, XLM)
      assert.strictEqual((yield* w.rest.queryTrades(["T1"])).length, 1)
      assert.strictEqual((yield* w.rest.balanceEx)[0]?.available, Money.usd("0.75"))
      assert.strictEqual((yield* w.rest.tradeBalance).equivalentBalance, Money.usd("98.82"))
      assert.deepStrictEqual((yield* w.rest.tradeVolume([xlm])).get(XLM), {
        maker: Money.rate("0.0025"),
        taker: Money.rate("0.004")
      })
      assert.strictEqual((yield* w.rest.ledgers({ offset: 0 })).count, 0)
      assert.strictEqual((yield* w.rest.apiKeyInfo).nonce, 1n)
      assert.strictEqual((yield* w.rest.webSocketsToken).token, "abc")
      const body = (endpoint: string): string => (w.of(endpoint)[0]?.body ?? "").replace(/^nonce=\d+&?/, "")
      assert.strictEqual(
        body("ClosedOrders"),
        "trades=true&cl_ord_id=kt1&start=1767599999&ofs=50&consolidate_taker=false"
      )
      assert.strictEqual(body("TradesHistory"), "start=1767599999&ofs=0&consolidate_taker=false")
      assert.strictEqual(body("Ledgers"), "ofs=0")
      assert.strictEqual(w.of("QueryOrders").length, 2)
      // The listing was read once for all of them.
      assert.strictEqual(w.of("AssetPairs").length, 1)
    })
  )

  it.scopedLive("orders can be read although the listing cannot", () =>
    Effect.gen(function* () {
      const w = yield* world({ Assets: error("EGeneral:Permission denied"), OpenOrders: result({ open: {} }) })
      assert.deepStrictEqual(yield* w.rest.openOrders, [])
      assert.deepInclude(yield* failure(w.rest.tradesHistory({ offset: 0 })), { endpoint: "Assets" })
    })
  )
})

describe("cancels and the switch", () => {
  it.scopedLive("overtake an order that hangs, on a connection of their own, and are repeated", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<void>()
      const w = yield* world({
        AddOrder: () => Deferred.unsafeDone(arrived, Effect.void),
        CancelOrder: inTurn(drop, error("EService:Unavailable"), error("EOrder:Unknown order"))
      })
      const order = yield* Effect.fork(place(w))
      yield* Deferred.await(arrived)
      const ref = { _tag: "Client", id: ClientOrderId("kt1abcdefgh") } as const
      assert.deepInclude(yield* failure(w.rest.cancelOrder(ref, XLM)), { kind: "unknown order", executed: "no" })
      assert.strictEqual(w.of("CancelOrder").length, 3)
      assert.isTrue((yield* Fiber.poll(order))._tag === "None")
      // The order times out after eight seconds: sent, outcome unknown.
      assert.deepInclude(yield* Fiber.join(order), { _tag: "Unknown", recognised: true })
    })
  )

  it.scopedLive("are refused at once while a lockout lasts", () =>
    Effect.gen(function* () {
      const w = yield* world({ CancelAllOrdersAfter: error("EGeneral:Temporary lockout") })
      assert.deepInclude(yield* failure(w.rest.cancelAllOrdersAfter(60)), { kind: "lockout" })
      assert.deepInclude(yield* failure(w.rest.cancelAllOrdersAfter(60)), { _tag: "KrakenNotSent", why: "lockout" })
      assert.strictEqual(w.of("CancelAllOrdersAfter").length, 1)
    })
  )

  it.scopedLive("by the exchange's id are priced by the age of the order that was placed here", () =>
    Effect.gen(function* () {
      const w = yield* world({
        AddOrder: (seen, res, count) => result({ txid: [`O${count}`], descr: {} })(seen, res, count),
        CancelOrder: result({ count: 1 })
      })
      for (let i = 0; i < 3; i++) yield* place(w)
      yield* w.rest.cancelOrder({ _tag: "Exchange", id: ExchangeOrderId("O0") }, XLM)
      assert.deepStrictEqual((yield* w.limits.state).orders, {})
    })
  )
})

describe("public calls", () => {
  it.scopedLive("need no key, and answer in the service's types", () =>
    Effect.gen(function* () {
      const w = yield* world(
        {
          Time: result({ unixtime: 1767600000, rfc1123: "" }),
          SystemStatus: result({ status: "online" }),
          Ticker: result({ XXLMZUSD: { a: ["0.2", "1", "1"], b: ["0.1", "1", "1"], c: ["0.15", "1"] } }),
          OHLC: result({ XXLMZUSD: [60, 120, 180].map((t) => [t, "1", "1", "1", "1", "1", "1", 1]), last: 120 }),
          Depth: result({ XXLMZUSD: { asks: [["0.2", "1", 1]], bids: [] } }),
          Trades: result({ XXLMZUSD: [["0.2", "1", 1.5, "b", "l", "", 7]], last: "1" })
        },
        { withKey: false }
      )
      assert.strictEqual(yield* w.rest.time, 1_767_600_000_000)
      assert.strictEqual(observed.at(-1), 1_767_600_000_500)
      assert.strictEqual(yield* w.rest.systemStatus, "online")
      // Before the listing is known the symbol itself is sent, which REST takes too.
      assert.strictEqual((yield* w.rest.ticker(XLM)).last, Money.price("0.15"))
      assert.deepStrictEqual(yield* w.rest.instruments([XLM]), [xlm])
      assert.include(yield* w.rest.symbols, XLM)
      assert.deepStrictEqual(
        (yield* w.rest.ohlc(XLM, 1)).map((c) => c.at),
        [60_000, 120_000]
      )
      assert.deepStrictEqual(
        (yield* w.rest.ohlc(XLM, 1, 120_000)).map((c) => c.at),
        [120_000]
      )
      assert.strictEqual((yield* w.rest.depth(XLM, 5)).asks.length, 1)
      assert.strictEqual((yield* w.rest.trades(XLM, 1500))[0]?.tradeId, 7)
      yield* w.rest.trades(XLM)
      assert.deepStrictEqual(
        w.seen.map((one) => one.path.replace("/0/public/", "")),
        [
          "Time",
          "SystemStatus",
          "Ticker?pair=XLM%2FUSD",
          "Assets",
          "AssetPairs",
          "OHLC?pair=XLMUSD&interval=1",
          "OHLC?pair=XLMUSD&interval=1&since=119",
          "Depth?pair=XLMUSD&count=5",
          "Trades?pair=XLMUSD&since=1499999999",
          "Trades?pair=XLMUSD"
        ]
      )
      assert.isUndefined(w.seen[0]?.headers["api-key"])
    })
  )

  it.scopedLive("leave out pairs that are not listed, and refuse pairs whose terms cannot be read", () =>
    Effect.gen(function* () {
      const w = yield* world({})
      const none = yield* w.rest.instruments([XLM, "NO/USD" as typeof XLM])
      assert.strictEqual(none.length, 1)
      const odd = yield* failure(w.rest.instruments(["ODD/USD" as typeof XLM]))
      assert.include(odd.message, "ODD/USD")
    })
  )
})

describe("what is told about calls", () => {
  it.scopedLive("endpoint, outcome and duration; never the key, the signature or the secret", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.map(Logger.jsonLogger, (line) => void lines.push(line))
      )
      const w = yield* world({ Balance: result({}), AddOrder: error("EAPI:Invalid signature"), CancelAll: drop })
      yield* Effect.all([w.rest.balance, place(w), Effect.either(w.rest.cancelAll)]).pipe(
        Effect.provide(logger),
        Logger.withMinimumLogLevel(LogLevel.All)
      )
      const text = lines.join("\n")
      assert.include(text, `"endpoint":"Balance"`)
      assert.include(text, `"outcome":"credentials"`)
      assert.include(text, `"outcome":"reset"`)
      for (const secret of [API_KEY, SECRET, ...w.seen.map((one) => String(one.headers["api-sign"]))]) {
        assert.notInclude(text, secret)
      }
      const counted = yield* Metric.value(
        Metric.counter("kraken_rest_calls", {
          description: "Calls to Kraken's REST interface by endpoint and outcome",
          incremental: true
        }).pipe(Metric.tagged("endpoint", "AddOrder"), Metric.tagged("outcome", "credentials"))
      )
      assert.isAbove(counted.count, 0)
      assert.isTrue(Either.isRight(Either.right(counted)))
    })
  )
})
