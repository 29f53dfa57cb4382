/**
 * The checks that need what a start reads only once it runs: balances, open orders, fees, the system's status. They listen to
 * those reads instead of reading again, so that they cost the budget of calls nothing, and delay nothing.
 */
import { Deferred, Effect } from "effect"
import type { Instrument, PairSymbol } from "../../domain/market/Instrument.ts"
import type { SystemStatus } from "../../domain/market/Market.ts"
import type { Installation } from "../../services/Installation.ts"
import type { AssetBalance, FeeRates, KrakenRestShape, OrderRecord } from "../../services/KrakenRest.ts"
import { KrakenRest } from "../../services/KrakenRest.ts"
import { Settings } from "../../services/Settings.ts"
import type { Check } from "../doctor/Check.ts"
import { accountChecks, feesCheck, systemCheck } from "../doctor/remote.ts"
import { tell } from "./consequences.ts"

export interface Overheard {
  /** The exchange, whose first answers are remembered. */
  readonly rest: KrakenRestShape
  /** The exchange as it was heard: what nobody has read yet is waited for. */
  readonly echo: KrakenRestShape
}

/** Listens to the first successful reads of what the late checks want to know. */
export const overhear = (rest: KrakenRestShape): Effect.Effect<Overheard> =>
  Effect.gen(function* () {
    const balances = yield* Deferred.make<ReadonlyArray<AssetBalance>>()
    const orders = yield* Deferred.make<ReadonlyArray<OrderRecord>>()
    const fees = yield* Deferred.make<ReadonlyMap<PairSymbol, FeeRates>>()
    const status = yield* Deferred.make<SystemStatus>()
    return {
      rest: {
        ...rest,
        balanceEx: Effect.tap(rest.balanceEx, (read) => Deferred.succeed(balances, read)),
        openOrders: Effect.tap(rest.openOrders, (read) => Deferred.succeed(orders, read)),
        tradeVolume: (instruments) => Effect.tap(rest.tradeVolume(instruments), (read) => Deferred.succeed(fees, read)),
        systemStatus: Effect.tap(rest.systemStatus, (read) => Deferred.succeed(status, read))
      },
      echo: {
        ...rest,
        balanceEx: Deferred.await(balances),
        openOrders: Deferred.await(orders),
        tradeVolume: () => Deferred.await(fees),
        systemStatus: Deferred.await(status)
      }
    }
  })

/** Tells each check as soon as what it is about was read. Never ends; what is never read is told by whoever failed to. */
export const lateChecks = <R>(
  echo: KrakenRestShape,
  instruments: ReadonlyArray<Instrument>,
  slow: Effect.Effect<ReadonlyArray<Check>, never, R>
): Effect.Effect<never, never, Exclude<R | Settings | Installation, KrakenRest>> => {
  const all: ReadonlyArray<Effect.Effect<ReadonlyArray<Check>, never, R | KrakenRest | Settings | Installation>> = [
    slow,
    systemCheck,
    feesCheck(instruments),
    accountChecks
  ]
  return Effect.flatMap(Settings, ({ mode }) =>
    Effect.forEach(all, (checks) => Effect.flatMap(checks, (done) => Effect.forEach(done, tell(mode))), {
      concurrency: "unbounded",
      discard: true
    })
  ).pipe(Effect.provideService(KrakenRest, echo), Effect.zipRight(Effect.never))
}
