/** The live screen on standard output (ECMA-48, and the alternate buffer of xterm, which every common terminal has). */
import { Effect, Layer } from "effect"
import { LiveScreen } from "../../services/LiveScreen.ts"
import { scrub } from "./secrets.ts"

/** The part of a stream that is used. */
export interface ScreenSink {
  readonly write: (text: string, done: (error?: Error | null) => void) => boolean
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

/** What a terminal that does not tell its size is taken for. */
const USUAL = { columns: 80, rows: 24 }

const ENTER = "\u001B[?1049h\u001B[?25l"
const LEAVE = "\u001B[0m\u001B[?25h\u001B[?1049l"
const HOME = "\u001B[H"
/** Resets colours, and erases what an earlier frame left in the line; at the end everything below. */
const LINE_END = "\u001B[0m\u001B[K"
const REST = "\u001B[J"

export const liveScreen = (out: ScreenSink, environment: NodeJS.ProcessEnv): Layer.Layer<LiveScreen> => {
  const write = (text: string): Effect.Effect<void> =>
    Effect.async<void>((resume) => {
      out.write(text, () => resume(Effect.void))
    })
  return Layer.succeed(LiveScreen, {
    available: out.isTTY === true && environment["TERM"] !== "dumb",
    size: Effect.sync(() => ({ columns: out.columns || USUAL.columns, rows: out.rows || USUAL.rows })),
    open: Effect.as(
      Effect.acquireRelease(write(ENTER), () => write(LEAVE)),
      (lines: ReadonlyArray<string>) =>
        write(`${HOME}${lines.map((line) => `${scrub(line)}${LINE_END}`).join("\r\n")}${REST}`)
    )
  })
}

export const LiveScreenNode: Layer.Layer<LiveScreen> = Layer.suspend(() => liveScreen(process.stdout, process.env))
