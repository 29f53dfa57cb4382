/**
 * Market time is a number of milliseconds since 1970-01-01T00:00:00Z, on the exchange's clock. Real time (time-outs,
 * backoff) never appears in the domain.
 */
import { Option } from "effect"

/** Milliseconds since the epoch, UTC, exchange clock. */
export type EpochMs = number
/** A UTC calendar day, `YYYY-MM-DD`: the trading day of the daily loss limit. */
export type UtcDay = string

export const DAY_MS = 86_400_000

/** Days since 1970-01-01 to civil date (Howard Hinnant's `civil_from_days`), so that the domain needs no `Date`. */
const civil = (days: number): readonly [number, number, number] => {
  const z = days + 719_468
  const era = Math.floor(z / 146_097)
  const doe = z - era * 146_097
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365)
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100))
  const mp = Math.floor((5 * doy + 2) / 153)
  const month = mp < 10 ? mp + 3 : mp - 9
  return [yoe + era * 400 + (month <= 2 ? 1 : 0), month, doy - Math.floor((153 * mp + 2) / 5) + 1]
}

const daysFromCivil = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yoe = y - era * 400
  const doy = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  return era * 146_097 + yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy - 719_468
}

const two = (n: number): string => String(n).padStart(2, "0")

/** The UTC day that contains an instant. */
export const utcDay = (at: EpochMs): UtcDay => {
  const [year, month, day] = civil(Math.floor(at / DAY_MS))
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`
}

/** 00:00 UTC of the day that contains an instant. */
export const dayStart = (at: EpochMs): EpochMs => Math.floor(at / DAY_MS) * DAY_MS

/** ISO 8601 UTC text with milliseconds, the form of every timestamp in the database. */
export const iso = (at: EpochMs): string => {
  const whole = Math.floor(at)
  const ms = whole - dayStart(whole)
  const time = `${two(Math.floor(ms / 3_600_000))}:${two(Math.floor(ms / 60_000) % 60)}:${two(Math.floor(ms / 1000) % 60)}`
  return `${utcDay(whole)}T${time}.${String(ms % 1000).padStart(3, "0")}Z`
}

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/

/** Reads RFC 3339 with zero to nine fraction digits (Kraken sends six, and nine on candles); digits past the millisecond are cut. */
export const parseRfc3339 = (text: string): Option.Option<EpochMs> => {
  const m = RFC3339.exec(text)
  if (m === null) return Option.none()
  const [year, month, day, hour, minute, second] = [m[1], m[2], m[3], m[4], m[5], m[6]].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number
  ]
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return Option.none()
  const fraction = Number((m[7] ?? "").slice(0, 3).padEnd(3, "0"))
  const offset = m[8] === undefined ? 0 : (m[8] === "-" ? -1 : 1) * (Number(m[9]) * 60 + Number(m[10])) * 60_000
  const days = daysFromCivil(year, month, day)
  if (utcDay(days * DAY_MS) !== `${m[1]}-${m[2]}-${m[3]}`) return Option.none()
  return Option.some(days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + fraction - offset)
}
