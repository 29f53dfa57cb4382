import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { example } from "../../examples/trader-on-mocks.ts"
import { printed } from "./printed.ts"

it.live("examples/trader-on-mocks: an entry, its fill, the exit, its fill; and the same again", () =>
  Effect.gen(function* () {
    const lines = yield* printed(example)
    assert.deepStrictEqual(
      lines.map((line) => line.replace(/^12:0[01]:\d\d  /, "")),
      [
        "the trader runs",
        "the price falls to 0.0975",
        "the trader buys: 2.40 % below the high of 24 candles",
        "the exchange fills the buy of 102.56410256 XLM at 0.0975",
        "the trader offers what it holds at 0.09875",
        "the price comes back to 0.0988",
        "the exchange fills the sell of 102.56410256 XLM at 0.09875",
        "the books: profit, 0.0778 USD after fees",
        "the trader stopped: the story is over; it holds nothing"
      ]
    )
    assert.lengthOf(yield* printed(example), lines.length)
  })
)
