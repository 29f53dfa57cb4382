/** Ages and counts of one stream, written by the frame callback and read by `status`. */
import type { StreamHealth } from "../../../services/KrakenStream.ts"

/** More kinds of malformed frames than this are one kind: a log must not grow by what others send. */
const MAX_KINDS = 64

export class Health {
  private sessions = 0
  private frames = 0
  private malformed = 0
  private upSince: { readonly wall: number; readonly real: number } | undefined
  private lastFrameAt: number | undefined
  private readonly kinds = new Set<string>()

  session(): void {
    this.sessions += 1
    this.upSince = undefined
  }

  /** `wall` and `real`: the machine's clock and the monotonic one, in milliseconds. */
  up(wall: number, real: number): void {
    this.upSince = { wall, real }
  }

  /** The session is over: for how long it was up, by the monotonic clock. */
  down(real: number): number {
    const healthyFor = this.upSince === undefined ? 0 : real - this.upSince.real
    this.upSince = undefined
    return healthyFor
  }

  frame(wall: number): void {
    this.frames += 1
    this.lastFrameAt = wall
  }

  /** Counts a malformed frame; true when its kind is new and so worth a line. */
  isNewKind(kind: string): boolean {
    this.malformed += 1
    if (this.kinds.has(kind) || this.kinds.size >= MAX_KINDS) return false
    this.kinds.add(kind)
    return true
  }

  view(): StreamHealth {
    return {
      connected: this.upSince !== undefined,
      ...(this.upSince === undefined ? {} : { since: this.upSince.wall }),
      ...(this.lastFrameAt === undefined ? {} : { lastFrameAt: this.lastFrameAt }),
      reconnects: Math.max(0, this.sessions - 1),
      frames: this.frames,
      malformed: this.malformed
    }
  }
}
