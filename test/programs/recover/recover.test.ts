import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer } from "effect"
import { MockKrakenRestControl } from "../../../src/layers/mock/MockKrakenRest.ts"
import { MockStoreControl } from "../../../src/layers/mock/MockStore.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { exitCodeOf } from "../../../src/programs/cli/ExitCode.ts"
import type { ExchangeBeside } from "../../../src/programs/cli/Beside.ts"
import { recover } from "../../../src/programs/recover/recover.ts"
import { Installation } from "../../../src/services/Installation.ts"
import { LOST_LOG_NOTE, Store } from "../../../src/services/Store.ts"
import { Terminal } from "../../../src/services/Terminal.ts"
import { emptySnapshot, prefix } from "../../domain/engine/Rig.ts"
import { entry, fill, id, instrument, NOON, p, q, usd, XLM } from "../../support/build.ts"
import { ExchangeOrderId } from "../../../src/domain/order/Ids.ts"
import { recordOf, timedOut } from "../desk/support.ts"
import { Screen, world } from "../cli/support.ts"

const order = entry({ id: id("kt1-a"), exchangeId: ExchangeOrderId("OA"), status: "filled" })
const bought = fill("T1", "100", { exchangeId: ExchangeOrderId("OA") })

interface Setting {
  readonly mode?: "observe"
  readonly orders?: boolean
  readonly answer?: string
}

/** Runs it against an exchange that has one filled entry of ours, and answers what was written. */
const on = (
  options: { readonly yes?: boolean; readonly json?: boolean },
  { answer, mode, orders = true }: Setting = {}
) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      mockWorld({
        start: NOON + 3_600_000,
        prefix,
        records: { ...emptySnapshot, notes: new Map([[LOST_LOG_NOTE, "2024-03-10T12:00:00Z"]]) }
      }).pipe(Layer.provideMerge(Layer.succeed(Installation, { prefix, keyFingerprint: "f" })))
    )
    const rest = Context.get(context, MockKrakenRestControl)
    const told = recordOf(order)
    const record = {
      ...told,
      tradeIds: ["T1"],
      report: {
        ...told.report,
        symbol: XLM,
        side: "buy" as const,
        quantity: q("100"),
        limitPrice: p("0.1"),
        cumQuantity: q("100"),
        cumCost: usd("10")
      }
    }
    yield* rest.always("openOrders", Effect.succeed([]))
    yield* rest.always("closedOrders", Effect.succeed({ orders: orders ? [record] : [], count: orders ? 1 : 0 }))
    yield* rest.always("tradesHistory", Effect.succeed({ fills: [], count: 0 }))
    yield* rest.always("queryTrades", Effect.succeed([bought]))
    yield* rest.always("instruments", Effect.succeed([instrument()]))
    yield* rest.always("ohlc", Effect.fail(timedOut("OHLC")))
    const exit = yield* Effect.exit(
      answer === undefined
        ? recover({ yes: options.yes ?? false, json: options.json ?? false })
        : Effect.flatMap(Terminal, (terminal) =>
            recover({ yes: false, json: false }).pipe(
              Effect.provideService(Terminal, { ...terminal, ask: () => Effect.succeed(answer) })
            )
          )
    ).pipe(
      Effect.zip(Screen),
      Effect.provide(
        world({
          beside: { exchange: Effect.succeed(context as Context.Context<ExchangeBeside>) },
          ...(mode === undefined ? {} : { settings: { mode } })
        })
      )
    )
    const [ended, screen] = exit
    const store = Context.get(context, Store)
    const { lots, notes } = yield* store.load
    return {
      code: exitCodeOf(ended),
      out: screen.out(),
      error: `${screen.error()} ${Exit.isFailure(ended) ? String(ended.cause) : ""}`,
      lots: lots.length,
      lostLog: notes.get(LOST_LOG_NOTE),
      control: Context.get(context, MockStoreControl)
    }
  })

describe("recover", () => {
  it.scoped("shows what the books lack, writes it when told, and the loss of the log is settled", () =>
    Effect.gen(function* () {
      const shown = yield* on({ json: true })
      assert.strictEqual(shown.code, 1)
      assert.strictEqual(shown.lots, 0)
      const told = JSON.parse(shown.out) as { readonly lots: ReadonlyArray<object>; readonly cash: object }
      assert.deepInclude(told.lots[0], { what: "added", held: "100" })
      assert.deepInclude(told.cash, { before: "0", after: "-10.025" })
      const done = yield* on({ yes: true })
      assert.strictEqual(done.code, 0, done.error)
      assert.include(done.out, "kt1-a")
      assert.include(done.error, "Written")
      assert.strictEqual(done.lots, 1)
      assert.strictEqual(done.lostLog, "")
    })
  )

  it.scoped("asks on a terminal; nothing is written on any other answer, and nothing without a terminal or --yes", () =>
    Effect.gen(function* () {
      const no = yield* on({}, { answer: "y" })
      assert.deepEqual([no.code, no.lots], [1, 0])
      assert.include(no.error, "Nothing was written")
      assert.strictEqual((yield* on({}, { answer: "yes" })).lots, 1)
      assert.strictEqual((yield* on({})).code, 64)
      assert.include((yield* on({ yes: true }, { mode: "observe" })).error, "observe mode")
    })
  )

  it.scoped("says so when nothing differs, and the loss of the log is settled all the same", () =>
    Effect.gen(function* () {
      const same = yield* on({ yes: true }, { orders: false })
      assert.deepEqual([same.code, same.lostLog], [0, ""])
      assert.include(same.out, "Nothing differs")
    })
  )
})
