/** The protections, each with the texts whose replacement takes it away, and what then goes wrong. */
import type { stories } from "./stories.ts"

export interface Edit {
  readonly file: string
  /** Occurs exactly once. */
  readonly find: string
  readonly replace: string
}

/** Seeds from 1 to so many, or one story. */
export type Task = { readonly seeds: number } | { readonly story: keyof typeof stories }

export interface Protection {
  readonly name: string
  readonly invariant: string
  readonly edits: ReadonlyArray<Edit>
  readonly task: Task
  /** What the simulation may say first when it is missing, where that is not the invariant itself; `claim`: the story's own. */
  readonly shows?: ReadonlyArray<string>
  /** What one of the violations says. */
  readonly says?: string
  /** Taken away alone it is not missed, because of another one. */
  readonly covered?: string
}

const edit = (file: string, find: string, replace: string): Edit => ({ file: `src/${file}`, find, replace })
const one = (file: string, find: string, replace: string): ReadonlyArray<Edit> => [edit(file, find, replace)]

const SEND = "programs/desk/send.ts"
const SETTLE = "programs/desk/settle.ts"
const RISK = "domain/risk/Risk.ts"
const VIEWS = "domain/engine/Views.ts"
const STORE = "layers/sqlite/StoreSqlite.ts"
const REQUESTS = "layers/kraken/rest/requests.ts"
const NONCES = "layers/sqlite/nonces.ts"
const PORTFOLIO = "domain/portfolio/Portfolio.ts"
const ENTRIES = "domain/engine/entries.ts"
const BUDGET = "domain/kraken/RateBudget.ts"
const LADDER = "domain/exits/ExitLadder.ts"
const STATE = "domain/engine/State.ts"

const onePerPair = edit(
  ENTRIES,
  "  if (entryProposed(d.state, pair) || liveEntries(d.state, pair).length > 0) return\n",
  ""
)
const unknownBlocks = edit(
  RISK,
  'view.orders.find((order) => order.status === "unknown" || order.amend?.state === "unknown")',
  "undefined as Order | undefined"
)

export const protections: ReadonlyArray<Protection> = [
  {
    name: "intent row before the send",
    invariant: "I1",
    edits: one(STORE, 'insertIntent(sql, order, nonce, epoch, "database")', ""),
    task: { story: "entry" }
  },
  {
    name: "deadline on orders",
    invariant: "I2",
    edits: one(REQUESTS, "deadline: iso(approved.deadline)", "deadline: undefined"),
    task: { story: "entry" }
  },
  {
    name: "cancel of what is unknown",
    invariant: "I4",
    shows: ["claim"],
    edits: one(
      SETTLE,
      'import { cancelOnce } from "./cancel.ts"',
      "const cancelOnce = (..._: unknown[]) => Effect.void"
    ),
    task: { story: "lostReply" }
  },
  {
    name: "fills are booked by their execution id",
    invariant: "I9",
    shows: ["I22", "I20"],
    edits: one(
      "domain/order/Order.ts",
      "boolean => !order.executions.includes(fill.executionId)",
      "boolean => fill.executionId !== undefined"
    ),
    task: { story: "repeatedReports" }
  },
  {
    name: "an unknown order blocks entries",
    invariant: "I4",
    edits: [unknownBlocks],
    task: { story: "unknownExit" }
  },
  {
    name: "unknown exits are counted",
    invariant: "I5",
    edits: one(
      PORTFOLIO,
      'if (order.purpose._tag !== "Exit") continue',
      'if (order.purpose._tag !== "Exit" || order.status === "unknown") continue'
    ),
    task: { story: "lostReplyOfATarget" }
  },
  {
    name: "an order is never sent twice",
    invariant: "I2",
    edits: one(
      "layers/kraken/rest/Client.ts",
      "connections.orders.sendUnless(privateRequest(credentials, call, used, timeouts.order), lastLook),",
      'connections.orders.sendUnless(privateRequest(credentials, call, used, timeouts.order), lastLook).pipe(Effect.catchTag("TransportFailure", () => Effect.flatMap(nonce.next, (again) => connections.orders.send(privateRequest(credentials, call, again, timeouts.order))))),'
    ),
    task: { story: "lostReply" }
  },
  {
    name: "never arrived: not before a minute after the deadline",
    invariant: "I2",
    shows: ["I4", "I22"],
    edits: one(SETTLE, "export const VISIBILITY_MS = 60_000", "export const VISIBILITY_MS = 0"),
    task: { story: "lateFill" }
  },
  {
    name: "nonces start from the store",
    invariant: "I11",
    edits: one(NONCES, "SET last = max(last + 1, ?) RETURNING last", "SET last = ? RETURNING last"),
    task: { story: "jumpedNonce" }
  },
  {
    name: "nonces are not the clock alone",
    invariant: "I11",
    edits: one(
      NONCES,
      'SET last = max(last + 1, ?) RETURNING last", following(now, memory))',
      'SET last = ? RETURNING last", BigInt(Math.floor(now)))'
    ),
    task: { story: "jumpedNonce" }
  },
  {
    name: "nonces without a database are marked beside it",
    invariant: "I11",
    edits: one("layers/sqlite/NonceSqlite.ts", "    raiseMark(mark, nonce)\n", ""),
    task: { story: "asideNonce" }
  },
  {
    name: "calls wait for the REST counter",
    invariant: "I15",
    edits: one(
      BUDGET,
      '    : waitMs(state.rest, limits.rest.decay, limits.rest.max - (rank === "read" ? REST_RESERVE : 0), cost, now)',
      "    : 0"
    ),
    task: { story: "resyncs" }
  },
  {
    name: "rate counters survive a restart",
    invariant: "I15",
    edits: one(
      "layers/kraken/rest/RateLimitsLive.ts",
      "(saved === undefined ? undefined : RateBudget.restore(saved, now)) ?? RateBudget.full(limits, fullSince(now))",
      "RateBudget.empty(now)"
    ),
    task: { story: "starts" }
  },
  {
    name: "entries leave the engine's counter a reserve",
    invariant: "I15",
    edits: one(
      BUDGET,
      'rank === "entry" ? Math.min(max / 2, EXIT_RESERVE + WORST_CANCEL + cancelsOf(state, pair, now)) : 0',
      "0"
    ),
    task: { seeds: 4 },
    covered:
      "the throttle: one entry in ten seconds costs nine points with its cancel, of which ten decay meanwhile; only the account's owner could fill the counter"
  },
  {
    name: "reads leave the REST counter a reserve",
    invariant: "I15",
    edits: one(BUDGET, "export const REST_RESERVE = 3", "export const REST_RESERVE = 0"),
    task: { seeds: 4 },
    covered: "the bound on the wait: cancels and the switch wait five seconds at most and then go all the same"
  },
  {
    name: "an approval is void after a second",
    invariant: "I7",
    edits: one(SEND, '  if (elapsedMs >= APPROVAL_LIFE_MS) return "the approval is older than a second"\n', ""),
    task: { story: "stall" }
  },
  {
    name: "the last look before the bytes are written",
    invariant: "I7",
    edits: one(
      SEND,
      "voidReason(d.engine.unsafeState(), approved, real.unsafeCurrentTimeMillis() - askedAt)",
      "undefined"
    ),
    task: { story: "stall" }
  },
  {
    name: "the fence is read inside the intent's transaction",
    invariant: "I7",
    edits: one(
      STORE,
      "if (epoch !== approved.epoch) return Either.left(new FenceMoved({ approved: approved.epoch, current: epoch }))",
      ""
    ),
    task: { story: "pausedBefore" }
  },
  {
    name: "a pause stops entries",
    invariant: "I7",
    edits: one(VIEWS, 'if (state.paused) out.push("paused by the operator; `resume` allows entries again")', ""),
    task: { story: "paused" }
  },
  {
    name: "a stale quote refuses entries",
    invariant: "I14",
    edits: [
      edit(RISK, "if (!(Math.abs(age) <= limits.staleAfter))", "if (Number.isNaN(age))"),
      edit(VIEWS, "age === undefined || age > state.rules.limits.staleAfter", "age === undefined"),
      edit(
        "domain/engine/market.ts",
        "if (pair.confirmedAt === undefined || d.at - pair.confirmedAt > d.state.rules.limits.staleAfter) return\n",
        ""
      )
    ],
    task: { story: "staleQuotes" }
  },
  {
    name: "staleness in risk alone",
    invariant: "I14",
    edits: one(RISK, "if (!(Math.abs(age) <= limits.staleAfter))", "if (Number.isNaN(age))"),
    task: { story: "staleQuotes" },
    covered: "the pair's own gate, which is looked at when the entry is drafted and again as it leaves"
  },
  {
    name: "the day's mark is persisted",
    invariant: "I6",
    edits: one(STATE, "dayMark: Option.getOrUndefined(snapshot.dayMark)", "dayMark: undefined"),
    task: { story: "lossesOverARestart" }
  },
  {
    name: "the day's loss stops entries",
    invariant: "I6",
    edits: [
      edit(RISK, "return view.dayLoss >= view.limits.maxDailyLoss", "return false"),
      edit(
        "domain/engine/days.ts",
        "if (loss === undefined || loss < maxDailyLoss) return",
        "if (loss !== null) return"
      )
    ],
    task: { story: "loss" }
  },
  {
    name: "exposure counts what is at work",
    invariant: "I4",
    says: "at stake with it",
    edits: [
      onePerPair,
      edit(
        PORTFOLIO,
        "for (const order of orders) sum += workingExposure(order)",
        'for (const order of orders) if (order.status !== "open") sum += workingExposure(order)'
      )
    ],
    task: { story: "together" }
  },
  {
    name: "exposure counts what is in flight and unknown",
    invariant: "I4",
    says: "at stake with it",
    edits: [
      onePerPair,
      unknownBlocks,
      edit(
        PORTFOLIO,
        "for (const order of orders) sum += workingExposure(order)",
        'for (const order of orders) if (order.status === "open") sum += workingExposure(order)'
      )
    ],
    task: { story: "unknownAndAnother" }
  },
  {
    name: "one entry of a pair at a time",
    invariant: "I4",
    edits: [onePerPair],
    task: { story: "together" },
    covered: "the exposure rule, which counts what is in flight and unknown"
  },
  {
    name: "exits pass the open breaker",
    invariant: "I16",
    shows: ["claim"],
    edits: one(RISK, "= [mode, onGrid, minimums]", "= [breaker, mode, onGrid, minimums]"),
    task: { story: "latchedExit" }
  },
  {
    name: "exits pass a pause",
    invariant: "I16",
    shows: ["claim"],
    edits: one(RISK, "= [mode, onGrid, minimums]", "= [gates, mode, onGrid, minimums]"),
    task: { story: "pausedExit" }
  },
  {
    name: "exits go without the disk",
    invariant: "I16",
    shows: ["claim"],
    edits: one(
      SEND,
      'if (approved.proposal.purpose._tag === "Entry") return Effect.succeed(lost)',
      "if (reason) return Effect.succeed(lost)"
    ),
    task: { story: "diskFullExit" }
  },
  {
    name: "no entry whose exit could not be",
    invariant: "I17",
    edits: one(
      RISK,
      "? (firstOf(entryRules, p, view) ?? exitPossible(purpose.plan, p, view))",
      "? firstOf(entryRules, p, view)"
    ),
    task: { story: "dearMinimum" }
  },
  {
    name: "an entry below the minimum is amended, not cancelled",
    invariant: "I17",
    shows: ["claim"],
    edits: one(
      "domain/engine/orders.ts",
      "if (order.bookedQuantity === 0n || order.bookedQuantity >= least) return requestCancel",
      "return requestCancel"
    ),
    task: { story: "partlyFilled" }
  },
  {
    name: "dust rides along with the next exit",
    invariant: "I17",
    shows: ["claim"],
    edits: one(LADDER, "    ...dustFor(price, o.lot.id)\n", ""),
    task: { story: "dust" }
  },
  {
    name: "dust does not keep entries away",
    invariant: "I20",
    shows: ["claim"],
    edits: one(ENTRIES, "lot.remaining > 0n && !dust(lot.id)", "lot.remaining > 0n"),
    task: { story: "dust" }
  },
  {
    name: "no entry without the armed switch",
    invariant: "I19",
    edits: one(RISK, "  funds,\n  switchArmed\n]", "  funds\n]"),
    task: { story: "switchLost" }
  },
  {
    name: "the switch is disarmed only when nothing rests",
    invariant: "I19",
    edits: one("programs/trade/shutdown.ts", "clean ? 0 : LAST_SWITCH_SECONDS", "0"),
    task: { story: "stopUncancelled" }
  },
  {
    name: "gaps of the account's stream are noticed",
    invariant: "I10",
    covered:
      "what any later report says of the order's total, the look-up of an order that a cancel finds gone, and the comparison every minute",
    edits: one(
      "layers/kraken/stream/privateTalk.ts",
      'if (check === "gap") {',
      'if (check === "gap" && frame.sequence < 0) {'
    ),
    task: { story: "lostReport" }
  },
  {
    name: "books and account are compared every minute",
    invariant: "I20",
    shows: ["claim"],
    edits: one(
      "programs/trade/trade.ts",
      "periodicReconciliation(reads, limits.reconcileEvery)",
      "periodicReconciliation(reads, 86_400_000)"
    ),
    task: { story: "silentReports" }
  },
  {
    name: "reconciliation at a start",
    invariant: "I7",
    edits: [
      edit(STATE, 'reconciling: new Set(["start"])', "reconciling: new Set()"),
      edit("programs/trade/trade.ts", '    reads.take({ _tag: "Reconcile", reason: "start" })\n', ""),
      edit("domain/engine/Engine.ts", 'return startReconciling(d, "the account stream began anew")', "return")
    ],
    task: { story: "blindStart" }
  },
  {
    name: "reconciliation at a start alone",
    invariant: "I7",
    edits: [
      edit(STATE, 'reconciling: new Set(["start"])', "reconciling: new Set()"),
      edit("programs/trade/trade.ts", '    reads.take({ _tag: "Reconcile", reason: "start" })\n', "")
    ],
    task: { story: "blindStart" },
    covered: "the reconciliation that every new session of the account's stream asks for"
  },
  {
    name: "entries are post-only",
    invariant: "I8",
    edits: one(REQUESTS, 'postOnly ? "post,fciq" : "fciq"', '"fciq"'),
    task: { story: "marketFalls" }
  },
  {
    name: "market time does not follow the wall clock",
    invariant: "I20",
    edits: one(
      "layers/node/SystemClock.ts",
      "Number(clock.unsafeCurrentTimeNanos() / 1000n) / 1000",
      "clock.unsafeCurrentTimeMillis()"
    ),
    task: { story: "clockNextDay" }
  },
  {
    name: "collar of an entry's price",
    invariant: "I3",
    edits: one(RISK, 'if (distance > Fixed.multiply(mid, limits.priceCollar, "down")) {', "if (distance < 0n) {"),
    task: { story: "farEntry" }
  },
  {
    name: "time between two entries",
    invariant: "I3",
    edits: one(RISK, "if (!passed(view.lastEntryAt, limits.minTradeInterval)) {", "if (view.lastEntryAt === null) {"),
    task: { story: "twoEntries" }
  }
]
