/**
 * One simulation: a plan is carried out on virtual time, the trader lives, dies and starts again, and after the faults a
 * quiet phase shows whether everything comes to rest. The same plan gives the same run, to the last byte.
 */
import * as FileSystem from "node:fs"
import { Option } from "effect"
import { defaultSwitches, tradingPermissions } from "../domain/exchange/Config.ts"
import * as Operator from "../domain/exchange/Operator.ts"
import type { EpochMs } from "../domain/Time.ts"
import { iso } from "../domain/Time.ts"
import type { Violation } from "./Witness.ts"
import { world } from "./Loop.ts"
import { SYMBOL } from "./Market.ts"
import type { Outcome } from "./Outcome.ts"
import { outcome } from "./Outcome.ts"
import type { Plan } from "./Plan.ts"
import { sealed } from "./sealed.ts"
import { Acts } from "./Acts.ts"
import type { RunOptions } from "./World.ts"
import { write } from "./World.ts"
export interface RunResult {
  readonly violations: ReadonlyArray<Violation>
  /** Over everything that was sent, heard, decided and done. */
  readonly hash: string
  readonly simulatedMs: number
  /** From the end of the faults until books and account agreed, nothing was unknown and an entry had been placed, for good. */
  readonly settledAfterMs: number | undefined
  readonly tasks: number
  readonly effects: number
  /** What the struck effect was. */
  readonly struck: string | undefined
  readonly steps: number
  readonly orders: number
  readonly entries: number
  readonly fills: number
  readonly lives: number
  readonly faults: number
  /** Effects until everything was made to work again. */
  readonly effectsInStory: number
  readonly outcome: Outcome
}

/** The quiet phase lasts at least and at most so long. */
const QUIET_LEAST_MS = 120_000
const QUIET_MOST_MS = 45 * 60_000
/** What a latch that relapsed all day has to wait for at most, beyond that: the breaker's longest cool-down. */
const LONGEST_COOLDOWN_MS = 3_600_000
const LOOK_EVERY_MS = 5000
const CHECK_EVERY_MS = 60_000
/** In a long run the operator looks in so often, and old bookings are looked at again. */
const ATTEND_EVERY_MS = 3_600_000

class Simulation extends Acts {
  // ---- the quiet phase -------------------------------------------------------------------------------------------------

  /** Everything works again, and stays so. */
  private calm(): void {
    this.quiet = true
    this.note(`${this.loop.now} calm`)
    this.faults.clear()
    this.network.mend()
    this.effects.disk = undefined
    this.machine.skewMs = 0
    this.exchange.take((state) => ({ state: Operator.setSwitches(state, defaultSwitches), frames: [] }))
    if (this.exchange.state.system !== "online") this.operate((state, now) => Operator.setSystem(state, "online", now))
    this.bringBack()
    this.market.calm()
    this.traffic.clear()
    this.permit(tradingPermissions)
    const rules = this.exchange.state.markets.get(SYMBOL)?.rules
    if (this.rules !== undefined && rules !== this.rules) this.rule(this.rules)
    if (this.knownSchema !== undefined) this.schema(this.knownSchema)
    this.moveFence({ paused: false, operatorLatch: Option.none() }, false)
  }

  /** What was taken out of the trader's own coins is brought back, as its alert asks for. */
  private bringBack(): void {
    const missing = this.judge.missing()
    if (missing > 0n) this.operate((state, now) => Operator.deposit(state, "XLM", missing, now))
  }

  /** What the operator does when a latch waits for a person. */
  private attend(): void {
    // a start that found something to correct says so, and waits for a person to start it again
    if (this.exitsOnly && this.process.alive) {
      this.exitsOnly = false
      this.downMs = 1000
      this.life?.stop()
    }
    const held = this.judge.latched()
    for (const line of held) {
      const invariant = line.startsWith("invariant")
      // refused nonces that the plan itself sends are rightly taken for another program on the key
      const refusedNonce = line.includes("higher nonce") && write(this.plan.steps).includes("EAPI:Invalid nonce")
      const told = this.plan.latches?.includes("invariant") === true
      if (invariant && !refusedNonce && !told) this.judge.violate("I22", this.loop.now, `the trader found ${line}`)
      if (invariant || line.startsWith("balance") || line.startsWith("operator")) {
        const engine = this.process.alive ? this.life?.engine() : undefined
        engine?.offer({ _tag: "Reset", cause: undefined, reason: "the simulated operator has looked" })
      }
    }
  }

  private settle(): number | undefined {
    const { judge, loop } = this
    const from = loop.now
    const entriesBefore = judge.entries
    this.told.wishes.splice(0, Number.POSITIVE_INFINITY, {})
    let waiting: ReadonlyArray<string> = []
    let settledAfter: number | undefined
    let stated = 0
    while (loop.now - from < QUIET_MOST_MS + stated) {
      if (!this.advance(loop.now + LOOK_EVERY_MS)) return undefined
      // a cool-down that runs when the faults end is a wait that the trader states
      if (loop.now - from < QUIET_LEAST_MS) {
        stated = Math.max(stated, Math.min(judge.coolsUntil() - from, LONGEST_COOLDOWN_MS))
      }
      this.tellMinute()
      if (!this.process.alive) {
        waiting = ["the trader does not run"]
        settledAfter = undefined
        continue
      }
      this.attend()
      waiting = [...judge.differences(), ...judge.unattended()]
      // the day's loss is the day's
      const spent = judge.latched().some((line) => line.startsWith("dailyLoss"))
      if (judge.entries === entriesBefore && !spent)
        waiting = [...waiting, "no entry has been placed since the faults ended"]
      settledAfter = waiting.length === 0 ? (settledAfter ?? loop.now - from) : undefined
      if (settledAfter !== undefined && loop.now - from >= QUIET_LEAST_MS) return settledAfter
      if (judge.violations.length > 0) return undefined
    }
    for (const line of waiting) judge.violate("I20", loop.now, line)
    const latched = judge.latched()
    if (waiting.length > 0 && latched.length > 0) judge.violate("I20", loop.now, `still latched: ${latched.join("; ")}`)
    return undefined
  }

  private advance(until: EpochMs): boolean {
    if (this.loop.run(until)) return true
    this.judge.violate("I20", this.loop.now, "the program spins: time does not move on")
    return false
  }

  private tellMinute(): void {
    const { judge, loop, options, plan } = this
    options.onMinute?.({
      simulatedMs: loop.now - plan.start,
      tasks: loop.ran,
      violations: judge.violations.length
    })
  }

  run(): RunResult {
    const { effects, exchange, judge, loop, plan } = this
    this.market.run()
    this.start(false)
    for (const { act, at } of plan.steps) {
      loop.at(plan.start + at, world, () => this.act(act))
    }
    const end = plan.start + plan.lengthMs
    while (loop.now < end && judge.violations.length === 0) {
      if (!this.advance(Math.min(end, loop.now + CHECK_EVERY_MS))) break
      const attended = loop.now < end && (loop.now - plan.start) % ATTEND_EVERY_MS === 0
      judge.checkBooked(attended)
      this.tellMinute()
      if (attended) {
        this.bringBack()
        this.attend()
      }
    }
    let settledAfterMs: number | undefined
    const effectsInStory = effects.count
    if (judge.violations.length === 0 && this.options.storyOnly !== true) {
      this.calm()
      settledAfterMs = this.settle()
      judge.checkBooked(true)
    }
    this.process.kill()
    const told = outcome({
      state: exchange.state,
      plan,
      isOwn: (order) => judge.isOwn(order),
      latches: judge.history(),
      ends: this.ends,
      alerts: this.alerts,
      requests: judge.requests
    })
    judge.close()
    this.digest()
    this.life?.letGo()
    FileSystem.rmSync(this.root, { recursive: true, force: true })
    return {
      violations: judge.violations,
      hash: this.hash.digest("hex").slice(0, 16),
      simulatedMs: loop.now - plan.start,
      settledAfterMs,
      tasks: loop.ran,
      effects: effects.count,
      struck: effects.struck,
      steps: exchange.steps,
      orders: judge.orders,
      entries: judge.entries,
      fills: judge.fills,
      lives: this.lives,
      faults: this.acts,
      effectsInStory,
      outcome: told
    }
  }
}

/** Carries a plan out. */
export const simulate = (plan: Plan, options: RunOptions = {}): RunResult => {
  const simulation = new Simulation(plan, options)
  return sealed(
    () => simulation.run(),
    (what) => simulation.judge.violate("I21", simulation.loop.now, `something waited for the machine: ${what}`)
  )
}

/** A violation as a line. */
export const tell = ({ at, invariant, text }: Violation): string => `${iso(at)} ${invariant}: ${text}`
