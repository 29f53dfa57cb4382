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

/**
 * Reads RFC 3339 with zero to nine fraction digits (Kraken sends six, and nine on candles); digits past the millisecond
 * are cut. Nothing for a date that does not exist (February 30) or an hour, minute or offset out of range.
 */
export const parseRfc3339 = (text: string): Option.Option<EpochMs> => {
  const m = RFC3339.exec(text)
  if (m === null) return Option.none()
  const part = (i: number): number => Number(m[i] ?? "0")
  const [hour, minute, second, offsetHours, offsetMinutes] = [part(4), part(5), part(6), part(9), part(10)]
  if (hour > 23 || minute > 59 || second > 60 || offsetHours > 23 || offsetMinutes > 59) return Option.none()
  const midnight = daysFromCivil(part(1), part(2), part(3)) * DAY_MS
  if (utcDay(midnight) !== `${m[1]}-${m[2]}-${m[3]}`) return Option.none()
  const fraction = Number((m[7] ?? "").slice(0, 3).padEnd(3, "0"))
  const offset = (m[8] === "-" ? -60_000 : 60_000) * (offsetHours * 60 + offsetMinutes)
  return Option.some(midnight + hour * 3_600_000 + minute * 60_000 + second * 1000 + fraction - offset)
}
