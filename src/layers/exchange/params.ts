/** From the bytes of a request to its parameters as texts: forms, JSON bodies and query strings alike. */
import { Either, Option } from "effect"
import type { In } from "../../domain/exchange/Json.ts"
import { isList, isRecord, Num, read } from "../../domain/exchange/Json.ts"

const form = (text: string): ReadonlyMap<string, string> => new Map(new URLSearchParams(text))

/** JSON as a form would say it: nested fields in brackets, numbers digit by digit, `null` not at all. */
const flatten = (name: string, value: In, into: Map<string, string>): void => {
  if (isRecord(value)) {
    for (const [key, field] of value) flatten(name === "" ? key : `${name}[${key}]`, field, into)
  } else if (isList(value)) value.forEach((field, i) => flatten(`${name}[${i}]`, field, into))
  else if (value instanceof Num) into.set(name, value.text)
  else if (value !== null) into.set(name, String(value))
}

/** Parameters of a body; nothing if it says that it is JSON and is not an object. */
export const bodyParams = (body: Uint8Array, contentType: string): Option.Option<ReadonlyMap<string, string>> => {
  const text = Buffer.from(body).toString("utf8")
  if (!contentType.toLowerCase().includes("json")) return Option.some(form(text))
  const value = read(text)
  if (!isRecord(value)) return Option.none()
  const params = new Map<string, string>()
  flatten("", value, params)
  return Option.some(params)
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
