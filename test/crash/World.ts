/** What a round has: a Kraken of its own as a process, a trader that is started again and again, a hand that fills orders. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseSettings } from "../../src/domain/settings/Parse.ts"
import type { Random } from "../../src/domain/exchange/market/Random.ts"
import { make, seedOf } from "../../src/domain/exchange/market/Random.ts"
import { confirmationCode } from "../../src/layers/node/SettingsNode.ts"
import { rested, startExchange } from "../e2e/live.ts"
import type { Exchange, Settings } from "../e2e/live.ts"
import { eventually, makePlace } from "../e2e/program.ts"
import type { Ended, Place, Running } from "../e2e/program.ts"
import { amount, show } from "./amounts.ts"
import { own } from "./view.ts"
import type { View } from "./view.ts"

/** Limits of every round; small enough that the account's 98.82 USD are never what stops an entry. */
export const LIMITS = { trade: "8", exposure: "20", least: "1" } as const

/** Longest that anything is waited for: an order's deadline, ninety seconds (I20), and a busy machine. */
export const LONG_MS = 180_000

export const pause = (ms: number): Promise<void> =>
  new Promise((done) => {
    setTimeout(done, ms)
  })

/** Enters at or below the best bid whenever it is asked and chance allows, whatever is held; sells within seconds. */
const busyStrategy = (directory: string): string => {
  const path = join(directory, "busy.mjs")
  writeFileSync(
    path,
    `const chance = (now, n) => {
  let h = Math.imul((now | 0) ^ (n * 0x9e3779b9), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32
}
const make = ({ holdMs }) => ({
  name: "busy",
  intervalMinutes: 1,
  warmUpCandles: 1,
  initial: null,
  warmUp: () => null,
  step: (state, { bid, now, tick }) => {
    const limit = bid - Math.floor(chance(now, 1) * 3) * tick
    const exit = {
      target: limit * (1.001 + chance(now, 2) * 0.01),
      stop: limit * (0.999 - chance(now, 3) * 0.01),
      holdFor: Math.round(holdMs * (0.3 + chance(now, 4)))
    }
    const signals = chance(now, 5) < 0.7 ? [{ _tag: "Enter", limit, exit, reason: "busy", features: { bid } }] : []
    return { _tag: "Ready", state, features: {}, signals }
  }
})
export default { name: "busy", make: (params) => ({ _tag: "Right", right: make(params) }) }
`
  )
  return path
}

/** Settings that make for many orders in little time, and for the shortest switch. */
export const busySettings = (directory: string, holdMs: number): Settings => ({
  STRATEGY: busyStrategy(directory),
  STRATEGY_PARAMS: JSON.stringify({ holdMs }),
  MAX_TRADE_SIZE: LIMITS.trade,
  MAX_TOTAL_EXPOSURE: LIMITS.exposure,
  MIN_ORDER_SIZE: LIMITS.least,
  MIN_TRADE_INTERVAL: "1s",
  COOLDOWN_AFTER_LOSS: "0s",
  MAX_TRADES_PER_DAY: "100000",
  MAX_DAILY_LOSSES: "50",
  ENTRY_EXPIRY: "10s",
  RECONCILE_EVERY: "10s",
  DEAD_MAN_SWITCH: "30s",
  BREAKER_COOLDOWN: "5s",
  LOG_FORMAT: "json"
})

/** As `doctor` would tell it. */
const confirmed = (settings: Settings): Settings => {
  const parsed = parseSettings(settings, { entries: [], problems: [] })
  if (parsed._tag === "Left") throw new Error(JSON.stringify(parsed.left))
  return { ...settings, LIVE_TRADING_CONFIRMED: confirmationCode(parsed.right) }
}

export interface Status {
  readonly state: string
  readonly reasons: ReadonlyArray<string>
  readonly pid: number | null
  readonly unknownOrders: ReadonlyArray<string>
  readonly lots: ReadonlyArray<{ readonly exit: string }>
  readonly store: { readonly ok: boolean }
}

/** What is held and large enough to be sold alone. */
export const sellable = ({ lots }: Status): number => lots.filter(({ exit }) => exit !== "dust").length

export interface World {
  readonly place: Place
  readonly random: Random
  readonly settings: Settings
  /** A line of the round's own story. */
  readonly say: (text: string) => void
  /** What is not so is a violation; the round goes on. */
  readonly expect: (so: boolean, text: string) => void
  readonly story: ReadonlyArray<string>
  readonly broken: ReadonlyArray<string>
  /** Starts the trader; whatever ran before has ended. */
  readonly start: () => Running
  readonly status: () => Promise<Status | undefined>
  /** Waits until the running trader may enter; by hand or by time, never by a restart. */
  readonly trading: (withinMs?: number) => Promise<void>
  /** A command beside the trader. */
  readonly command: (...args: ReadonlyArray<string>) => Promise<Ended>
  /** The graceful stop: exit codes, and nothing of the trader's left in the folder. */
  readonly stop: () => Promise<void>
}

export interface LiveWorld extends World {
  readonly exchange: Exchange
  readonly view: () => Promise<View>
  readonly operate: (name: string, params?: object) => Promise<unknown>
  /** Starts filling the trader's orders, wholly or in part, until the returned function is called. */
  readonly fillOrders: () => () => Promise<void>
}

const makeWorld = (name: string, seed: number, place: Place, settings: Settings): World => {
  const random = make(seedOf(seed, name))
  const story: Array<string> = []
  const broken: Array<string> = []
  const begun = Date.now()
  const say = (text: string): void => {
    story.push(`${((Date.now() - begun) / 1000).toFixed(2).padStart(7)} s  ${text}`)
  }
  const expect = (so: boolean, text: string): void => {
    if (so) return
    broken.push(text)
    say(`NOT SO: ${text}`)
  }
  let current: Running | undefined
  let started = 0
  const status = async (): Promise<Status | undefined> => {
    try {
      const { url } = JSON.parse(readFileSync(join(place.dataDir, "control.json"), "utf8")) as { readonly url: string }
      const response = await fetch(`${url}/status`, { signal: AbortSignal.timeout(2000) })
      return (await response.json()) as Status
    } catch {
      return undefined
    }
  }
  const command: World["command"] = async (...args) => {
    const ended = await place.run(args, settings)
    say(`${args.join(" ")}: exit ${ended.code}; ${`${ended.out} ${ended.error}`.replaceAll(/\s+/g, " ").trim()}`)
    return ended
  }
  return {
    place,
    random,
    settings,
    say,
    expect,
    story,
    broken,
    status,
    command,
    start: () => {
      const trader = place.start(["trade"], settings)
      current = trader
      started += 1
      const n = started
      say(`trader ${n} starts, process ${trader.process.pid}`)
      void trader.ended.then(({ code, error }) => {
        say(`trader ${n} has ended: ${code ?? "killed"}`)
        writeFileSync(join(place.directory, `trader-${n}.log`), error)
      })
      return trader
    },
    trading: async (withinMs = LONG_MS) => {
      const begun = Date.now()
      await eventually(
        status,
        (now) => {
          if (current?.process.exitCode !== null) throw new Error(`the trader ended: ${current?.error().slice(-2000)}`)
          return now?.state === "trading" && now.pid === current.process.pid && now.unknownOrders.length === 0
        },
        withinMs
      )
      say(`trading, after ${((Date.now() - begun) / 1000).toFixed(1)} s`)
    },
    stop: async () => {
      const trader = current
      if (trader === undefined) return
      const asked = await command("stop", "--timeout", "60s")
      expect(asked.code === 0, `the graceful stop's exit code is ${asked.code}: ${asked.out} ${asked.error}`)
      if (asked.code !== 0) trader.process.kill("SIGKILL")
      const ended = await trader.ended
      expect(ended.code === 0, `the trader stopped with ${ended.code}: ${ended.error.slice(-600)}`)
      expect(!existsSync(join(place.dataDir, "control.json")), "control.json is still there after the stop")
    }
  }
}

/** A paper trader, whose Kraken is in its own process. */
export const paperWorld = (name: string, seed: number): World => {
  const place = makePlace()
  return makeWorld(name, seed, place, {
    ...busySettings(place.directory, 120_000),
    PAPER_SEED: String(seed % 1_000_000),
    DEAD_MAN_SWITCH: "60s"
  })
}

/** A live trader at an exchange that is a process of its own. */
export const liveWorld = async (name: string, seed: number, change: Settings = {}): Promise<LiveWorld> => {
  const place = makePlace()
  try {
    const exchange = await startExchange(place, { PAPER_SEED: String(seed % 1_000_000) })
    await rested(place.dataDir)
    const settings = confirmed({ ...exchange.settings, ...busySettings(place.directory, 8000), ...change })
    const world = makeWorld(name, seed, place, settings)
    const view = async (): Promise<View> => (await exchange.operate("view")) as View
    const hand = make(seedOf(seed, name, "hand"))
    const fillOnce = async (): Promise<void> => {
      const { open } = await view()
      for (const order of own(open)) {
        if (hand.next() > 0.4) continue
        const rest = amount(order.quantity) - amount(order.filled)
        // a third of the fills are partial, at the finest step
        const part = hand.next() < 0.33 ? ((rest / 10_000n) * BigInt(Math.ceil(hand.next() * 10_000))) / 10_000n : rest
        const quantity = part - (part % 10_000n)
        if (quantity > 0n) await exchange.operate("fill", { txid: order.txid, quantity: show(quantity) })
      }
    }
    return {
      ...world,
      exchange,
      view,
      operate: async (name, params) => {
        world.say(`exchange: ${name} ${JSON.stringify(params ?? {})}`)
        return await exchange.operate(name, params)
      },
      fillOrders: () => {
        const off = new AbortController()
        const run = async (): Promise<void> => {
          while (!off.signal.aborted) {
            await pause(hand.between(150, 500))
            // an order may end between the look and the fill, and the exchange may be away
            await fillOnce().catch(() => undefined)
          }
        }
        const done = run()
        return async () => {
          off.abort()
          await done
        }
      }
    }
  } catch (cause) {
    await place.clear()
    throw cause
  }
}

/** Keeps the story of a round beside what it left. */
export const keep = (world: World, broken: ReadonlyArray<string>): void => {
  writeFileSync(join(world.place.directory, "story.txt"), `${[...world.story, "", ...broken].join("\n")}\n`)
}
