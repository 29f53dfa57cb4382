/** What files and other programs give back: rows, side files, control files, bodies of commands. */
import { createHash } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Either, FastCheck as fc, Option, Schema } from "effect"
import { afterAll, assert, describe, it } from "vitest"
import { closed } from "../../src/domain/breaker/BreakerState.ts"
import { readThrottle } from "../../src/domain/engine/State.ts"
import { InstallationPrefix, isOwn, sequenceOf } from "../../src/domain/order/Ids.ts"
import { controlFilePath, readControlFile } from "../../src/layers/node/ControlFile.ts"
import type { Reply } from "../../src/layers/node/ControlServerRoutes.ts"
import { route } from "../../src/layers/node/ControlServerRoutes.ts"
import { reasonOf } from "../../src/layers/sqlite/failure.ts"
import type { BookRows } from "../../src/layers/sqlite/loading.ts"
import { booksFrom } from "../../src/layers/sqlite/loading.ts"
import { openSideFile } from "../../src/layers/sqlite/SideFile.ts"
import { BreakerStateText, LotState, OrderState } from "../../src/layers/sqlite/states.ts"
import type { ControlHandlers } from "../../src/services/ControlServer.ts"
import { entry, exit, lot, NOON, share } from "../support/build.ts"
import { garbage, mutated, repeated, timely, tries } from "../support/fuzz.ts"
import { field, items, plain, printed, string, treeOf } from "../support/tree.ts"

const folder = mkdtempSync(join(tmpdir(), "fuzz-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const orders = [entry({ cumQuantity: lot().quantity, expiresAt: NOON + 5 }), exit([share("kt1a", "100")])].map(
  (order) => Schema.encodeSync(OrderState)(order)
)
const lots = [Schema.encodeSync(LotState)(lot({ call: { kind: "loss", at: NOON } }))]
const breakers = [
  Schema.encodeSync(BreakerStateText)(closed),
  Schema.encodeSync(BreakerStateText)({
    latches: { price: { cause: "price", since: NOON, reason: "jump", probeAt: NOON + 60_000, rounds: 1 } },
    failures: { api: 2 },
    rounds: { stream: 3 }
  })
]

/** A cell as SQLite may give it. */
const cell = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    1n,
    0n,
    -1n,
    2n ** 62n,
    1.5,
    "1.5",
    "-0.000001",
    "1e400",
    "",
    "no lots",
    Buffer.from("a")
  ),
  garbage
)
const amounts = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>("0", "12.5", "-3.000000000001") },
  { weight: 1, arbitrary: cell }
)
const whole = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>(0n, 7n, BigInt(NOON)) },
  { weight: 1, arbitrary: cell }
)
const state = (texts: ReadonlyArray<string>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...texts) },
    { weight: 3, arbitrary: mutated(texts) },
    { weight: 1, arbitrary: cell }
  )
const rowsOf = (
  row: fc.Arbitrary<Record<string, unknown>>,
  most: number
): fc.Arbitrary<Array<Record<string, unknown>>> => fc.array(row, { minLength: Math.min(most, 1), maxLength: most })

const books: fc.Arbitrary<BookRows> = fc.record({
  orders: rowsOf(fc.record({ state: state(orders) }), 2),
  lots: rowsOf(fc.record({ state: state(lots) }), 2),
  soldLots: rowsOf(fc.record({ state: state(lots) }), 1),
  totals: rowsOf(
    fc.record({ own_usd: amounts, rounding: amounts, realised: amounts, closed_trades: whole, winning_trades: whole }),
    1
  ),
  foreign: rowsOf(fc.record({ asset: fc.constantFrom<unknown>("USD", "__proto__", null), amount: amounts }), 2),
  dayMark: rowsOf(
    fc.record({
      day: fc.constant("2026-01-05"),
      at_ms: whole,
      equity: amounts,
      source: fc.constantFrom("quote", "candle", "x")
    }),
    1
  ),
  valuation: rowsOf(fc.record({ at_ms: whole, equity: amounts }), 1),
  breaker: rowsOf(fc.record({ state: state(breakers) }), 1),
  notes: rowsOf(
    fc.record({ key: fc.constantFrom("throttle", "__proto__"), value: fc.constantFrom<unknown>("a|b", 1n) }),
    2
  ),
  sequence: rowsOf(fc.record({ last: whole }), 1),
  fence: rowsOf(
    fc.record({ epoch: whole, paused: whole, operator_latch: fc.constantFrom<unknown>(null, "by hand", 1n) }),
    1
  )
})

/** Gives what was read, or nothing where the reader said that it is damaged; anything else is a defect. */
const unlessDamaged = <A>(read: () => A): A | undefined => {
  try {
    return timely(read)
  } catch (cause) {
    assert.strictEqual(reasonOf(cause), "corrupt", String(cause))
    return undefined
  }
}

describe("rows of the books", () => {
  it("are the books to the digit, or damage", () => {
    fc.assert(
      fc.property(books, (rows) => {
        const snapshot = unlessDamaged(() => booksFrom(rows))
        if (snapshot === undefined) return
        snapshot.orders.forEach((order, index) => {
          const tree = treeOf(String(rows.orders[index]?.["state"]))
          assert.strictEqual(printed(order.quantity), plain(string(field(tree, "quantity"))))
          assert.strictEqual(printed(order.cumQuantity), plain(string(field(tree, "cumQuantity"))))
          assert.strictEqual(printed(order.limitPrice), plain(string(field(tree, "limitPrice"))))
          assert.strictEqual(order.executions.length, items(field(tree, "executions")).length)
          assert.isTrue(Number.isFinite(order.deadline) && Number.isFinite(order.createdAt))
        })
        const [totals, foreign] = [rows.totals[0], rows.foreign]
        assert.strictEqual(printed(snapshot.totals.ownUsd), plain(String(totals?.["own_usd"])))
        assert.strictEqual(printed(snapshot.totals.realised), plain(String(totals?.["realised"])))
        assert.strictEqual(String(snapshot.totals.closedTrades), String(totals?.["closed_trades"]))
        assert.strictEqual(String(snapshot.sequence), String(rows.sequence[0]?.["last"]))
        assert.strictEqual(String(snapshot.fence.epoch), String(rows.fence[0]?.["epoch"]))
        assert.isAtMost(snapshot.foreign.size, foreign.length)
      }),
      tries(1500)
    )
  })

  it("notes and ids of anybody are read without harm", () => {
    const prefix = InstallationPrefix("kt1-")
    const texts = fc.oneof(
      garbage,
      fc.stringMatching(/^kt1-[0-9a-z]{0,14}$/),
      fc.stringMatching(/^[\d-]{0,12}\|\d{0,4}\|[\d.]{0,16}\|[\d.]{0,16}$/)
    )
    fc.assert(
      fc.property(texts, (text) => {
        const sequence = timely(() => sequenceOf(prefix, text))
        assert.strictEqual(sequence !== undefined, isOwn(prefix, text))
        if (sequence !== undefined) assert.isTrue(Number.isSafeInteger(sequence), `${text} names ${sequence}`)
        const throttle = timely(() => readThrottle(text))
        assert.isTrue(Number.isSafeInteger(throttle.entries), String(throttle.entries))
        for (const at of [throttle.lastEntryAt, throttle.lastLossAt])
          assert.isTrue(at === undefined || Number.isFinite(at))
      }),
      tries(1500)
    )
  })
})

describe("the side file", () => {
  const body = (order: string): string => `{"order":${JSON.stringify(order)},"nonce":"1767607200000","epoch":3}`
  const line = (text: string): string => `${createHash("sha256").update(text).digest("hex").slice(0, 16)} ${text}\n`
  const whole = line(body(orders[1] ?? ""))
  /** Whole lines of odd bodies, and torn, flipped and foreign ones. */
  const contents = fc.oneof(
    fc
      .array(fc.oneof(fc.constant(whole), mutated([body(orders[1] ?? "")]).map(line), mutated([whole])), {
        maxLength: 4
      })
      .map((all) => all.join("")),
    garbage,
    repeated([whole, "0", " ", "\n", "\0"])
  )

  it("gives back every line that was written, or says that it is damaged", () => {
    const path = join(folder, "exits-aside.log")
    fc.assert(
      fc.property(contents, fc.boolean(), (content, again) => {
        const first = content.startsWith(whole)
        writeFileSync(path, content)
        const file = unlessDamaged(() => openSideFile(path))
        if (file === undefined) return
        const waiting = file.waiting()
        if (first) assert.isAtLeast(waiting.length, 1)
        const [one] = waiting
        if (again && one !== undefined && waiting.length < 5) file.append(one)
        file.close()
        const reopened = openSideFile(path)
        assert.deepStrictEqual(
          reopened.waiting().slice(0, waiting.length),
          waiting,
          "a line was lost by opening the file"
        )
        if (again && one !== undefined && waiting.length < 5)
          assert.strictEqual(reopened.waiting().length, waiting.length + 1)
        reopened.close()
      }),
      tries(120)
    )
  })
})

describe("the control server", () => {
  const done = Effect.succeed({})
  const handlers = {
    status: done,
    metrics: Effect.succeed([]),
    stop: () => done,
    pause: done,
    resume: done,
    cancel: () => done,
    trip: () => done,
    reset: () => done
  } as unknown as ControlHandlers
  const identity = { pid: 1, startedAt: NOON, mode: "paper", version: "0" }
  const bodies = [
    "",
    "{}",
    '{"reason":"by hand"}',
    '{"ids":["kt1-a","kt1-b"]}',
    '{"all":true}',
    '{"account":true}',
    '{"cause":"operator","reason":"x"}'
  ]
  const paths = [
    "/stop",
    "/pause",
    "/resume",
    "/cancel",
    "/breaker/trip",
    "/breaker/reset",
    "/status",
    "/health",
    "/metrics",
    "/",
    "/__proto__",
    "/stop/"
  ]
  const texts = fc.oneof(mutated(bodies), garbage, repeated(["[", '{"ids":[', '"a",', '{"a":', "1", " ", '"']))

  it("takes what it knows and refuses the rest", () => {
    fc.assert(
      fc.property(fc.constantFrom("GET", "POST", "PUT"), fc.constantFrom(...paths), texts, (method, path, text) => {
        const found = timely(() => route(method, path, handlers, identity))
        const reply: Reply =
          "_tag" in found ? timely(() => Effect.runSync(found._tag === "Read" ? found.run : found.run(text))) : found
        assert.include([200, 400, 404, 405], reply.status)
        if (reply.type === "application/json") assert.isObject(JSON.parse(reply.text))
        if (reply.status === 200 && method === "POST" && text.trim() !== "") assert.isDefined(treeOf(text.trim()))
      }),
      tries(1200)
    )
  })

  it("is found by its file, or not", () => {
    const real = JSON.stringify({
      url: "http://127.0.0.1:1",
      token: "t",
      pid: 1,
      startedAt: "x",
      mode: "paper",
      version: "0"
    })
    fc.assert(
      fc.property(fc.oneof(mutated([real]), garbage), (text) => {
        writeFileSync(controlFilePath(folder), text)
        const file = timely(() => readControlFile(folder))
        if (Option.isSome(file)) assert.isTrue(Number.isSafeInteger(file.value.pid))
      }),
      tries(300)
    )
  })
})

it("what was encoded is decoded to the same", () => {
  for (const text of orders) {
    const decoded = Schema.decodeEither(OrderState)(text)
    assert.isTrue(Either.isRight(decoded) && Schema.encodeSync(OrderState)(decoded.right) === text)
  }
})
