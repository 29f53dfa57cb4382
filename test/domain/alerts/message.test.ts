import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { cut, messageOf, MOST_BYTES } from "../../../src/domain/alerts/message.ts"
import type { MessageFields } from "../../../src/domain/alerts/message.ts"
import type { Alert } from "../../../src/domain/alerts/Alert.ts"
import { NOON } from "../../support/build.ts"

const alert: Alert = {
  at: NOON,
  severity: "critical",
  kind: "breaker.latched",
  text: "Price jumped: no entries until it is calm.",
  data: { pair: "XLM/USD", pct: 5.2 }
}
const message = (
  change: { alert?: Partial<Alert>; repeats?: number; dropped?: number; later?: number; fields?: MessageFields } = {}
) =>
  messageOf(
    { alert: { ...alert, ...change.alert }, repeats: change.repeats ?? 0, queuedAt: NOON },
    { mode: "live", fields: change.fields ?? {}, now: NOON + (change.later ?? 0), dropped: change.dropped ?? 0 }
  )

describe("the message of an alert", () => {
  it("shows in Slack, Discord, Telegram and ntfy, and serves programs", () => {
    const text = "[critical] Price jumped: no entries until it is calm."
    assert.deepStrictEqual(message(), {
      text,
      content: text,
      message: text,
      title: "kraken-trader (live)",
      severity: "critical",
      guide: "docs/operations.md#alert-breakerlatched",
      kind: "breaker.latched",
      at: "2024-03-10T12:00:00.000Z",
      data: { pair: "XLM/USD", pct: 5.2 }
    })
  })

  it("says that it is late, how often it came, and what was dropped", () => {
    const body = message({ repeats: 4, dropped: 3, later: 3_600_000, alert: { text: "Ouch." } })
    assert.strictEqual(
      body["text"],
      "[critical] Ouch. (5 times since the last word of it; late: from 2024-03-10T12:00:00.000Z; 3 older alerts could not be delivered and were dropped; the log has them)"
    )
    assert.deepStrictEqual([body["repeats"], body["dropped"]], [4, 3])
  })

  it("takes the owner's fields: constants, by severity, and none of what a strict receiver refuses", () => {
    const fields: MessageFields = {
      topic: "t",
      chat_id: -100,
      tags: ["robot"],
      priority: { info: 2, warning: 4, critical: 5 },
      link: { info: 1, warning: 2 },
      data: null,
      content: null
    }
    const body = message({ fields })
    assert.deepInclude(body, { topic: "t", chat_id: -100, tags: ["robot"], priority: 5, link: { info: 1, warning: 2 } })
    assert.notProperty(body, "data")
    assert.notProperty(body, "content")
    assert.strictEqual(message({ fields, alert: { severity: "info" } })["priority"], 2)
  })

  it("fits every receiver, whatever the text", () => {
    fc.assert(
      fc.property(fc.fullUnicodeString({ maxLength: 3000 }), fc.boolean(), (text, late) => {
        const sent = String(message({ alert: { text }, repeats: 2, dropped: 9, later: late ? 1e9 : 0 })["text"])
        assert.isAtMost(Buffer.byteLength(sent), MOST_BYTES)
        assert.notInclude(Buffer.from(sent).toString("utf8"), "\uFFFD".repeat(text.includes("\uFFFD") ? 99_999 : 1))
      })
    )
    assert.isAtMost(Buffer.byteLength(String(message({ alert: { text: "é".repeat(3000) } })["text"])), MOST_BYTES)
  })

  it("a text is cut between characters, or not at all", () => {
    assert.strictEqual(cut("abc", 3), "abc")
    assert.strictEqual(cut("abcdef", 5), "ab…")
    assert.strictEqual(cut("😀😀😀", 8), "😀…")
    assert.strictEqual(cut("", 0), "")
  })
})
