/**
 * From a tick to the order that answers it, over loopback: the trader, a bare client and ccxt, each at an exchange of its own
 * in one process, which takes the stamps. The clients are asked in turns, so that whatever else the machine does falls on all.
 */
import { startHost } from "../exchange/Exchange.ts"
import { pause } from "../pause.ts"
import { percentile } from "../stats.ts"
import { startTrader } from "../trader/Trader.ts"
import { startBare } from "./bare.ts"
import type { Client } from "./Client.ts"
import { loadCcxt, startCcxt } from "./ccxt.ts"

export interface LatencyOptions {
  readonly program: string
  readonly samples: number
  readonly warmUp: number
  /** Options of Node's for the trader, a profiler's say. */
  readonly nodeOptions: ReadonlyArray<string>
  /** Leaves ccxt out. */
  readonly withoutCcxt: boolean
}

export interface Latency {
  readonly client: "trader" | "bare" | "ccxt"
  readonly micros: ReadonlyArray<number>
  /** Ticks that no order answered in time. */
  readonly missed: number
  readonly p50: number
  readonly p99: number
}

export interface LatencyResult {
  readonly clients: ReadonlyArray<Latency>
  /** Why ccxt is not among them. */
  readonly withoutCcxt: string | undefined
}

const TRADER = 0
const BARE = 1
const CCXT = 2
const NAMES = ["trader", "bare", "ccxt"] as const
/** Longest that an order is waited for. */
const WITHIN_MS = 5000
/** Between two samples: what the last one left to do is done, and the next comes at no fixed phase of anybody's timers. */
const REST_MS = [120, 190, 150, 230, 170, 210, 140] as const

/** Every order of turns comes as often as any other, so that nobody always follows the same neighbour. */
const permutations = (all: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> =>
  all.length < 2
    ? [all]
    : all.flatMap((first) => permutations(all.filter((other) => other !== first)).map((rest) => [first, ...rest]))

export const measureLatency = async (options: LatencyOptions): Promise<LatencyResult> => {
  const ccxt = options.withoutCcxt ? "left out" : loadCcxt()
  const host = startHost()
  const clients: Array<Client> = []
  try {
    const ready = await host.ask({ _tag: "Open", market: "fed", count: NAMES.length })
    const [forTrader, forBare, forCcxt] = ready
    if (forTrader === undefined || forBare === undefined || forCcxt === undefined) throw new Error("too few exchanges")
    const trader = await startTrader(forTrader, {
      program: options.program,
      strategy: "onTick",
      watched: false,
      nodeOptions: options.nodeOptions
    })
    clients.push({ close: trader.stop }, await startBare(forBare))
    if (typeof ccxt !== "string") clients.push(await startCcxt(ccxt, forCcxt))
    await trader.entering(60_000)

    const turns = typeof ccxt === "string" ? [TRADER, BARE] : [TRADER, BARE, CCXT]
    const seen = turns.map((): { micros: Array<number>; missed: number } => ({ micros: [], missed: 0 }))
    const orders = permutations(turns)
    let taken = 0
    for (let round = -options.warmUp; round < options.samples; round++) {
      for (const exchange of orders[(round + options.warmUp) % orders.length] ?? turns) {
        const { micros } = await host.ask({ _tag: "Sample", exchange, withinMs: WITHIN_MS })
        const mine = seen[exchange]
        if (round >= 0 && mine !== undefined) {
          if (micros === undefined) mine.missed += 1
          else mine.micros.push(micros)
        }
        taken += 1
        await pause(REST_MS[taken % REST_MS.length] ?? 0)
      }
    }
    return {
      clients: turns.map((turn, i) => {
        const { micros = [], missed = 0 } = seen[i] ?? {}
        return {
          client: NAMES[turn] ?? "trader",
          micros,
          missed,
          p50: percentile(micros, 50),
          p99: percentile(micros, 99)
        }
      }),
      withoutCcxt: typeof ccxt === "string" ? ccxt : undefined
    }
  } finally {
    for (const client of clients.toReversed()) await client.close()
    await host.end()
  }
}
