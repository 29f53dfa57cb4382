/**
 * Virtual time: what is due happens in order of time, then of asking. Effects run on a scheduler of their own, so that a
 * fiber goes on exactly when the event that it waits for has happened, and at no other time.
 */
import { Cause, Effect, Exit, FiberId, Logger, LogLevel } from "effect"
import type { Fiber, Scheduler } from "effect"

interface Due {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Somebody whose waits end when it dies: a process. A dead one is never resumed, and no finalizer of its runs. */
export class Life {
  alive = true
}

export class Timeline {
  now: number
  private readonly queue: Array<Due> = []
  private readonly tasks: Array<() => void> = []
  private readonly fibers = new Set<Fiber.RuntimeFiber<void>>()
  private asked = 0
  private failure: string | undefined
  private readonly scheduler: Scheduler.Scheduler = {
    shouldYield: () => false,
    scheduleTask: (task) => {
      this.tasks.push(task)
    }
  }

  constructor(start: number) {
    this.now = start
  }

  /** Lets something happen at an instant, at once if that is past. */
  at(at: number, run: () => void): void {
    if (at === Number.POSITIVE_INFINITY) return
    const due = { at: Math.max(at, this.now), order: (this.asked += 1), run }
    let i = this.queue.length
    while (i > 0 && this.queue[i - 1]!.at <= due.at) i -= 1
    // latest first, so that the next one is taken off the end
    this.queue.splice(i, 0, due)
  }

  /** Runs everything that is due until an instant, and leaves time there. */
  run(until: number): void {
    for (let due = this.queue.at(-1); due !== undefined && due.at <= until; due = this.queue.at(-1)) {
      this.queue.pop()
      this.now = due.at
      due.run()
      this.drain()
      if (this.failure !== undefined) throw new Error(this.failure)
    }
    this.now = until
  }

  private drain(): void {
    for (let task = this.tasks.shift(); task !== undefined; task = this.tasks.shift()) task()
  }

  /** Lets go of every fiber, those of dead processes too, once nothing is asked of this time any more. */
  close(): void {
    for (const fiber of this.fibers) fiber.unsafeInterruptAsFork(FiberId.none)
    this.drain()
  }

  /** Starts a fiber, from within an event. A failure of it is a fault of this program and ends the run. */
  fork(effect: Effect.Effect<void>): void {
    const fiber = Effect.runFork(Logger.withMinimumLogLevel(effect, LogLevel.None), { scheduler: this.scheduler })
    this.fibers.add(fiber)
    fiber.addObserver((exit) => {
      this.fibers.delete(fiber)
      if (Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)) this.failure = Cause.pretty(exit.cause)
    })
  }

  /** Waits for a process: it goes on unless it died meanwhile. */
  sleep(life: Life, ms: number): Effect.Effect<void> {
    return this.wait(life, (resume) => this.at(this.now + Math.max(0, ms), () => resume(undefined)))
  }

  /** Waits until a callback is called; after the process died nothing happens. */
  wait<A>(life: Life, register: (resume: (value: A) => void) => void): Effect.Effect<A> {
    return Effect.async<A>((resume) => {
      register((value) => {
        if (life.alive) resume(Effect.succeed(value))
      })
    })
  }
}
