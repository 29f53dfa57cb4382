/**
 * What a command opens only when it must, because opening it leaves traces: the database for writing, and the exchange.
 * The composition root says how; nothing is opened before it is used, everything is closed with the scope.
 */
import type { Effect, Scope } from "effect"
import { Context } from "effect"
import type { MarketClock } from "../../services/Clock.ts"
import type { Installation } from "../../services/Installation.ts"
import type { KrakenRest } from "../../services/KrakenRest.ts"
import type { LocalKrakenError, TapeError } from "../../services/LocalKraken.ts"
import type { Nonce } from "../../services/Nonce.ts"
import type { StoreFailed, StoreShape } from "../../services/Store.ts"
import type { Store } from "../../services/Store.ts"
import type { FlattenRun } from "../flatten/FlattenRun.ts"
import type { CommandFailed } from "./ExitCode.ts"

/** The services of a command that acts at the exchange beside the trader, with nonces from the same row. */
export type ExchangeBeside = Store | Nonce | KrakenRest | MarketClock | Installation

export type BesideError = StoreFailed | LocalKrakenError | TapeError | CommandFailed

export interface BesideShape {
  /** The database as a visitor beside the trader. */
  readonly store: Effect.Effect<StoreShape, StoreFailed, Scope.Scope>
  /** The exchange of these settings: Kraken, or in paper mode the local one of the data folder. */
  readonly exchange: Effect.Effect<Context.Context<ExchangeBeside>, BesideError, Scope.Scope>
  /** The same to try things at: in paper mode one that lives in memory, so that nothing is left behind. */
  readonly toTry: Effect.Effect<Context.Context<ExchangeBeside>, BesideError, Scope.Scope>
  /** Makes the data folder, and binds it to its mode and account or refuses it. Under the instance lock. */
  readonly folder: Effect.Effect<void, CommandFailed>
  /** Where no trader runs: the trading program itself, under the instance lock, selling everything until it ends. */
  readonly sellAll: (run: FlattenRun) => Effect.Effect<void, CommandFailed>
}

export class Beside extends Context.Tag("trader/programs/cli/Beside")<Beside, BesideShape>() {}
