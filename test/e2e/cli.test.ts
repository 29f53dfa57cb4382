import { spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import type { Place, Running } from "./program.ts"
import { eventually, makePlace } from "./program.ts"

let place: Place
beforeEach(() => {
  place = makePlace()
})
afterEach(() => place.clear())

interface Status {
  readonly state: string
  readonly reasons: ReadonlyArray<string>
  readonly pid: number | null
  readonly totals: { readonly closedTrades: number }
  readonly lots: ReadonlyArray<unknown>
  readonly orders: ReadonlyArray<unknown>
}

const control = (): { readonly url: string; readonly token: string } =>
  JSON.parse(readFileSync(join(place.dataDir, "control.json"), "utf8"))

/** The running trader's own document, over its door. */
const ask = async (): Promise<Status | undefined> => {
  try {
    const response = await fetch(`${control().url}/status`, { signal: AbortSignal.timeout(2000) })
    return (await response.json()) as Status
  } catch {
    return undefined
  }
}

const trading = (trader: Running): Promise<Status | undefined> =>
  eventually(ask, (status) => {
    if (trader.process.exitCode !== null) throw new Error(`the trader ended: ${trader.error()}`)
    return status?.state === "trading" && status.pid === trader.process.pid
  })

describe("the command line, as a process", () => {
  it("says its version and its help, and refuses what it does not know with 64, never a start", async () => {
    const [version, help, unknown, option, badCancel] = await Promise.all(
      [["--version"], ["--help"], ["tarde"], ["trade", "--frsh"], ["cancel"]].map((args) => place.run(args))
    )
    assert.deepEqual(version, { code: 0, out: "0.1.0\n", error: "" })
    assert.strictEqual(help?.code, 0)
    for (const name of ["trade", "status", "stop", "cancel", "doctor", "breaker", "exchange"]) {
      assert.include(help?.out, name)
    }
    assert.notInclude(help?.out, "\u001B")
    for (const refused of [unknown, option, badCancel]) {
      assert.strictEqual(refused?.code, 64)
      assert.strictEqual(refused?.out, "")
      assert.isNotEmpty(refused?.error)
    }
    assert.include(unknown?.error, "did you mean trade?")
    assert.isFalse(existsSync(place.dataDir))
  })

  it("completes its commands and their options in bash, and prints a script for other shells", async () => {
    const scripts = await Promise.all(
      ["bash", "zsh", "fish", "sh"].map(async (shell) => await place.run(["--completions", shell]))
    )
    const [bash] = scripts
    for (const { code, error, out } of scripts) {
      assert.strictEqual(code, 0, error)
      for (const name of ["trade", "price", "cancel", "breaker", "simulate"]) assert.include(out, name)
    }
    const completed = (...words: ReadonlyArray<string>): ReadonlyArray<string> => {
      const lookup = `${bash?.out ?? ""}
COMP_WORDS=(kraken-trader "$@"); COMP_CWORD=$#; _kraken-trader_bash_completions kraken-trader; echo "\${COMPREPLY[@]}"
complete -p kraken-trader`
      const { status, stderr, stdout } = spawnSync("bash", ["-c", lookup, "bash", ...words], { encoding: "utf8" })
      assert.strictEqual(status, 0, stderr)
      return (stdout.split("\n")[0] ?? "").split(" ")
    }
    assert.deepEqual(completed("st"), ["status", "stop"])
    assert.include(completed("cancel", "--a"), "--account")
    assert.include(completed("trades", "--"), "--csv")
  })

  it("lists every problem of the settings at once (78), without a secret's value, and starts nothing", async () => {
    const secret = "not-a-real-secret-0123456789"
    const settings = {
      MAX_TRADE_SIZE: "ten",
      POST_ONLY: "maybe",
      TRADING_MODE: "live",
      KRAKEN_API_SECRET: secret,
      LOG_LEVEL: "loud"
    }
    const [trade, doctor] = await Promise.all([place.run([], settings), place.run(["doctor", "--json"], settings)])
    assert.strictEqual(trade.code, 78)
    for (const key of ["MAX_TRADE_SIZE", "POST_ONLY", "KRAKEN_API_KEY", "KRAKEN_API_SECRET", "LOG_LEVEL"]) {
      assert.include(trade.error, key)
      assert.include(doctor.out, key)
    }
    assert.strictEqual(doctor.code, 78)
    assert.doesNotThrow(() => void JSON.parse(doctor.out))
    assert.notInclude(trade.error + doctor.out + doctor.error, secret)
    assert.isFalse(existsSync(place.dataDir))
  })

  it("without a trader: status is 3, stop has nothing to do, the lists are empty, and looking leaves no trace", async () => {
    const [status, stop, orders, pause] = await Promise.all([
      place.run(["status", "--json"]),
      place.run(["stop"]),
      place.run(["orders", "--json"]),
      place.run(["pause"])
    ])
    assert.strictEqual(status.code, 3)
    assert.isTrue(status.out.startsWith('{"state":"stopped","reasons":["no trader has ever run'))
    assert.strictEqual(stop.code, 0)
    assert.deepEqual(JSON.parse(orders.out), { orders: [] })
    assert.strictEqual(pause.code, 1)
    assert.isFalse(existsSync(place.dataDir))
  })
})

describe("a paper trader, as a process", () => {
  it("starts without any setting, does what its operator says, and stops clean", { timeout: 60_000 }, async () => {
    const trader = place.start([])
    await trading(trader)

    const [second, status, doctor] = await Promise.all([
      place.run(["trade"]),
      place.run(["status"]),
      place.run(["doctor", "--json"])
    ])
    assert.strictEqual(second.code, 75)
    assert.include(second.error, `process ${trader.process.pid}`)
    assert.include(status.out, "paper mode")
    assert.strictEqual(doctor.code, 0, doctor.out)

    assert.strictEqual((await place.run(["pause"])).code, 0)
    const paused = await place.run(["status", "--json"])
    assert.strictEqual(paused.code, 1)
    assert.include(paused.out, "paused by the operator")
    assert.strictEqual((await place.run(["resume"])).code, 0)

    assert.strictEqual((await place.run(["breaker", "trip", "--reason", "drill"])).code, 0)
    assert.include((await place.run(["breaker"])).out, "operator")
    assert.strictEqual((await place.run(["breaker", "reset"])).code, 0)

    const cancelled = await place.run(["cancel", "--all"])
    assert.strictEqual(cancelled.code, 0, cancelled.error)
    assert.include(cancelled.out, "Verified")
    assert.strictEqual((await place.run(["cancel", "no-such-order"])).code, 1)

    const { token, url } = control()
    const metrics = await (await fetch(`${url}/metrics`)).text()
    assert.include(metrics, 'kraken_trader_breaker_latched{cause="operator"} 1')
    assert.strictEqual((await fetch(`${url}/stop`, { method: "POST" })).status, 401)
    for (const list of ["orders", "trades"]) {
      assert.property(JSON.parse((await place.run([list, "--json"])).out), list)
    }

    const stopped = await place.run(["stop"])
    assert.strictEqual(stopped.code, 0, stopped.out + stopped.error)
    assert.include(stopped.out, "Stopped.")
    const end = await trader.ended
    assert.strictEqual(end.code, 0, end.error)
    assert.isFalse(existsSync(join(place.dataDir, "control.json")))
    const log = readFileSync(join(place.dataDir, "trader.log"), "utf8")
    assert.notInclude(log + end.error + end.out, token)
    assert.include(log, "stopping")

    const after = await place.run(["status", "--json"])
    assert.strictEqual(after.code, 3)
    assert.include(after.out, "the breaker holds (operator")
    // by hand, while none runs
    assert.include((await place.run(["breaker", "reset"])).out, "closed")
  })

  it(
    "killed at any moment, it goes on where it was; without it, cancel works directly",
    { timeout: 60_000 },
    async () => {
      const first = place.start(["trade"])
      await trading(first)
      await eventually(ask, (status) => (status?.totals.closedTrades ?? 0) + (status?.lots.length ?? 0) > 0, 20_000)
      const before = await ask()
      first.process.kill("SIGKILL")
      await first.ended

      const dead = await place.run(["status", "--json"])
      assert.strictEqual(dead.code, 3)
      assert.include(dead.out, "no trader runs on")

      const direct = await place.run(["cancel", "--all"])
      assert.strictEqual(direct.code, 0, direct.out + direct.error)
      assert.include(direct.error, "cancelling directly")
      assert.include(direct.out, "Verified")

      const again = place.start(["trade"])
      // the latch that was set while none ran holds
      const back = await eventually(
        ask,
        (status) =>
          status !== undefined &&
          status.pid === again.process.pid &&
          status.reasons.includes("breaker operator: `cancel --all`") &&
          !status.reasons.join().includes("reconciling")
      )
      assert.isAtLeast((back?.totals.closedTrades ?? 0) + (back?.lots.length ?? 0), before?.totals.closedTrades ?? 0)
      assert.include((await place.run(["breaker", "reset", "--cause", "operator"])).out, "closed")
      await trading(again)
      again.process.kill("SIGTERM")
      const end = await again.ended
      assert.strictEqual(end.code, 0, end.error)
    }
  )

  it("frozen, it is said to be frozen, and comes back", { timeout: 60_000 }, async () => {
    const trader = place.start(["trade"], { PAPER_SPEED: "20" })
    await trading(trader)
    trader.process.kill("SIGSTOP")
    const frozen = await place.run(["status", "--json"])
    assert.strictEqual(frozen.code, 1)
    assert.include(frozen.out, "does not answer")
    trader.process.kill("SIGCONT")
    await trading(trader)
    const stopped = await place.run(["stop", "--timeout", "20s"])
    assert.strictEqual(stopped.code, 0, stopped.out + stopped.error)
    assert.strictEqual((await trader.ended).code, 0)
  })

  it(
    "--fresh puts the old account aside; another account in the folder is refused with 78",
    { timeout: 60_000 },
    async () => {
      const first = place.start([], { PAPER_STOP_AFTER: "1s" })
      assert.strictEqual((await first.ended).code, 0, first.error())
      const other = await place.run([], { PAPER_SEED: "2" })
      assert.strictEqual(other.code, 78, other.error)
      assert.include(other.error, "holds the records of")
      const fresh = await place.run(["--fresh"], { PAPER_SEED: "2", PAPER_STOP_AFTER: "1s" })
      assert.strictEqual(fresh.code, 0, fresh.error)
      assert.include(fresh.error, "was put in")
    }
  )
})

describe("the local Kraken, as a process", () => {
  it("says where it is in one line of JSON, answers, and ends with Ctrl-C", async () => {
    const exchange = place.start(["exchange", "--json", "--balances", '{"USD":"7"}'])
    const line = await eventually(
      () => Promise.resolve(exchange.out()),
      (out) => out.endsWith("\n")
    )
    const ready = JSON.parse(line) as { readonly restUrl: string; readonly pid: number }
    assert.containsAllKeys(ready, ["restUrl", "wsUrl", "wsAuthUrl", "apiKey", "apiSecret", "pid"])
    assert.strictEqual(ready.pid, exchange.process.pid)
    const answer = (await (await fetch(`${ready.restUrl}/0/public/Time`)).json()) as { readonly error: unknown }
    assert.deepEqual(answer.error, [])
    exchange.process.kill("SIGINT")
    const end = await exchange.ended
    assert.strictEqual(end.code, 0, end.error)
    assert.strictEqual(end.out, line)
    const wrong = await place.run(["exchange", "--balances", "much"])
    assert.strictEqual(wrong.code, 64)
    assert.include(wrong.error, "--balances is no account")
  })
})
