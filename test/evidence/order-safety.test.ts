/** The comparison of docs/evidence/order-safety.md on 200 of its sends: what it shows holds, and it shows the same every time. */
import { beforeAll, describe, expect, it } from "vitest"
import { draw } from "../../bench/order-safety/Draw.ts"
import type { Result } from "../../bench/order-safety/episode.ts"
import { runEpisode } from "../../bench/order-safety/episode.ts"
import { ours } from "../../bench/order-safety/policies/ours.ts"
import { csv, runAll, sha256, summarize, tables } from "../../bench/order-safety/report.ts"

const SEED = 1
const SENDS = 200

let results: ReadonlyArray<Result>
const of = (policy: string): ReadonlyArray<Result> => results.filter((result) => result.policy === policy)

beforeAll(() => {
  results = runAll(SEED, SENDS)
}, 120_000)

describe("ambiguous sends under several policies", () => {
  it("says the same, byte for byte, for the same seed", () => {
    const again = runAll(SEED, 20)
    expect(sha256(csv(again))).toBe(sha256(csv(results.filter((result) => result.index < 20))))
    expect(csv(runAll(SEED + 1, 20))).not.toBe(csv(again))
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

  it("makes a row for every policy", () => {
    const [first, second] = tables(summarize(results)).split("\n\n")
    expect(first?.split("\n")).toHaveLength(8)
    expect(second?.split("\n")).toHaveLength(8)
  })
})
