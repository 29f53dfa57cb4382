/** A desk's world: the real engine fiber and the real writer on mock layers, begun from the state that a rig of the fold was brought to. */
import { Effect } from "effect"
import type { Scope } from "effect"
import type { Decision } from "../../../src/domain/engine/Decision.ts"
import type { Snapshot } from "../../../src/domain/engine/Snapshot.ts"
import { KrakenApiError, KrakenTransportError } from "../../../src/domain/kraken/KrakenError.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import type { Order } from "../../../src/domain/order/Order.ts"
import type { StatusReport } from "../../../src/domain/order/Report.ts"
import { MockAlertsControl } from "../../../src/layers/mock/MockAlerts.ts"
import { MockInstanceLockControl } from "../../../src/layers/mock/MockInstanceLock.ts"
import { MockJournalControl } from "../../../src/layers/mock/MockJournal.ts"
import { MockKrakenRestControl } from "../../../src/layers/mock/MockKrakenRest.ts"
import { MockKrakenStreamControl } from "../../../src/layers/mock/MockKrakenStream.ts"
import { MockMarketClockControl } from "../../../src/layers/mock/MockMarketClock.ts"
import { MockNonceControl } from "../../../src/layers/mock/MockNonce.ts"
import { MockStoreControl } from "../../../src/layers/mock/MockStore.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { deps } from "../../../src/programs/desk/Deps.ts"
import type { Deps } from "../../../src/programs/desk/Deps.ts"
import { makeEngine } from "../../../src/programs/trade/engine.ts"
import { makeWriter } from "../../../src/programs/trade/writer.ts"
import { Engine } from "../../../src/services/Engine.ts"
import type { InstanceLock } from "../../../src/services/InstanceLock.ts"
import type { OrderRecord } from "../../../src/services/KrakenRest.ts"
import { Writer } from "../../../src/services/Writer.ts"
import { id, lot, q, status, usd } from "../../support/build.ts"
import { emptySnapshot, prefix, Rig } from "../../domain/engine/Rig.ts"

const controls = Effect.all({
  rest: MockKrakenRestControl,
  stream: MockKrakenStreamControl,
  store: MockStoreControl,
  clock: MockMarketClockControl,
  nonces: MockNonceControl,
  alerts: MockAlertsControl,
  journal: MockJournalControl,
  lock: MockInstanceLockControl
})

export type Bench = Effect.Effect.Success<typeof controls> & {
  readonly d: Deps
  /** Everything the engine decided in this world, oldest first. */
  readonly decisions: ReadonlyArray<Decision>
  readonly of: <T extends Decision["_tag"]>(tag: T) => ReadonlyArray<Extract<Decision, { _tag: T }>>
  /** The order as the engine has it now. */
  readonly order: (id: Order["id"]) => Order
}

/** Builds the world around a rig's state and runs a test in it. `onDecision` stands for the desks. */
export const inWorld = <A, E>(
  rig: Rig,
  test: (b: Bench) => Effect.Effect<A, E, Scope.Scope | Worlds>,
  options: { readonly records?: Partial<Snapshot>; readonly onDecision?: (decision: Decision) => void } = {}
) =>
  Effect.gen(function* () {
    const decisions: Array<Decision> = []
    let write: (decision: Decision) => void = () => {}
    const { engine, run } = yield* makeEngine(rig.state, (decision) => {
      decisions.push(decision)
      write(decision)
      options.onDecision?.(decision)
    })
    const writer = yield* makeWriter(
      (reason) => engine.tell({ _tag: "StoreBroken", reason }),
      (proof) => engine.tell({ _tag: "StoreRecovered", ...(proof === undefined ? {} : { proof }) })
    )
    write = (decision) => {
      if (decision._tag === "Persist") writer.write(decision.writes)
    }
    yield* Effect.forkScoped(run)
    yield* Effect.forkScoped(writer.run)
    const d = yield* deps.pipe(Effect.provideService(Engine, engine), Effect.provideService(Writer, writer))
    const of = <T extends Decision["_tag"]>(tag: T) =>
      decisions.filter((x): x is Extract<Decision, { _tag: T }> => x._tag === tag)
    const order = (orderId: Order["id"]): Order => {
      const found = engine.unsafeState().orders.get(orderId)
      if (found === undefined) throw new Error(`no order ${orderId}`)
      return found
    }
    return yield* Effect.provideService(
      Effect.provideService(test({ ...(yield* controls), d, decisions, of, order }), Engine, engine),
      Writer,
      writer
    )
  }).pipe(Effect.provide(mockWorld({ start: rig.now, prefix, records: { ...emptySnapshot, ...options.records } })))

/** What a test may use beside the bench. */
export type Worlds =
  InstanceLock | Effect.Effect.Context<typeof controls> | Effect.Effect.Context<typeof deps> | Engine | Writer

/** Lets fibers run until something holds; a test that waits for what never comes fails. */
export const until = (what: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let n = 0; n < 5000; n++) {
      if (what()) return
      yield* Effect.yieldNow()
    }
    return yield* Effect.dieMessage("what the test waits for never came")
  })

/** Lets every fiber that can run do so. */
export const rest = Effect.repeatN(Effect.yieldNow(), 200)

export const timedOut = (endpoint = "Call"): KrakenTransportError =>
  new KrakenTransportError({ endpoint, reason: "timeout", detail: "no answer", executed: "unknown" })
export const unknownOrder = new KrakenApiError({
  endpoint: "CancelOrder",
  kind: "unknown order",
  text: "EOrder:Unknown order",
  executed: "no",
  retry: "never",
  stop: false
})
export const badKey = new KrakenApiError({
  endpoint: "Balance",
  kind: "credentials",
  text: "EAPI:Invalid key",
  executed: "no",
  retry: "never",
  stop: true
})

/** What REST says of an order under an exchange id. */
export const recordOf = (
  order: Order,
  change: Partial<StatusReport> = {},
  tradeIds: ReadonlyArray<string> = []
): OrderRecord => ({
  report: status({
    source: "rest",
    exchangeId: order.exchangeId ?? ExchangeOrderId("OREST"),
    clientId: order.id,
    symbol: order.symbol,
    at: order.createdAt + 100,
    ...change
  }),
  tradeIds,
  orderType: "limit"
})

/** The same without our id, as for an order that somebody placed by hand. */
export const nameless = (record: OrderRecord, change: Partial<StatusReport> = {}): OrderRecord => {
  const { clientId: _, ...report } = { ...record.report, ...change }
  return { ...record, report }
}

/** A rig with room for several entries, and one proposed. */
export const proposing = (): Rig => new Rig({ limits: { maxTotalExposure: usd("100") } }).ready().signal()

/** Holds a lot of 100 XLM and proposes to sell it at the market: the price fell to its stop. */
export const selling = (): Rig =>
  new Rig({
    snapshot: {
      lots: [lot({ id: id("kt1-a") })],
      foreign: new Map<string, bigint>([
        ["USD", usd("100")],
        ["XLM", 0n]
      ])
    }
  })
    .ready("100")
    .after(2000)
    .quote("0.094", "0.0941")
    .after(100)
    .quote("0.094", "0.0941")

/** An entry of which nobody knows whether it reached the exchange. */
export const lost = (rig: Rig = proposing()): { readonly rig: Rig; readonly order: Order } => {
  const approved = rig.approve(rig.proposal())
  rig.send({
    _tag: "OutcomeSeen",
    orderId: approved.id,
    outcome: { _tag: "Unknown", text: "time-out", recognised: true }
  })
  return { rig, order: rig.order(approved.id) }
}

/** An entry resting on the exchange. */
export const resting = (): { readonly rig: Rig; readonly order: Order } => {
  const rig = proposing()
  return { rig, order: rig.place(rig.proposal()) }
}

export const xlmBalance = (balance: string, hold = "0") => [
  { assetId: "XXLM", balance: q(balance), hold: q(hold), available: q("0") }
]
