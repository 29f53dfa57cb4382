import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  checkClock,
  checkKey,
  judgeKey,
  neededPermissions,
  readInstruments
} from "../../../src/programs/trade/preflight.ts"
import type { ApiKeyInfo } from "../../../src/services/KrakenRest.ts"
import { BTC, instrument, NOON, XLM } from "../../support/build.ts"
import { Rig } from "../../domain/engine/Rig.ts"
import { badKey, inWorld, timedOut } from "../desk/support.ts"

const DAY = 86_400_000
const key = (change: Partial<ApiKeyInfo> = {}): ApiKeyInfo => ({
  name: "test",
  permissions: neededPermissions,
  nonce: 1n,
  nonceWindow: 0n,
  ipAllowlist: ["192.0.2.1"],
  ...change
})

describe("what must hold before anything is traded", () => {
  for (const permission of neededPermissions) {
    it(`a key without ${permission} is refused, and the missing permission named`, () => {
      const { problems } = judgeKey(key({ permissions: neededPermissions.filter((p) => p !== permission) }), NOON)
      assert.deepEqual(problems, [`it lacks ${permission}`])
    })
  }

  it("a key that can withdraw is refused, whatever else it may", () => {
    for (const power of ["withdraw-funds", "withdraw-something-new"]) {
      const { problems } = judgeKey(key({ permissions: [...neededPermissions, power] }), NOON)
      assert.match(problems.join(), new RegExp(power))
    }
  })

  it("expiry, address and nonce window", () => {
    assert.deepEqual(judgeKey(key(), NOON), { problems: [], warnings: [] })
    assert.deepEqual(judgeKey(key({ validUntil: NOON }), NOON).problems, ["it has expired"])
    assert.deepEqual(judgeKey(key({ validUntil: NOON + 6.5 * DAY }), NOON).warnings, ["it expires in 7 days"])
    assert.deepEqual(judgeKey(key({ validUntil: NOON + 8 * DAY }), NOON), { problems: [], warnings: [] })
    assert.strictEqual(judgeKey(key({ ipAllowlist: [] }), NOON).warnings.length, 1)
    assert.match(judgeKey(key({ nonceWindow: 100n }), NOON).warnings.join(), /nonce window/)
  })

  it.scoped("the key's own record is read: fit, unfit, refused, or the exchange silent, each with its error", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("apiKeyInfo", Effect.succeed(key({ ipAllowlist: [] })))
        assert.strictEqual((yield* checkKey).name, "test")
        yield* b.rest.answer("apiKeyInfo", Effect.succeed(key({ permissions: [] })))
        const unfit = yield* Effect.flip(checkKey)
        assert.strictEqual(unfit._tag, "KeyUnfit")
        assert.include(unfit.message, "Nothing was traded")
        yield* b.rest.answer("apiKeyInfo", Effect.fail(badKey))
        assert.strictEqual((yield* Effect.flip(checkKey))._tag, "KeyUnfit")
        yield* b.rest.answer("apiKeyInfo", Effect.fail(timedOut()))
        const silent = yield* Effect.flip(checkKey)
        assert.strictEqual(silent._tag, "ExchangeUnavailable")
        assert.include(silent.message, "cannot be reached")
      })
    )
  )

  it.scoped("a clock that deadlines could not bear is refused, half a second of rounding is not", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        yield* b.rest.always("time", Effect.succeed(NOON))
        yield* checkClock(1000)
        yield* b.clock.setOffset({ ms: -1900, measuredAt: NOON })
        yield* checkClock(1000)
        yield* b.clock.setOffset({ ms: -2100, measuredAt: NOON })
        const error = yield* Effect.flip(checkClock(1000))
        assert.strictEqual(error._tag, "ClockSkewed")
        assert.include(error.message, "2100 ms")
      })
    )
  )

  it.scoped("a pair that Kraken does not trade in dollars is named", () =>
    inWorld(new Rig(), (b) =>
      Effect.gen(function* () {
        yield* b.rest.answer("instruments", Effect.succeed([instrument()]))
        assert.strictEqual((yield* readInstruments([XLM])).length, 1)
        yield* b.rest.answer("instruments", Effect.succeed([instrument(), instrument({ symbol: BTC, quote: "EUR" })]))
        const error = yield* Effect.flip(readInstruments([XLM, BTC]))
        assert.strictEqual(error._tag, "PairUnknown")
        assert.include(error.message, "BTC/USD")
        assert.notInclude(error.message, "XLM/USD")
      })
    )
  )
})
