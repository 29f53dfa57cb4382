/**
 * From the call that starts the trader's process to its first order, at an exchange whose price is the one to act on: it has
 * read its books, passed its checks, reconciled and warmed up. Each run starts with an empty folder.
 *
 * Network and rate limits are taken out by counting only the time in which the process did something: what the event loop
 * spent waiting (for an answer, for a turn under Kraken's limits, for a timer, for a file) is told apart by Node itself
 * (`performance.nodeTiming.idleTime`). Commits are not waited for in the loop: they count in full.
 */
import { startHost } from "./exchange/Exchange.ts"
import { median } from "./stats.ts"
import { startTrader } from "./trader/Trader.ts"

export interface StartResult {
  /** Milliseconds of each run, waits aside, and with them. */
  readonly busy: ReadonlyArray<number>
  readonly whole: ReadonlyArray<number>
  /** Milliseconds of processor time, all threads; hardly depends on what else the machine does. */
  readonly processor: ReadonlyArray<number>
  /** Milliseconds of `status` beside the running trader, from start to exit. */
  readonly status: ReadonlyArray<number>
  readonly p50: Readonly<Record<"busy" | "whole" | "processor" | "status", number>>
}

export const measureStart = async (
  program: string,
  runs: number,
  nodeOptions: ReadonlyArray<string>
): Promise<StartResult> => {
  const busy: Array<number> = []
  const whole: Array<number> = []
  const processor: Array<number> = []
  const status: Array<number> = []
  const host = startHost()
  try {
    for (let run = 0; run < runs; run++) {
      // an exchange of its own for each run: what an account was asked before is counted against it
      const [ready] = await host.ask({ _tag: "Open", market: "fed", count: 1 })
      if (ready === undefined) throw new Error("no exchange")
      await host.ask({ _tag: "Tempt", exchange: run, on: true })
      const trader = await startTrader(ready, { program, strategy: "onTick", watched: true, nodeOptions })
      try {
        const { atMs, processorMs, waitedMs } = await trader.firstOrder
        whole.push(trader.bootMs + atMs)
        busy.push(trader.bootMs + atMs - waitedMs)
        processor.push(processorMs)
        status.push(await trader.command("status"))
      } finally {
        await trader.stop()
      }
    }
  } finally {
    await host.end()
  }
  return {
    busy,
    whole,
    processor,
    status,
    p50: { busy: median(busy), whole: median(whole), processor: median(processor), status: median(status) }
  }
}
