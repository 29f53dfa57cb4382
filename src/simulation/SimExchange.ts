/** The local Kraken's core on virtual time: calls, market and its own timers, one after the other, each at its instant. */
import type { Frame } from "../domain/exchange/Boundary.ts"
import * as Exchange from "../domain/exchange/Exchange.ts"
import type { ExchangeState } from "../domain/exchange/State.ts"
import type { EpochMs } from "../domain/Time.ts"
import type { Loop } from "./Loop.ts"
import { world } from "./Loop.ts"

/** Looks at every change of the exchange. */
export type Watch = (before: ExchangeState, after: ExchangeState) => void

export class SimExchange {
  state: ExchangeState
  /** Steps taken so far. */
  steps = 0
  private readonly loop: Loop
  private readonly deliver: (frames: ReadonlyArray<Frame>) => void
  private readonly watch: Watch
  private planned = Number.POSITIVE_INFINITY

  constructor(loop: Loop, initial: ExchangeState, deliver: (frames: ReadonlyArray<Frame>) => void, watch: Watch) {
    this.loop = loop
    this.state = initial
    this.deliver = deliver
    this.watch = watch
  }

  /** Takes one step at this instant and lets its frames leave. */
  take<S extends Exchange.Step>(step: (state: ExchangeState, now: EpochMs) => S): S {
    const { state: before } = this
    const next = step(before, Math.max(before.now, this.loop.now))
    this.state = next.state
    this.steps += 1
    this.watch(before, next.state)
    if (next.frames.length > 0) this.deliver(next.frames)
    this.plan()
    return next
  }

  /** Wakes when the exchange has something to do by itself. */
  private plan(): void {
    const due = Exchange.nextWake(this.state)
    if (due === undefined || due >= this.planned) return
    this.planned = due
    this.loop.at(due, world, () => {
      if (this.planned === due) this.planned = Number.POSITIVE_INFINITY
      const wake = Exchange.nextWake(this.state)
      if (wake !== undefined && wake <= this.loop.now) this.take(Exchange.tick)
      else this.plan()
    })
  }
}
