/** `incident`: one archive of what was known around a trouble, without secrets, to look into or to send to somebody who helps. */
import { Clock, Effect, Either, Redacted } from "effect"
import * as Fixed from "../../domain/money/Fixed.ts"
import { iso } from "../../domain/Time.ts"
import { ControlClient } from "../../services/ControlClient.ts"
import { Incident } from "../../services/Incident.ts"
import type { ArchiveRefused } from "../../services/Incident.ts"
import type { InstanceLock } from "../../services/InstanceLock.ts"
import { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import { Terminal } from "../../services/Terminal.ts"
import { span } from "../cli/text.ts"
import { readStatus } from "../status/status.ts"

export interface IncidentOptions {
  /** How far back log and journal go, milliseconds. */
  readonly lastMs: number
  /** `incident-<time>.tar.gz` in the working directory unless told. */
  readonly file: string | undefined
  readonly version: string
}

const ORDERS = 200
const CHANGES = 100

/** Secrets are closed values, amounts exact texts, maps objects. */
const plain = (value: unknown): unknown => {
  if (Redacted.isRedacted(value)) return "[redacted]"
  if (typeof value === "bigint") return Fixed.show(value)
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [String(key), plain(inner)]))
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

const json = (value: unknown): string => `${JSON.stringify(plain(value), undefined, 2)}\n`

/** What the records say, in so far as they can be read. */
const database = Effect.gen(function* () {
  const records = yield* Records
  if (!(yield* records.exists)) return { exists: false }
  const all = { openOnly: false, limit: ORDERS }
  const part = <A, E extends { readonly message: string }>(read: Effect.Effect<A, E>) =>
    Effect.merge(Effect.mapError(read, ({ message }) => ({ unreadable: message })))
  return {
    exists: true,
    books: yield* part(records.snapshot),
    orders: yield* part(records.orders(all)),
    trades: yield* part(records.trades(all)),
    breakerHistory: yield* part(records.breakerHistory(CHANGES)),
    lastMetrics: (yield* part(records.lastMetrics)) ?? null
  }
})

const contents = (lastMs: number, at: string): string => `An archive of kraken-trader, made ${at}.
API keys, secrets, signatures, tokens and the addresses of webhook and heartbeat are masked everywhere. It does hold
orders, trades, balances and limits: give it to nobody whom you would not show those.

versions.json   program, Node and libraries
settings.json   the settings as they were read, secrets masked
status.json     what \`status --json\` says
database.json   open books, the newest ${ORDERS} orders and trades, the breaker's history
trader.log      the log of the last ${span(lastMs / 1000)} of real time
journal.jsonl   events and decisions of the last ${span(lastMs / 1000)} of market time before the newest entry; an entry
                "frames" holds the frames that came before a latch of the breaker
frames.jsonl    the newest frames of both streams, from the running trader's memory; empty when none answered
`

/** Writes the archive, with whatever of it can be had; works beside a trader, without one, and while one hangs. */
export const incident = ({
  file: named,
  lastMs,
  version
}: IncidentOptions): Effect.Effect<
  void,
  ArchiveRefused,
  ControlClient | Incident | InstanceLock | Records | Settings | Terminal
> =>
  Effect.gen(function* () {
    const parts = yield* Incident
    const client = yield* ControlClient
    const settings = yield* Settings
    const terminal = yield* Terminal
    const at = iso(yield* Clock.currentTimeMillis)
    const file = named ?? `incident-${at.replace(/[:.]/g, "-")}.tar.gz`
    const frames = yield* Effect.either(client.frames)
    const entries = [
      { name: "README.txt", text: contents(lastMs, at) },
      { name: "versions.json", text: json(yield* parts.versions) },
      { name: "settings.json", text: json(settings) },
      { name: "status.json", text: json(yield* readStatus(version)) },
      { name: "database.json", text: json(yield* database) },
      { name: "trader.log", text: yield* parts.log(lastMs) },
      { name: "journal.jsonl", text: yield* parts.journal(lastMs) },
      {
        name: "frames.jsonl",
        text: Either.getOrElse(frames, () => [])
          .map((frame) => `${JSON.stringify(frame)}\n`)
          .join("")
      }
    ]
    const { bytes } = yield* parts.archive(file, entries)
    yield* terminal.print(
      [
        `Written: ${file} (${Math.ceil(bytes / 1024)} KiB). Secrets are masked in it; orders, trades and balances are not.`,
        ...(Either.isLeft(frames) ? [`Without frames of the streams: ${frames.left.message}.`] : [])
      ].join("\n")
    )
  })
