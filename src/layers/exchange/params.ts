/** From the bytes of a request to its parameters as texts: forms, JSON bodies and query strings alike. */
import { Either, Option } from "effect"
import type { In } from "../../domain/exchange/Json.ts"
import { isList, isRecord, Num, read } from "../../domain/exchange/Json.ts"

const form = (text: string): ReadonlyMap<string, string> => new Map(new URLSearchParams(text))

/** Longer than any parameter's name. Each value inside a list repeats the list's name: a long one would fill the memory. */
const MAX_NAME = 256

/** JSON as a form would say it: nested fields in brackets, numbers digit by digit, `null` not at all. Whether all names were names. */
const flatten = (name: string, value: In, into: Map<string, string>): boolean => {
  if (name.length > MAX_NAME) return false
  if (isRecord(value)) {
    return [...value].every(([key, field]) => flatten(name === "" ? key : `${name}[${key}]`, field, into))
  }
  if (isList(value)) return value.every((field, i) => flatten(`${name}[${i}]`, field, into))
  if (value instanceof Num) into.set(name, value.text)
  else if (value !== null) into.set(name, String(value))
  return true
}

/** Parameters of a body; nothing if it says that it is JSON and is not an object, or names what nobody would. */
export const bodyParams = (body: Uint8Array, contentType: string): Option.Option<ReadonlyMap<string, string>> => {
  const text = Buffer.from(body).toString("utf8")
  if (!contentType.toLowerCase().includes("json")) return Option.some(form(text))
  const value = read(text)
  if (!isRecord(value)) return Option.none()
  const params = new Map<string, string>()
  return flatten("", value, params) ? Option.some(params) : Option.none()
}

/** Parameters of a query string, without the question mark. */
export const queryParams = (query: string): ReadonlyMap<string, string> => form(query)

/** A control request's body: an object of JSON values, or nothing when the body is empty. */
export const controlBody = (body: Uint8Array): Either.Either<unknown, string> =>
  body.length === 0
    ? Either.right({})
    : Either.try({
        try: (): unknown => JSON.parse(Buffer.from(body).toString("utf8")),
        catch: () => "the body is not JSON"
      })
