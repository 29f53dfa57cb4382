/** The whole terminal as a screen that is drawn over, for what is watched. */
import type { Effect, Scope } from "effect"
import { Context } from "effect"

export interface ScreenSize {
  readonly columns: number
  readonly rows: number
}

export interface LiveScreenShape {
  /** Whether standard output is a terminal that can be drawn on. */
  readonly available: boolean
  /** As it is at this moment. */
  readonly size: Effect.Effect<ScreenSize>
  /**
   * Takes the screen until the scope closes, which gives it back as it was. The answer draws a frame in the place of the one
   * before, without clearing first; lines must fit the size.
   */
  readonly open: Effect.Effect<(lines: ReadonlyArray<string>) => Effect.Effect<void>, never, Scope.Scope>
}

export class LiveScreen extends Context.Tag("trader/services/LiveScreen")<LiveScreen, LiveScreenShape>() {}
