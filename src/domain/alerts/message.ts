/**
 * An alert as the JSON that common receivers show without anything in between: `text` is Slack's and Telegram's, `content`
 * Discord's, `message` and `title` ntfy's; the rest is for programs.
 */
import { guideOfAlert } from "../Guide.ts"
import { iso } from "../Time.ts"
import type { EpochMs } from "../Time.ts"
import type { AlertSeverity } from "./Alert.ts"
import type { Waiting } from "./Outbox.ts"

/**
 * Bytes of a text at most. Discord refuses more than 2,000 characters, Telegram more than 4,096; ntfy makes an attachment
 * of more than 4,096 bytes.
 */
export const MOST_BYTES = 1900
/** An alert that comes later than this after it was sent says from when it is. */
const LATE_MS = 300_000

/** A constant field of the owner's: any JSON. An object with the keys info, warning and critical is chosen by severity; null takes a field away. */
export type MessageFields = Readonly<Record<string, unknown>>

const bytesOf = (codePoint: number): number =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4

/** At most so many bytes of UTF-8, cut between characters. */
export const cut = (text: string, most: number): string => {
  let bytes = 0
  let end = 0
  let room = 0
  for (const character of text) {
    bytes += bytesOf(character.codePointAt(0) ?? 0)
    if (bytes <= most - 3) room = end + character.length
    if (bytes > most) return `${text.slice(0, room)}…`
    end += character.length
  }
  return text
}

const bySeverity = (value: unknown, severity: AlertSeverity): unknown => {
  if (typeof value !== "object" || value === null) return value
  const keys = Object.keys(value)
  const chosen = new Map<string, unknown>(Object.entries(value))
  return keys.length === 3 && ["info", "warning", "critical"].every((key) => chosen.has(key))
    ? chosen.get(severity)
    : value
}

export interface MessageOptions {
  /** Trading mode: more than one trader may tell the same phone. */
  readonly mode: string
  readonly fields: MessageFields
  readonly now: EpochMs
  /** Alerts that were dropped before this one. */
  readonly dropped: number
}

/** The body of the request. */
export const messageOf = (
  { alert, repeats, queuedAt }: Pick<Waiting, "alert" | "repeats" | "queuedAt">,
  { mode, fields, now, dropped }: MessageOptions
): Readonly<Record<string, unknown>> => {
  const { severity, kind, at, data = {} } = alert
  const notes = [
    ...(repeats > 0 ? [`${repeats + 1} times since the last word of it`] : []),
    ...(now - queuedAt > LATE_MS ? [`late: from ${iso(queuedAt)}`] : []),
    ...(dropped > 0 ? [`${dropped} older alerts could not be delivered and were dropped; the log has them`] : [])
  ]
  const head = `[${severity}] `
  const tail = notes.length === 0 ? "" : ` (${notes.join("; ")})`
  const text = `${head}${cut(alert.text, MOST_BYTES - head.length - tail.length)}${tail}`
  const body: Readonly<Record<string, unknown>> = {
    text,
    content: text,
    message: text,
    title: `kraken-trader (${mode})`,
    severity,
    kind,
    guide: guideOfAlert(kind),
    at: iso(at),
    ...(repeats > 0 ? { repeats } : {}),
    ...(dropped > 0 ? { dropped } : {}),
    data
  }
  const all = { ...body, ...fields }
  return Object.fromEntries(
    Object.entries(all)
      .map(([key, value]) => [key, Object.hasOwn(fields, key) ? bySeverity(value, severity) : value] as const)
      .filter(([key, value]) => !(Object.hasOwn(fields, key) && value === null))
  )
}
