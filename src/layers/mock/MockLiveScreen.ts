/** A screen that nobody looks at: frames are kept. */
import { Context, Effect, Layer } from "effect"
import type { ScreenSize } from "../../services/LiveScreen.ts"
import { LiveScreen } from "../../services/LiveScreen.ts"

export interface MockLiveScreenOptions {
  /** Whether standard output can be drawn on; it can unless told otherwise. */
  readonly available?: boolean
  /** 80 by 24 unless told otherwise. */
  readonly size?: ScreenSize
}

export interface MockLiveScreenControlShape {
  /** Every frame so far, in order. */
  readonly frames: Effect.Effect<ReadonlyArray<ReadonlyArray<string>>>
  /** Whether somebody has the screen now. */
  readonly taken: Effect.Effect<boolean>
  readonly resize: (size: ScreenSize) => Effect.Effect<void>
}

/** Steers and inspects `mockLiveScreen`. */
export class MockLiveScreenControl extends Context.Tag("trader/layers/mock/MockLiveScreen/MockLiveScreenControl")<
  MockLiveScreenControl,
  MockLiveScreenControlShape
>() {}

const make = ({ available = true, size = { columns: 80, rows: 24 } }: MockLiveScreenOptions) => {
  const frames: Array<ReadonlyArray<string>> = []
  let now = size
  let taken = false
  const draw = (lines: ReadonlyArray<string>): Effect.Effect<void> =>
    Effect.sync(() => {
      frames.push(lines)
    })
  return Context.make(LiveScreen, {
    available,
    size: Effect.sync(() => now),
    open: Effect.acquireRelease(
      Effect.sync(() => {
        taken = true
        return draw
      }),
      () =>
        Effect.sync(() => {
          taken = false
        })
    )
  }).pipe(
    Context.add(MockLiveScreenControl, {
      frames: Effect.sync(() => [...frames]),
      taken: Effect.sync(() => taken),
      resize: (next) =>
        Effect.sync(() => {
          now = next
        })
    })
  )
}

/** Bind the layer to a constant: called twice it is two screens. */
export const mockLiveScreen = (options: MockLiveScreenOptions = {}): Layer.Layer<LiveScreen | MockLiveScreenControl> =>
  Layer.effectContext(Effect.sync(() => make(options)))
