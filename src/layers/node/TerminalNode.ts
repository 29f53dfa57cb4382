/** Standard output and error of this process, without any secret. A reader that went away (`| head`) is not an error. */
import { createInterface } from "node:readline"
import { Effect, Layer } from "effect"
import { Terminal } from "../../services/Terminal.ts"
import { scrub } from "./secrets.ts"

/** The part of a stream that is used. */
export interface Sink {
  readonly write: (text: string, done: (error?: Error | null) => void) => boolean
  readonly isTTY?: boolean
  readonly columns?: number
}

const WITHOUT_TERMINAL = 100

const writer =
  (sink: Sink) =>
  (text: string): Effect.Effect<void> =>
    Effect.async<void>((resume) => {
      const clean = scrub(text)
      sink.write(clean.endsWith("\n") ? clean : `${clean}\n`, () => resume(Effect.void))
    })

/** One line that is written over again (ECMA-48: carriage return, erase in line), cut to what fits. */
const overwriter =
  (sink: Sink) =>
  (line: string): Effect.Effect<void> =>
    Effect.async<void>((resume) => {
      const fits = scrub(line).slice(0, (sink.columns ?? WITHOUT_TERMINAL) - 1)
      sink.write(`\r\u001B[2K${fits}`, () => resume(Effect.void))
    })

/** Colours on a terminal, unless `NO_COLOR` is set to something or the terminal is dumb (https://no-color.org). */
const wantsColors = (sink: Sink, environment: NodeJS.ProcessEnv): boolean =>
  sink.isTTY === true && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb"

/** Where a person types. */
export type Source = NodeJS.ReadableStream & { readonly isTTY?: boolean }

const asker =
  (source: Source, sink: NodeJS.WritableStream) =>
  (question: string): Effect.Effect<string> =>
    Effect.async<string>((resume) => {
      const lines = createInterface({ input: source, output: sink })
      // a closed input is no answer
      lines.once("close", () => resume(Effect.succeed("")))
      lines.question(scrub(question), (answer) => {
        resume(Effect.succeed(answer))
        lines.close()
      })
      return Effect.sync(() => lines.close())
    })

export const terminal = (
  out: Sink,
  error: Sink,
  environment: NodeJS.ProcessEnv,
  person?: { readonly source: Source; readonly sink: NodeJS.WritableStream }
): Layer.Layer<Terminal> =>
  Layer.succeed(Terminal, {
    ...(person?.source.isTTY === true ? { ask: asker(person.source, person.sink) } : {}),
    print: writer(out),
    printError: writer(error),
    colors: wantsColors(out, environment),
    columns: out.columns ?? WITHOUT_TERMINAL,
    progress: error.isTTY === true && environment["TERM"] !== "dumb" ? overwriter(error) : undefined
  })

export const TerminalNode: Layer.Layer<Terminal> = Layer.suspend(() => {
  // without a listener a closed pipe would end the process in the middle of a command
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined)
  return terminal(process.stdout, process.stderr, process.env, { source: process.stdin, sink: process.stderr })
})
