/**
 * A paper trader killed again and again: its Kraken is in its process and dies with it at the same instant, so that both come
 * back from their files. Market time runs sixty times as fast.
 */
import { join } from "node:path"
import { Effect, Either } from "effect"
import { defaultConfig } from "../../../src/domain/exchange/Config.ts"
import { restore } from "../../../src/domain/exchange/Persist.ts"
import { view } from "../../../src/domain/exchange/View.ts"
import { openStore } from "../../../src/layers/exchange/ExchangeStore.ts"
import { plain } from "../../../src/layers/exchange/Operator.ts"
import type { View } from "../view.ts"
import type { World } from "../World.ts"
import { pause } from "../World.ts"

export const paper = async (world: World): Promise<void> => {
  const { random } = world
  let trader = world.start()
  const times = 2 + Math.floor(random.next() * 4)
  for (let n = 0; n < times; n += 1) {
    // some die while they start
    if (n > 0 && random.next() < 0.25) await pause(random.between(300, 2500))
    else {
      await world.trading()
      await pause(random.between(500, 6000))
    }
    trader.process.kill("SIGKILL")
    await trader.ended
    trader = world.start()
  }
  await world.trading()
  await pause(random.between(1000, 4000))
  await world.trading()
}

/** The account as `exchange.db` has it, which nobody serves any more. */
export const paperView = ({ place }: World): Promise<View> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const store = yield* openStore(join(place.dataDir, "exchange.db"))
        const state = Either.getOrThrowWith(restore(defaultConfig, store.rows(), 0), ({ why }) => new Error(why))
        return plain(view(state)) as View
      })
    )
  )
