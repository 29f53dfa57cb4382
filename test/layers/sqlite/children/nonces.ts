/** Takes nonces as fast as it can, with a clock that jumps about, and tells each. */
import { Effect, Layer } from "effect"
import { MarketClock } from "../../../../src/services/Clock.ts"
import { Nonce } from "../../../../src/services/Nonce.ts"
import { layer as databaseLayer } from "../../../../src/layers/sqlite/Database.ts"
import { layer as nonceLayer } from "../../../../src/layers/sqlite/NonceSqlite.ts"
import { makeSystemClock } from "../../../../src/layers/node/SystemClock.ts"

const [file = "", count = "0", step = "0"] = process.argv.slice(2)

/** Every second reading is as far ahead as the others are behind. */
const jumping = Layer.effect(
  MarketClock,
  Effect.map(makeSystemClock, (clock) => {
    let n = 0
    return {
      ...clock,
      now: Effect.map(clock.now, (now) => {
        n += 1
        return n % 2 === 0 ? now + Number(step) : now - Number(step)
      })
    }
  })
)

const program = Effect.gen(function* () {
  const nonce = yield* Nonce
  process.stdout.write("ready\n")
  for (let n = 0; n < Number(count); n += 1) process.stdout.write(`${yield* nonce.next}\n`)
})

void Effect.runPromise(
  program.pipe(
    Effect.provide(nonceLayer.pipe(Layer.provide(Layer.mergeAll(databaseLayer({ file, role: "visitor" }), jumping)))),
    Effect.orDie
  )
)
