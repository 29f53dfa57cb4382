import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option, TestClock } from "effect"
import { MockInstanceLockControl } from "../../../src/layers/mock/MockInstanceLock.ts"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { flatten } from "../../../src/programs/flatten/flatten.ts"
import { flattenAndStop } from "../../../src/programs/stop/stop.ts"
import { CommandFailed, exitCodeOf } from "../../../src/programs/cli/ExitCode.ts"
import type { BesideShape } from "../../../src/programs/cli/Beside.ts"
import { ControlRefusal } from "../../../src/services/ControlClient.ts"
import type { ControlClientShape } from "../../../src/services/ControlClient.ts"
import type { FlattenProgress } from "../../../src/services/ControlServer.ts"
import { Terminal } from "../../../src/services/Terminal.ts"
import { CannotEnd, TraderProcess } from "../../../src/services/TraderProcess.ts"
import { emptySnapshot } from "../../domain/engine/Rig.ts"
import { entry, lot } from "../../support/build.ts"
import { clientOf, frozen, Screen, world } from "../cli/support.ts"

const none: FlattenProgress = { flattening: true, settling: [], lots: [], orders: [], doubts: [] }
const held: FlattenProgress = {
  ...none,
  lots: [{ lotId: "kt1-a", pair: "XLM/USD", remaining: "100", state: "exiting", text: "selling" }]
}
const dust: FlattenProgress = {
  ...none,
  lots: [{ lotId: "kt1-a", pair: "XLM/USD", remaining: "7", state: "dust", text: "7 XLM is below the minimum of 20" }]
}
const unknown: FlattenProgress = {
  ...none,
  orders: [{ orderId: "kt1-x", pair: "XLM/USD", side: "sell", quantity: "100", status: "unknown" }]
}

/** A trader that tells one after the other, the last for ever. */
const telling = (...all: ReadonlyArray<FlattenProgress>): Partial<ControlClientShape> => {
  let n = 0
  return {
    flatten: Effect.succeed({ ...(all[0] ?? none), durable: true }),
    flattenProgress: Effect.sync(() => all[Math.min(n++, all.length - 1)] ?? none)
  }
}

interface Setting {
  readonly client?: ControlClientShape
  readonly beside?: Partial<BesideShape>
  readonly end?: Effect.Effect<number, CannotEnd>
  readonly mode?: "observe" | "paper"
}

const on = (
  { beside, client, end, mode }: Setting,
  options: { readonly force?: boolean; readonly yes?: boolean } = {},
  prepare: Effect.Effect<void, never, MockInstanceLockControl | MockRecordsControl> = Effect.void,
  program = flatten({ yes: options.yes ?? true, force: options.force ?? false, timeoutMs: 30_000 })
) =>
  Effect.gen(function* () {
    yield* prepare
    const fiber = yield* Effect.fork(Effect.exit(program))
    for (let n = 0; n < 120; n += 1) yield* TestClock.adjust("500 millis")
    const exit = yield* Fiber.join(fiber)
    const screen = yield* Screen
    const failure = Exit.isFailure(exit) ? String(exit.cause) : ""
    return { code: exitCodeOf(exit), out: screen.out(), error: `${screen.error()}\n${failure}` }
  }).pipe(
    Effect.provide(
      Layer.merge(
        world({
          ...(client === undefined ? {} : { client }),
          ...(beside === undefined ? {} : { beside }),
          ...(mode === undefined ? {} : { settings: { mode } })
        }),
        Layer.succeed(TraderProcess, { end: end ?? Effect.dieMessage("a process was ended") })
      )
    )
  )

const lockHeld = Effect.flatMap(MockInstanceLockControl, (lock) => lock.holdElsewhere("data folder"))
const withRecords = Effect.flatMap(MockRecordsControl, (records) =>
  records.set({ exists: true, snapshot: { ...emptySnapshot, lots: [lot()], orders: [entry({ status: "open" })] } })
)

describe("flatten through the running trader", () => {
  it.effect("says what is sold, and that nothing is left", () =>
    Effect.gen(function* () {
      const { code, out } = yield* on({ client: clientOf(telling(held, held, none)) })
      assert.strictEqual(code, 0)
      assert.include(out, "sold 100 of XLM/USD (lot kt1-a)")
      assert.include(out, "Nothing is left")
    })
  )

  it.effect("names dust with its amount and a remedy (1)", () =>
    Effect.gen(function* () {
      const { code, error, out } = yield* on({ client: clientOf(telling(held, dust)) })
      assert.strictEqual(code, 1)
      assert.include(out, "sold 93 of XLM/USD")
      assert.include(error, "LEFT: 7 of XLM/USD")
      assert.include(error, "Convert")
    })
  )

  it.effect("what is still being sold when the time is up (1), unknown orders and books in doubt (86)", () =>
    Effect.gen(function* () {
      const late = yield* on({ client: clientOf(telling(held)) })
      assert.strictEqual(late.code, 1)
      assert.include(late.error, "The time is up")
      const unclear = yield* on({ client: clientOf(telling(unknown)) })
      assert.strictEqual(unclear.code, 86)
      assert.include(unclear.error, "order kt1-x")
      const doubt = yield* on({ client: clientOf(telling({ ...none, doubts: ["the books were lost"] })) })
      assert.strictEqual(doubt.code, 86)
      assert.include(doubt.error, "the books were lost")
      const reading = yield* on({ client: clientOf(telling({ ...none, settling: ["reconciling"] })) })
      assert.strictEqual(reading.code, 86)
      assert.include(reading.error, "NOT YET KNOWN: reconciling")
    })
  )

  it.effect("warns when it is not recorded, and stops waiting when somebody takes it back", () =>
    Effect.gen(function* () {
      const memory = { ...telling(none), flatten: Effect.succeed({ ...none, durable: false }) }
      assert.include((yield* on({ client: clientOf(memory) })).error, "did not take the word")
      const back = yield* on({ client: clientOf(telling({ ...held, flattening: false })) })
      assert.strictEqual(back.code, 1)
      assert.include(back.error, "taken back")
    })
  )

  it.effect("a refusal of the trader's is told, at first and meanwhile", () =>
    Effect.gen(function* () {
      const no = Effect.fail(new ControlRefusal({ status: 503, text: "it cannot" }))
      assert.include((yield* on({ client: clientOf({ flatten: no }) })).error, "it cannot")
      const later = { ...telling(held), flattenProgress: no }
      assert.include((yield* on({ client: clientOf(later) })).error, "it cannot")
    })
  )
})

describe("flatten without an answer", () => {
  it.effect("observe mode refuses; without records nothing is known", () =>
    Effect.gen(function* () {
      assert.include((yield* on({ mode: "observe" }, { yes: false })).error, "observe mode")
      const lost = Effect.flatMap(MockRecordsControl, (records) => records.set({ exists: false }))
      const { code, error } = yield* on({}, {}, lost)
      assert.strictEqual(code, 1)
      assert.include(error, "recover")
    })
  )

  it.effect("a dead trader: sells itself; how that run ended is the exit code", () =>
    Effect.gen(function* () {
      const selling = (last: FlattenProgress, end: Effect.Effect<void, CommandFailed> = Effect.void): Setting => ({
        beside: { sellAll: ({ seen }) => Effect.zipRight(Effect.zipRight(seen(held), seen(last)), end) }
      })
      const sold = yield* on(selling(none), {}, withRecords)
      assert.strictEqual(sold.code, 0)
      assert.include(sold.error, "No trader runs")
      assert.strictEqual((yield* on(selling(dust), {}, withRecords)).code, 1)
      const left = Effect.fail(new CommandFailed({ text: "stopped, but not clean", code: 86 }))
      const unclean = yield* on(selling(unknown, left), {}, withRecords)
      assert.strictEqual(unclean.code, 86)
      assert.include(unclean.error, "stopped, but not clean")
      const unwritten = Effect.fail(new CommandFailed({ text: "disk", code: 73 }))
      assert.strictEqual((yield* on(selling(dust, unwritten), {}, withRecords)).code, 73)
      const refused = { sellAll: () => Effect.fail(new CommandFailed({ text: "Kraken cannot be reached", code: 69 })) }
      const unreached = yield* on({ beside: refused }, {}, withRecords)
      assert.strictEqual(unreached.code, 69)
      assert.include(unreached.error, "NOTHING WAS SOLD: Kraken cannot be reached Run `flatten` again")
      const silent = yield* on({ beside: { sellAll: () => Effect.void } }, {}, withRecords)
      assert.strictEqual(silent.code, 86)
    })
  )

  it.effect(
    "a dead trader and an exchange that does not answer: what is waited for is said, and at last that nothing was sold",
    () =>
      Effect.gen(function* () {
        const down = new CommandFailed({ text: "Kraken cannot be reached: refused.", code: 69 })
        const waits: BesideShape["sellAll"] = ({ timeoutMs, waiting }) =>
          waiting("refused", timeoutMs).pipe(
            Effect.zipRight(waiting("refused", timeoutMs - 2000)),
            Effect.zipRight(waiting("timed out", timeoutMs - 4000)),
            Effect.zipRight(Effect.fail(down))
          )
        const late = yield* on({ beside: { sellAll: waits } }, {}, withRecords)
        assert.strictEqual(late.code, 69)
        assert.strictEqual(late.error.split("Nothing is sold yet").length, 3, "each reason once")
        assert.include(late.error, "Kraken cannot be reached: refused. Nothing is sold yet; tried again for 30 s")
        assert.include(late.error, "Kraken cannot be reached: timed out. Nothing is sold yet; tried again for 26 s")
        assert.include(late.error, "NOTHING WAS SOLD: Kraken cannot be reached: refused. The word to sell")

        const answered: BesideShape["sellAll"] = (run) =>
          run.waiting("refused", 9000).pipe(Effect.zipRight(run.seen(held)), Effect.zipRight(run.seen(none)))
        const sold = yield* on({ beside: { sellAll: answered } }, {}, withRecords)
        assert.strictEqual(sold.code, 0)
        assert.include(sold.out, "sold 100 of XLM/USD")
        assert.notInclude(sold.error, "NOTHING WAS SOLD")
        const unexplained: BesideShape["sellAll"] = (run) =>
          Effect.zipRight(run.waiting("refused", 9000), Effect.fail(new CommandFailed({ text: "broken off" })))
        assert.strictEqual((yield* on({ beside: { sellAll: unexplained } }, {}, withRecords)).code, 1)
      })
  )

  it.effect("a trader that is started at that moment is told to sell; one that holds the key elsewhere is not", () =>
    Effect.gen(function* () {
      let starts: Effect.Effect<void> = Effect.void
      let asked = 0
      const client = clientOf({
        flatten: Effect.suspend(() =>
          ++asked <= 2 ? Effect.fail(frozen) : Effect.succeed({ ...held, durable: true as const })
        ),
        flattenProgress: Effect.succeed(none)
      })
      const another = new CommandFailed({ text: "Another trader runs", code: 75 })
      const sellAll = () =>
        Effect.zipRight(
          Effect.suspend(() => starts),
          Effect.fail(another)
        )
      const told = yield* on(
        { client, beside: { sellAll } },
        {},
        Effect.zipRight(
          withRecords,
          Effect.map(MockInstanceLockControl, (lock) => {
            starts = lock.holdElsewhere("data folder")
          })
        )
      )
      assert.strictEqual(told.code, 0, told.error)
      assert.strictEqual(asked, 3)
      assert.include(told.error, "A trader has been started meanwhile")
      const elsewhere = yield* on({ beside: { sellAll: () => Effect.fail(another) } }, {}, withRecords)
      assert.strictEqual(elsewhere.code, 75)
      assert.include(elsewhere.error, "Another trader runs")
    })
  )

  it.effect("a trader that hangs: fenced and told; with --force ended, and sold without it", () =>
    Effect.gen(function* () {
      const moved: Array<unknown> = []
      const store = Effect.succeed({
        moveFence: (change: unknown) =>
          Effect.sync(() => {
            moved.push(change)
          })
      }) as unknown as BesideShape["store"]
      const hangs = clientOf({}, frozen)
      const told = yield* on({ client: hangs, beside: { store } }, {}, lockHeld)
      assert.strictEqual(told.code, 1)
      assert.include(told.error, "NOTHING WAS SOLD")
      assert.deepEqual(moved, [{ operatorLatch: Option.some("`flatten`"), flatten: true }])
      // one that is only starting is waited for, and then counts as hanging too
      assert.include((yield* on({ beside: { store } }, {}, lockHeld)).error, "NOTHING WAS SOLD")

      const cannot = yield* on(
        { client: hangs, beside: { store }, end: Effect.fail(new CannotEnd({ detail: "a stranger" })) },
        { force: true },
        lockHeld
      )
      assert.include(cannot.error, "a stranger")
      const stays = yield* on({ client: hangs, beside: { store }, end: Effect.succeed(77) }, { force: true }, lockHeld)
      assert.include(stays.error, "the lock is held all the same")
      let release: Effect.Effect<void> = Effect.void
      const freed = yield* on(
        {
          client: hangs,
          beside: { store, sellAll: ({ seen }) => seen(none) },
          end: Effect.zipRight(
            Effect.suspend(() => release),
            Effect.succeed(77)
          )
        },
        { force: true },
        Effect.zipRight(
          withRecords,
          Effect.zipRight(
            lockHeld,
            Effect.map(MockInstanceLockControl, (lock) => {
              release = lock.holdElsewhere(undefined)
            })
          )
        )
      )
      assert.strictEqual(freed.code, 0)
      assert.include(freed.error, "Ended process 77")
    })
  )
})

describe("the question", () => {
  it.effect("without a terminal and without --yes it is a usage error; a terminal asks", () =>
    Effect.gen(function* () {
      const client = clientOf(telling(none))
      const { code, error } = yield* on({ client }, { yes: false })
      assert.strictEqual(code, 64)
      assert.include(error, "--yes")
      const asking = (answer: string) =>
        Effect.flatMap(Terminal, (terminal) =>
          flatten({ yes: false, force: false, timeoutMs: 30_000 }).pipe(
            Effect.provideService(Terminal, { ...terminal, ask: () => Effect.succeed(answer) })
          )
        )
      const no = yield* on({ client }, {}, withRecords, asking("no"))
      assert.include(no.error, "Nothing was sold")
      assert.include(no.error, "100 of XLM/USD")
      assert.include(no.error, "1 order cancelled")
      assert.strictEqual((yield* on({ client }, {}, Effect.void, asking(" Yes "))).code, 0)
    })
  )
})

describe("stop --flatten", () => {
  const program = flattenAndStop({ sellMs: 30_000, timeoutMs: 1000 })

  it.effect("stops once everything is sold, not while it is being sold, and with dust after saying so", () =>
    Effect.gen(function* () {
      const sold = yield* on({ client: clientOf(telling(none)) }, {}, Effect.void, program)
      assert.strictEqual(sold.code, 0)
      assert.include(sold.out, "nothing to stop")
      const busy = yield* on({ client: clientOf(telling(held)) }, {}, Effect.void, program)
      assert.strictEqual(busy.code, 1)
      assert.include(busy.error, "NOT stopped")
      const left = yield* on({ client: clientOf(telling(dust)) }, {}, Effect.void, program)
      assert.strictEqual(left.code, 1)
      assert.include(left.out, "nothing to stop")
    })
  )
})
