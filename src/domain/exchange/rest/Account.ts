/** Balances, fees, the key's own record and stream tokens over REST. */
import { Either } from "effect"
import * as Fixed from "../../money/Fixed.ts"
import { issueToken, TOKEN_S } from "../Access.ts"
import * as Book from "../Book.ts"
import type { FeeStep } from "../Config.ts"
import { openOrders } from "../Draft.ts"
import * as Fees from "../Fees.ts"
import type { Out } from "../Json.ts"
import { heldOf } from "../Ledger.ts"
import type { ExchangeState } from "../State.ts"
import { balanceOf, decimalsOf, FLEX, restNameOf } from "../Wallet.ts"
import type { PrivateEndpoint } from "./Call.ts"
import { list, pairs } from "./Call.ts"

const wallets = (state: ExchangeState): ReadonlyArray<string> => [...state.account.balances.keys()]

const balance: PrivateEndpoint = {
  permissions: ["query-funds"],
  params: ["rebase_multiplier"],
  reads: true,
  answer: (d) =>
    Either.right(
      Object.fromEntries(
        wallets(d.state).map((wallet) => [
          restNameOf(d.state, wallet),
          Fixed.format(balanceOf(d.state, wallet), decimalsOf(d.state, wallet))
        ])
      )
    )
}

const balanceEx: PrivateEndpoint = {
  permissions: ["query-funds"],
  params: ["rebase_multiplier"],
  reads: true,
  answer: (d) =>
    Either.right(
      Object.fromEntries(
        wallets(d.state).map((wallet) => {
          const decimals = decimalsOf(d.state, wallet)
          return [
            restNameOf(d.state, wallet),
            {
              balance: Fixed.format(balanceOf(d.state, wallet), decimals),
              hold_trade: Fixed.format(heldOf(d.state, wallet), decimals)
            }
          ]
        })
      )
    )
}

/** Worth of all wallets in USD: coins at the best bid, nothing where there is none. */
const equityOf = (state: ExchangeState): bigint => {
  let total = 0n
  for (const wallet of wallets(state)) {
    const asset = wallet.endsWith(FLEX) ? wallet.slice(0, -FLEX.length) : wallet
    const market = [...state.markets.values()].find((one) => one.rules.base === asset)
    const bid = market === undefined ? undefined : Book.bestOf(state, market, "buy")
    const price = asset === "USD" ? Fixed.ONE : (bid?.[0] ?? 0n)
    total += Fixed.multiply(balanceOf(state, wallet), price, "down")
  }
  return total
}

const tradeBalance: PrivateEndpoint = {
  permissions: ["query-funds"],
  params: ["asset", "rebase_multiplier"],
  reads: true,
  answer: (d) => {
    const equity = Fixed.format(equityOf(d.state), 4)
    const open = openOrders(d.state).reduce(
      (sum, order) => sum + Fixed.multiply(order.price, Book.remaining(order), "nearest"),
      0n
    )
    const zero = "0.0000"
    return Either.right({
      eb: equity,
      tb: equity,
      m: zero,
      uv: Fixed.format(open, 4),
      n: zero,
      c: zero,
      v: zero,
      e: equity,
      mf: equity
    })
  }
}

const percent = (rate: bigint): string => Fixed.format(rate * 100n, 4)

const tradeVolume: PrivateEndpoint = {
  permissions: ["query-funds"],
  params: ["pair", "fee-info"],
  reads: true,
  answer: (d, { params }) => {
    const names = list(params.get("pair"))
    Fees.rollVolume(d)
    const { step, next } = Fees.tierOf(d.state)
    const steps = d.state.fees
    const row = (side: "maker" | "taker"): Out => ({
      fee: percent(step[side]),
      minfee: percent((steps.at(-1) ?? step)[side]),
      maxfee: percent((steps[0] ?? step)[side]),
      nextfee: next === undefined ? null : percent(next[side]),
      nextvolume: next === undefined ? null : volume(next),
      tiervolume: volume(step)
    })
    const volume = (at: FeeStep): string => Fixed.format(at.volume, 4)
    return Either.map(names.length === 0 ? Either.right([]) : pairs(d.state, names), (found) => {
      const all = (side: "maker" | "taker"): Out =>
        found.length === 0 ? null : Object.fromEntries(found.map(({ key }) => [key, row(side)]))
      return {
        currency: "ZUSD",
        volume: Fixed.format(d.state.volume.total, 4),
        fees: all("taker"),
        fees_maker: all("maker")
      }
    })
  }
}

const seconds = (ms: number): string => String(Math.floor(ms / 1000))

const apiKeyInfo: PrivateEndpoint = {
  permissions: [],
  params: [],
  reads: true,
  answer: (_, { key }) =>
    Either.right({
      api_key_name: key.name ?? "key",
      api_key: key.apiKey,
      nonce: key.nonce.toString(),
      nonce_window: key.nonceWindow.toString(),
      permissions: key.permissions,
      iban: "",
      valid_until: String(key.validUntil ?? 0),
      query_from: "0",
      query_to: "0",
      created_time: "0",
      modified_time: "0",
      ip_allowlist: key.ipAllowlist ?? [],
      last_used: seconds(key.usedAt)
    })
}

const webSocketsToken: PrivateEndpoint = {
  permissions: ["create-ws-token"],
  params: [],
  reads: false,
  answer: (d, { key }) => Either.right({ token: issueToken(d, key.apiKey), expires: TOKEN_S })
}

export const accountEndpoints: ReadonlyMap<string, PrivateEndpoint> = new Map([
  ["Balance", balance],
  ["BalanceEx", balanceEx],
  ["TradeBalance", tradeBalance],
  ["TradeVolume", tradeVolume],
  ["GetApiKeyInfo", apiKeyInfo],
  ["GetWebSocketsToken", webSocketsToken]
])
