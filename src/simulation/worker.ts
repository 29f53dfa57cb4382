/** A thread that carries out simulations, one after the other. While it is at one it hears nothing else. */
import { Either } from "effect"
import { parentPort, workerData } from "node:worker_threads"
import type { Reply, Task, ThreadData } from "./protocol.ts"
import { makePerform } from "./tasks.ts"

if (parentPort !== null) {
  const port = parentPort
  const { shelf }: ThreadData = workerData
  const say = (reply: Reply): void => port.postMessage(reply)
  const perform = makePerform(shelf, (progress) => say({ _tag: "Told", progress }))
  port.on("message", (task: Task) => {
    try {
      say(
        Either.match(perform(task), {
          onLeft: ({ reason, text }): Reply => ({ _tag: "Failed", reason, text }),
          onRight: (result): Reply => ({ _tag: "Done", result })
        })
      )
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      say({ _tag: "Failed", reason: "died", text: `The simulation itself broke down: ${text}` })
    }
  })
}
