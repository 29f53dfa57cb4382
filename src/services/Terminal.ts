/** Where a command prints: standard output for its result, standard error for everything else. */
import type { Effect } from "effect"
import { Context } from "effect"

export interface TerminalShape {
  /** One line or more to standard output; a line end is added. Returns when it was handed to the operating system. */
  readonly print: (text: string) => Effect.Effect<void>
  /** The same to standard error. */
  readonly printError: (text: string) => Effect.Effect<void>
  /** Whether standard output is a terminal that shows colours (`NO_COLOR` is respected). */
  readonly colors: boolean
  /** Columns of the terminal; 100 where there is none. */
  readonly columns: number
  /**
   * Shows one line on standard error in the place of the one that was shown so before; an empty one takes it away, which
   * must be done before anything else is printed. Absent where standard error is no terminal.
   */
  readonly progress: ((line: string) => Effect.Effect<void>) | undefined
  /** Asks on standard error and waits for a line; absent where nobody sits in front of standard input. */
  readonly ask?: (question: string) => Effect.Effect<string>
}

export class Terminal extends Context.Tag("trader/services/Terminal")<Terminal, TerminalShape>() {}
