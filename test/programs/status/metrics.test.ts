/** What is scraped, what is documented and what `ops/` asks for are the same. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as RateBudget from "../../../src/domain/kraken/RateBudget.ts"
import * as Measured from "../../../src/layers/measured/Measured.ts"
import { mockWorld } from "../../../src/layers/mock/mockWorld.ts"
import { prometheus } from "../../../src/layers/node/ControlServerRoutes.ts"
import { metricsOf } from "../../../src/programs/status/metrics.ts"
import { AlertOutbox } from "../../../src/services/AlertOutbox.ts"
import type { StreamHealth } from "../../../src/services/KrakenStream.ts"
import { Measures } from "../../../src/services/Measures.ts"
import { RateLimits } from "../../../src/services/RateLimits.ts"
import { prefix, Rig } from "../../domain/engine/Rig.ts"
import { readExposition } from "../../support/exposition.ts"
import type { Family } from "../../support/exposition.ts"
import { lost } from "../desk/support.ts"
import { NOON, usd, XLM } from "../../support/build.ts"

const stream: StreamHealth = { connected: true, lastFrameAt: NOON - 500, reconnects: 0, frames: 12, malformed: 0 }

/** Every family there is: a trader that trades, one with an order of unknown outcome and a difference, and all measures. */
const scraped = Effect.gen(function* () {
  const { rig } = lost()
  const state = {
    ...rig.state,
    differences: new Map([["USD", { amount: usd("5"), at: NOON, last: { at: NOON, total: 0n }, confirmed: false }]]),
    agreed: new Map([["XLM", { at: NOON - 5000, total: 0n }]])
  }
  const limits = RateBudget.chargeEngine(
    RateBudget.full(RateBudget.tiers.starter, NOON),
    RateBudget.tiers.starter,
    XLM,
    1,
    NOON
  )
  const gauges = Measured.makeGauges()
  gauges.sent.entry.observe(0.003)
  gauges.loop = new Map([["0.99", 0.002]])
  gauges.loopCount = 3
  const measured = yield* Effect.flatMap(Measures, ({ samples }) => samples).pipe(
    Effect.provide(
      Measured.MeasuresLive.pipe(
        Layer.provideMerge(
          Layer.mergeAll(
            Layer.succeed(AlertOutbox, {
              health: Effect.succeed({ waiting: 1, delivered: 2, failed: 3, dropped: 4, held: 5, durable: true })
            }),
            Layer.succeed(RateLimits, { state: Effect.succeed(limits) } as RateLimits["Type"]),
            Layer.succeed(Measured.MeasuredGauges, gauges)
          )
        ),
        Layer.provideMerge(mockWorld({ start: NOON, prefix }))
      )
    )
  )
  const health = {
    identity: { mode: "paper", version: "1.2.3", pid: 77, startedAt: NOON },
    mode: "paper" as const,
    machineNow: NOON,
    speed: 60,
    offset: { ms: 1, measuredAt: NOON },
    market: stream,
    account: stream,
    recentTrades: []
  }
  assert.strictEqual(metricsOf(state, health).find(({ name }) => name === "unknown_orders")?.value, 1)
  // a trader in good order has figures that one in trouble has not
  const fine = metricsOf(new Rig().ready().state, health)
  const troubled = metricsOf(state, health)
  const known = new Set(fine.map(({ name }) => name))
  return prometheus([...fine, ...troubled.filter(({ name }) => !known.has(name)), ...measured])
})

interface Documented {
  readonly name: string
  readonly type: string
  readonly labels: ReadonlyArray<string>
}

const documented: ReadonlyArray<Documented> = readFileSync("docs/metrics.md", "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, name, type = "", labels = ""] = /^\| `(kraken_trader_\w+)` *\| (\w+) *\| ([\w, ]*)\|/.exec(line) ?? []
    return name === undefined
      ? []
      : [{ name, type, labels: labels.split(",").flatMap((label) => (label.trim() === "" ? [] : [label.trim()])) }]
  })

const labelsOf = (family: Family): ReadonlyArray<string> =>
  [...new Set(family.samples.flatMap(({ labels }) => Object.keys(labels)))].filter((label) => label !== "le").toSorted()

describe("the metrics", () => {
  it.effect("are what docs/metrics.md says, each with its type and labels, in a text that parses", () =>
    Effect.gen(function* () {
      const families = readExposition(yield* scraped)
      assert.deepStrictEqual(
        families
          .map((family) => ({ name: family.name, type: family.type, labels: labelsOf(family) }))
          .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
        documented
          .map((one) => ({ ...one, labels: one.labels.toSorted() }))
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      )
    })
  )

  it("keep Prometheus' conventions: counters are totals, units are base units", () => {
    assert.isAbove(documented.length, 50)
    for (const { name, type } of documented) {
      assert.strictEqual(type === "counter", name.endsWith("_total"), name)
      assert.notMatch(name, /_(ms|millis|minutes|percent|kb|mb)(_|$)/)
      if (type === "histogram" || type === "summary") assert.match(name, /_seconds$/)
    }
  })

  it("are the only ones that the rules and the dashboard of ops/ ask for", () => {
    const names = new Set(
      documented.flatMap(({ name, type }) =>
        type === "histogram"
          ? [`${name}_bucket`, `${name}_sum`, `${name}_count`]
          : type === "summary"
            ? [name, `${name}_sum`, `${name}_count`]
            : [name]
      )
    )
    for (const file of ["ops/prometheus/rules.yml", "ops/grafana/kraken-trader.json"]) {
      const asked = [...readFileSync(file, "utf8").matchAll(/kraken_trader_\w+/g)].map(([name]) => name)
      assert.isAbove(asked.length, 10, file)
      for (const name of asked) assert.isTrue(names.has(name), `${file} asks for ${name}`)
    }
  })

  it("the dashboard is JSON whose every panel asks for something", () => {
    const dashboard = JSON.parse(readFileSync("ops/grafana/kraken-trader.json", "utf8")) as {
      readonly panels: ReadonlyArray<{
        readonly id: number
        readonly title: string
        readonly type: string
        readonly targets: ReadonlyArray<{ readonly expr: string }>
      }>
    }
    assert.strictEqual(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
    for (const panel of dashboard.panels) {
      assert.isNotEmpty(panel.targets, panel.title)
      for (const { expr } of panel.targets) assert.match(expr, /kraken_trader_/)
    }
  })
})
