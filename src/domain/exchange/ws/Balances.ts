/** The `balances` channel: a snapshot of all wallets, then one frame per ledger entry. Holds are not shown. */
import type { Draft } from "../Draft.ts"
import type { OutRecord } from "../Json.ts"
import { assetOf, balanceOf, decimalsOf, FLEX } from "../Wallet.ts"
import type { ExchangeState, LedgerEntry } from "../State.ts"
import { deliver } from "./Deliver.ts"
import { amount, message, micros } from "./Text.ts"

const wallets = [
  { suffix: "", type: "spot", id: "main" },
  { suffix: FLEX, type: "earn", id: "flex" }
] as const

const walletOf = (wallet: string): (typeof wallets)[number] => (wallet.endsWith(FLEX) ? wallets[1] : wallets[0])

export const balancesSnapshot = (state: ExchangeState, sequence: number): string => {
  const assets = new Set([...state.account.balances.keys()].map(assetOf))
  const data = [...assets].map((asset): OutRecord => {
    const decimals = decimalsOf(state, asset)
    const held = wallets
      .map((wallet) => ({ ...wallet, balance: balanceOf(state, asset + wallet.suffix) }))
      .filter((wallet) => wallet.balance !== 0n || wallet.suffix === "")
    return {
      asset,
      asset_class: "currency",
      balance: amount(
        held.reduce((sum, wallet) => sum + wallet.balance, 0n),
        decimals
      ),
      wallets: held.map(({ type, id, balance }) => ({ type, id, balance: amount(balance, decimals) }))
    }
  })
  return message("balances", "snapshot", data, { sequence })
}

/** Tells every subscriber of one ledger entry. */
export const ledgerReport = (d: Draft, entry: LedgerEntry): void => {
  const decimals = decimalsOf(d.state, entry.wallet)
  const wallet = walletOf(entry.wallet)
  const row: OutRecord = {
    ledger_id: entry.id,
    ref_id: entry.refid,
    timestamp: micros(entry.at),
    type: entry.type,
    ...(entry.subtype === "" ? {} : { subtype: entry.subtype }),
    asset: assetOf(entry.wallet),
    asset_class: "currency",
    category: entry.type,
    wallet_type: wallet.type,
    wallet_id: wallet.id,
    amount: amount(entry.amount, decimals),
    fee: amount(entry.fee, decimals),
    balance: amount(entry.balance, decimals)
  }
  deliver(d, "balances", true, (subscription) => {
    const sequence = subscription.sequence + 1
    return { text: message("balances", "update", [row], { sequence }), next: { ...subscription, sequence } }
  })
}
