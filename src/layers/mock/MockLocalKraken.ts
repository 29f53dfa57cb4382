/**
 * A local Kraken that serves nobody: its addresses lead nowhere, what is fed to it is kept, and its controls answer what the
 * test says. An exchange that works is `makeLocalKraken` of `layers/exchange/LocalKrakenServer`.
 */
import { Context, Effect, Layer, Redacted } from "effect"
import type { MarketEvent } from "../../domain/exchange/Boundary.ts"
import type { View } from "../../domain/exchange/View.ts"
import { MarketClock } from "../../services/Clock.ts"
import type { Fault, LocalKrakenShape, SteerableClockShape } from "../../services/LocalKraken.ts"
import { LocalKraken } from "../../services/LocalKraken.ts"
import { MockMarketClockControl } from "./MockMarketClock.ts"
import type { ScriptControl } from "./script.ts"
import { makeScript, unscripted } from "./script.ts"

type Scripted = Pick<LocalKrakenShape, "operate">

export interface MockLocalKrakenControlShape extends ScriptControl<Scripted> {
  /** Every market event that was fed, in order. */
  readonly fed: Effect.Effect<ReadonlyArray<MarketEvent>>
  /** The account from now on; empty until told otherwise. */
  readonly setView: (change: Partial<View>) => Effect.Effect<void>
  /** Whether market time was stopped by `pause`. */
  readonly paused: Effect.Effect<boolean>
}

/** Steers and inspects `MockLocalKraken`. */
export class MockLocalKrakenControl extends Context.Tag("trader/layers/mock/MockLocalKraken/MockLocalKrakenControl")<
  MockLocalKrakenControl,
  MockLocalKrakenControlShape
>() {}

const make = Effect.gen(function* () {
  const market = yield* MarketClock
  const hand = yield* MockMarketClockControl
  const { call, control } = makeScript<Scripted>({ operate: unscripted("MockLocalKraken", "operate") })
  const fed: Array<MarketEvent> = []
  const faults = new Map<number, Fault>()
  let lastFault = 0
  let paused = false
  let view: View = {
    now: market.unsafeNow(),
    system: "online",
    orders: [],
    open: [],
    fills: [],
    ledgers: [],
    startingBalances: new Map(),
    balances: new Map(),
    holds: new Map(),
    switchAt: undefined,
    requests: []
  }
  const clock: SteerableClockShape = {
    ...market,
    // the clock stands still until it is moved by hand: nothing is there to hold
    unsafeHold: () => () => {},
    pause: Effect.sync(() => {
      paused = true
    }),
    resume: Effect.sync(() => {
      paused = false
    }),
    advance: hand.advance
  }
  return Context.make(LocalKraken, {
    restUrl: "http://127.0.0.1:9",
    wsUrl: "ws://127.0.0.1:9/v2",
    wsAuthUrl: "ws://127.0.0.1:9/auth/v2",
    credentials: { key: Redacted.make("mock-key"), secret: Redacted.make("bW9jaw==") },
    controlToken: Redacted.make("mock-token"),
    clock,
    faults: {
      add: (fault) =>
        Effect.sync(() => {
          lastFault += 1
          faults.set(lastFault, fault)
          return lastFault
        }),
      clear: (id) =>
        Effect.sync(() => {
          if (id === undefined) faults.clear()
          else faults.delete(id)
        }),
      list: Effect.sync(() => [...faults].map(([id, fault]) => ({ id, struck: 0, fault })))
    },
    operate: (...args) => call("operate", ...args),
    feed: (events) =>
      Effect.sync(() => {
        fed.push(...events)
      }),
    settle: market.now,
    view: Effect.sync(() => ({ ...view, now: market.unsafeNow() })),
    marketEnd: undefined
  }).pipe(
    Context.add(MockLocalKrakenControl, {
      ...control,
      fed: Effect.sync(() => [...fed]),
      setView: (change) =>
        Effect.sync(() => {
          view = { ...view, ...change }
        }),
      paused: Effect.sync(() => paused)
    })
  )
})

export const MockLocalKraken: Layer.Layer<
  LocalKraken | MockLocalKrakenControl,
  never,
  MarketClock | MockMarketClockControl
> = Layer.effectContext(make)
