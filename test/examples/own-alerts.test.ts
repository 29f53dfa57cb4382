import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { example } from "../../examples/own-alerts.ts"
import { printed } from "./printed.ts"

it.live("examples/own-alerts: the trader's alerts reach a layer of one's own", () =>
  Effect.gen(function* () {
    const lines = yield* printed(example)
    assert.lengthOf(lines, 2)
    assert.match(lines[0] ?? "", /^(warning|critical) breaker\.latched: .*I want to look first/)
    assert.strictEqual(lines[1], "stopped: the example is over")
  })
)
