/** Supervision: named children, each with a written restart policy. The first that may not be restarted ends them all. */
import { Cause, Data, Effect, Option } from "effect"
import type { Schedule } from "effect"

/** A child stopped that must not: the whole program ends. */
export class ComponentDown extends Data.TaggedError("ComponentDown")<{
  readonly component: string
  readonly cause: Cause.Cause<unknown>
}> {
  override get message(): string {
    return `${this.component} stopped: ${Cause.pretty(this.cause)}`
  }
}

export interface Child<E, R> {
  readonly name: string
  readonly run: Effect.Effect<unknown, E, R>
  /** Absent: any stop is fatal for the whole program. */
  readonly restart?: Schedule.Schedule<unknown, unknown>
  /** Errors that end the program although the child has a restart policy. */
  fatal?(error: E): boolean
}

const supervised = <E, R>(child: Child<E, R>): Effect.Effect<never, ComponentDown, R> => {
  const once = Effect.sandbox(Effect.zipRight(child.run, Effect.fail("returned" as const))).pipe(
    Effect.tapError((cause) =>
      Cause.isInterruptedOnly(cause) ? Effect.void : Effect.logWarning(`${child.name} stopped`, cause)
    )
  )
  const isFatal = (cause: Cause.Cause<E | "returned">): boolean =>
    Option.match(Cause.failureOption(cause), {
      onNone: () => false,
      onSome: (error) => error !== "returned" && child.fatal !== undefined && child.fatal(error as E)
    })
  const kept =
    child.restart === undefined
      ? once
      : Effect.retry(once, { schedule: child.restart, while: (cause) => !isFatal(cause) })
  return kept.pipe(
    Effect.mapError((cause) => new ComponentDown({ component: child.name, cause })),
    Effect.annotateLogs("component", child.name)
  )
}

/** Ends with the first `ComponentDown`, after interrupting every other child; defects restart like failures. */
export const supervise = <E, R>(children: ReadonlyArray<Child<E, R>>): Effect.Effect<never, ComponentDown, R> =>
  Effect.forEach(children, supervised, { concurrency: "unbounded", discard: true }).pipe(Effect.zipRight(Effect.never))
