/** What the preload inside a watched trader tells. */

/** Asks for a report. */
export type Request = "report"

export interface Report {
  /** First instant of the process, Unix milliseconds. */
  readonly originMs: number
  /** Bytes: resident, V8's heap as reserved and as used, memory of objects outside it, array buffers. */
  readonly memory: NodeJS.MemoryUsage
  /** Milliseconds of delay of the event loop since the last report. */
  readonly delay: { readonly p50: number; readonly p99: number; readonly max: number }
}

export interface Order {
  /** Milliseconds since the first instant of the process. */
  readonly atMs: number
  /** Of them, those that the event loop waited for something: an answer, a timer, a file. */
  readonly waitedMs: number
  /** Processor time of all of its threads. */
  readonly processorMs: number
}
