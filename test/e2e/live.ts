/** A Kraken of the test's own as a process, and what a trader needs to trade live at it. */
import { mkdirSync, writeFileSync } from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { Effect } from "effect"
import * as RateBudget from "../../src/domain/kraken/RateBudget.ts"
import { LIMITS_NOTE } from "../../src/layers/kraken/rest/RateLimitsLive.ts"
import * as StoreSqlite from "../../src/layers/sqlite/StoreSqlite.ts"
import { Store } from "../../src/services/Store.ts"
import { eventually } from "./program.ts"
import type { Place, Running } from "./program.ts"

interface Ready {
  readonly restUrl: string
  readonly wsUrl: string
  readonly wsAuthUrl: string
  readonly apiKey: string
  readonly apiSecret: string
  readonly controlToken: string
}

export interface Exchange extends Ready {
  readonly running: Running
  /** One of the exchange's own controls, over its door. */
  readonly operate: (name: string, params?: object) => Promise<unknown>
  /** Settings of a live trader at this exchange: its addresses and its key. */
  readonly settings: Readonly<Record<string, string>>
}

export type Settings = Readonly<Record<string, string>>

/** Tier of the account: the one whose calls wait least for their turn. */
const tier: Settings = { KRAKEN_API_TIER: "pro" }

/** A loaded machine answers late: that is no skew of clocks here, and no silence of the market's. */
const patience: Settings = { MAX_CLOCK_SKEW: "5s", STALE_AFTER: "1m" }

/** Starts `exchange --json` at the pace of the real clock, which a live trader goes by. */
export const startExchange = async (place: Place, settings: Settings = {}): Promise<Exchange> => {
  const args = ["exchange", "--json", "--speed", "1", "--port", "0", "--balances", '{"USD":"98.82"}']
  const running = place.start(args, { ...tier, ...settings })
  const line = await eventually(
    () => Promise.resolve(running.out()),
    (out) => out.endsWith("\n"),
    120_000
  )
  const ready = JSON.parse(line) as Ready
  const operate: Exchange["operate"] = async (name, params = {}) => {
    const response = await fetch(`${ready.restUrl}/control/${name}`, {
      method: "POST",
      headers: { authorization: `Bearer ${ready.controlToken}` },
      body: JSON.stringify(params)
    })
    const answer = (await response.json()) as { readonly result?: unknown; readonly error?: string }
    if (answer.error !== undefined) throw new Error(`${name}: ${answer.error}`)
    return answer.result
  }
  // its time begins as it begins to start, which a loaded machine draws out: a live trader refuses such a skew
  const { now } = (await operate("view")) as { readonly now: number }
  await operate("advance", { ms: Math.max(0, Date.now() - now) })
  return {
    ...ready,
    running,
    operate,
    settings: {
      ...tier,
      ...patience,
      TRADING_MODE: "live",
      KRAKEN_REST_URL: ready.restUrl,
      KRAKEN_WS_URL: ready.wsUrl,
      KRAKEN_WS_AUTH_URL: ready.wsAuthUrl,
      KRAKEN_API_KEY: ready.apiKey,
      KRAKEN_API_SECRET: ready.apiSecret
    }
  }
}

/**
 * A data folder whose records say that the account's counters are empty. A first start takes them for full, which is right
 * with an account that others may have used, and long to wait for here.
 */
export const rested = (dataDir: string): Promise<void> => {
  mkdirSync(dataDir, { mode: 0o700, recursive: true })
  const value = RateBudget.serialise(RateBudget.empty(Date.now()), true)
  return Effect.runPromise(
    Effect.flatMap(Store, (store) => store.commit([{ _tag: "Note", key: LIMITS_NOTE, value }])).pipe(
      Effect.provide(StoreSqlite.withDatabase({ file: join(dataDir, "trading.db"), role: "visitor" }))
    )
  )
}

/** A strategy that enters at the best bid whenever nothing is held; its path, for STRATEGY. */
export const eagerStrategy = (directory: string): string => {
  const path = join(directory, "eager.mjs")
  writeFileSync(
    path,
    `export default {
  name: "eager",
  make: () => ({
    _tag: "Right",
    right: {
      name: "eager",
      intervalMinutes: 1,
      warmUpCandles: 2,
      initial: null,
      warmUp: () => null,
      step: (state, view) => ({
        _tag: "Ready",
        state,
        features: {},
        signals: view.engaged
          ? []
          : [
              {
                _tag: "Enter",
                limit: view.bid,
                exit: { target: view.bid * 1.05, stop: view.bid * 0.8, holdFor: 3600000 },
                reason: "nothing is held",
                features: {}
              }
            ]
      })
    }
  })
}
`
  )
  return path
}

/** The code that confirms live trading, as `doctor` tells it. */
export const confirmationCode = (doctorJson: string): string =>
  (JSON.parse(doctorJson) as { readonly confirmationCode: string }).confirmationCode

/** A server on loopback, with what it was sent. Closed by the caller. */
export const serve = async (
  answer: (request: Http.IncomingMessage, body: Buffer, response: Http.ServerResponse) => void
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> => {
  const server = Http.createServer((request, response) => {
    const parts: Array<Buffer> = []
    request.on("data", (part: Buffer) => parts.push(part))
    request.on("end", () => answer(request, Buffer.concat(parts), response))
  })
  await new Promise<void>((done) => {
    server.listen(0, "127.0.0.1", done)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      })
  }
}
