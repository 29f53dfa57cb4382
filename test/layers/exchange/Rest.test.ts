import { request as httpRequest } from "node:http"
import { connect as tcp } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { makeLocalKraken } from "../../../src/layers/exchange/LocalKrakenServer.ts"
import { signatureFits } from "../../../src/layers/exchange/signature.ts"
import type { LocalKrakenShape } from "../../../src/services/LocalKraken.ts"
import { call, get, nextNonce, plainOptions, post, sign } from "./support.ts"

/** Kraken's published sample secret, which belongs to nobody, and vectors made with it; the secret scan needs them in two parts. */
const SECRET = `kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg${"="}=`
const vectors = [
  [
    "/0/private/AddOrder",
    "1616492376594",
    "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25",
    `4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ${"="}=`
  ],
  [
    "/0/private/AddOrder",
    "1616492376594",
    '{"nonce":"1616492376594","ordertype":"limit","pair":"XBTUSD","price":37500,"type":"buy","volume":1.25}',
    `BVT3EumzzXSJHlvrinSwICz5uKKlSZPXL9cJIuKqn7ZMhHSbbtXhGdvwoDBmRz6ALXI+GVxFD0ZlGuOmfi2bxA${"="}=`
  ],
  [
    "/0/private/GetWebSocketsToken",
    "1700000000001",
    "nonce=1700000000001",
    `PiDRXIw2GJXY5AWqwAcILmc1/x4i/BZo+KjBPlQA+JmYw2K8Muc0DPzA8+xZVTCNZAFSobMoQG61KIiAh0rCPg${"="}=`
  ]
] as const

/** Bytes as they are, over a bare socket; the answer's first line. */
const raw = (kraken: LocalKrakenShape, text: string) =>
  Effect.async<string>((resume) => {
    let answer = ""
    const socket = tcp(Number(new URL(kraken.restUrl).port), "127.0.0.1", () => socket.write(text))
    socket.on("data", (data) => (answer += data.toString()))
    socket.on("close", () => resume(Effect.succeed(answer.split("\r\n")[0] ?? "")))
    socket.on("error", () => undefined)
  })

const fetched = (kraken: LocalKrakenShape, path: string, init: RequestInit = {}) =>
  Effect.promise(async () => {
    const response = await fetch(`${kraken.restUrl}${path}`, init)
    return { status: response.status, text: await response.text(), headers: response.headers }
  })

describe("signatures", () => {
  it("fit where Kraken's own do, and nowhere else", () => {
    for (const [path, nonce, body, signature] of vectors) {
      const request = { secret: SECRET, path, nonce, body: Buffer.from(body), signature }
      assert.isTrue(signatureFits(request))
      assert.isFalse(signatureFits({ ...request, nonce: `${nonce}1` }))
      assert.isFalse(signatureFits({ ...request, path: `${path}s` }))
      assert.isFalse(signatureFits({ ...request, body: Buffer.from(`${body} `) }))
      assert.isFalse(signatureFits({ ...request, signature: signature.replace(/./, "x") }))
      assert.isFalse(signatureFits({ ...request, signature: "" }))
    }
  })
})

describe("REST of the local Kraken", () => {
  it.scopedLive("answers public calls by GET and by POST, with parameters from either place", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const time = yield* get(kraken, "/0/public/Time")
      assert.deepStrictEqual(time.error, [])
      assert.closeTo(time.result.unixtime * 1000, plainOptions.from!, 60_000)
      assert.property((yield* get(kraken, "/0/public/AssetPairs?pair=XLMUSD")).result, "XXLMZUSD")
      const posted = yield* fetched(kraken, "/0/public/AssetPairs", {
        method: "POST",
        body: new URLSearchParams({ pair: "XLMUSD" })
      })
      assert.property(JSON.parse(posted.text).result, "XXLMZUSD")
      assert.strictEqual(posted.headers.get("content-type"), "application/json; charset=utf-8")
      const garbled = yield* fetched(kraken, "/0/public/Time", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{nonsense"
      })
      assert.deepStrictEqual(JSON.parse(garbled.text).error, [])
    })
  )

  it.scopedLive("takes a form or JSON, signed over its very bytes", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      assert.deepStrictEqual((yield* call(kraken, "Balance")).result, { ZUSD: "10000.0000", XXLM: "1000.00000000" })
      assert.deepStrictEqual((yield* call(kraken, "Balance", {}, { json: true })).error, [])
      const n = nextNonce()
      const path = "/0/private/Balance"
      const body = `{"nonce": ${n}, "a": {"b": true, "c": [1, null]}}`
      const spaced = yield* fetched(kraken, path, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "API-Key": Redacted.value(kraken.credentials.key),
          "API-Sign": sign(path, n, body, Redacted.value(kraken.credentials.secret))
        },
        body
      })
      assert.deepStrictEqual(JSON.parse(spaced.text).error, [])
    })
  )

  it.scopedLive("checks the key, then the signature, then the nonce", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const error = (options: Parameters<typeof call>[3], endpoint = "Balance") =>
        Effect.map(call(kraken, endpoint, {}, options), (reply) => reply.error)
      assert.deepStrictEqual(yield* error({ key: "nobody", signature: "bad", nonce: "1" }), ["EAPI:Invalid key"])
      assert.deepStrictEqual(yield* error({ key: "" }), ["EAPI:Invalid key"])
      assert.deepStrictEqual(yield* error({ signature: "AAAA", nonce: "1" }), ["EAPI:Invalid signature"])
      assert.deepStrictEqual(yield* error({ nonce: "5" }), [])
      assert.deepStrictEqual(yield* error({ nonce: "5" }), ["EAPI:Invalid nonce"])
      assert.deepStrictEqual(yield* error({ nonce: "4" }), ["EAPI:Invalid nonce"])
      assert.deepStrictEqual(yield* error({ nonce: "6" }), [])
      assert.deepStrictEqual(yield* error({ nonce: "7" }, "Withdraw"), ["EGeneral:Unknown method"])
      const { requests } = yield* kraken.view
      assert.includeMembers(
        requests.map((r) => r.result),
        ["ok", "EAPI:Invalid nonce", "EAPI:Invalid signature"]
      )
    })
  )

  it.scopedLive("locks everybody out after five bad signatures", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken({ ...plainOptions, lockout: { after: 2, ms: 60_000 } })
      for (const expected of ["EAPI:Invalid signature", "EAPI:Invalid signature", "EGeneral:Temporary lockout"]) {
        assert.deepStrictEqual((yield* call(kraken, "Balance", {}, { signature: "AAAA" })).error, [expected])
      }
      assert.deepStrictEqual((yield* call(kraken, "Balance")).error, ["EGeneral:Temporary lockout"])
      yield* kraken.clock.advance(60_000)
      assert.deepStrictEqual((yield* call(kraken, "Balance")).error, [])
    })
  )

  it.scopedLive("survives whatever is sent", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const headers = { "content-type": "application/json", "API-Key": Redacted.value(kraken.credentials.key) }
      const bad = yield* fetched(kraken, "/0/private/Balance", { method: "POST", headers, body: "[1" })
      assert.deepStrictEqual(JSON.parse(bad.text).error, ["EAPI:Bad request"])
      for (const path of ["/0/private/Balance", "/0/public/", "/0/other/Time", "/0/public/Time/more", "/0"]) {
        const reply = yield* fetched(kraken, path)
        assert.deepStrictEqual(JSON.parse(reply.text).error, ["EGeneral:Unknown method"], path)
      }
      assert.strictEqual((yield* fetched(kraken, "/elsewhere")).status, 404)
      assert.strictEqual((yield* fetched(kraken, "/control/view")).status, 404)
      const large = yield* fetched(kraken, "/0/private/Balance", { method: "POST", body: "x".repeat(1_100_000) })
      assert.strictEqual(large.status, 413)
      assert.match(yield* raw(kraken, "nonsense\r\n\r\n"), /400 Bad Request/)
      yield* raw(
        kraken,
        "POST /0/private/Balance HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\n12345"
      )
      // A request that stops in the middle.
      yield* Effect.async<void>((resume) => {
        const socket = tcp(Number(new URL(kraken.restUrl).port), "127.0.0.1", () => {
          socket.write("POST /0/private/Balance HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf", () =>
            socket.destroy()
          )
        })
        socket.on("close", () => resume(Effect.void))
      })
      assert.deepStrictEqual((yield* get(kraken, "/0/public/SystemStatus")).result.status, "online")
    })
  )

  it.scopedLive("keeps connections open", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken(plainOptions)
      const { Agent } = yield* Effect.promise(() => import("node:http"))
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const port = () =>
        Effect.async<number | undefined>((resume) => {
          const sent = httpRequest(`${kraken.restUrl}/0/public/Time`, { agent }, (response) => {
            const { localPort } = response.socket
            response.resume().on("end", () => resume(Effect.succeed(localPort)))
          })
          sent.end()
        })
      const first = yield* port()
      assert.strictEqual(yield* port(), first)
      agent.destroy()
    })
  )

  it.scopedLive("places, shows and cancels an order", () =>
    Effect.gen(function* () {
      const kraken = yield* makeLocalKraken({ ...plainOptions, market: { _tag: "Generated" } })
      const order = {
        pair: "XLMUSD",
        type: "buy",
        ordertype: "limit",
        price: "0.100000",
        volume: "50",
        cl_ord_id: "kt-1"
      }
      const placed = yield* call(kraken, "AddOrder", order)
      const [txid] = placed.result.txid as [string]
      assert.property((yield* call(kraken, "OpenOrders")).result.open, txid)
      assert.deepStrictEqual((yield* call(kraken, "CancelOrder", { cl_ord_id: "kt-1" })).result, { count: 1 })
      assert.deepStrictEqual((yield* call(kraken, "CancelOrder", { txid })).error, ["EOrder:Unknown order"])
      const { status } = yield* Effect.orDie(post(kraken, "Balance"))
      assert.strictEqual(status, 200)
    })
  )
})
