import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import type { Alert } from "../../../src/domain/alerts/Alert.ts"
import * as Outbox from "../../../src/domain/alerts/Outbox.ts"
import { difference, fromTexts } from "../../../src/domain/alerts/outboxText.ts"
import { NOON } from "../../support/build.ts"

const MINUTE = 60_000
const alert = (change: Partial<Alert> = {}): Alert => ({
  at: NOON,
  severity: "critical",
  kind: "breaker.latched",
  text: "Price jumped.",
  ...change
})
const kinds = (outbox: Outbox.Outbox): ReadonlyArray<string> =>
  [...outbox.waiting.values()].map((one) => one.alert.kind)
const deliverAll = (outbox: Outbox.Outbox, now: number): readonly [ReadonlyArray<Outbox.Waiting>, Outbox.Outbox] => {
  const out: Array<Outbox.Waiting> = []
  let rest = outbox
  for (let one = Outbox.due(rest, now); one !== undefined; one = Outbox.due(rest, now)) {
    out.push(one)
    rest = Outbox.delivered(rest, one.id, rest.dropped)
  }
  return [out, rest]
}

describe("the outbox of alerts", () => {
  it("delivers the most severe first, among equals the oldest", () => {
    let box = Outbox.empty
    for (const [n, severity] of (["info", "warning", "critical", "info", "critical"] as const).entries()) {
      box = Outbox.offer(box, alert({ severity, kind: String(n) }), NOON + n)
    }
    const [out] = deliverAll(box, NOON + 10)
    assert.deepStrictEqual(
      out.map((one) => one.alert.kind),
      ["2", "4", "1", "0", "3"]
    )
  })

  it("a flapping cause is told once, then once a window that doubles up to an hour, and never loses count", () => {
    let box = Outbox.empty
    let told = 0
    let messages = 0
    // a cause that comes and goes every ten seconds, for a day
    for (let now = NOON; now < NOON + 24 * 60 * MINUTE; now += 10_000) {
      box = Outbox.pass(Outbox.offer(box, alert({ data: { cause: "price", pct: now } }), now), now)
      const [out, rest] = deliverAll(box, now)
      box = rest
      messages += out.length
      told += out.reduce((sum, one) => sum + 1 + one.repeats, 0)
    }
    assert.isAtMost(messages, 27)
    const held = [...box.windows.values()].reduce((sum, window) => sum + window.held, 0)
    assert.strictEqual(told + held, 24 * 360)
  })

  it("the same after a quiet window is told at once; another cause, another severity too", () => {
    let box = Outbox.offer(Outbox.empty, alert({ data: { cause: "price" } }), NOON)
    box = Outbox.offer(box, alert({ data: { cause: "price" } }), NOON + MINUTE)
    assert.strictEqual(box.waiting.size, 1)
    box = Outbox.offer(box, alert({ data: { cause: "api" } }), NOON + MINUTE)
    box = Outbox.offer(box, alert({ severity: "info", data: { cause: "price" } }), NOON + MINUTE)
    assert.strictEqual(box.waiting.size, 3)
    // what was held back is told when its window ends
    box = Outbox.pass(box, NOON + Outbox.WINDOW_MS)
    assert.strictEqual(box.waiting.size, 4)
    box = Outbox.pass(box, NOON + 4 * Outbox.WINDOW_MS)
    assert.strictEqual(box.windows.size, 0)
    assert.strictEqual(
      Outbox.offer(box, alert({ data: { cause: "price" } }), NOON + 4 * Outbox.WINDOW_MS).waiting.size,
      5
    )
  })

  it("many different ones of a kind are bounded too", () => {
    let box = Outbox.empty
    for (let n = 0; n < 100; n++)
      box = Outbox.offer(box, alert({ kind: "order.unknown", data: { orderId: `k${n}` } }), NOON)
    assert.strictEqual(box.waiting.size, Outbox.SAME_KIND)
    box = Outbox.pass(box, NOON + Outbox.WINDOW_MS)
    assert.strictEqual(
      [...box.waiting.values()].reduce((sum, one) => sum + 1 + one.repeats, 0),
      100
    )
  })

  it("an occasion is told once in eight days", () => {
    const summary = alert({ severity: "info", kind: "summary.day", once: "summary 2024-03-10" })
    let box = Outbox.offer(Outbox.empty, summary, NOON)
    box = Outbox.delivered(box, 1, 0)
    box = Outbox.offer(box, summary, NOON + 2 * Outbox.WINDOW_MS)
    assert.strictEqual(box.waiting.size, 0)
    box = Outbox.pass(box, NOON + Outbox.ONCE_MS + 1)
    assert.strictEqual(Outbox.offer(box, summary, NOON + Outbox.ONCE_MS + 1).waiting.size, 1)
  })

  it("is bounded: the least severe goes first, the oldest of them, and each is counted", () => {
    const severities = fc.array(fc.constantFrom<Alert["severity"]>("info", "warning", "critical"), {
      minLength: Outbox.CAPACITY,
      maxLength: Outbox.CAPACITY
    })
    fc.assert(
      fc.property(severities, (list) => {
        let box = Outbox.empty
        for (const [n, severity] of list.entries()) box = Outbox.offer(box, alert({ severity, kind: String(n) }), NOON)
        const before = kinds(box)
        box = Outbox.offer(box, alert({ kind: "new" }), NOON)
        assert.strictEqual(box.waiting.size, Outbox.CAPACITY)
        assert.strictEqual(box.dropped, 1)
        const [gone] = before.filter((kind) => !kinds(box).includes(kind))
        const first = (severity: Alert["severity"]): number => list.indexOf(severity)
        const expected = first("info") >= 0 ? first("info") : first("warning") >= 0 ? first("warning") : 0
        assert.strictEqual(gone, String(expected))
      }),
      { numRuns: 30 }
    )
  })

  it("what nobody took in three days is dropped and counted", () => {
    const box = Outbox.offer(Outbox.empty, alert(), NOON)
    assert.strictEqual(Outbox.pass(box, NOON + Outbox.LIFE_MS).waiting.size, 1)
    const after = Outbox.pass(box, NOON + Outbox.LIFE_MS + 1)
    assert.deepStrictEqual([after.waiting.size, after.dropped], [0, 1])
    assert.strictEqual(
      Outbox.nextChange(Outbox.offer(Outbox.empty, alert({ once: "x" }), NOON)),
      NOON + Outbox.LIFE_MS + 1
    )
  })

  it("one that is refused lets the others go first", () => {
    let box = Outbox.offer(Outbox.empty, alert({ kind: "poison" }), NOON)
    box = Outbox.offer(box, alert({ kind: "good", severity: "info" }), NOON)
    box = Outbox.refused(box, 1, NOON + 5000)
    assert.strictEqual(Outbox.due(box, NOON)?.alert.kind, "good")
    assert.strictEqual(Outbox.due(box, NOON + 5000)?.alert.kind, "poison")
    assert.strictEqual(Outbox.nextDue(Outbox.delivered(box, 2, 0)), NOON + 5000)
    assert.strictEqual(Outbox.refused(box, 77, NOON), box)
    assert.isUndefined(Outbox.nextDue(Outbox.empty))
    assert.isUndefined(Outbox.nextChange(Outbox.empty))
  })

  it("a clock that was set back by a day holds nothing back for a day", () => {
    let box = Outbox.offer(Outbox.empty, alert(), NOON)
    box = Outbox.pass(box, NOON - 24 * 60 * MINUTE)
    assert.strictEqual(Outbox.offer(box, alert(), NOON - 24 * 60 * MINUTE).waiting.size, 2)
  })

  it("waits double from a second to five minutes, with jitter", () => {
    assert.strictEqual(Outbox.backoff(1, 0.5), 1000)
    assert.strictEqual(Outbox.backoff(4, 0.5), 8000)
    assert.strictEqual(Outbox.backoff(4000, 0.5), 300_000)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (n, random) => {
        const wait = Outbox.backoff(n, random)
        assert.isAtLeast(wait, 800)
        assert.isAtMost(wait, 360_000)
      })
    )
  })

  it("an endless text is cut", () => {
    const box = Outbox.offer(Outbox.empty, alert({ text: "x".repeat(100_000) }), NOON)
    assert.strictEqual(Outbox.due(box, NOON)?.alert.text.length, 4000)
  })
})

const textsOf = (outbox: Outbox.Outbox): ReadonlyMap<string, string> => new Map(difference(Outbox.empty, outbox).put)

describe("the outbox as texts", () => {
  const alerts = fc.record(
    {
      at: fc.integer(),
      severity: fc.constantFrom<Alert["severity"]>("info", "warning", "critical"),
      kind: fc.constantFrom("a", "b", "c.d"),
      text: fc.string(),
      data: fc.dictionary(fc.constantFrom("cause", "n"), fc.oneof(fc.string(), fc.integer())),
      once: fc.constantFrom("x", "y")
    },
    { requiredKeys: ["at", "severity", "kind", "text"] }
  )

  it("carries everything there and back", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(alerts, fc.integer({ min: 0, max: 900_000 }))), (steps) => {
        let box = Outbox.empty
        let now = NOON
        for (const [one, later] of steps) {
          now += later
          box = Outbox.pass(Outbox.offer(box, one, now), now)
          if (later % 3 === 0) box = Outbox.refused(box, box.nextId - 1, now + 5)
        }
        assert.deepStrictEqual(fromTexts(textsOf(box)), box)
      })
    )
  })

  it("what cannot be read is passed over; a lost alert is counted", () => {
    const box = fromTexts(
      new Map([
        ["waiting 1", "{"],
        ["waiting 7", JSON.stringify(Outbox.offer({ ...Outbox.empty, nextId: 7 }, alert(), NOON).waiting.get(7))],
        ["window x", "no"],
        ["occasion y", "5"],
        ["dropped", "-3"],
        ["else", ""]
      ])
    )
    assert.deepStrictEqual([box.nextId, box.waiting.size, box.windows.size, box.dropped], [8, 1, 0, 1])
    assert.deepStrictEqual([...box.occasions], [["y", 5]])
  })

  it("only what differs is written", () => {
    const one = Outbox.offer(Outbox.empty, alert(), NOON)
    const two = Outbox.offer(one, alert({ kind: "other" }), NOON)
    const change = difference(one, two)
    assert.deepStrictEqual(change.put.map(([key]) => key).toSorted(), ["next", "waiting 2", "window other critical"])
    assert.deepStrictEqual(difference(two, Outbox.delivered(two, 1, 0)).gone, ["waiting 1"])
  })
})
