/**
 * The private lane: one call of the key at a time, so that nonces arrive in the order they were made. Who waits is served by
 * rank (exit, entry, read), then by arrival. A read that holds the lane gives way at once when something of higher rank
 * comes. Calls of rank safety (dead man's switch, cancels) have a lane of their own on a second connection and overtake.
 */
import { Deferred, Effect, identity } from "effect"
import { KrakenTransportError } from "../../../domain/kraken/KrakenError.ts"

export type LaneRank = "exit" | "entry" | "read"

const ORDER: Readonly<Record<LaneRank, number>> = { exit: 0, entry: 1, read: 2 }

/** Reads that may wait at once; more are refused. Orders are not counted: whoever places them has few. */
export const MAX_WAITING_READS = 64

/** Real time that a read waits for the lane. */
const LONGEST_READ_WAIT = "30 seconds"

interface Turn {
  readonly rank: LaneRank
  granted: boolean
  readonly start: Deferred.Deferred<void>
  /** Completed when a read has to give way. */
  readonly giveWay: Deferred.Deferred<void>
}

export interface Lane {
  /**
   * Runs holding the lane. Waiting is interruptible, and ends at the latest when the calls ahead have timed out; a running
   * order is not disturbed by anybody.
   */
  readonly order: <A, E, R>(rank: "exit" | "entry", use: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** The same for a read, which is interrupted when an order comes: transport error `overtaken`, nothing executed by it. */
  readonly read: <A, E, R>(
    endpoint: string,
    use: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | KrakenTransportError, R>
  /** Runs in the safety lane: one at a time, beside whatever the main lane does. */
  readonly safety: <A, E, R>(use: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

const overtaken = (endpoint: string, detail: string): KrakenTransportError =>
  new KrakenTransportError({ endpoint, reason: "overtaken", detail, executed: "no" })

export const makeLane: Effect.Effect<Lane> = Effect.gen(function* () {
  let current: Turn | undefined
  const waiting: Array<Turn> = []
  const safetyPermit = yield* Effect.makeSemaphore(1)

  const grant = (turn: Turn): void => {
    current = turn
    turn.granted = true
    Deferred.unsafeDone(turn.start, Effect.void)
  }

  const next = (): void => {
    current = undefined
    const turn = waiting.shift()
    if (turn !== undefined) grant(turn)
  }

  const enter = (turn: Turn): void => {
    if (current === undefined) return grant(turn)
    const index = waiting.findIndex((other) => ORDER[other.rank] > ORDER[turn.rank])
    waiting.splice(index === -1 ? waiting.length : index, 0, turn)
    if (turn.rank !== "read" && current.rank === "read") Deferred.unsafeDone(current.giveWay, Effect.void)
  }

  const leave = (turn: Turn): void => {
    if (turn.granted) return next()
    waiting.splice(waiting.indexOf(turn), 1)
  }

  const newTurn = (rank: LaneRank): Effect.Effect<Turn> =>
    Effect.map(Effect.all([Deferred.make<void>(), Deferred.make<void>()]), ([start, giveWay]) => ({
      rank,
      granted: false,
      start,
      giveWay
    }))

  const hold = <A, E, R, E2>(
    rank: LaneRank,
    wait: (start: Effect.Effect<void>) => Effect.Effect<void, E2>,
    use: (turn: Turn) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | E2, R> =>
    // Uninterruptible except for the wait and the use: between being granted the lane and handing it on, nothing may be lost.
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(newTurn(rank), (turn) => {
        enter(turn)
        return restore(Effect.zipRight(wait(Deferred.await(turn.start)), use(turn))).pipe(
          Effect.ensuring(Effect.sync(() => leave(turn)))
        )
      })
    )

  return {
    order: (rank, use) => hold(rank, identity, () => use),
    read: (endpoint, use) =>
      Effect.suspend(() =>
        waiting.filter((turn) => turn.rank === "read").length >= MAX_WAITING_READS
          ? Effect.fail(overtaken(endpoint, `${MAX_WAITING_READS} reads are waiting already`))
          : hold(
              "read",
              Effect.timeoutFail({
                duration: LONGEST_READ_WAIT,
                onTimeout: () => overtaken(endpoint, `it waited ${LONGEST_READ_WAIT} for its turn`)
              }),
              (turn) =>
                Effect.raceFirst(
                  use,
                  Effect.zipRight(
                    Deferred.await(turn.giveWay),
                    Effect.fail(overtaken(endpoint, "it made way for an order"))
                  )
                )
            )
      ),
    safety: (use) => safetyPermit.withPermits(1)(use)
  }
})
