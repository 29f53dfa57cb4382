/** Reads the fields of one object of a private frame. The first thing that is not as it should be is kept as `problem`. */
import { Either, Option } from "effect"
import * as Fixed from "../../money/Fixed.ts"
import type { EpochMs } from "../../Time.ts"
import { parseRfc3339 } from "../../Time.ts"
import type { JsonObject, JsonValue } from "../JsonText.ts"
import { JsonNumber } from "../JsonText.ts"

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)

/** An array of the frame, or `undefined`. */
export const listOf = (value: JsonValue | undefined): ReadonlyArray<JsonValue> | undefined =>
  Array.isArray(value) ? value : undefined

/** The exact value of a number node at scale 10^-12; `undefined` for anything else and for more decimals than that. */
export const amountOf = (value: JsonValue | undefined): bigint | undefined =>
  value instanceof JsonNumber ? Either.getOrUndefined(Fixed.parse(value.text)) : undefined

export class Fields {
  problem: string | undefined = undefined
  private readonly object: JsonObject

  constructor(object: JsonObject) {
    this.object = object
  }

  /** Absent and `null` are the same: not said. */
  raw(key: string): JsonValue | undefined {
    return Object.hasOwn(this.object, key) ? (this.object[key] ?? undefined) : undefined
  }

  private read<A>(key: string, read: (value: JsonValue) => A | undefined): A | undefined {
    const value = this.raw(key)
    if (value === undefined) return undefined
    const result = read(value)
    if (result === undefined) this.problem ??= key
    return result
  }

  /** Gives `value`, and where there is none `fallback` with a problem noted. */
  need<A>(key: string, value: A | undefined, fallback: A): A {
    if (value === undefined) this.problem ??= key
    return value ?? fallback
  }

  text(key: string): string | undefined {
    return this.read(key, (value) => (typeof value === "string" && value !== "" ? value : undefined))
  }

  /** Exact, at scale 10^-12. */
  amount(key: string): bigint | undefined {
    return this.read(key, amountOf)
  }

  /** The same where less than nothing makes no sense: quantities, prices, costs. */
  size(key: string): bigint | undefined {
    return this.read(key, (value) => {
      const amount = amountOf(value)
      return amount === undefined || amount < 0n ? undefined : amount
    })
  }

  /** An amount of either sign for a figure that nothing is booked from: unreadable is as good as absent. */
  looseAmount(key: string): bigint | undefined {
    return amountOf(this.raw(key))
  }

  flag(key: string): boolean | undefined {
    return this.read(key, (value) => (typeof value === "boolean" ? value : undefined))
  }

  time(key: string): EpochMs | undefined {
    return this.read(key, (value) =>
      typeof value === "string" ? Option.getOrUndefined(parseRfc3339(value)) : undefined
    )
  }
}
