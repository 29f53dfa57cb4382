/**
 * The exchange as observe mode has it: the live one, without whatever could change something there. Both functions are
 * given reads alone, so that no mistake in them, and none in the program above, can send.
 */
import { Context, Effect, Layer } from "effect"
import { KrakenNotSent } from "../../domain/kraken/KrakenError.ts"
import type { SendOutcome } from "../../domain/order/Outcome.ts"
import type { KrakenReads, KrakenRestShape } from "../../services/KrakenRest.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import type { KrakenStreamShape, StreamReads } from "../../services/KrakenStream.ts"
import { KrakenStream } from "../../services/KrakenStream.ts"

const WHY = "observe mode sends nothing to the exchange"

const refuse = (endpoint: string) => Effect.fail(new KrakenNotSent({ endpoint, why: "void", detail: WHY }))

const notSent: Effect.Effect<SendOutcome> = Effect.succeed({ _tag: "NotSent", why: "void", text: WHY })

/** Reads as they are; every write is refused here, before any budget or nonce is taken for it. */
const sealRest = (reads: KrakenReads): KrakenRestShape => ({
  ...reads,
  orderTurn: (_rank, _symbol, _action, use) => use({ addOrder: () => notSent, amendOrder: () => notSent }),
  cancelOrder: () => refuse("CancelOrder"),
  cancelAll: refuse("CancelAll"),
  cancelAllOrdersAfter: () => refuse("CancelAllOrdersAfter"),
  validateOrder: () => refuse("AddOrder")
})

/** Streams as they are; a cancel over them does not leave. */
const sealStream = (reads: StreamReads): KrakenStreamShape => ({
  ...reads,
  cancelByStream: () => Effect.succeed(false)
})

/** The REST layer without its writes; their code is no longer reachable from what is built on it. */
export const observingRest = <E, R>(live: Layer.Layer<KrakenRest, E, R>): Layer.Layer<KrakenRest, E, R> =>
  Layer.map(live, (context) => Context.make(KrakenRest, sealRest(Context.get(context, KrakenRest))))

/** The stream layer without its cancel. */
export const observingStream = <E, R>(live: Layer.Layer<KrakenStream, E, R>): Layer.Layer<KrakenStream, E, R> =>
  Layer.map(live, (context) => Context.make(KrakenStream, sealStream(Context.get(context, KrakenStream))))
