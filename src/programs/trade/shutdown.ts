/**
 * The graceful stop: entries stop, own orders are cancelled and confirmed, records flushed, the switch disarmed. With
 * something unknown or uncancellable a last short switch is armed and left armed, and the exit code says so.
 */
import { Data, Effect } from "effect"
import { nothingWorking } from "../../domain/engine/Engine.ts"
import type { EngineState } from "../../domain/engine/State.ts"
import { liveOrders, openLots, show } from "../../domain/engine/Views.ts"
import { isOwn } from "../../domain/order/Ids.ts"
import type { Lot } from "../../domain/portfolio/Lot.ts"
import { Engine } from "../../services/Engine.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import { OrderDesk } from "../../services/OrderDesk.ts"
import { Writer } from "../../services/Writer.ts"

/** The stop was asked for and done, but something needs the operator (exit 86). */
export class StoppedUnclean extends Data.TaggedError("StoppedUnclean")<{
  readonly left: ReadonlyArray<string>
  /** Whether a dead man's switch is left to cancel what rests. */
  readonly armed: boolean
}> {
  override get message(): string {
    const rest = this.armed
      ? "The dead man's switch is left armed and cancels what rests."
      : "No dead man's switch is set: what rests stays until somebody cancels it."
    return `stopped, but not clean: ${this.left.join("; ")}. ${rest} Look at the account before you start again; the next start looks up what is unknown.`
  }
}

/** The records could not be written to the end (exit 73). */
export class RecordsNotWritten extends Data.TaggedError("RecordsNotWritten")<{ readonly detail: string }> {
  override get message(): string {
    return `stopped, but the last records could not be written (${this.detail}). Free the disk or repair the folder; the next start reads from the exchange what is missing.`
  }
}

export interface StopReport {
  readonly reason: string
  readonly held: ReadonlyArray<string>
}

/** How long confirmations and the desk are waited for (real), and the last switch. */
const CONFIRM_MS = 8000
const LAST_SWITCH_SECONDS = 10
const FLUSH_MS = 5000

const describe = (state: EngineState): ReadonlyArray<string> =>
  liveOrders(state).map(
    (order) => `order ${order.id} (${order.side} ${show(order.quantity)} ${order.symbol}) is ${order.status}`
  )

/** A lot that a stop leaves behind. */
export const heldText = (lot: Pick<Lot, "id" | "remaining" | "symbol">): string =>
  `${show(lot.remaining)} of ${lot.symbol} (lot ${lot.id}), without any exit while the trader is down`

/** No order of ours among the exchange's open ones: read, not believed. */
const confirmedNone = Effect.gen(function* () {
  const engine = yield* Engine
  const rest = yield* KrakenRest
  const open = yield* Effect.either(rest.openOrders)
  if (open._tag === "Left") return [`the open orders could not be read (${open.left.message})`]
  const { prefix } = engine.unsafeState().rules
  return open.right
    .filter((record) => isOwn(prefix, record.report.clientId))
    .map((record) => `order ${record.report.clientId} is still open`)
})

/** Runs while engine, desk and writer still do. */
export const shutdown = (
  reason: string,
  armed: boolean
): Effect.Effect<StopReport, StoppedUnclean | RecordsNotWritten, Engine | KrakenRest | OrderDesk | Writer> =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const rest = yield* KrakenRest
    const desk = yield* OrderDesk
    const writer = yield* Writer
    yield* engine.tell({ _tag: "Stopping", reason })
    yield* engine.settled
    yield* Effect.iterate(0, {
      while: () => !nothingWorking(engine.unsafeState()),
      body: (n) => Effect.as(Effect.sleep("50 millis"), n + 1)
    }).pipe(Effect.zipRight(desk.idle(CONFIRM_MS)), Effect.timeoutOption(CONFIRM_MS))
    yield* engine.settled
    const working = describe(engine.unsafeState())
    const left = working.length > 0 ? working : yield* confirmedNone
    const clean = left.length === 0
    if (armed) {
      const last = yield* Effect.either(rest.cancelAllOrdersAfter(clean ? 0 : LAST_SWITCH_SECONDS))
      if (last._tag === "Left") {
        yield* Effect.logWarning(
          clean
            ? `the dead man's switch was not disarmed (${last.left.message}); it will fire with nothing of the trader's left to cancel`
            : `the last switch was not armed (${last.left.message}); the one armed before still holds`
        )
      }
    }
    const held = openLots(engine.unsafeState()).map(heldText)
    const flushed = yield* writer.drained(FLUSH_MS)
    if (!flushed)
      return yield* new RecordsNotWritten({ detail: engine.unsafeState().storeFailed ?? "no answer in time" })
    if (!clean) return yield* new StoppedUnclean({ left, armed })
    return { reason, held }
  })
