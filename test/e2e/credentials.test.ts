/** Whether live trading is let begin: the key, its permissions, the operator's word. Against a Kraken of its own. */
import { randomBytes } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { Exchange } from "./live.ts"
import { confirmationCode, eagerStrategy, rested, startExchange } from "./live.ts"
import type { Ended, Place } from "./program.ts"
import { eventually, makePlace } from "./program.ts"

const TIMEOUT = { timeout: 300_000 }

let place: Place
let exchange: Exchange
beforeAll(async () => {
  place = makePlace()
  exchange = await startExchange(place)
}, 150_000)
afterAll(() => place.clear())

/** Runs the trader at an exchange, in a folder of its own. */
const refused = async (
  name: string,
  settings: Readonly<Record<string, string>>,
  at: Exchange = exchange
): Promise<Ended> => {
  const dataDir = join(place.directory, name)
  await rested(dataDir)
  return await place.run(["trade"], {
    ...at.settings,
    // a lock of its own on the key, so that refusals can be had side by side
    XDG_STATE_HOME: join(place.directory, `${name}-state`),
    DATA_DIR: dataDir,
    LOG_FORMAT: "pretty",
    ...settings
  })
}

/** Runs it with the exchange's own key, which may do this and nothing else. */
const refusedWith = async (name: string, permissions: string, code: string): Promise<Ended> => {
  const other = await startExchange(place)
  await other.operate("key", { permissions })
  const end = await refused(name, { LIVE_TRADING_CONFIRMED: code }, other)
  assert.deepEqual(await orders(other), [])
  return end
}

/** What happened, what it means for the money, what to do. */
const says = (end: Ended, code: number, ...sentences: ReadonlyArray<string>): void => {
  assert.strictEqual(end.code, code, end.error)
  assert.strictEqual(end.out, "")
  for (const sentence of sentences) assert.include(end.error, sentence)
  assert.notInclude(end.error, "mistake in the program")
}

const orders = async (at: Exchange): Promise<ReadonlyArray<unknown>> =>
  ((await at.operate("view")) as { readonly orders: ReadonlyArray<unknown> }).orders

const TRADING =
  "query-funds,query-open-trades,query-closed-trades,modify-trades,close-trades,query-ledger,create-ws-token"

describe.concurrent("live trading, as a process", () => {
  it("is refused without the operator's word for these very settings (78)", TIMEOUT, async () => {
    const [none, old, noKeys] = await Promise.all([
      refused("unconfirmed", {}),
      refused("outdated", { LIVE_TRADING_CONFIRMED: "0000-0000" }),
      refused("keyless", { KRAKEN_API_KEY: "", KRAKEN_API_SECRET: "" })
    ])
    for (const end of [none, old]) {
      says(end, 78, "LIVE_TRADING_CONFIRMED does not match", "Nothing was traded.", "Run `doctor`")
    }
    says(noKeys, 78, "KRAKEN_API_KEY is missing", "KRAKEN_API_SECRET is missing", "nothing was traded", "try again")
  })

  it("is refused with a key that is wrong, too weak or too strong (77)", TIMEOUT, async () => {
    const wrong = randomBytes(64).toString("base64")
    const asked = join(place.directory, "asked")
    await rested(asked)
    const doctor = await place.run(["doctor", "--json"], {
      ...exchange.settings,
      KRAKEN_API_SECRET: wrong,
      DATA_DIR: asked
    })
    assert.include(doctor.out, "EAPI:Invalid signature")
    const code = confirmationCode(doctor.out)
    const [secret, key, weak, strong] = await Promise.all([
      refused("wrong-secret", { LIVE_TRADING_CONFIRMED: code, KRAKEN_API_SECRET: wrong }),
      refused("wrong-key", { LIVE_TRADING_CONFIRMED: code, KRAKEN_API_KEY: randomBytes(42).toString("base64") }),
      refusedWith("too-weak", TRADING.replace("modify-trades,", ""), code),
      refusedWith("too-strong", `${TRADING},withdraw-funds`, code)
    ])
    says(secret, 77, "EAPI:Invalid signature", "Nothing was traded.", "make a new key")
    says(key, 77, "EAPI:Invalid key", "Nothing was traded.", "make a new key")
    says(weak, 77, "it lacks modify-trades", "Nothing was traded.", "Change the key's permissions at Kraken")
    says(strong, 77, "it may withdraw funds", "Nothing was traded.", "Change the key's permissions at Kraken")
  })

  it("begins when it is confirmed, and ends with nothing open", TIMEOUT, async () => {
    const own = await startExchange(place)
    const settings = { ...own.settings, STRATEGY: eagerStrategy(place.directory) }
    await rested(place.dataDir)
    const doctor = await place.run(["doctor", "--json"], settings)
    assert.strictEqual(doctor.code, 1, doctor.out)
    const confirmed = { ...settings, LIVE_TRADING_CONFIRMED: confirmationCode(doctor.out) }

    const trader = place.start(["trade"], confirmed)
    await eventually(
      () => orders(own),
      (list) => {
        if (trader.process.exitCode !== null) throw new Error(`the trader ended: ${trader.error()}`)
        return list.length > 0
      },
      120_000
    )
    const status = await eventually(
      () => place.run(["status"], confirmed),
      ({ code }) => code === 0,
      120_000
    )
    assert.match(status.out, /^LIVE/m)

    const stopped = await place.run(["stop"], confirmed)
    assert.strictEqual(stopped.code, 0, stopped.out + stopped.error)
    const end = await trader.ended
    assert.strictEqual(end.code, 0, end.error)
    const view = (await own.operate("view")) as { readonly open: ReadonlyArray<unknown>; readonly switchAt?: unknown }
    assert.deepEqual(view.open, [])
    // nothing rests, so nothing is left for the switch to do
    assert.notExists(view.switchAt)
    assert.isFalse(existsSync(join(place.dataDir, "control.json")))
    assert.include(readFileSync(join(place.dataDir, "trader.log"), "utf8"), "LIVE trading: real money")
  })
})
