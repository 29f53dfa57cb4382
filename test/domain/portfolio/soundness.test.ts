import { assert, describe, it } from "@effect/vitest"
import { unsound } from "../../../src/domain/portfolio/soundness.ts"
import { entry, exit, id, lot, q, share, usd } from "../../support/build.ts"

const empty = { lots: [], orders: [], soldLots: [] }

describe("books by themselves", () => {
  it("are sound when lots hold what they may, and exits sell no more than that", () => {
    assert.deepEqual(unsound(empty), [])
    assert.deepEqual(
      unsound({
        lots: [lot()],
        orders: [exit([share("kt1a", "60")]), exit([share("kt1a", "40")], { id: id("kt1y") }), entry()],
        soldLots: [lot({ id: id("kt1b"), remaining: q("0") })]
      }),
      []
    )
  })

  it("say each thing that is wrong", () => {
    const wrong = unsound({
      lots: [lot({ remaining: q("101") }), lot({ id: id("kt1b"), remaining: q("-1"), cost: usd("-1") })],
      orders: [exit([share("kt1a", "102")]), entry({ bookedQuantity: q("5") })],
      soldLots: [lot({ id: id("kt1c"), proceeds: usd("-1"), remaining: q("0") })]
    })
    for (const part of [
      "lot kt1a holds 101 of 100",
      "lot kt1b holds -1",
      "lot kt1b has a negative",
      "lot kt1c has a negative",
      "sell 102 of lot kt1a",
      "order kt1e has 5 booked of 0"
    ]) {
      assert.include(wrong.join("\n"), part)
    }
  })
})
