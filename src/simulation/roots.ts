/**
 * Effect keeps every fiber that nobody owns until it ends, which those of a killed process never do: in a long simulation
 * each life of the trader would stay in memory.
 */
import { Fiber } from "effect"
import { globalValue } from "effect/GlobalValue"

/** Where Effect keeps them. It has no name for outsiders; without it nothing is let go, and the heap shows it. */
const kept = (): Set<unknown> | undefined => {
  const scope: unknown = globalValue(Symbol.for("effect/FiberScope/Global"), () => undefined)
  return typeof scope === "object" && scope !== null && "roots" in scope && scope.roots instanceof Set
    ? scope.roots
    : undefined
}

/** Remembers the fibers that there are; the answer lets all go that have come since. */
export const mark = (): (() => void) => {
  const before = new Set<unknown>(Fiber.unsafeRoots())
  return () => {
    for (const fiber of Fiber.unsafeRoots()) if (!before.has(fiber)) kept()?.delete(fiber)
  }
}
