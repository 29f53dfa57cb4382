/** Simulations in threads of this process: each runs in one go, so that whoever waits for it must stand elsewhere. */
import { createHash } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { Worker } from "node:worker_threads"
import { Effect, Either, Layer, Queue } from "effect"
import type { Exhausted, Progress, Shrunk, SimulatedRun, SimulatorShape } from "../services/Simulator.ts"
import { Simulator, SimulatorFailed } from "../services/Simulator.ts"
import { parsePlan } from "./planText.ts"
import type { Learnt, Reply, Result, Task, ThreadData } from "./protocol.ts"
import { shelf as defaultShelf } from "./World.ts"
import { scenarios } from "./scenarios/all.ts"
import { planWords } from "./words.ts"

const script = new URL("./worker.js", import.meta.url)

/** A simulation makes much that lives for a moment: room for it saves a tenth of the time. */
const resourceLimits = { maxYoungGenerationSizeMb: 64 }

/** A result is of the kind that was asked for: one task, one kind. */
const isShrunk = (result: Result): result is Shrunk => "plan" in result
const isExhausted = (result: Result): result is Exhausted => "failures" in result
const isLearnt = (result: Result): result is Learnt => "learnt" in result
const isRun = (result: Result): result is SimulatedRun => "settledAfterMs" in result

const make = Effect.gen(function* () {
  const shelf = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(defaultShelf(), "kraken-trader-simulate-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  )
  const idle: Array<Worker> = []
  const end = (worker: Worker) => Effect.promise(() => worker.terminate())
  // after the tasks, before the folder
  yield* Effect.addFinalizer(() => Effect.forEach(idle, end, { concurrency: "unbounded", discard: true }))

  const perform = (
    task: Task,
    onProgress: (progress: Progress) => Effect.Effect<void>
  ): Effect.Effect<Result, SimulatorFailed> =>
    Effect.scoped(
      Effect.gen(function* () {
        // a thread says a few things a second, each of which is taken at once: it cannot fill up
        const replies = yield* Queue.unbounded<Reply>()
        const hear = (reply: Reply): void => void replies.unsafeOffer(reply)
        const died = (text: string): void => hear({ _tag: "Failed", reason: "died", text })
        const onError = (error: Error): void => died(`The simulation itself broke down: ${error.message}`)
        const onExit = (code: number): void => died(`The thread of the simulation ended with ${code}.`)
        let done = false
        const worker = yield* Effect.acquireRelease(
          Effect.sync(() => {
            const data: ThreadData = { shelf }
            const given = idle.pop() ?? new Worker(script, { workerData: data, resourceLimits })
            return given.on("message", hear).on("error", onError).on("exit", onExit)
          }),
          (given) => {
            given.off("message", hear).off("error", onError).off("exit", onExit)
            // a thread that is not through hears nothing: it can only be ended
            return done ? Effect.sync(() => void idle.push(given)) : end(given)
          }
        )
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
        worker.postMessage(task)
        while (true) {
          const reply = yield* Queue.take(replies)
          switch (reply._tag) {
            case "Told":
              yield* onProgress(reply.progress)
              break
            case "Done":
              done = true
              return reply.result
            case "Failed":
              return yield* new SimulatorFailed({ reason: reply.reason, text: reply.text })
          }
        }
      })
    )

  const unexpected = new SimulatorFailed({ reason: "died", text: "The thread answered another question." })
  const simulator: SimulatorShape = {
    run: (job, onProgress, journal) =>
      perform({ _tag: "Run", job, journal: journal === undefined ? undefined : resolve(journal) }, onProgress).pipe(
        Effect.filterOrFail(isRun, () => unexpected)
      ),
    shrink: (job, failed, onProgress) =>
      perform({ _tag: "Shrink", job, failed }, onProgress).pipe(Effect.filterOrFail(isShrunk, () => unexpected)),
    effects: (scenario) =>
      perform({ _tag: "Learn", scenario }, () => Effect.void).pipe(
        Effect.filterOrFail(isLearnt, () => unexpected),
        Effect.map(({ learnt }) => learnt)
      ),
    exhaust: (stretch, onProgress) =>
      perform({ _tag: "Exhaust", stretch }, onProgress).pipe(Effect.filterOrFail(isExhausted, () => unexpected)),
    scenarios: Effect.succeed(scenarios.map(({ name, why }) => ({ name, why }))),
    tell: (plan) =>
      Either.mapBoth(parsePlan(plan), {
        onLeft: (text) => new SimulatorFailed({ reason: "plan", text }),
        onRight: planWords
      }),
    fingerprint: (texts) => Effect.sync(() => createHash("sha256").update(texts.join("\n")).digest("hex").slice(0, 16)),
    usage: Effect.sync(() => {
      const { system, user } = process.cpuUsage()
      return { cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() }
    })
  }
  return Simulator.of(simulator)
})

/** Threads begin when a run needs one, and end with the layer. */
export const SimulatorThreads: Layer.Layer<Simulator> = Layer.scoped(Simulator, make)
