/** The hosting process as the bench sees it. */
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Answers, Ask, Request, Response } from "./messages.ts"

export interface Host {
  readonly ask: <A extends Ask>(ask: A) => Promise<Answers[A["_tag"]]>
  readonly end: () => Promise<void>
}

/** Longest that the host may take for anything. */
const ANSWER_MS = 120_000

/** Starts the process; it is bundled beside the bench. */
export const startHost = (): Host => {
  const child = fork(fileURLToPath(new URL("exchange/host.mjs", import.meta.url)), { execArgv: [], stdio: "inherit" })
  const ended = new Promise<void>((done) => {
    child.once("exit", () => done())
  })
  const waiting = new Map<number, (response: Response) => void>()
  let last = 0
  child.on("message", (response: Response) => {
    waiting.get(response.id)?.(response)
    waiting.delete(response.id)
  })
  return {
    ask: <A extends Ask>(ask: A) =>
      new Promise<Answers[A["_tag"]]>((done, refuse) => {
        const id = ++last
        const late = setTimeout(() => refuse(new Error(`the exchanges did not answer to ${ask._tag}`)), ANSWER_MS)
        waiting.set(id, (response) => {
          clearTimeout(late)
          if ("error" in response) refuse(new Error(response.error))
          // the answer to this very question
          else done(response.value as Answers[A["_tag"]])
        })
        child.send({ id, ask } satisfies Request)
      }),
    end: async () => {
      child.disconnect()
      await ended
    }
  }
}
