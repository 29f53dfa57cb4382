/** A plan in words: what befell the trader, and when, for a person who looks at a failure. */
import { iso } from "../domain/Time.ts"
import type { Fault } from "../services/LocalKraken.ts"
import type { PlanInWords } from "../services/Simulator.ts"
import type { Act, Plan } from "./Plan.ts"

/** `1.5 s`, `2 min`, `1 h 5 min`. */
export const span = (ms: number): string => {
  if (ms < 1000) return `${ms} ms`
  if (ms < 120_000) return `${Number((ms / 1000).toFixed(1))} s`
  const minutes = Math.round(ms / 60_000)
  if (minutes < 120) return `${minutes} min`
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** `00:02:13.004`, hours as many as there are. */
export const offset = (ms: number): string => {
  const two = (value: number, digits = 2): string => String(value).padStart(digits, "0")
  return `${two(Math.floor(ms / 3_600_000))}:${two(Math.floor(ms / 60_000) % 60)}:${two(Math.floor(ms / 1000) % 60)}.${two(Math.floor(ms) % 1000, 3)}`
}

const often = (times: number | undefined): string =>
  times === undefined ? "each" : times === 1 ? "the next" : `the next ${times}`

const faultWords = (fault: Fault): string => {
  const done = (executed: boolean): string => (executed ? "is carried out" : "is not carried out")
  if (fault.on === "rest") {
    const { effect, endpoint, times } = fault
    const which = `${often(times)} ${endpoint ?? "call"}`
    switch (effect.kind) {
      case "refuse":
        return `${which} finds the port closed, for ${span(effect.realMs)}`
      case "drop":
        return `${which} ${done(effect.executed)}, and the connection ends without an answer`
      case "cut":
        return `${which} ${done(effect.executed)}, and its answer is cut off`
      case "status":
        return `${which} ${done(effect.executed)}, and is answered with HTTP ${effect.status}`
      case "error":
        return `${which} ${done(effect.executed)}, and is answered with ${effect.error}`
      case "delay":
        return effect.executed
          ? `${which} is answered ${span(effect.realMs)} late`
          : `${which} arrives ${span(effect.realMs)} late`
    }
  }
  const { channel, effect, stream, times } = fault
  const which = `${often(times)} ${channel === undefined ? "frame" : `frame of ${channel}`}${stream === undefined ? "" : ` on the ${stream === "auth" ? "account's" : "public"} stream`}`
  switch (effect.kind) {
    case "silence":
      return `${which} is swallowed${effect.heartbeats ? ", but for heartbeats" : ", heartbeats too"}`
    case "close":
      return `instead of ${which} the stream is closed with code ${effect.code}`
    case "drop":
      return `${which} is lost`
    case "duplicate":
      return `${which} comes twice`
    case "reorder":
      return `${which} comes after its successor`
    case "corrupt":
      return `${which} is corrupted`
    case "garbage":
      return `something that is no JSON comes before ${which}`
    case "delay":
      return `${which} comes ${span(effect.realMs)} late`
    case "mute":
      return `the answer to ${often(times)} ${effect.method ?? "request"} on the stream never comes`
  }
}

const patience = (ms: number | undefined): string => (ms === undefined ? "" : ` (waited for at most ${span(ms)})`)

/** An act in words. */
export const actWords = (act: Act): string => {
  switch (act._tag) {
    case "Fault":
      return `${faultWords(act.fault)} (armed for ${span(act.armedMs)})`
    case "NetworkDown":
      return `nothing gets through for ${span(act.ms)}`
    case "Disconnect":
      return `${act.stream === "both" ? "both streams are" : `the ${act.stream === "auth" ? "account's" : "public"} stream is`} closed with code ${act.code}`
    case "Tokens":
      return "every stream token becomes invalid"
    case "System":
      return `the exchange is in ${act.mode} for ${span(act.ms)}`
    case "Switches":
      return `the exchange answers differently for ${span(act.ms)}: ${JSON.stringify(act.change)}`
    case "Deposit":
      return `${act.amount} ${act.asset} are deposited`
    case "Withdraw":
      return `${act.amount} ${act.asset} are withdrawn`
    case "ToFlex":
      return `auto-earn holds ${act.amount} ${act.asset} for ${span(act.ms)}`
    case "ByHand":
      return `the owner ${act.side === "buy" ? "buys" : "sells"} ${act.quantity} by hand, at market`
    case "EndedByExchange":
      return `the exchange ends a resting order to ${act.side}${patience(act.patienceMs)}`
    case "Filled":
      return `${act.percent} % of what is left of a resting order to ${act.side} is filled${patience(act.patienceMs)}`
    case "Jump":
      return `the price jumps by ${act.percent} %`
    case "Drift":
      return `the price drifts by ${act.percent} % within ${span(act.ms)}`
    case "Quiet":
      return `no quotes for ${span(act.ms)}`
    case "Crossed":
      return `crossed quotes for ${span(act.ms)}`
    case "Crash":
      return `the process is killed${act.torn ? " in the middle of a write" : ""}, and starts again after ${span(act.downMs)}`
    case "Stop":
      return `SIGTERM, and a new start ${span(act.downMs)} after the end`
    case "Freeze":
      return `the process stands still for ${span(act.ms)}`
    case "ClockStep":
      return `the machine's clock is set ${act.deltaMs < 0 ? "back" : "ahead"} by ${span(Math.abs(act.deltaMs))}, for ${span(act.ms)}`
    case "Disk":
      return `the disk takes no writes (${act.reason}) for ${span(act.ms)}`
    case "Pause":
      return `another process pauses the trader for ${span(act.ms)}`
    case "CancelAll":
      return "another process cancels everything"
    case "Flatten":
      return `the operator has everything sold, and lets entries in again after ${span(act.ms)}`
    case "Enter": {
      const { _tag: _, ...wish } = act
      return `the strategy is told to enter${Object.keys(wish).length === 0 ? "" : `: ${JSON.stringify(wish)}`}`
    }
    case "When": {
      const passed = act.skip === undefined || act.skip === 0 ? "the next" : `${act.skip} more and then the next`
      const what = `${passed} ${act.endpoint}${act.side === undefined ? "" : ` to ${act.side}`}`
      return `${act.after === true ? `after ${what} was carried out` : `as ${what} reaches the exchange`}: ${actWords(act.act)}`
    }
    case "Rewrite":
      return `in ${often(act.times)} of ${act.on} ${act.find === undefined ? "the whole text" : JSON.stringify(act.find)} becomes ${JSON.stringify(act.put)}`
    case "Key":
      return `the API key may do no more than ${act.permissions.join(", ") || "nothing"}, for ${span(act.ms)}`
    case "Rules": {
      const { _tag: _, ms, ...rules } = act
      return `the pair's rules change for ${span(ms)}: ${JSON.stringify(rules)}`
    }
    case "OtherProgram":
      return `another program uses the key ${act.times} times, its nonces ${span(act.aheadMs)} ahead`
    case "Twin":
      return `a copy of the trader with other books buys ${act.quantity} at ${act.price}`
    case "NewerSchema":
      return `a newer version of the program has written the database, for ${span(act.ms)}`
  }
}

/** The plan for people: one line an act, with the time since the start and the time of the exchange. */
export const planWords = (plan: Plan): PlanInWords => ({
  name: plan.name,
  start: plan.start,
  lengthMs: plan.lengthMs,
  strike: plan.strike === undefined ? undefined : `effect ${plan.strike.effect}: ${plan.strike.how}`,
  acts: plan.steps.map(({ act, at }) => `+${offset(at)}  ${iso(plan.start + at)}  ${actWords(act)}`)
})
