/** The newest frames of both streams, in memory, for looking into what went wrong. Absent where nobody wants them. */
import type { Effect } from "effect"
import { Context } from "effect"

export interface Frame {
  /** Machine time, ISO. */
  readonly at: string
  readonly stream: "public" | "private"
  /** Without secrets, and cut where it is very long. */
  readonly text: string
}

export interface FramesShape {
  /** Called for each frame as it comes: keeps it, and does nothing else. */
  readonly record: (stream: Frame["stream"], text: string) => void
  /** Oldest first. */
  readonly recent: Effect.Effect<ReadonlyArray<Frame>>
}

export class Frames extends Context.Tag("trader/services/Frames")<Frames, FramesShape>() {}
