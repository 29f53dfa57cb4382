/**
 * One process of the simulated machine: a scheduler and a clock for its fibers, that can be killed where it stands (no
 * finalizer runs) and stopped for a while like by SIGSTOP (what comes meanwhile waits, and time is found to have passed).
 */
import type { Scheduler } from "effect"
import { Clock, Duration, Effect } from "effect"
import type { EpochMs } from "../domain/Time.ts"
import type { Host, Loop } from "./Loop.ts"

/** The machine's wall clock: how far it is from the exchange's. It can be set while a process runs. */
export interface MachineClock {
  skewMs: number
}

/** Operations of a fiber before it lets others run, as Effect's own default has it. */
const MAX_OPERATIONS = 2048
/** Longer sleeps never end, as with the machine's own timers. */
const NEVER_MS = 2 ** 31 - 1

export class Process implements Host {
  alive = true
  private readonly loop: Loop
  private readonly machine: MachineClock
  private readonly origin: EpochMs
  /** What waits while the process stands still; `undefined` while it runs. */
  private waiting: Array<() => void> | undefined

  constructor(loop: Loop, machine: MachineClock, origin: EpochMs) {
    this.loop = loop
    this.machine = machine
    this.origin = origin
  }

  accept(task: () => void): void {
    if (!this.alive) return
    if (this.waiting !== undefined) this.waiting.push(task)
    else task()
  }

  /** SIGKILL: nothing of it runs ever again. */
  kill(): void {
    this.alive = false
    this.waiting = undefined
  }

  /** SIGSTOP, and SIGCONT after so many milliseconds. */
  freeze(ms: number): void {
    if (!this.alive || this.waiting !== undefined) return
    this.waiting = []
    this.loop.at(this.loop.now + ms, { accept: (task) => task() }, () => {
      const tasks = this.waiting ?? []
      this.waiting = undefined
      for (const task of tasks) this.loop.soon(this, task)
    })
  }

  get frozen(): boolean {
    return this.waiting !== undefined
  }

  readonly scheduler: Scheduler.Scheduler = {
    shouldYield: (fiber) => (fiber.currentOpCount > MAX_OPERATIONS ? 0 : false),
    scheduleTask: (task) => this.loop.soon(this, task)
  }

  /** Effect's clock: wall time with the machine's skew, and a monotonic one that no setting of the clock moves. */
  readonly clock: Clock.Clock = (() => {
    const unsafeCurrentTimeMillis = (): number => this.loop.now + this.machine.skewMs
    const unsafeCurrentTimeNanos = (): bigint => BigInt(Math.round((this.loop.now - this.origin) * 1e6)) + 1_000_000n
    const unsafeSchedule = (task: () => void, duration: Duration.Duration): (() => boolean) => {
      const ms = Duration.toMillis(duration)
      return ms > NEVER_MS ? () => false : this.loop.at(this.loop.now + ms, this, task)
    }
    return {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis,
      unsafeCurrentTimeNanos,
      currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
      currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
      scheduler: () => Effect.succeed({ unsafeSchedule }),
      sleep: (duration) =>
        Effect.async<void>((resume) => {
          const cancel = unsafeSchedule(() => resume(Effect.void), duration)
          return Effect.sync(() => void cancel())
        })
    }
  })()
}
