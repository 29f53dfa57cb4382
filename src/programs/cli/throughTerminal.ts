/** What the parser of the command line prints: help, completions, and what is wrong. */
import { Effect } from "effect"
import { Terminal } from "../../services/Terminal.ts"
import { stripCodes } from "./text.ts"

/**
 * The parser's script for bash spells the program in two ways when its name holds a hyphen, so that no option of a command
 * would be completed; and `nosort` is unknown to the bash of macOS.
 */
const repaired = (text: string): string =>
  text.startsWith("function _kraken-trader_bash_completions")
    ? text
        .replace('cmd="kraken-trader"', 'cmd="kraken__trader"')
        .replace(/^( +)kraken-trader\)$/m, "$1kraken__trader)")
        .replace(" -o nosort", "")
    : text

/** What the parser prints goes where everything else goes, and without colours where nobody sees them. */
export const throughTerminal = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Terminal> =>
  Effect.flatMap(Terminal, (terminal) =>
    Effect.consoleWith((console) => {
      const clean = (args: ReadonlyArray<unknown>): string => {
        const text = repaired(args.map(String).join(" ").trimEnd())
        return terminal.colors ? text : stripCodes(text)
      }
      return Effect.withConsole(self, {
        ...console,
        log: (...args) => terminal.print(clean(args)),
        error: (...args) => terminal.printError(clean(args))
      })
    })
  )
