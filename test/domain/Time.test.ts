import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc, Option } from "effect"
import * as Time from "../../src/domain/Time.ts"

const instants = fc.integer({ min: Date.UTC(1, 0, 1), max: Date.UTC(9999, 11, 31) })
const read = (text: string) => Option.getOrUndefined(Time.parseRfc3339(text))

describe("days", () => {
  it("agrees with the platform's calendar", () => {
    fc.assert(
      fc.property(instants, (at) => {
        assert.strictEqual(Time.iso(at), new Date(at).toISOString())
        assert.strictEqual(Time.utcDay(at), new Date(at).toISOString().slice(0, 10))
        assert.strictEqual(Time.dayStart(at), new Date(at).setUTCHours(0, 0, 0, 0))
      }),
      { numRuns: 2000 }
    )
  })

  it("changes at midnight UTC and at no other time", () => {
    const midnight = Date.UTC(2024, 1, 29)
    assert.strictEqual(Time.utcDay(midnight - 1), "2024-02-28")
    assert.strictEqual(Time.utcDay(midnight), "2024-02-29")
    assert.strictEqual(Time.utcDay(midnight + Time.DAY_MS - 1), "2024-02-29")
    assert.strictEqual(Time.utcDay(midnight + Time.DAY_MS), "2024-03-01")
    assert.strictEqual(Time.dayStart(-1), -Time.DAY_MS)
  })

  it("cuts fractions of a millisecond", () => assert.strictEqual(Time.iso(1.9), "1970-01-01T00:00:00.001Z"))
})

describe("parseRfc3339", () => {
  it("reads back every timestamp it writes", () => {
    fc.assert(fc.property(instants, (at) => assert.strictEqual(read(Time.iso(at)), at)))
  })

  it("takes zero to nine fraction digits and cuts past the millisecond", () => {
    const at = Date.UTC(2022, 10, 8, 17, 3, 9)
    assert.strictEqual(read("2022-11-08T17:03:09Z"), at)
    assert.strictEqual(read("2022-11-08t17:03:09z"), at)
    assert.strictEqual(read("2022-11-08 17:03:09.5Z"), at + 500)
    assert.strictEqual(read("2022-11-08T17:03:09.123987Z"), at + 123)
    assert.strictEqual(read("2022-11-08T17:03:09.999999999Z"), at + 999)
  })

  it("takes offsets and leap seconds", () => {
    assert.strictEqual(read("2022-11-08T17:00:00+01:30"), Date.UTC(2022, 10, 8, 15, 30))
    assert.strictEqual(read("2022-11-08T17:00:00-05:00"), Date.UTC(2022, 10, 8, 22))
    assert.strictEqual(read("2016-12-31T23:59:60Z"), Date.UTC(2017, 0, 1))
  })

  it("has nothing for what is no instant", () => {
    for (const text of [
      "",
      "2022-11-08",
      "2022-11-08T17:03:09",
      "2022-11-08T17:03Z",
      "2022-13-01T00:00:00Z",
      "2022-00-01T00:00:00Z",
      "2022-11-00T00:00:00Z",
      "2022-11-31T00:00:00Z",
      "2023-02-29T00:00:00Z",
      "2022-11-08T24:00:00Z",
      "2022-11-08T17:60:00Z",
      "2022-11-08T17:00:61Z",
      "2022-11-08T17:00:00+24:00",
      "2022-11-08T17:00:00+01:60",
      "2022-11-08T17:00:00.1234567890Z",
      " 2022-11-08T17:00:00Z"
    ])
      assert.isUndefined(read(text), text)
  })
})
