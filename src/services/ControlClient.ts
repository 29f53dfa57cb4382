/** Talks to the trader that runs on this data folder, if one does. */
import type { Effect } from "effect"
import { Context, Data } from "effect"
import type { Frame } from "./Frames.ts"
import type { Cause } from "../domain/breaker/BreakerState.ts"
import type {
  BreakerReport,
  CancelReport,
  CancelTarget,
  FlattenAnswer,
  FlattenProgress,
  PauseReport,
  StopAnswer
} from "./ControlServer.ts"

/** No trader could be asked. Whether one runs is the instance lock's to say. */
export class NotReachable extends Data.TaggedError("NotReachable")<{
  /** `none`: no `control.json`; `refused`: nobody listens there (a killed trader leaves the file); `timeout`: no answer in time; `stranger`: somebody else answered. */
  readonly reason: "none" | "refused" | "timeout" | "stranger"
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}

/** The trader answered, and refused or failed. */
export class ControlRefusal extends Data.TaggedError("ControlRefusal")<{
  readonly status: number
  readonly text: string
}> {
  override get message(): string {
    return this.text
  }
}

export type ControlError = NotReachable | ControlRefusal

export interface ControlClientShape {
  /** The running trader's document of `status --json`, within two seconds. */
  readonly status: Effect.Effect<object, ControlError>
  readonly stop: (reason: string) => Effect.Effect<StopAnswer, ControlError>
  readonly pause: Effect.Effect<PauseReport, ControlError>
  readonly resume: Effect.Effect<PauseReport, ControlError>
  /** Waits up to 45 seconds: cancels are confirmed at the exchange. */
  readonly cancel: (target: CancelTarget) => Effect.Effect<CancelReport, ControlError>
  /** Begins the sale of everything. */
  readonly flatten: Effect.Effect<FlattenAnswer, ControlError>
  /** How far it is. */
  readonly flattenProgress: Effect.Effect<FlattenProgress, ControlError>
  /** The newest frames of the running trader's streams, without secrets. */
  readonly frames: Effect.Effect<ReadonlyArray<Frame>, ControlError>
  readonly trip: (cause: Cause, reason: string) => Effect.Effect<BreakerReport, ControlError>
  readonly reset: (cause: Cause | undefined, reason: string) => Effect.Effect<BreakerReport, ControlError>
}

export class ControlClient extends Context.Tag("trader/services/ControlClient")<ControlClient, ControlClientShape>() {}
