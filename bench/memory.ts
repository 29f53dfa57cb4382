/**
 * Resident memory and event-loop delay of a trader that trades live at an exchange with a market that moves by itself, at the
 * pace of the real clock. Memory is read once a minute; the delay is that of the whole time since the last reading.
 */
import { startHost } from "./exchange/Exchange.ts"
import { pause } from "./pause.ts"
import type { Report } from "./trader/report.ts"
import { startTrader } from "./trader/Trader.ts"

export interface MemoryResult {
  readonly minutes: number
  /** One each minute; the first a minute after the start. */
  readonly reports: ReadonlyArray<Report>
  readonly fills: number
  /** Bytes that the last quarter of the readings lies above the quarter before it, means of both. */
  readonly growth: number
  readonly last: Report
}

const MINUTE_MS = 60_000

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

const growthOf = (resident: ReadonlyArray<number>): number => {
  const quarter = Math.max(1, Math.floor(resident.length / 4))
  const before = resident.slice(-2 * quarter, -quarter)
  return before.length === 0 ? 0 : mean(resident.slice(-quarter)) - mean(before)
}

export const measureMemory = async (
  program: string,
  minutes: number,
  nodeOptions: ReadonlyArray<string>
): Promise<MemoryResult> => {
  const host = startHost()
  try {
    const [ready] = await host.ask({ _tag: "Open", market: "generated", count: 1 })
    if (ready === undefined) throw new Error("no exchange")
    const trader = await startTrader(ready, { program, strategy: "busy", watched: true, nodeOptions })
    try {
      // the start is no trading
      await trader.firstOrder
      await trader.report()
      const reports: Array<Report> = []
      for (let minute = 1; minute <= minutes; minute++) {
        await pause(MINUTE_MS)
        const report = await trader.report()
        reports.push(report)
        console.error(
          `memory after ${minute} min: ${(report.memory.rss / 1e6).toFixed(0)} MB; loop delay p99 ${report.delay.p99.toFixed(1)} ms`
        )
      }
      const last = reports.at(-1)
      if (last === undefined) throw new Error("no reading")
      const fills = await host.ask({ _tag: "Fills", exchange: 0 })
      return { minutes, reports, fills, growth: growthOf(reports.map((r) => r.memory.rss)), last }
    } finally {
      await trader.stop()
    }
  } finally {
    await host.end()
  }
}
