/**
 * Virtual time: tasks that are due now, in the order they came, and timers behind them. Everything of a simulation runs on
 * one loop, without a real wait and without the machine's event loop, so that a run is a function of what it is given.
 */
import type { EpochMs } from "../domain/Time.ts"

/** Whose work it is: a process may be gone, or stand still. */
export interface Host {
  readonly accept: (task: () => void) => void
}

interface Timer {
  readonly at: EpochMs
  readonly order: number
  readonly host: Host
  task: (() => void) | undefined
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Tasks that may run without time moving on; more is a program that spins. */
const SPIN_LIMIT = 2_000_000

/** Work of the world itself, which never stops. */
export const world: Host = { accept: (task) => task() }

export class Loop {
  now: EpochMs
  /** Tasks run so far. */
  ran = 0
  private order = 0
  private tasks: Array<() => void> = []
  private hosts: Array<Host> = []
  private readonly heap: Array<Timer> = []
  private stopped = false

  constructor(now: EpochMs) {
    this.now = now
  }

  /** Runs at this instant, after what waits already. */
  soon(host: Host, task: () => void): void {
    this.tasks.push(task)
    this.hosts.push(host)
  }

  /** Runs at an instant, or now where that is past; gives the way to call it off, which tells whether it was in time. */
  at(at: EpochMs, host: Host, task: () => void): () => boolean {
    this.order += 1
    const timer: Timer = { at: Math.max(at, this.now), order: this.order, host, task }
    this.push(timer)
    return () => {
      const waiting = timer.task !== undefined
      timer.task = undefined
      return waiting
    }
  }

  /** Ends `run` after the task that runs now. */
  stop(): void {
    this.stopped = true
  }

  /** Runs everything up to an instant. Answers false when the program spun without time moving on. */
  run(until: EpochMs): boolean {
    this.stopped = false
    let spins = 0
    while (true) {
      while (this.tasks.length > 0) {
        const { hosts, tasks } = this
        this.tasks = []
        this.hosts = []
        for (let i = 0; i < tasks.length; i += 1) {
          const host = hosts[i]
          const task = tasks[i]
          if (host === undefined || task === undefined) continue
          host.accept(task)
          if (this.stopped) {
            this.tasks = [...tasks.slice(i + 1), ...this.tasks]
            this.hosts = [...hosts.slice(i + 1), ...this.hosts]
            return true
          }
        }
        this.ran += tasks.length
        spins += tasks.length
        if (spins > SPIN_LIMIT) return false
      }
      const [next] = this.heap
      if (next === undefined || next.at > until) {
        this.now = Math.max(this.now, until)
        return true
      }
      this.pop()
      if (next.task === undefined) continue
      if (next.at > this.now) spins = 0
      this.now = next.at
      const { task } = next
      next.task = undefined
      this.ran += 1
      next.host.accept(task)
      if (this.stopped) return true
    }
  }

  private push(timer: Timer): void {
    const { heap } = this
    let i = heap.length
    heap.push(timer)
    while (i > 0) {
      const up = (i - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || !before(timer, parent)) break
      heap[i] = parent
      i = up
    }
    heap[i] = timer
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let i = 0
    while (true) {
      let down = 2 * i + 1
      const right = heap[down + 1]
      let child = heap[down]
      if (child === undefined) break
      if (right !== undefined && before(right, child)) {
        down += 1
        child = right
      }
      if (!before(child, last)) break
      heap[i] = child
      i = down
    }
    heap[i] = last
  }
}
