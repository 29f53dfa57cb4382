/** The envelope of every REST answer, `{"error":[…],"result":…}`, and what makes an answer unusable. */
import { Data, Either } from "effect"
import { apiError, isWarning } from "./errors.ts"
import type { JsonStrings } from "./JsonText.ts"
import { parseJsonStrings } from "./JsonText.ts"
import type { KrakenApiError } from "./KrakenError.ts"

/** The body is not what the endpoint answers with. `detail` names the place, never a value: some results are secrets. */
export class PayloadError extends Data.TaggedError("PayloadError")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

export interface Envelope {
  readonly result: JsonStrings
  readonly warnings: ReadonlyArray<string>
}

const payloadError = (detail: string): Either.Either<never, PayloadError> => Either.left(new PayloadError({ detail }))

const isNonEmpty = (texts: ReadonlyArray<string>): texts is readonly [string, ...ReadonlyArray<string>] =>
  texts.length > 0

/**
 * Reads a body with HTTP status 200. Errors come as `KrakenApiError`; entries that begin with `W` are warnings and do no
 * harm beside a result, but without one they are all there is. Keys beside `error` and `result` are ignored.
 */
export const readEnvelope = (
  endpoint: string,
  body: string
): Either.Either<Envelope, PayloadError | KrakenApiError> => {
  const json = parseJsonStrings(body)
  if (Either.isLeft(json)) return payloadError(`the answer is no JSON: ${json.left.message}`)
  const value = json.right
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return payloadError("the answer is no object")
  const { error, result } = value as { readonly [key: string]: JsonStrings | undefined }
  if (!Array.isArray(error)) return payloadError("the answer has no list of errors")
  const texts = error.filter((text): text is string => typeof text === "string")
  if (texts.length < error.length) return payloadError("the list of errors holds something else than texts")
  const hasResult = result !== undefined && result !== null
  const errors = hasResult ? texts.filter((text) => !isWarning(text)) : texts
  if (isNonEmpty(errors)) return Either.left(apiError(endpoint, errors))
  return hasResult ? Either.right({ result, warnings: texts }) : payloadError("the answer has neither result nor error")
}
