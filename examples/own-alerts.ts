/**
 * A service replaced by another: the trading program with alerts of one's own. Here they are collected and printed; the same
 * few lines send them to a pager. Everything else stays as it is: programs know services, not the layers behind them.
 *
 *   npm run example own-alerts
 */
import { pathToFileURL } from "node:url"
import { Console, Context, Effect, Fiber, Layer, Logger, Option, Queue } from "effect"
import { InstallationPrefix } from "kraken-trader/domain/order/Ids"
import { idleStrategy } from "kraken-trader/layers/mock/idleStrategy"
import { mockWorld } from "kraken-trader/layers/mock/mockWorld"
import { openExchange } from "kraken-trader/layers/mock/openExchange"
import { trade } from "kraken-trader/programs/trade/trade"
import type { Alert } from "kraken-trader/services/Alerts"
import { Alerts } from "kraken-trader/services/Alerts"
import { StopSignal } from "kraken-trader/services/StopSignal"
import { Store } from "kraken-trader/services/Store"

/** What the layer offers besides `Alerts`: a service of one's own, with a tag of its own. */
class Inbox extends Context.Tag("example/Inbox")<Inbox, { readonly next: Effect.Effect<Alert> }>() {}

/**
 * A layer of one's own. What the interface asks for stands in its docstring: `send` returns at once and never fails, because
 * nothing here may delay trading. So it only queues; whoever reads the inbox may be slow.
 */
const ownAlerts: Layer.Layer<Alerts | Inbox> = Layer.effectContext(
  Effect.gen(function* () {
    const waiting = yield* Queue.sliding<Alert>(256)
    return Context.make(Alerts, {
      // what is only information wakes nobody
      send: (alert) => (alert.severity === "info" ? Effect.void : Effect.asVoid(waiting.offer(alert)))
    }).pipe(Context.add(Inbox, { next: waiting.take }))
  })
)

/** All mock layers, and `Alerts` among them replaced: of two layers with the same service `merge` takes the second. */
const world = Layer.merge(
  mockWorld({ start: Date.UTC(2026, 0, 5, 12), prefix: InstallationPrefix("mock-") }),
  ownAlerts
)

export const example: Effect.Effect<void> = Effect.gen(function* () {
  const inbox = yield* Inbox
  const store = yield* Store
  const stop = yield* StopSignal
  yield* openExchange()
  // as `breaker trip` does beside a trader that does not run: it holds from the first moment of the next run
  yield* store.moveFence({ operatorLatch: Option.some("I want to look first") })

  const trader = yield* Effect.fork(Effect.scoped(trade({ strategy: idleStrategy })))
  const { kind, severity, text } = yield* Effect.raceFirst(
    inbox.next,
    // a start that is refused ends the example here, with the reason
    Effect.zipRight(Fiber.join(trader), Effect.never)
  )
  yield* Console.log(`${severity} ${kind}: ${text}`)

  yield* stop.request("the example is over")
  const { reason } = yield* Fiber.join(trader)
  yield* Console.log(`stopped: ${reason}`)
}).pipe(Effect.orDie, Effect.provide([world, Logger.remove(Logger.defaultLogger)]))

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await Effect.runPromise(example)
