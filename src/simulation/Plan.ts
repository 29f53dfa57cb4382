/** What a run consists of: a market, a trader's limits, and what befalls them at which instant. A plan is plain data. */
import type { Permission, Switches } from "../domain/exchange/Config.ts"
import type { SystemMode } from "../domain/exchange/State.ts"
import type { PairStatus } from "../domain/market/Instrument.ts"
import type { Fault } from "../services/LocalKraken.ts"
import type { StoreFailed } from "../services/Store.ts"
import type { Strike } from "./Effects.ts"

/** Something that happens to the world. Times are milliseconds of virtual time, amounts decimal texts. */
export type Act =
  /** Something befalls requests or frames from now on (see `services/LocalKraken.ts`); `armedMs` takes it back if it has not struck by then. */
  | { readonly _tag: "Fault"; readonly fault: Fault; readonly armedMs: number }
  /** Nothing gets through. */
  | { readonly _tag: "NetworkDown"; readonly ms: number }
  | { readonly _tag: "Disconnect"; readonly stream: "public" | "auth" | "both"; readonly code: number }
  /** Every stream token becomes invalid. */
  | { readonly _tag: "Tokens" }
  | { readonly _tag: "System"; readonly mode: SystemMode; readonly ms: number }
  /** The exchange answers in another way for a while. */
  | { readonly _tag: "Switches"; readonly change: Partial<Switches>; readonly ms: number }
  | { readonly _tag: "Deposit" | "Withdraw"; readonly asset: string; readonly amount: string }
  | { readonly _tag: "ToFlex"; readonly asset: string; readonly amount: string; readonly ms: number }
  /** The owner buys or sells by hand, at market. */
  | { readonly _tag: "ByHand"; readonly side: "buy" | "sell"; readonly quantity: string }
  /**
   * A resting order of the trader's: ended by the exchange, or filled at its price, whole or in part (in per cent). When
   * there is none it is waited for, at most `patienceMs`.
   */
  | { readonly _tag: "EndedByExchange"; readonly side: "buy" | "sell"; readonly patienceMs?: number }
  | { readonly _tag: "Filled"; readonly side: "buy" | "sell"; readonly percent: number; readonly patienceMs?: number }
  /** The price moves at once, in per cent. */
  | { readonly _tag: "Jump"; readonly percent: number }
  /** The price drifts by so much within a time. */
  | { readonly _tag: "Drift"; readonly percent: number; readonly ms: number }
  /** No quotes, or none that make sense. */
  | { readonly _tag: "Quiet"; readonly ms: number }
  | { readonly _tag: "Crossed"; readonly ms: number }
  /** SIGKILL; `torn`: what was being written at that moment is found half done. */
  | { readonly _tag: "Crash"; readonly downMs: number; readonly torn: boolean }
  /** SIGTERM, and a new start once it has ended. */
  | { readonly _tag: "Stop"; readonly downMs: number }
  /** SIGSTOP and SIGCONT, or a stalled event loop. */
  | { readonly _tag: "Freeze"; readonly ms: number }
  /** The machine's clock is set by so much, and back after a while. */
  | { readonly _tag: "ClockStep"; readonly deltaMs: number; readonly ms: number }
  /** The disk takes no writes. */
  | { readonly _tag: "Disk"; readonly reason: StoreFailed["reason"]; readonly ms: number }
  /** Another process pauses or resumes the trader, or cancels everything, fence first. */
  | { readonly _tag: "Pause"; readonly ms: number }
  | { readonly _tag: "CancelAll" }
  /** The operator has everything sold, and takes the latch back after so long. */
  | { readonly _tag: "Flatten"; readonly ms: number }
  /** What the strategy is told, in scenarios that do not leave it to itself: to enter once, and with which plan. */
  | ({ readonly _tag: "Enter" } & Wish)
  /** An act that waits for a private request: it happens as that reaches the exchange, or `after` it was carried out. */
  | {
      readonly _tag: "When"
      readonly endpoint: string
      /** Requests that pass first. */
      readonly skip?: number
      /** Of orders only those to buy, or to sell. */
      readonly side?: "buy" | "sell"
      readonly after?: boolean
      readonly act: Act
    }
  /**
   * What the exchange says is changed on its way: `find` is replaced in each text of an endpoint or a channel that has it,
   * `times` at most; without `find` the whole text is.
   */
  | {
      readonly _tag: "Rewrite"
      readonly on: string
      readonly find?: string
      readonly put: string
      readonly times: number
    }
  /** The owner changes what the API key may do, and back after a while. */
  | { readonly _tag: "Key"; readonly permissions: ReadonlyArray<Permission>; readonly ms: number }
  /** The exchange changes the pair's rules, and back after a while. */
  | {
      readonly _tag: "Rules"
      readonly minQuantity?: string
      readonly minCost?: string
      readonly status?: PairStatus
      readonly ms: number
    }
  /** Another program uses the same key, with nonces so far ahead of time. */
  | { readonly _tag: "OtherProgram"; readonly aheadMs: number; readonly times: number }
  /** A copy of this trader with other books places an order that carries this installation's mark. */
  | { readonly _tag: "Twin"; readonly price: string; readonly quantity: string }
  /** The database as a newer version of the program left it, until it is taken back. */
  | { readonly _tag: "NewerSchema"; readonly ms: number }

/** How the strategy shall enter; what is left open is drawn. */
export interface Wish {
  /** Limit, in ticks below the bid; negative is above it. */
  readonly below?: number
  /** Target above and loss limit below the limit, in per cent. */
  readonly target?: number
  readonly stop?: number
  readonly holdMs?: number
  /** Wanted although something of the pair is held or at work. */
  readonly anyway?: boolean
}

export interface Step {
  /** Since the start. */
  readonly at: number
  readonly act: Act
}

/** How the market moves between acts. */
export interface MarketPlan {
  /** Mean time between two quotes. */
  readonly quoteEveryMs: number
  /** Standard deviation of the price over a minute, in per cent. */
  readonly volatility: number
  /** Share of quotes that come with a public trade that may fill what rests. */
  readonly trades: number
}

/** Limits of the trader that differ from the defaults; amounts as texts. */
export interface LimitsPlan {
  readonly maxTradeSize: string
  readonly maxTotalExposure: string
  readonly maxDailyLoss: string
}

export interface Plan {
  readonly name: string
  readonly seed: number
  /** Exchange time at the start. */
  readonly start: number
  /** Length of the part in which things happen. */
  readonly lengthMs: number
  /** `eager`: enters whenever it may; `told`: only with the act `Enter`. */
  readonly strategy: "eager" | "told"
  readonly market: MarketPlan
  readonly limits: LimitsPlan
  readonly steps: ReadonlyArray<Step>
  /** One effect of the trader's, by number, that is struck. */
  readonly strike?: Strike
  /** Ends of the trader that belong to the story, by their tags; any other but a stop is a violation. */
  readonly ends?: ReadonlyArray<string>
  /** Causes of the breaker that belong to the story although only a person may reset them. */
  readonly latches?: ReadonlyArray<string>
}
