/** Texts of the streams: timestamps with six or nine digits, numbers padded to a precision. */
import * as Fixed from "../../money/Fixed.ts"
import type { EpochMs } from "../../Time.ts"
import { iso } from "../../Time.ts"
import type { Num, Out } from "../Json.ts"
import { num, write } from "../Json.ts"

/** RFC 3339 with microseconds. The exchange's clock has milliseconds, the rest is zero. */
export const micros = (at: EpochMs): string => iso(at).replace("Z", "000Z")
/** RFC 3339 with nanoseconds, as candles carry it. */
export const nanos = (at: EpochMs): string => iso(at).replace("Z", "000000Z")
/** RFC 3339 with whole seconds. */
export const seconds = (at: EpochMs): string => `${iso(at).slice(0, 19)}Z`

/** A fixed-point amount as a padded JSON number. */
export const amount = (value: bigint, decimals: number): Num => num(Fixed.format(value, decimals))
/** A double as a padded JSON number. */
export const double = (value: number, decimals: number): Num => num(value.toFixed(decimals))

/** A channel message. */
export const message = (
  channel: string,
  type: "snapshot" | "update",
  data: Out,
  more?: { readonly [key: string]: Out }
): string => write({ channel, type, data, ...more })
