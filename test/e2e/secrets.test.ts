/**
 * I13 for the built program: a live trader with known secrets, every command beside it, settings with secrets in the wrong
 * places, a kill; then every byte that any of them said or wrote is searched.
 */
import { randomBytes } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import type * as Http from "node:http"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "vitest"
import { settingKeys } from "../../src/domain/settings/keys.ts"
import type { Kept } from "../support/secrets.ts"
import { filesUnder, search } from "../support/secrets.ts"
import type { Exchange, Settings } from "./live.ts"
import { confirmationCode, eagerStrategy, rested, serve, startExchange } from "./live.ts"
import type { Ended, Place, Running } from "./program.ts"
import { eventually, makePlace } from "./program.ts"

const places: Array<Place> = []
const newPlace = (): Place => {
  const place = makePlace()
  places.push(place)
  return place
}
afterAll(() => Promise.all(places.map((place) => place.clear())))

/** Everything that was said or written, by where. */
const heard = () => {
  const texts = new Map<string, string>()
  const add = (where: string, text: string): void => {
    texts.set(`${texts.size}: ${where}`, text)
  }
  return {
    texts,
    add,
    ended: (where: string, { code, out, error }: Ended): Ended => {
      add(`${where} (exit ${code}), output`, out)
      add(`${where} (exit ${code}), error`, error)
      return { code, out, error }
    },
    /** The files as they are now. `control.json` holds the token by design, `.env` is the operator's own. */
    files: (when: string, folder: string): void => {
      for (const [path, text] of filesUnder(folder)) {
        if (!/(^|[\\/])(control\.json|\.env)$/.test(path)) add(`${path} ${when}`, text)
      }
    }
  }
}

/** Passes REST calls on, and keeps what in them is secret: signatures, and the stream tokens in the answers. */
const tapped = async (exchange: Exchange) => {
  const seen = { signatures: new Set<string>(), tokens: new Set<string>() }
  const pass = async (request: Http.IncomingMessage, body: Buffer, response: Http.ServerResponse): Promise<void> => {
    const headers: Record<string, string> = {}
    for (const name of ["api-key", "api-sign", "content-type"]) {
      const value = request.headers[name]
      if (typeof value === "string") headers[name] = value
    }
    if (headers["api-sign"] !== undefined) seen.signatures.add(headers["api-sign"])
    const post = request.method === "POST"
    const answer = await fetch(`${exchange.restUrl}${request.url}`, {
      method: request.method ?? "GET",
      headers,
      ...(post ? { body } : {})
    })
    const text = await answer.text()
    const [, token] = /"token":"([^"]+)"/.exec(text) ?? []
    if (token !== undefined) seen.tokens.add(token)
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "application/json" })
    response.end(text)
  }
  const server = await serve((request, body, response) => {
    // a fault of the exchange's cuts the line: so is it cut here
    pass(request, body, response).catch(() => response.destroy())
  })
  return { ...server, seen }
}

const control = (dataDir: string): { readonly url: string; readonly token: string; readonly pid: number } =>
  JSON.parse(readFileSync(join(dataDir, "control.json"), "utf8"))

interface View {
  readonly open: ReadonlyArray<{ readonly txid: string; readonly side: string; readonly volume: string }>
}

/** What only looks. */
const looks: ReadonlyArray<ReadonlyArray<string>> = [
  ["status"],
  ["status", "--json"],
  ["orders"],
  ["orders", "--json"],
  ["trades"],
  ["trades", "--json"],
  ["trades", "--csv"],
  ["price", "--json"],
  ["status", "--watch"],
  ["backup", "--drill"],
  ["breaker", "show"]
]

// side by side: the one waits for the exchange while the other has the machine to itself
describe.concurrent("I13: secrets and the command line", () => {
  it(
    "I13: no command, log, row or file of a live trader shows key, secret, signature, token, webhook or heartbeat",
    { timeout: 300_000 },
    async () => {
      const place = newPlace()
      const exchange = await startExchange(place, { LOG_LEVEL: "trace", DATA_DIR: join(place.directory, "nothing") })
      const tap = await tapped(exchange)
      const called: Array<string> = []
      // refuses, and repeats what it was called by
      const hooks = await serve((request, body, response) => {
        called.push(request.url ?? "")
        response.statusCode = 400
        response.end(`no such hook ${request.url} ${body.toString()}`)
      })
      try {
        const webhook = `${hooks.url}/services/T0CANARY/B0CANARY/${randomBytes(12).toString("hex")}`
        const heartbeat = `${hooks.url}/ping/${randomBytes(16).toString("hex")}`
        const wrongSecret = randomBytes(64).toString("base64")
        const live: Settings = {
          ...exchange.settings,
          KRAKEN_REST_URL: tap.url,
          ALERT_WEBHOOK_URL: webhook,
          HEARTBEAT_URL: heartbeat,
          LOG_LEVEL: "trace",
          STRATEGY: eagerStrategy(place.directory)
        }
        const all = heard()
        // by its first words alone: an argument may be a secret
        const say = async (args: ReadonlyArray<string>, settings: Settings): Promise<Ended> =>
          all.ended(args.slice(0, 2).join(" ").slice(0, 20), await place.run(args, settings))
        // two at a time, one for each core of a small machine
        const together = async (list: ReadonlyArray<ReadonlyArray<string>>, settings: Settings): Promise<void> => {
          const waiting = [...list]
          const worker = async (): Promise<void> => {
            for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await say(next, settings)
          }
          await Promise.all([worker(), worker()])
        }

        // before anything runs: what is confirmed by nobody, or refused by the exchange
        await rested(place.dataDir)
        const doctor = await say(["doctor", "--json"], live)
        const confirmed = { ...live, LIVE_TRADING_CONFIRMED: confirmationCode(doctor.out) }
        const trader = place.start(["trade"], confirmed)
        const elsewhere = async (name: string, settings: Settings): Promise<Ended> => {
          const dataDir = join(place.directory, name)
          await rested(dataDir)
          return await say(["trade"], { ...settings, DATA_DIR: dataDir, XDG_STATE_HOME: join(dataDir, "state") })
        }
        const [unconfirmed, wrong] = await Promise.all([
          elsewhere("unconfirmed", live),
          elsewhere("wrong", { ...confirmed, KRAKEN_API_SECRET: wrongSecret })
        ])
        assert.deepEqual([unconfirmed.code, wrong.code], [78, 77])

        // an entry, half of it filled: orders and trades have something to show
        const bought = async (running: Running): Promise<View> =>
          await eventually(
            async () => (await exchange.operate("view")) as View,
            ({ open }) => {
              if (running.process.exitCode !== null) throw new Error(`the trader ended: ${running.error()}`)
              return open.some((order) => order.side === "buy")
            },
            120_000
          )
        const [entry] = (await bought(trader)).open
        await exchange.operate("fill", { txid: entry?.txid ?? "", quantity: "30" })
        const { pid, token } = control(place.dataDir)
        assert.strictEqual(pid, trader.process.pid)

        for (const effect of [
          { kind: "status", status: 520, executed: false },
          { kind: "cut", executed: true },
          { kind: "error", error: "EGeneral:Something new", executed: false }
        ]) {
          await exchange.operate("fault", { on: "rest", times: 1, effect })
        }
        await exchange.operate("fault", { on: "stream", times: 2, effect: { kind: "garbage" } })
        await exchange.operate("tokens")
        await exchange.operate("disconnect", { stream: "both", code: 1006 })

        // one works at the exchange, the others look
        await Promise.all([say(["doctor"], confirmed), together([...looks, ["--version"], ["--help"]], confirmed)])
        for (const args of [
          ["pause"],
          ["resume"],
          ["breaker", "trip", "--reason", `drill ${webhook}`],
          ["breaker", "reset", "--reason", `drill ${exchange.apiSecret}`],
          ["cancel", "no-such-order"],
          ["cancel", exchange.apiKey]
        ]) {
          await say(args, confirmed)
        }
        const cancelled = await say(["cancel", "--all"], confirmed)
        assert.strictEqual(cancelled.code, 0, cancelled.error)
        const archive = (name: string): string => join(place.directory, `${name}.tar.gz`)
        assert.strictEqual((await say(["incident", "--last", "1d", archive("running")], confirmed)).code, 0)
        all.files("of the running trader", place.directory)

        trader.process.kill("SIGKILL")
        all.ended("the killed trader", await trader.ended)
        all.files("after the kill", place.directory)
        await say(["breaker", "trip", "--reason", `drill ${exchange.apiSecret}`], confirmed)
        const copy = join(place.directory, "copy.db")
        await say(["backup", copy], confirmed)
        await together(
          [["status"], ["orders"], ["trades"], ["incident", archive("killed")], ["restore", "--drill", copy]],
          confirmed
        )
        const direct = await say(["cancel", "--all"], confirmed)
        assert.include(direct.error, "cancelling directly")

        const again = place.start(["trade"], confirmed)
        const second = await eventually(
          async () => control(place.dataDir),
          (file) => file.pid === again.process.pid,
          120_000
        )
        const stopped = await say(["stop"], confirmed)
        const end = all.ended("the second trader", await again.ended)
        assert.include(stopped.out, "Stopped")
        assert.isNotNull(end.code)
        exchange.running.process.kill("SIGINT")
        all.add("the exchange, error", (await exchange.running.ended).error)
        all.files("in the end", place.directory)

        // it was there to be shown
        assert.isTrue(called.includes(new URL(webhook).pathname))
        assert.isTrue(called.includes(new URL(heartbeat).pathname))
        assert.isAbove(tap.seen.signatures.size, 10)
        assert.isAbove(tap.seen.tokens.size, 0)
        const everything = [...all.texts].map(([where, text]) => `${where}\n${text}`).join("\n")
        for (const trace of [
          "kraken call",
          "data/trading.db in the end",
          "data/journal.db in the end",
          "running.tar.gz in the end",
          "killed.tar.gz in the end",
          "frames.jsonl",
          "executions",
          "drill [redacted]"
        ]) {
          assert.include(everything, trace)
        }
        const kept: ReadonlyArray<Kept> = [
          { name: "the API key", secret: exchange.apiKey },
          { name: "the API secret", secret: exchange.apiSecret },
          { name: "the wrong secret", secret: wrongSecret },
          { name: "the control token", secret: token },
          { name: "the second control token", secret: second.token },
          { name: "the exchange's control token", secret: exchange.controlToken },
          // whoever has the path has the address
          { name: "the webhook", secret: new URL(webhook).pathname },
          { name: "the heartbeat", secret: new URL(heartbeat).pathname },
          ...[...tap.seen.signatures].map((secret) => ({ name: "a signature", secret })),
          ...[...tap.seen.tokens].map((secret) => ({ name: "a stream token", secret }))
        ]
        search(all.texts, kept)
      } finally {
        await Promise.all([tap.close(), hooks.close()])
      }
    }
  )

  it("I13: a secret under the wrong name is refused, and is not repeated", { timeout: 300_000 }, async () => {
    const place = newPlace()
    const key = randomBytes(42).toString("base64")
    const secret = `${"Aa0".repeat(28)}zz==`
    const webhook = `https://hooks.example/services/T0CANARY/${randomBytes(12).toString("hex")}`
    const all = heard()
    const folder = join(place.directory, "work")
    const live = { TRADING_MODE: "live", KRAKEN_API_KEY: key, KRAKEN_API_SECRET: secret }
    const everywhere = (value: string): Settings =>
      Object.fromEntries(
        settingKeys.filter(({ key: name }) => name !== "TRADING_MODE").map(({ key: name }) => [name, value])
      )
    const runs: ReadonlyArray<readonly [args: ReadonlyArray<string>, settings: Settings]> = [
      [["trade"], everywhere(secret)],
      [["doctor", "--json"], { ...everywhere(webhook), TRADING_MODE: "live" }],
      [["trade"], { STRATEGY: secret }],
      [["doctor"], { STRATEGY: webhook }],
      [["trade"], { DATA_DIR: secret, PAPER_MARKET: webhook }],
      [["exchange", "--json"], { TRADING_MODE: secret, PAPER_MARKET: secret }],
      [["status"], { ...live, ALERT_WEBHOOK_URL: webhook.slice(1), HEARTBEAT_URL: webhook.replace("https", "http") }],
      [["trade"], { ...live, KRAKEN_API_KEY: secret, KRAKEN_API_SECRET: key }]
    ]
    const refused = async (name: string, args: ReadonlyArray<string>, settings?: Settings): Promise<void> => {
      const end = all.ended(name, await place.run(args, settings))
      assert.strictEqual(end.code, 78, name)
    }
    for (const [n, [args, settings]] of runs.entries()) await refused(`run ${n}, ${args.join(" ")}`, args, settings)
    // a line of .env that is the secret itself reads as a name and its value
    for (const [n, text] of [secret, `KRAKEN_${secret}`, `export ${secret.replace("==", "='")}`, webhook].entries()) {
      writeFileSync(join(folder, ".env"), `${text}\n`, { mode: 0o600 })
      await refused(`.env ${n}`, n % 2 === 0 ? ["trade"] : ["doctor", "--json"])
    }
    all.files("in the end", place.directory)
    for (const where of filesUnder(place.directory).keys()) assert.notInclude(where, secret)
    search(all.texts, [
      { name: "the API key", secret: key },
      // what is left of it where an equals sign ended it
      { name: "the API secret", secret: secret.slice(0, -2) },
      { name: "the webhook", secret: new URL(webhook).pathname }
    ])
  })
})
