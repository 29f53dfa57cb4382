/** Frames as they may stand in a log: without secrets, and short. */

/** Longest frame text that a log line or an event carries. */
export const MAX_SHOWN = 400

/** The end of the text ends a token too: a frame may have been torn inside it. */
const TOKEN_FIELD = /("token"\s*:\s*")[^"]*(?:"|$)/g

/** Takes out the given secrets and whatever stands in a `token` field, then shortens. */
export const shown = (text: string, secrets: ReadonlyArray<string>): string => {
  const clean = secrets
    .filter((secret) => secret !== "")
    .reduce((rest, secret) => rest.replaceAll(secret, "<secret>"), text.slice(0, 64 * MAX_SHOWN))
    .replace(TOKEN_FIELD, '$1<secret>"')
  return clean.length > MAX_SHOWN ? `${clean.slice(0, MAX_SHOWN)}… (${text.length} characters)` : clean
}
