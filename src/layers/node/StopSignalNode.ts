/**
 * Stop requests from the operating system. The first SIGINT, SIGTERM or SIGHUP (Ctrl-C, Ctrl-Break and a closed console on
 * Windows) asks for the graceful stop; a second one ends the process at once, with exit code 86, since what is open at the
 * exchange is then not known.
 */
import { Deferred, Effect, Layer } from "effect"
import { StopSignal } from "../../services/StopSignal.ts"

/** The part of Node's `process` that is used, so that tests can send signals without dying of them. */
export interface SignalSource {
  readonly on: (signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void) => unknown
  readonly off: (signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void) => unknown
  readonly exit: (code: number) => void
  readonly say: (text: string) => void
}

const SIGNALS: ReadonlyArray<NodeJS.Signals> = ["SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"]

/** Exit code of a forced end: the operator should look before starting again. */
const FORCED = 86

const processSignals: SignalSource = {
  on: (signal, listener) => process.on(signal, listener),
  off: (signal, listener) => process.off(signal, listener),
  exit: (code) => process.exit(code),
  say: (text) => process.stderr.write(`${text}\n`)
}

const make = (source: SignalSource) =>
  Effect.gen(function* () {
    const asked = yield* Deferred.make<string>()
    let signals = 0
    const listener = (signal: NodeJS.Signals): void => {
      signals += 1
      if (signals === 1) {
        Deferred.unsafeDone(asked, Effect.succeed(signal))
        return
      }
      source.say(
        `second ${signal}: ending at once. Orders may rest on the exchange until the dead man's switch cancels them; the next start looks up what became of them.`
      )
      source.exit(FORCED)
    }
    // a platform without one of the signals refuses the listener; the others serve
    const listening = SIGNALS.filter((signal) => {
      try {
        source.on(signal, listener)
        return true
      } catch {
        return false
      }
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => listening.forEach((signal) => source.off(signal, listener))))
    return StopSignal.of({
      request: (reason) => Effect.asVoid(Deferred.succeed(asked, reason)),
      requested: Deferred.await(asked)
    })
  })

/** Over the given source of signals; one per process. */
export const stopSignal = (source: SignalSource): Layer.Layer<StopSignal> => Layer.scoped(StopSignal, make(source))

export const StopSignalNode: Layer.Layer<StopSignal> = stopSignal(processSignals)
