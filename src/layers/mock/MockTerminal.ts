/** A terminal that nobody looks at: what is printed is kept, questions are answered by the test. */
import { Context, Effect, Layer } from "effect"
import type { TerminalShape } from "../../services/Terminal.ts"
import { Terminal } from "../../services/Terminal.ts"

export interface MockTerminalOptions {
  readonly colors?: boolean
  readonly columns?: number
  /** A terminal with somebody in front of it: shows progress and asks. Without it both are absent, as in a pipe. */
  readonly attended?: boolean
}

export interface MockTerminalControlShape {
  /** What was printed to standard output, call by call. */
  readonly printed: Effect.Effect<ReadonlyArray<string>>
  /** The same of standard error, questions included. */
  readonly errors: Effect.Effect<ReadonlyArray<string>>
  /** Every line of progress, the empty ones that take it away included. */
  readonly progress: Effect.Effect<ReadonlyArray<string>>
  /** Queues a line for the next question; without one an empty line is typed. */
  readonly type: (line: string) => Effect.Effect<void>
}

/** Steers and inspects `mockTerminal`. */
export class MockTerminalControl extends Context.Tag("trader/layers/mock/MockTerminal/MockTerminalControl")<
  MockTerminalControl,
  MockTerminalControlShape
>() {}

const make = ({ attended = false, colors = false, columns = 100 }: MockTerminalOptions) => {
  const printed: Array<string> = []
  const errors: Array<string> = []
  const progress: Array<string> = []
  const typed: Array<string> = []
  const keep =
    (lines: Array<string>) =>
    (text: string): Effect.Effect<void> =>
      Effect.sync(() => {
        lines.push(text)
      })
  const ask = (question: string): Effect.Effect<string> =>
    Effect.sync(() => {
      errors.push(question)
      return typed.shift() ?? ""
    })
  const terminal: TerminalShape = {
    print: keep(printed),
    printError: keep(errors),
    colors,
    columns,
    progress: attended ? keep(progress) : undefined,
    ...(attended ? { ask } : {})
  }
  return Context.make(Terminal, terminal).pipe(
    Context.add(MockTerminalControl, {
      printed: Effect.sync(() => [...printed]),
      errors: Effect.sync(() => [...errors]),
      progress: Effect.sync(() => [...progress]),
      type: keep(typed)
    })
  )
}

/** Bind the layer to a constant: called twice it is two terminals. */
export const mockTerminal = (options: MockTerminalOptions = {}): Layer.Layer<Terminal | MockTerminalControl> =>
  Layer.effectContext(Effect.sync(() => make(options)))
