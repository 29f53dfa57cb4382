/** Fields of a stream request: numbers must be JSON numbers, in Kraken's words when they are not. */
import { Either } from "effect"
import * as Fixed from "../../money/Fixed.ts"
import type { In, InRecord } from "../Json.ts"
import { isList, Num } from "../Json.ts"
import type { ExchangeState } from "../State.ts"
import type { Refusal } from "../Validation.ts"

const labelled = (name: string, what: string): Refusal =>
  `${name.charAt(0).toUpperCase()}${name.slice(1)} field must be a ${what}`

/** A text; `undefined` when the field is missing or `null`. */
export const text = (params: InRecord, name: string): Either.Either<string | undefined, Refusal> => {
  const value = params.get(name)
  if (value === undefined || value === null) return Either.right(undefined)
  return typeof value === "string" ? Either.right(value) : Either.left(labelled(name, "string"))
}

/** The plain text of a number: exponents are written out, zeros past the value are dropped. */
const plain = (number: Num): string =>
  Either.getOrElse(Either.map(Fixed.parse(number.text), Fixed.show), () => number.text)

/** A `number_float`, as plain decimal text. */
export const float = (
  state: ExchangeState,
  params: InRecord,
  name: string
): Either.Either<string | undefined, Refusal> => {
  const value = params.get(name)
  if (value === undefined || value === null) return Either.right(undefined)
  const fits = value instanceof Num && (state.switches.bareIntegers || /[.eE]/.test(value.text))
  return fits ? Either.right(plain(value)) : Either.left(labelled(name, "number_float"))
}

/** An integer, as text. */
export const integer = (params: InRecord, name: string): Either.Either<string | undefined, Refusal> => {
  const value = params.get(name)
  if (value === undefined || value === null) return Either.right(undefined)
  return value instanceof Num && /^-?\d+$/.test(value.text)
    ? Either.right(value.text)
    : Either.left(labelled(name, "number_integer"))
}

export const boolean = (params: InRecord, name: string): Either.Either<boolean | undefined, Refusal> => {
  const value = params.get(name)
  if (value === undefined || value === null) return Either.right(undefined)
  return typeof value === "boolean" ? Either.right(value) : Either.left(labelled(name, "boolean"))
}

/** The texts of a list of strings and integers; a single one counts as a list. */
export const texts = (params: InRecord, name: string): ReadonlyArray<string> => {
  const value = params.get(name)
  const all: ReadonlyArray<In> = isList(value) ? value : value === undefined || value === null ? [] : [value]
  return all.flatMap((one) => (typeof one === "string" ? [one] : one instanceof Num ? [one.text] : []))
}
