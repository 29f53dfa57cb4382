/**
 * A ring of frames for each stream, so that a busy market does not push the account's frames out. Keeping one costs a
 * reading of the clock and two stores; masking is left to whoever reads them.
 */
import { Effect, Layer } from "effect"
import type { Frame } from "../../services/Frames.ts"
import { Frames } from "../../services/Frames.ts"
import { iso } from "../../domain/Time.ts"
import { scrub } from "./secrets.ts"

/** Frames of each stream, and characters of each frame, that are kept: two megabytes at most. */
export const KEPT = 256
export const LONGEST = 4096

/** Kraken: the beginning of every heartbeat. */
const HEARTBEAT = '{"channel":"heartbeat"'

/** Streams answer with tokens nowhere, as far as is known: should one ever do so, it is not kept. */
const TOKEN_FIELD = /("token"\s*:\s*")[^"]*(?:"|$)/g

interface Held {
  readonly at: number
  readonly text: string
}

const shown = (text: string): string => {
  const clean = scrub(text).replace(TOKEN_FIELD, '$1[redacted]"')
  return text.length > LONGEST ? `${clean.slice(0, LONGEST)}… (${text.length} characters)` : clean
}

export const FramesMemory: Layer.Layer<Frames> = Layer.effect(
  Frames,
  Effect.map(Effect.clock, (clock) => {
    const rings: Readonly<Record<Frame["stream"], Array<Held>>> = { public: [], private: [] }
    const next = { public: 0, private: 0 }
    return Frames.of({
      record: (stream, text) => {
        // they come every second, and say nothing that the status does not
        if (text.startsWith(HEARTBEAT)) return
        rings[stream][next[stream] % KEPT] = { at: clock.unsafeCurrentTimeMillis(), text }
        next[stream] += 1
      },
      recent: Effect.sync(() =>
        (["public", "private"] as const)
          .flatMap((stream) => {
            const ring = rings[stream]
            const first = next[stream] % KEPT
            const inOrder = ring.length < KEPT ? ring : [...ring.slice(first), ...ring.slice(0, first)]
            return inOrder.map(({ at, text }) => ({ at, stream, text }))
          })
          .toSorted((a, b) => a.at - b.at)
          .map(({ at, stream, text }) => ({ at: iso(at), stream, text: shown(text) }))
      )
    })
  })
)
