/** What a judge may see: everything of the account, as plain lists. */
import { HashMap } from "effect"
import type { EpochMs } from "../Time.ts"
import { openOrders } from "./Draft.ts"
import { heldOf } from "./Ledger.ts"
import * as Log from "./Log.ts"
import type { ExchangeState, Fill, LedgerEntry, Order, RequestRecord, SystemMode } from "./State.ts"

export interface View {
  readonly now: EpochMs
  readonly system: SystemMode
  /** Every order ever, by time of opening. */
  readonly orders: ReadonlyArray<Order>
  /** Those that rest, in time priority. */
  readonly open: ReadonlyArray<Order>
  readonly fills: ReadonlyArray<Fill>
  readonly ledgers: ReadonlyArray<LedgerEntry>
  readonly startingBalances: ReadonlyMap<string, bigint>
  readonly balances: ReadonlyMap<string, bigint>
  /** What open orders hold, by wallet. */
  readonly holds: ReadonlyMap<string, bigint>
  readonly switchAt: EpochMs | undefined
  /** The newest private calls and trading requests, oldest first. */
  readonly requests: ReadonlyArray<RequestRecord>
}

export const view = (state: ExchangeState): View => ({
  now: state.now,
  system: state.system,
  orders: [...HashMap.values(state.account.orders)].toSorted(
    (a, b) => a.openedAt - b.openedAt || (a.txid < b.txid ? -1 : 1)
  ),
  open: openOrders(state),
  fills: Log.from(state.account.fills, 0),
  ledgers: Log.from(state.account.ledgers, 0),
  startingBalances: state.startingBalances,
  balances: state.account.balances,
  holds: new Map([...state.account.balances.keys()].map((wallet) => [wallet, heldOf(state, wallet)])),
  switchAt: state.switchAt,
  requests: Log.from(state.requests, 0)
})
