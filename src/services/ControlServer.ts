/**
 * The running trader's door for its operator: status for everybody on this machine, commands for whoever can read
 * `control.json` in the data folder. It listens on loopback only.
 */
import type { Effect, Scope } from "effect"
import { Context, Data } from "effect"
import type { Frame } from "./Frames.ts"
import type { Cause } from "../domain/breaker/BreakerState.ts"

/** One number of `GET /metrics`. */
export interface MetricSample {
  /** Prometheus name without the `kraken_trader_` prefix, e.g. `exposure_usd`. */
  readonly name: string
  readonly help: string
  readonly type: "gauge" | "counter" | "histogram" | "summary"
  /** Of a histogram or a summary: the count. */
  readonly value: number
  /** Cumulative counts by upper bound, without the last (`+Inf`), which is the count. */
  readonly histogram?: {
    readonly buckets: ReadonlyArray<readonly [bound: number, count: number]>
    readonly sum: number
    readonly count: number
  }
  readonly summary?: {
    readonly quantiles: ReadonlyArray<readonly [quantile: string, value: number]>
    readonly sum: number
    readonly count: number
  }
  readonly labels?: Readonly<Record<string, string>>
}

/** What to cancel: named orders (our ids or the exchange's), every order of this trader, or every order of the account. */
export type CancelTarget =
  | { readonly _tag: "Orders"; readonly ids: ReadonlyArray<string> }
  | { readonly _tag: "Own" }
  | { readonly _tag: "Account" }

/** What became of a cancel, after the exchange's open orders were read again. */
export interface CancelReport {
  /** Our id, or the exchange's for an order that is not ours. */
  readonly cancelled: ReadonlyArray<string>
  /** Named, and not open (any more): with what is known of them. */
  readonly notOpen: ReadonlyArray<string>
  /** Named, and in neither the books nor the open orders: mistyped, or an order of somebody else's that has ended. */
  readonly unheardOf: ReadonlyArray<string>
  /** Still open, or not known to be gone: the cancel did not do what it should. */
  readonly left: ReadonlyArray<string>
  /** Exits that the trader placed anew for what it holds. */
  readonly placedAgain: ReadonlyArray<string>
  /** What else the operator must know: fence not set, verification impossible… */
  readonly warnings: ReadonlyArray<string>
}

/** Answer of `pause` and `resume`. */
export interface PauseReport {
  readonly paused: boolean
  /** False when the database did not take it: it holds until the trader ends, not beyond. */
  readonly durable: boolean
}

/** Answer of `breaker trip` and `breaker reset`: the latches that hold afterwards. */
export interface BreakerReport {
  readonly latched: ReadonlyArray<{ readonly cause: Cause; readonly reason: string }>
  readonly durable: boolean
}

/** Answer of `stop`: taken, and what is open and held at this moment. */
export interface StopAnswer {
  readonly reason: string
  readonly openOrders: ReadonlyArray<string>
}

/** What of a lot is still held while everything is sold; amounts as exact decimal text. */
export interface HeldLot {
  readonly lotId: string
  readonly pair: string
  readonly remaining: string
  /** `dust`: no order can sell it now. */
  readonly state: "working" | "exiting" | "placing" | "waiting" | "dust"
  readonly text: string
}

/** An order that may still move something: working, of unknown outcome, or ended with executions not yet booked. */
export interface UnsettledOrder {
  readonly orderId: string
  readonly pair: string
  readonly side: "buy" | "sell"
  readonly quantity: string
  readonly status: string
}

/** How far the sale of everything is. */
export interface FlattenProgress {
  /** It was asked for, and not taken back by a reset of the operator's latch. */
  readonly flattening: boolean
  /** What has to be known before it can be said that nothing is left. */
  readonly settling: ReadonlyArray<string>
  readonly lots: ReadonlyArray<HeldLot>
  readonly orders: ReadonlyArray<UnsettledOrder>
  /** Why the books may lack something. */
  readonly doubts: ReadonlyArray<string>
}

/** Answer of `flatten`. */
export interface FlattenAnswer extends FlattenProgress {
  /** False when the database did not take it: it holds until the trader ends, not beyond. */
  readonly durable: boolean
}

/** The command was understood and could not be carried out; the text is for the operator. */
export class ControlFailed extends Data.TaggedError("ControlFailed")<{ readonly text: string }> {
  override get message(): string {
    return this.text
  }
}

/** What the trading program does for the operator. Each handler answers within seconds. */
export interface ControlHandlers {
  /** The document of `status --json`. */
  readonly status: Effect.Effect<object>
  readonly metrics: Effect.Effect<ReadonlyArray<MetricSample>>
  /** Begins the graceful stop and returns at once. */
  readonly stop: (reason: string) => Effect.Effect<StopAnswer>
  readonly pause: Effect.Effect<PauseReport, ControlFailed>
  readonly resume: Effect.Effect<PauseReport, ControlFailed>
  readonly cancel: (target: CancelTarget) => Effect.Effect<CancelReport, ControlFailed>
  /** Begins to sell everything, durably, and answers how it stands. */
  readonly flatten: Effect.Effect<FlattenAnswer, ControlFailed>
  readonly flattenProgress: Effect.Effect<FlattenProgress>
  /** The newest frames of the streams, without secrets. */
  readonly frames: Effect.Effect<ReadonlyArray<Frame>>
  readonly trip: (cause: Cause, reason: string) => Effect.Effect<BreakerReport, ControlFailed>
  /** `undefined`: every cause that a person may clear. */
  readonly reset: (cause: Cause | undefined, reason: string) => Effect.Effect<BreakerReport, ControlFailed>
}

/** The door could not be opened: CONTROL_PORT is taken, or `control.json` cannot be written. */
export class ControlUnavailable extends Data.TaggedError("ControlUnavailable")<{
  readonly what: "port" | "file"
  readonly detail: string
}> {
  override get message(): string {
    const what =
      this.what === "port"
        ? `the control server cannot listen (${this.detail}); set CONTROL_PORT to a free port, or to 0 for any`
        : `control.json cannot be written (${this.detail}); repair the data folder`
    return `${what}. Until then \`status\`, \`stop\` and \`cancel\` cannot reach the trader over loopback; it trades on and tries again. A signal (Ctrl-C) stops it.`
  }
}

export interface ControlAddress {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly port: number
}

/** What the trader says of itself in `control.json`. */
export interface ControlIdentity {
  readonly mode: string
  readonly version: string
  readonly pid: number
  /** Real time, milliseconds. */
  readonly startedAt: number
}

export interface ControlServerShape {
  /**
   * Listens and writes `control.json` (0600) until the scope closes, which removes the file and ends open requests.
   * Requests are answered concurrently; at most 64 connections.
   */
  readonly serve: (handlers: ControlHandlers) => Effect.Effect<ControlAddress, ControlUnavailable, Scope.Scope>
  /** This process, as `control.json` names it. */
  readonly identity: ControlIdentity
}

export class ControlServer extends Context.Tag("trader/services/ControlServer")<ControlServer, ControlServerShape>() {}
