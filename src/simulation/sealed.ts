/**
 * A simulation runs in one go, on virtual time: nothing of it may wait for the machine. While it runs, the machine's
 * timers do not exist (a fiber that waits for ever keeps the process alive by one), and whoever asks for one is told.
 * Errors carry no stack meanwhile: expected failures are values here, and thousands of them are made.
 */

/** Runs `body` without the machine's timers; `escaped` is called for each real wait that was asked for. */
export const sealed = <A>(body: () => A, escaped: (what: string) => void): A => {
  const { setImmediate, setInterval, setTimeout } = globalThis
  const inert = (what: string | undefined) => (): object => {
    if (what !== undefined) escaped(what)
    return {}
  }
  // a wait without an end sets an interval of weeks, only so that the process stays alive for it
  const replaced = {
    setTimeout: inert("setTimeout"),
    setImmediate: inert("setImmediate"),
    setInterval: inert(undefined)
  }
  const { stackTraceLimit } = Error
  Object.assign(globalThis, replaced)
  Error.stackTraceLimit = 0
  try {
    return body()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
    Object.assign(globalThis, { setImmediate, setInterval, setTimeout })
  }
}
