/** The comparison of docs/evidence/order-safety.md on 200 of its sends: what it shows holds, and it shows the same every time. */
import { setImmediate } from "node:timers/promises"
import { beforeAll, describe, expect, it } from "vitest"
import { draw } from "../../bench/order-safety/Draw.ts"
import type { Result } from "../../bench/order-safety/episode.ts"
import { runEpisode } from "../../bench/order-safety/episode.ts"
import { ours } from "../../bench/order-safety/policies/ours.ts"
import { csv, runAll, runSend, sha256, summarize, tables } from "../../bench/order-safety/report.ts"

const SEED = 1
const SENDS = 200

let results: ReadonlyArray<Result>
const of = (policy: string): ReadonlyArray<Result> => results.filter((result) => result.policy === policy)

/** Runs something for each send; the test runner gets its turn between them. */
const each = async <A>(sends: number, run: (index: number) => A): Promise<ReadonlyArray<A>> => {
  const out: Array<A> = []
  for (let index = 0; index < sends; index += 1) {
    out.push(run(index))
    await setImmediate()
  }
  return out
}

beforeAll(async () => {
  results = (await each(SENDS, (index) => runSend(SEED, index))).flat()
}, 240_000)

describe("ambiguous sends under several policies", () => {
  it("says the same, byte for byte, for the same seed", async () => {
    const again = (await each(20, (index) => runSend(SEED, index))).flat()
    expect(sha256(csv(again))).toBe(sha256(csv(results.filter((result) => result.index < 20))))
    expect(csv(runAll(SEED + 1, 2))).not.toBe(csv(runAll(SEED, 2)))
  }, 60_000)

  it("gives every policy the same draws", () => {
    expect(draw(SEED, 7)).toEqual(draw(SEED, 7))
    const kinds = new Set(Array.from({ length: SENDS }, (_, i) => draw(SEED, i).fault.kind))
    expect([...kinds].toSorted()).toEqual([
      "5xx after",
      "5xx before",
      "answer late",
      "answer lost",
      "applied late",
      "cut after",
      "cut before",
      "request lost",
      "service error"
    ])
  })

  it("this trader: no duplicate, no orphan, never above the limit, never certain and wrong", () => {
    const own = of("ours")
    expect(own).toHaveLength(SENDS)
    expect(own.filter((r) => r.duplicates > 0 || r.orphans > 0 || r.overLimit || r.wrong)).toEqual([])
    expect(own.filter((r) => r.fillsLost > 0 || r.fillsDoubled > 0 || r.overbooked > 0)).toEqual([])
  })

  it("this trader: one request per intent, and certainty wherever the exchange can be read again", () => {
    expect(of("ours").filter((r) => r.attempts > 1 + r.entered)).toEqual([])
    const never = of("ours").filter((r) => r.certainAfter === undefined)
    expect(never.map((r) => draw(SEED, r.index).outage?.until)).toEqual(never.map(() => Number.POSITIVE_INFINITY))
  })

  it.each(["resend", "resend-no-id", "open-only"])(
    "%s: duplicates, and with them exposure above the limit",
    (policy) => {
      expect(of(policy).some((r) => r.duplicates > 0)).toBe(true)
      expect(of(policy).some((r) => r.fillsDoubled > 0)).toBe(true)
      expect(of(policy).some((r) => r.overLimit)).toBe(true)
    }
  )

  it("give-up: orphans, though nothing is sent twice", () => {
    expect(of("give-up").every((r) => r.duplicates === 0)).toBe(true)
    expect(of("give-up").some((r) => r.orphans > 0 && r.wrong)).toBe(true)
    expect(of("give-up").some((r) => r.overLimit)).toBe(true)
  })

  it("save-late: orphans, and only where the process crashed", () => {
    const orphaned = of("save-late").filter((r) => r.orphans > 0)
    expect(orphaned.length).toBeGreaterThan(0)
    expect(orphaned.filter((r) => draw(SEED, r.index).crash === undefined)).toEqual([])
  })

  it("no policy books an execution twice: the fold that they share takes each once", () => {
    expect(results.filter((r) => r.overbooked > 0)).toEqual([])
  })

  it("judges: an order that was applied and written off is an orphan", () => {
    const applied = Array.from({ length: SENDS }, (_, i) => draw(SEED, i)).find(
      (d) => d.fault.kind === "answer lost" && d.market === "never filled" && d.crash === undefined
    )
    expect(applied).toBeDefined()
    expect(runEpisode(applied!, ours)).toMatchObject({ orphans: 0, wrong: false })
    const forgets: typeof ours = {
      ...ours,
      settle: ({ books, sleep }, order) => {
        books.reject(order.id, "forgotten")
        return sleep(0)
      }
    }
    expect(runEpisode(applied!, forgets)).toMatchObject({ orphans: 1, wrong: true })
  })

  it("judges: the same settling without the minute after the deadline is certain too early", async () => {
    const impatient: typeof ours = {
      ...ours,
      settle: (hands, order) => ours.settle(hands, { ...order, deadline: order.deadline - 60_000 })
    }
    const early = await each(SENDS, (index) => runEpisode(draw(SEED, index), impatient))
    expect(early.some((r) => r.orphans > 0 && r.wrong)).toBe(true)
    expect(early.some((r) => r.overLimit)).toBe(true)
  }, 60_000)

  it("makes a row for every policy", () => {
    const [first, second] = tables(summarize(results)).split("\n\n")
    expect(first?.split("\n")).toHaveLength(8)
    expect(second?.split("\n")).toHaveLength(8)
  })
})
