/** ccxt's REST client as it comes, from the folder of the peers; its ticks come over a plain socket. */
import { spawnSync } from "node:child_process"
import { createRequire } from "node:module"
import { resolve } from "node:path"
import type { Ready } from "../exchange/messages.ts"
import { TICK_BID } from "../exchange/messages.ts"
import type { Client } from "./Client.ts"
import { QUANTITY, SYMBOL, watchTicker } from "./Client.ts"

/** What of ccxt is used here. */
interface Kraken {
  readonly urls: { readonly api: { public: string; private: string } }
  readonly loadMarkets: () => Promise<unknown>
  readonly createOrder: (
    symbol: string,
    type: "limit",
    side: "buy",
    amount: number,
    price: number,
    params: { readonly postOnly: true }
  ) => Promise<unknown>
  readonly close?: () => Promise<void>
}
interface Ccxt {
  readonly version: string
  readonly kraken: new (options: {
    readonly apiKey: string
    readonly secret: string
    readonly enableRateLimit: false
  }) => Kraken
}

/** Installs the peers as `npm run test:peers` does; says why not where that fails. */
export const loadCcxt = (): Ccxt | string => {
  const { status } = spawnSync(process.execPath, [resolve("test/peers/install.mjs")], { stdio: "inherit" })
  if (status !== 0) return "not installed: the package registry could not be reached"
  return createRequire(resolve(".cache/peers/package.json"))("ccxt") as Ccxt
}

export const startCcxt = async (ccxt: Ccxt, ready: Ready): Promise<Client> => {
  const kraken = new ccxt.kraken({ apiKey: ready.apiKey, secret: ready.apiSecret, enableRateLimit: false })
  Object.assign(kraken.urls.api, { public: ready.restUrl, private: ready.restUrl })
  await kraken.loadMarkets()
  const socket = await watchTicker(ready.wsUrl, () => {
    kraken
      .createOrder(SYMBOL, "limit", "buy", QUANTITY, Number(TICK_BID), { postOnly: true })
      .catch((error: unknown) => console.error(`ccxt's order failed: ${String(error)}`))
  })
  return {
    close: async () => {
      socket.terminate()
      await kraken.close?.()
    }
  }
}
