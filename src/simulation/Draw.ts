/** Draws a plan from a seed: what befalls the trader in an hour that nobody would wish for. */
import type { Random } from "../domain/exchange/market/Random.ts"
import { make, seedOf } from "../domain/exchange/market/Random.ts"
import type { RestFault, StreamFault } from "../services/LocalKraken.ts"
import type { Act, Plan, Step } from "./Plan.ts"

const HOUR_MS = 3_600_000
/** 2024-03-10T00:00:00Z, a day on which nothing special happens to clocks in UTC. */
const DAY = 1_710_028_800_000

/** Every error text of Kraken's that a private call may meet without meaning that the key is unfit. */
const errors = [
  "EService:Unavailable",
  "EService:Busy",
  "EService:Timeout",
  "EService:Deadline elapsed",
  "EService:Market in cancel_only mode",
  "EService:Market in post_only mode",
  "EGeneral:Internal error",
  "EGeneral:Temporary lockout",
  "EAPI:Rate limit exceeded",
  "EAPI:Invalid nonce",
  "EOrder:Rate limit exceeded",
  "EOrder:Insufficient funds",
  "EOrder:Order minimum not met",
  "EOrder:Orders limit exceeded",
  "EOrder:Unknown order",
  "EOrder:Scheduled orders limit exceeded",
  "EOrder:Invalid price",
  "EQuery:Unknown asset pair",
  "EFuture:Something nobody has seen"
]
const endpoints = [
  "AddOrder",
  "CancelOrder",
  "AmendOrder",
  "CancelAllOrdersAfter",
  "OpenOrders",
  "ClosedOrders",
  "TradesHistory",
  "QueryOrders",
  "BalanceEx",
  "Ledgers",
  "GetWebSocketsToken",
  "Ticker",
  "OHLC"
]
const channels = ["ticker", "executions", "balances", "heartbeat", "status"]
const codes = [1000, 1001, 1006, 1008, 1011, 1012, 1013, 4000]
const statuses = [500, 502, 503, 504, 520, 522, 524, 429, 403]

const pick = <A>(random: Random, all: ReadonlyArray<A>): A => {
  const chosen = all[Math.floor(random.next() * all.length)]
  if (chosen === undefined) throw new RangeError("nothing to choose from")
  return chosen
}
const whole = (random: Random, low: number, high: number): number => Math.floor(random.between(low, high + 1))
const coin = (random: Random, chance = 0.5): boolean => random.next() < chance

const restFault = (random: Random): RestFault => {
  const executed = coin(random)
  const effect = ((): RestFault["effect"] => {
    switch (whole(random, 0, 6)) {
      case 0:
        return { kind: "refuse", realMs: whole(random, 500, 20_000) }
      case 1:
        return { kind: "drop", executed }
      case 2:
        return { kind: "cut", executed }
      case 3:
        return { kind: "status", status: pick(random, statuses), executed }
      case 4:
        return { kind: "error", error: pick(random, errors), executed: false }
      default:
        return { kind: "delay", realMs: whole(random, 500, 60_000), executed }
    }
  })()
  return {
    on: "rest",
    // orders matter most, so that half of all strikes are theirs
    ...(coin(random, 0.5) ? { endpoint: "AddOrder" } : coin(random, 0.8) ? { endpoint: pick(random, endpoints) } : {}),
    times: whole(random, 1, 4),
    effect
  }
}

const streamFault = (random: Random): StreamFault => {
  const effect = ((): StreamFault["effect"] => {
    switch (whole(random, 0, 8)) {
      case 0:
        return { kind: "silence", heartbeats: coin(random) }
      case 1:
        return { kind: "close", code: pick(random, codes) }
      case 2:
        return { kind: "drop" }
      case 3:
        return { kind: "duplicate" }
      case 4:
        return { kind: "reorder" }
      case 5:
        return { kind: "corrupt" }
      case 6:
        return { kind: "garbage" }
      case 7:
        return { kind: "delay", realMs: whole(random, 100, 20_000) }
      default:
        return { kind: "mute" }
    }
  })()
  const lasting = effect.kind === "silence"
  return {
    on: "stream",
    ...(coin(random, 0.7) ? { stream: coin(random, 0.7) ? "auth" : "public" } : {}),
    ...(coin(random, 0.5) ? { channel: pick(random, channels) } : {}),
    ...(lasting ? {} : { times: whole(random, 1, 5) }),
    effect
  }
}

const act = (random: Random): Act => {
  const side = coin(random) ? "buy" : "sell"
  switch (whole(random, 0, 30)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
      return { _tag: "Fault", fault: restFault(random), armedMs: whole(random, 10_000, 300_000) }
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
      return { _tag: "Fault", fault: streamFault(random), armedMs: whole(random, 5000, 90_000) }
    case 12:
      return { _tag: "NetworkDown", ms: whole(random, 200, 120_000) }
    case 13:
      return {
        _tag: "Disconnect",
        stream: pick(random, ["public", "auth", "both"] as const),
        code: pick(random, codes)
      }
    case 14:
      return { _tag: "Tokens" }
    case 15:
      return {
        _tag: "System",
        mode: pick(random, ["maintenance", "cancel_only", "post_only", "limit_only"] as const),
        ms: whole(random, 5000, 180_000)
      }
    case 16:
      return {
        _tag: "Switches",
        change: pick(random, [
          { restLagMs: whole(random, 1000, 60_000) },
          { reportLagMs: whole(random, 100, 20_000) },
          { postOnlyCross: "cancel" as const },
          { ackFirst: false },
          { deltasCarryClOrdId: true, filledCarriesTotals: false },
          { amendKeepsPostOnly: false },
          { queueAheadPct: 0 }
        ]),
        ms: whole(random, 30_000, 600_000)
      }
    case 17:
      return {
        _tag: coin(random) ? "Deposit" : "Withdraw",
        asset: coin(random, 0.8) ? "USD" : "XLM",
        amount: String(whole(random, 1, 20))
      }
    case 18:
      return {
        _tag: "ToFlex",
        asset: coin(random) ? "USD" : "XLM",
        amount: String(whole(random, 10, 100)),
        ms: whole(random, 30_000, 300_000)
      }
    case 19:
      return { _tag: "ByHand", side: "buy", quantity: String(whole(random, 20, 60)) }
    case 20:
      return { _tag: "EndedByExchange", side }
    case 21:
    case 22:
      return { _tag: "Filled", side, percent: pick(random, [3, 20, 50, 90, 100]) }
    case 23:
      return { _tag: "Jump", percent: pick(random, [-8, -4, -2, -1, 1, 2, 4, 8]) }
    case 24:
      return coin(random)
        ? { _tag: "Quiet", ms: whole(random, 5000, 120_000) }
        : { _tag: "Crossed", ms: whole(random, 1000, 60_000) }
    case 25:
    case 26:
      return { _tag: "Crash", downMs: whole(random, 100, 120_000), torn: coin(random, 0.3) }
    case 27:
      return { _tag: "Stop", downMs: whole(random, 500, 30_000) }
    case 28:
      return { _tag: "Freeze", ms: whole(random, 500, 150_000) }
    case 29:
      return coin(random)
        ? {
            _tag: "ClockStep",
            deltaMs: pick(random, [-3_600_000, -60_000, -2000, 2000, 60_000, 3_600_000]),
            ms: whole(random, 10_000, 200_000)
          }
        : { _tag: "Pause", ms: whole(random, 5000, 120_000) }
    default:
      return {
        _tag: "Disk",
        reason: pick(random, ["busy", "full", "io", "readonly"] as const),
        ms: whole(random, 200, 90_000)
      }
  }
}

/** What an account lives through on any day. */
const ordinary: ReadonlySet<Act["_tag"]> = new Set<Act["_tag"]>(["Filled", "ByHand", "Deposit", "Withdraw"])

/** Whether something goes wrong with it; the rest is fills, bookings and what the owner does. */
export const isFault = ({ _tag }: Act): boolean => !ordinary.has(_tag)

/** Fewest and most acts of an hour; of these as many as the fewest are faults. */
const LEAST = 10
const MOST = 26

/** The plan of a seed: an hour (or so much else) with at least ten faults an hour. */
export const draw = (seed: number, lengthMs: number = HOUR_MS): Plan => {
  const random = make(seedOf(seed, "plan"))
  const hours = Math.max(1, lengthMs / HOUR_MS)
  const count = Math.round(whole(random, LEAST, MOST) * hours)
  const stepOf = (from: Random): Step => ({ at: whole(from, 20_000, lengthMs - 1), act: act(from) })
  const drawn = Array.from({ length: count }, () => stepOf(random))
  const more = make(seedOf(seed, "more"))
  for (let left = LEAST * hours - drawn.filter((step) => isFault(step.act)).length; left > 0;) {
    const step = stepOf(more)
    if (!isFault(step.act)) continue
    drawn.push(step)
    left -= 1
  }
  const steps = drawn.toSorted((a, b) => a.at - b.at)
  const tight = coin(random, 0.2)
  return {
    name: "hour of faults",
    seed,
    // one run in four crosses midnight
    start: DAY + (coin(random, 0.25) ? 24 * HOUR_MS - Math.floor(lengthMs / 2) : whole(random, 0, 20 * HOUR_MS)),
    lengthMs,
    strategy: "eager",
    market: {
      quoteEveryMs: 10_000,
      volatility: pick(random, [0.1, 0.25, 0.25, 0.5]),
      trades: pick(random, [0.3, 0.6, 0.9])
    },
    limits: {
      maxTradeSize: "10",
      maxTotalExposure: pick(random, ["10", "10", "25"]),
      maxDailyLoss: tight ? "0.15" : "20"
    },
    steps
  }
}
