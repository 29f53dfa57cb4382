/**
 * What the mocks of services with many endpoints share: answers that are given beforehand, and a record of what was asked.
 *
 * ```ts
 * yield* control.answer("pause", Effect.succeed({ paused: true, durable: true }))   // the next call
 * yield* control.always("status", Effect.fail(gone))                                // every call without a queued answer
 * yield* control.calls                                                              // what was asked, in order
 * ```
 */
import { Effect } from "effect"

/** What an endpoint comes to: an effect, or what a function of it answers with. */
type Outcome<T> = T extends (...args: never) => infer R ? R : T
type Success<T> = T extends Effect.Effect<infer A, infer _E> ? A : never
type Failure<T> = T extends Effect.Effect<infer _A, infer E> ? E : never

/** What one endpoint may be told to answer with. */
export type Answer<T> = Effect.Effect<Success<Outcome<T>>, Failure<Outcome<T>>>

/** A call that was made. */
export interface ScriptedCall<Shape> {
  readonly name: keyof Shape
  readonly args: ReadonlyArray<unknown>
}

/** Steers and inspects a scripted mock. */
export interface ScriptControl<Shape> {
  /** Queues an answer for the next call of an endpoint that has none queued. Queued answers are used up in order. */
  readonly answer: <K extends keyof Shape>(name: K, answer: Answer<Shape[K]>) => Effect.Effect<void>
  /** Sets the answer for calls without a queued one. */
  readonly always: <K extends keyof Shape>(name: K, answer: Answer<Shape[K]>) => Effect.Effect<void>
  /** Every call so far, in order. */
  readonly calls: Effect.Effect<ReadonlyArray<ScriptedCall<Shape>>>
  /** The arguments of every call of one endpoint, in order. */
  readonly callsOf: (name: keyof Shape) => Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>>
}

export interface Script<Shape> {
  /** Records a call and answers it. */
  readonly call: <K extends keyof Shape>(name: K, ...args: ReadonlyArray<unknown>) => Answer<Shape[K]>
  readonly control: ScriptControl<Shape>
}

/** For an endpoint that has no answer of its own: a defect, so that a test never passes on an answer that nobody gave. */
export const unscripted = (mock: string, endpoint: string): Effect.Effect<never> =>
  Effect.dieMessage(`${mock}: no answer for ${endpoint}; queue one with answer("${endpoint}", ...)`)

/** `first`: what each endpoint answers with until told otherwise. */
export const makeScript = <Shape>(first: { readonly [K in keyof Shape]: Answer<Shape[K]> }): Script<Shape> => {
  const fallbacks: { [K in keyof Shape]: Answer<Shape[K]> } = { ...first }
  const queues: { [K in keyof Shape]?: ReadonlyArray<Answer<Shape[K]>> } = {}
  const calls: Array<ScriptedCall<Shape>> = []
  const queued = <K extends keyof Shape>(name: K): ReadonlyArray<Answer<Shape[K]>> => queues[name] ?? []
  return {
    call: <K extends keyof Shape>(name: K, ...args: ReadonlyArray<unknown>): Answer<Shape[K]> =>
      Effect.suspend(() => {
        calls.push({ name, args })
        const [next, ...rest] = queued(name)
        queues[name] = rest
        return next ?? fallbacks[name]
      }),
    control: {
      answer: <K extends keyof Shape>(name: K, answer: Answer<Shape[K]>) =>
        Effect.sync(() => {
          queues[name] = [...queued(name), answer]
        }),
      always: <K extends keyof Shape>(name: K, answer: Answer<Shape[K]>) =>
        Effect.sync(() => {
          fallbacks[name] = answer
        }),
      calls: Effect.sync(() => [...calls]),
      callsOf: (name) => Effect.sync(() => calls.filter((call) => call.name === name).map(({ args }) => args))
    }
  }
}
