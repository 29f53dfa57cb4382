/** Real-time limits of a stream session, in milliseconds. Tests shorten them. */
export interface StreamTiming {
  /** From dialling to an open WebSocket. */
  readonly open: number
  /** From a request to its answer, also for a ping. */
  readonly answer: number
  /** From a confirmed subscription to its snapshot. */
  readonly snapshot: number
  /** Without any frame at all. Kraken sends a heartbeat about every second, so a quiet market is not silent. */
  readonly silence: number
  /** Between application pings. Kraken closes connections that are idle for about a minute. */
  readonly ping: number
  /** From a cancel to the answers for all its orders. */
  readonly cancel: number
  /** How often these limits are looked at. */
  readonly tick: number
  /** For a stream token, turn in the lane and waits for limits included. */
  readonly token: number
}

export const defaultTiming: StreamTiming = {
  open: 10_000,
  answer: 10_000,
  snapshot: 10_000,
  silence: 10_000,
  ping: 15_000,
  cancel: 5_000,
  tick: 500,
  token: 60_000
}
