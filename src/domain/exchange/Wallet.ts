/** Wallets: `XLM` is what can be traded, `XLM.F` what auto-earn holds. */
import type { ExchangeState } from "./State.ts"

/** Suffix of the wallet that auto-earn moves funds to; what is there cannot be traded. */
export const FLEX = ".F"

/** The asset of a wallet: `XLM` for `XLM` and `XLM.F`. */
export const assetOf = (wallet: string): string => (wallet.endsWith(FLEX) ? wallet.slice(0, -FLEX.length) : wallet)

/** Decimals of an asset's ledger; eight for one that is not listed. */
export const decimalsOf = (state: ExchangeState, wallet: string): number =>
  state.assets.find((asset) => asset.name === assetOf(wallet))?.decimals ?? 8

export const balanceOf = (state: ExchangeState, wallet: string): bigint => state.account.balances.get(wallet) ?? 0n

/** The key of a wallet in REST balances: `XXLM`, `XLM.F`. */
export const restNameOf = (state: ExchangeState, wallet: string): string =>
  state.assets.find((asset) => asset.name === wallet)?.id ?? wallet
