/** Which armed fault strikes which occasion. Seeded: the same faults and the same occasions give the same strikes. */
import type { Random } from "../../domain/exchange/market/Random.ts"
import { make, seedOf } from "../../domain/exchange/market/Random.ts"
import type { Fault, RestFault, StreamFault } from "../../services/LocalKraken.ts"

/** What of a frame a fault may ask for. */
export interface FrameKind {
  readonly stream: "public" | "auth"
  /** Of a channel message; an answer to a request has none. */
  readonly channel: string | undefined
  /** Of an answer to a request; a channel message has none. */
  readonly method: string | undefined
}

export interface Faults {
  readonly add: (fault: Fault) => number
  readonly clear: (id?: number) => void
  readonly list: () => ReadonlyArray<{ readonly id: number; readonly struck: number; readonly fault: Fault }>
  /** The fault that strikes this call, if any: the first that was armed. */
  readonly forRest: (endpoint: string) => RestFault["effect"] | undefined
  /** The fault that strikes this frame, if any. `kind` is worked out only when a stream fault is armed. */
  readonly forFrame: (kind: () => FrameKind) => StreamFault["effect"] | undefined
}

interface Armed<F extends Fault> {
  readonly id: number
  readonly fault: F
  passed: number
  struck: number
}

const strikes = (armed: Armed<Fault>, random: Random): boolean => {
  const { probability = 1, skip = 0, times = Number.POSITIVE_INFINITY } = armed.fault
  if (armed.struck >= times) return false
  armed.passed += 1
  if (armed.passed <= skip) return false
  if (probability < 1 && random.next() >= probability) return false
  armed.struck += 1
  return true
}

const concerns = ({ channel, effect, stream }: StreamFault, kind: FrameKind): boolean => {
  if (stream !== undefined && stream !== kind.stream) return false
  if (channel !== undefined && channel !== kind.channel) return false
  if (effect.kind === "mute") {
    return kind.method !== undefined && (effect.method === undefined || effect.method === kind.method)
  }
  return effect.kind !== "silence" || !effect.heartbeats || kind.channel !== "heartbeat"
}

export const makeFaults = (seed: number): Faults => {
  const random = make(seedOf(seed, "faults"))
  const rest: Array<Armed<RestFault>> = []
  const stream: Array<Armed<StreamFault>> = []
  let last = 0
  return {
    add: (fault) => {
      last += 1
      if (fault.on === "rest") rest.push({ id: last, fault, passed: 0, struck: 0 })
      else stream.push({ id: last, fault, passed: 0, struck: 0 })
      return last
    },
    clear: (id) => {
      for (const armed of [rest, stream]) {
        const at = id === undefined ? 0 : armed.findIndex((one) => one.id === id)
        if (at >= 0) armed.splice(at, id === undefined ? armed.length : 1)
      }
    },
    list: () =>
      [...rest, ...stream].map(({ fault, id, struck }) => ({ id, struck, fault })).toSorted((a, b) => a.id - b.id),
    forRest: (endpoint) =>
      rest.find(
        (armed) => (armed.fault.endpoint === undefined || armed.fault.endpoint === endpoint) && strikes(armed, random)
      )?.fault.effect,
    forFrame: (kind) => {
      if (stream.length === 0) return undefined
      const frame = kind()
      return stream.find((armed) => concerns(armed.fault, frame) && strikes(armed, random))?.fault.effect
    }
  }
}

/** Reads a frame's kind from its text, which this exchange wrote itself. */
export const frameKind = (stream: "public" | "auth", text: string): FrameKind => ({
  stream,
  channel: text.startsWith('{"channel":') ? /"channel":"(\w+)"/.exec(text)?.[1] : undefined,
  method: text.startsWith('{"channel":') ? undefined : /"method":"(\w+)"/.exec(text)?.[1]
})
