import { Either, FastCheck as fc } from "effect"
import { assert, describe, it } from "vitest"
import { readEnvelope } from "../../../src/domain/kraken/Envelope.ts"
import { apiError, classify, isWarning, toSendOutcome } from "../../../src/domain/kraken/errors.ts"
import { KrakenApiError, KrakenNotSent, KrakenTransportError } from "../../../src/domain/kraken/KrakenError.ts"

/** Text, kind, executed, retry, and how an order that got it ends. */
const catalogue: ReadonlyArray<readonly [text: string, kind: string, executed: string, retry: string, order: string]> =
  [
    ["EAPI:Invalid key", "credentials", "no", "never", "NotSent credentials"],
    ["EAPI:Invalid signature", "credentials", "no", "never", "NotSent credentials"],
    ["EAPI:Invalid nonce", "nonce", "no", "new nonce", "NotSent invalid nonce"],
    ["EAPI:Rate limit exceeded", "rate limit", "no", "later", "NotSent rate limit"],
    ["EAPI:Bad request", "arguments", "no", "never", "Rejected arguments"],
    ["EAPI:Feature disabled", "arguments", "no", "never", "Rejected arguments"],
    ["EAPI:Invalid arguments", "arguments", "no", "never", "Rejected arguments"],
    ["EGeneral:Permission denied", "credentials", "no", "never", "NotSent credentials"],
    ["EGeneral:Temporary lockout", "lockout", "no", "later", "NotSent lockout"],
    ["EGeneral:Too many requests", "rate limit", "no", "later", "NotSent rate limit"],
    ["EGeneral:Invalid arguments", "arguments", "no", "never", "Rejected arguments"],
    ["EGeneral:Invalid arguments:ordertype", "arguments", "no", "never", "Rejected arguments"],
    ["EGeneral:Invalid arguments:volume", "rejected", "no", "never", "Rejected minimum"],
    ["EGeneral:Invalid arguments:volume minimum not met", "rejected", "no", "never", "Rejected minimum"],
    ["EGeneral:Unknown method", "arguments", "no", "never", "Rejected arguments"],
    ["EGeneral:Unknown Method", "arguments", "no", "never", "Rejected arguments"],
    ["EGeneral:Internal error", "service", "unknown", "reconcile", "Unknown true"],
    ["EGeneral:Internal error:1234", "service", "unknown", "reconcile", "Unknown true"],
    ["EDatabase:Internal error", "service", "unknown", "reconcile", "Unknown true"],
    ["EService:Unavailable", "service", "unknown", "reconcile", "Unknown true"],
    ["EService:Busy", "service", "unknown", "reconcile", "Unknown true"],
    ["EService:Timeout", "service", "unknown", "reconcile", "Unknown true"],
    ["EService:Deadline elapsed", "deadline", "unknown", "reconcile", "Unknown true"],
    ["EService: Throttled: 1741500000", "throttled", "no", "later", "NotSent rate limit"],
    ["EService:Market in cancel_only mode", "mode", "no", "later", "Rejected mode"],
    ["EService:Market in post_only mode", "mode", "no", "later", "Rejected mode"],
    ["EService:Market in limit_only mode", "mode", "no", "later", "Rejected mode"],
    ["EOrder:Rate limit exceeded", "engine rate limit", "no", "later", "NotSent rate limit"],
    ["EOrder:Domain rate limit exceeded", "engine rate limit", "no", "later", "NotSent rate limit"],
    ["EOrder:Orders limit exceeded", "rejected", "no", "later", "Rejected openOrders"],
    ["EOrder:Scheduled orders limit exceeded", "rejected", "no", "never", "Rejected openOrders"],
    ["EOrder:Positions limit exceeded", "rejected", "no", "never", "Rejected other"],
    ["EOrder:Insufficient funds", "rejected", "no", "never", "Rejected funds"],
    ["EOrder:Order minimum not met", "rejected", "no", "never", "Rejected minimum"],
    ["EOrder:Cost minimum not met", "rejected", "no", "never", "Rejected minimum"],
    ["EOrder:Tick size check failed", "rejected", "no", "never", "Rejected precision"],
    ["EOrder:Invalid price", "rejected", "no", "never", "Rejected precision"],
    [
      "EOrder:Invalid price:XLM/USD price can only be specified up to 6 decimals.",
      "rejected",
      "no",
      "never",
      "Rejected precision"
    ],
    ["EOrder:Invalid price:Invalid price argument.", "rejected", "no", "never", "Rejected precision"],
    ["EOrder:Invalid order", "rejected", "no", "never", "Rejected arguments"],
    ["EOrder:Post only order", "rejected", "no", "never", "Rejected postOnly"],
    ["EOrder:Unknown order", "unknown order", "no", "never", "Rejected unknownOrder"],
    ["EOrder:Cancel pending", "rejected", "unknown", "reconcile", "Unknown true"],
    ["EOrder:Order not editable", "rejected", "unknown", "reconcile", "Unknown true"],
    ["EOrder:Not enough leaves qty", "rejected", "unknown", "reconcile", "Unknown true"],
    ["EOrder:Cannot open position", "rejected", "no", "never", "Rejected other"],
    ["EOrder:Cannot open opposing position", "rejected", "no", "never", "Rejected other"],
    ["EOrder:Margin allowance exceeded", "rejected", "no", "never", "Rejected other"],
    ["EOrder:Margin level too low", "rejected", "no", "never", "Rejected other"],
    ["EOrder:Margin position size exceeded", "rejected", "no", "never", "Rejected other"],
    ["EOrder:Insufficient margin", "rejected", "no", "never", "Rejected other"],
    ["EOrder:Insufficient initial margin", "rejected", "no", "never", "Rejected other"],
    ["EOrder:Unknown position", "rejected", "no", "never", "Rejected other"],
    ["EOrder:Reduce only:Non-PC", "rejected", "no", "never", "Rejected other"],
    ["EOrder:Reduce only:No position exists", "rejected", "no", "never", "Rejected other"],
    ["EOrder:Reduce only:Position is closed", "rejected", "unknown", "reconcile", "Unknown true"],
    ["EOrder:Trading agreement required", "rejected", "no", "never", "Rejected restricted"],
    ["ETrade:Locked", "rejected", "no", "never", "Rejected restricted"],
    ["ETrade:User Locked", "rejected", "no", "never", "Rejected restricted"],
    ["ETrade:Invalid request", "arguments", "no", "never", "Rejected arguments"],
    [
      "EAccount:Invalid permissions:AUD/USD trading restricted for US:MA.",
      "rejected",
      "no",
      "never",
      "Rejected restricted"
    ],
    ["EBM:limit exceeded:CAL", "rejected", "no", "never", "Rejected restricted"],
    ["EAuth:Account temporary disabled", "credentials", "no", "never", "NotSent credentials"],
    ["EAuth:Account unconfirmed", "credentials", "no", "never", "NotSent credentials"],
    ["EAuth:Failed", "credentials", "no", "never", "NotSent credentials"],
    ["EAuth:Rate limit exceeded", "rate limit", "no", "later", "NotSent rate limit"],
    ["EAuth:Too many requests", "rate limit", "no", "later", "NotSent rate limit"],
    ["ESession:Invalid session", "session", "no", "later", "Rejected other"],
    ["EQuery:Unknown asset pair", "arguments", "no", "never", "Rejected arguments"],
    ["EQuery:Unknown asset", "arguments", "no", "never", "Rejected arguments"],
    ["EQuery:Invalid asset pair", "arguments", "no", "never", "Rejected arguments"],
    ["EFunding:Unknown withdraw key", "arguments", "no", "never", "Rejected arguments"],
    ["EOrder:Something nobody has seen", "unrecognised", "unknown", "reconcile", "Unknown false"],
    ["gibberish", "unrecognised", "unknown", "reconcile", "Unknown false"],
    ["", "unrecognised", "unknown", "reconcile", "Unknown false"]
  ]

describe("error strings", () => {
  it("mean what the catalogue says, for calls and for orders", () => {
    for (const [text, kind, executed, retry, order] of catalogue) {
      const error = apiError("AddOrder", [text])
      assert.deepStrictEqual([error.kind, error.executed, error.retry], [kind, executed, retry], text)
      assert.strictEqual(error.stop, kind === "credentials", text)
      assert.strictEqual(error.message, `AddOrder: ${text}`)
      const outcome = toSendOutcome(error)
      const said =
        outcome._tag === "Unknown"
          ? `Unknown ${String(outcome.recognised)}`
          : outcome._tag === "Accepted"
            ? "Accepted"
            : `${outcome._tag} ${outcome.why}`
      assert.strictEqual(said, order, text)
    }
  })

  it("are matched without regard to case and white space", () => {
    const variations = fc.constantFrom(...catalogue.filter(([text]) => text.includes(":")))
    fc.assert(
      fc.property(variations, fc.boolean(), fc.constantFrom("", " ", "  \t"), ([text, kind], upper, space) => {
        const changed = space + text.replace(":", `:${space}`) + space
        assert.strictEqual(classify(upper ? changed.toUpperCase() : changed.toLowerCase()).kind, kind)
      })
    )
  })

  it("carry the time of a throttling in milliseconds", () => {
    assert.strictEqual(classify("EService: Throttled: 1741500000").retryAt, 1_741_500_000_000)
    assert.strictEqual(classify("EService:Throttled:1741500000").retryAt, 1_741_500_000_000)
    assert.isUndefined(classify("EService:Throttled").retryAt)
    assert.isUndefined(classify("EService:Busy:1741500000").retryAt)
    const outcome = toSendOutcome(apiError("AddOrder", ["EService: Throttled: 1741500000"]))
    assert.deepInclude(outcome, { _tag: "NotSent", retryAt: 1_741_500_000_000 })
  })

  it("the worst of several decides, and one that stops the key is enough", () => {
    const both = apiError("AddOrder", ["EOrder:Insufficient funds", "EService:Unavailable"])
    assert.deepInclude(both, {
      kind: "service",
      executed: "unknown",
      text: "EOrder:Insufficient funds; EService:Unavailable"
    })
    const stopped = apiError("AddOrder", ["EService:Unavailable", "EAPI:Invalid key"])
    assert.deepInclude(stopped, { kind: "service", executed: "unknown", stop: true })
    assert.strictEqual(apiError("X", ["EOrder:Unknown order", "what is this"]).kind, "unrecognised")
    const twice = apiError("X", ["EService: Throttled: 1741500005", "EService: Throttled: 1741500000"])
    assert.strictEqual(twice.retryAt, 1_741_500_005_000)
    assert.strictEqual(apiError("X", ["EService: Throttled: 1741500000", "EGeneral:Temporary lockout"]).kind, "lockout")
  })

  it("know warnings", () => {
    assert.isTrue(isWarning("WGeneral:Danger"))
    assert.isFalse(isWarning("EGeneral:Danger"))
    assert.isFalse(isWarning("W"))
    assert.isFalse(isWarning("Warp"))
  })
})

describe("outcome of an order that failed without an answer", () => {
  it("is not sent only where nothing can have arrived", () => {
    const failed = (executed: "no" | "unknown"): KrakenTransportError =>
      new KrakenTransportError({ endpoint: "AddOrder", reason: "timeout", detail: "late", executed })
    assert.deepStrictEqual(toSendOutcome(failed("no")), {
      _tag: "NotSent",
      why: "refused connection",
      text: "AddOrder: late"
    })
    assert.deepStrictEqual(toSendOutcome(failed("unknown")), {
      _tag: "Unknown",
      text: "AddOrder: late",
      recognised: true
    })
    const notSent = new KrakenNotSent({ endpoint: "AddOrder", why: "credentials", detail: "no key" })
    assert.deepInclude(toSendOutcome(notSent), { _tag: "NotSent", why: "credentials" })
  })
})

describe("envelope", () => {
  const left = (body: string): unknown => {
    const read = readEnvelope("Balance", body)
    assert(Either.isLeft(read), body)
    return read.left
  }

  it("gives the result, in any order of keys, with numbers as texts", () => {
    assert.deepStrictEqual(
      readEnvelope("X", `{"result":{"a":1.50},"error":[]}`),
      Either.right({ result: { a: "1.50" }, warnings: [] })
    )
    assert.deepStrictEqual(
      readEnvelope("X", `{"error":[],"result":false,"more":1}`),
      Either.right({ result: false, warnings: [] })
    )
  })

  it("does not mind a warning beside a result, but does without one", () => {
    assert.deepStrictEqual(
      readEnvelope("X", `{"error":["WGeneral:Careful"],"result":{}}`),
      Either.right({ result: {}, warnings: ["WGeneral:Careful"] })
    )
    assert.deepInclude(left(`{"error":["WGeneral:Careful"]}`), { _tag: "KrakenApiError", kind: "unrecognised" })
    assert.deepInclude(left(`{"error":["WGeneral:Careful","EService:Busy"],"result":{}}`), {
      kind: "service",
      text: "EService:Busy"
    })
  })

  it("gives the error, whatever stands beside it", () => {
    for (const rest of ["", `,"result":null`, `,"result":{}`]) {
      const error = left(`{"error":["EGeneral:Permission denied"]${rest}}`)
      assert.instanceOf(error, KrakenApiError)
      assert.deepInclude(error, { kind: "credentials", stop: true, endpoint: "Balance" })
    }
  })

  it("refuses what is no envelope, without quoting it", () => {
    for (const body of [
      "<html>secret</html>",
      `[]`,
      `"secret"`,
      `null`,
      `{}`,
      `{"error":"secret"}`,
      `{"error":[{"a":"secret"}]}`,
      `{"error":[]}`,
      `{"error":[],"result":null}`
    ]) {
      const error = left(body)
      assert.deepInclude(error, { _tag: "PayloadError" }, body)
      assert.notInclude(String(error), "secret")
    }
  })
})
