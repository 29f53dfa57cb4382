/**
 * Kraken's error strings, read. Grammar: `<E|W><Category>:<message>[:<extra>]`, matched by prefix without regard to case
 * or to white space around the colons (`EGeneral:Unknown method` and `Unknown Method` both occur, and
 * `EService: Throttled: 1741500000` has spaces). A text that nobody knows is not guessed at: whether the request was
 * executed is then unknown.
 */
import type { NotSentClass, RejectClass, SendOutcome } from "../order/Outcome.ts"
import type { EpochMs } from "../Time.ts"
import type { Executed, KrakenError, KrakenErrorKind, Retry } from "./KrakenError.ts"
import { KrakenApiError } from "./KrakenError.ts"

/** What one error string means. */
export interface ErrorMeaning {
  readonly kind: KrakenErrorKind
  readonly executed: Executed
  readonly retry: Retry
  /** Nothing may go on with this key. */
  readonly stop: boolean
  readonly reject?: RejectClass
  /** `EService: Throttled: <unix seconds>`, in milliseconds. */
  readonly retryAt?: EpochMs
}

const meaning = (
  kind: KrakenErrorKind,
  executed: Executed,
  retry: Retry,
  reject?: RejectClass,
  stop = false
): ErrorMeaning => ({ kind, executed, retry, stop, ...(reject === undefined ? {} : { reject }) })

const credentials = meaning("credentials", "no", "never", undefined, true)
const ambiguous = meaning("service", "unknown", "reconcile")
const refused = (reject: RejectClass): ErrorMeaning => meaning("rejected", "no", "never", reject)
const wrongArguments = meaning("arguments", "no", "never", "arguments")
const belowMinimum = refused("minimum")
const mode = meaning("mode", "no", "later", "mode")
const restLimit = meaning("rate limit", "no", "later")
const engineLimit = meaning("engine rate limit", "no", "later")
/** Refused, or overtaken by another change of the same order: look before concluding. */
const raced = meaning("rejected", "unknown", "reconcile")

/**
 * Prefixes of normalised texts (lower case, no white space around colons). The longest match counts, so the order of the
 * lines means nothing. Sources: Kraken's list of error messages, and texts recorded or reported by its clients.
 */
const CATALOGUE: Readonly<Record<string, ErrorMeaning>> = {
  "eapi:invalid key": credentials,
  "eapi:invalid signature": credentials,
  "egeneral:permission denied": credentials,
  "eauth:account temporary disabled": credentials,
  "eauth:account unconfirmed": credentials,
  "eauth:failed": credentials,
  "eapi:invalid nonce": meaning("nonce", "no", "new nonce"),
  "eapi:rate limit exceeded": restLimit,
  "eauth:rate limit exceeded": restLimit,
  "eauth:too many requests": restLimit,
  "egeneral:too many requests": restLimit,
  "eapi:bad request": wrongArguments,
  "eapi:feature disabled": wrongArguments,
  "eapi:invalid arguments": wrongArguments,
  "egeneral:temporary lockout": meaning("lockout", "no", "later"),
  "egeneral:invalid arguments": wrongArguments,
  // Kraken often answers a volume below `ordermin` with this instead of `EOrder:Order minimum not met`.
  "egeneral:invalid arguments:volume": belowMinimum,
  "egeneral:unknown method": wrongArguments,
  "egeneral:internal error": ambiguous,
  "edatabase:internal error": ambiguous,
  "eservice:unavailable": ambiguous,
  "eservice:busy": ambiguous,
  "eservice:timeout": ambiguous,
  "eservice:deadline elapsed": meaning("deadline", "unknown", "reconcile"),
  "eservice:throttled": meaning("throttled", "no", "later"),
  "eservice:market in cancel_only mode": mode,
  "eservice:market in post_only mode": mode,
  "eservice:market in limit_only mode": mode,
  "eorder:rate limit exceeded": engineLimit,
  "eorder:domain rate limit exceeded": engineLimit,
  "eorder:orders limit exceeded": meaning("rejected", "no", "later", "openOrders"),
  "eorder:scheduled orders limit exceeded": refused("openOrders"),
  "eorder:positions limit exceeded": refused("other"),
  "eorder:insufficient funds": refused("funds"),
  "eorder:order minimum not met": belowMinimum,
  "eorder:cost minimum not met": belowMinimum,
  "eorder:tick size check failed": refused("precision"),
  "eorder:invalid price": refused("precision"),
  "eorder:invalid order": refused("arguments"),
  "eorder:post only order": refused("postOnly"),
  "eorder:unknown order": meaning("unknown order", "no", "never", "unknownOrder"),
  "eorder:cancel pending": raced,
  "eorder:order not editable": raced,
  "eorder:not enough leaves qty": raced,
  "eorder:cannot open position": refused("other"),
  "eorder:cannot open opposing position": refused("other"),
  "eorder:margin allowance exceeded": refused("other"),
  "eorder:margin level too low": refused("other"),
  "eorder:margin position size exceeded": refused("other"),
  "eorder:insufficient margin": refused("other"),
  "eorder:insufficient initial margin": refused("other"),
  "eorder:unknown position": refused("other"),
  "eorder:reduce only:non-pc": refused("other"),
  "eorder:reduce only:no position exists": refused("other"),
  // Matched as far as the position allowed, the rest cancelled.
  "eorder:reduce only:position is closed": raced,
  "eorder:trading agreement required": refused("restricted"),
  "etrade:locked": refused("restricted"),
  "etrade:user locked": refused("restricted"),
  "etrade:invalid request": wrongArguments,
  "eaccount:invalid permissions": refused("restricted"),
  "ebm:limit exceeded": refused("restricted"),
  "esession:invalid session": meaning("session", "no", "later"),
  "equery:unknown asset pair": wrongArguments,
  "equery:unknown asset": wrongArguments,
  "equery:invalid asset pair": wrongArguments,
  "efunding:": wrongArguments
}

const PREFIXES: ReadonlyArray<readonly [string, ErrorMeaning]> = Object.entries(CATALOGUE).toSorted(
  ([a], [b]) => b.length - a.length
)

const UNRECOGNISED = meaning("unrecognised", "unknown", "reconcile")

/** Category, message and extra (which may hold colons of its own), lower case, without white space at their ends. */
const normalise = (text: string): string => {
  const [category = "", message = "", ...extra] = text.trim().split(":")
  return [category, message, extra.join(":")]
    .map((part) => part.replaceAll(/\s+/g, " ").trim().toLowerCase())
    .filter((part, index) => index < 2 || part !== "")
    .join(":")
}

/** The meaning of one error string, whichever interface it came by. */
export const classify = (text: string): ErrorMeaning => {
  const normal = normalise(text)
  const found = PREFIXES.find(([prefix]) => normal.startsWith(prefix))?.[1] ?? UNRECOGNISED
  const until = found.kind === "throttled" ? /:(\d{9,11})$/.exec(normal)?.[1] : undefined
  return until === undefined ? found : { ...found, retryAt: Number(until) * 1000 }
}

/** `W…` entries may accompany a valid result. */
export const isWarning = (text: string): boolean => /^\s*W[A-Z]\w*\s*:/.test(text)

const WEIGHT: Readonly<Record<KrakenErrorKind, number>> = {
  unrecognised: 13,
  lockout: 12,
  credentials: 11,
  throttled: 10,
  "rate limit": 9,
  "engine rate limit": 8,
  service: 7,
  deadline: 6,
  nonce: 5,
  session: 4,
  mode: 3,
  rejected: 2,
  "unknown order": 1,
  arguments: 0
}

/** An unknown outcome outweighs everything; after that, the longer everything has to stop the worse. */
const badness = (m: ErrorMeaning): number => (m.executed === "no" ? 0 : 100) + WEIGHT[m.kind]

/** One error for everything the `error` array says: the worst entry decides, and one entry that stops the key is enough. */
export const apiError = (endpoint: string, texts: readonly [string, ...ReadonlyArray<string>]): KrakenApiError => {
  const all = texts.map(classify)
  const worst = all.reduce((a, b) => (badness(b) > badness(a) ? b : a))
  const retryAt = all.reduce<number | undefined>(
    (latest, m) => (m.retryAt === undefined || (latest ?? 0) > m.retryAt ? latest : m.retryAt),
    undefined
  )
  return new KrakenApiError({
    endpoint,
    kind: worst.kind,
    text: texts.map((text) => text.trim()).join("; "),
    executed: worst.executed,
    retry: worst.retry,
    stop: all.some((m) => m.stop),
    ...(retryAt === undefined ? {} : { retryAt }),
    ...(worst.reject === undefined ? {} : { reject: worst.reject })
  })
}

const NOT_SENT: Partial<Readonly<Record<KrakenErrorKind, NotSentClass>>> = {
  credentials: "credentials",
  nonce: "invalid nonce",
  "rate limit": "rate limit",
  "engine rate limit": "rate limit",
  throttled: "rate limit",
  lockout: "lockout"
}

const notSent = (why: NotSentClass, text: string, retryAt?: EpochMs): SendOutcome => ({
  _tag: "NotSent",
  why,
  text,
  ...(retryAt === undefined ? {} : { retryAt })
})

/** What a failure means for an order (AddOrder, AmendOrder): refused, not sent, or unknown. Nothing else is possible. */
export const toSendOutcome = (error: KrakenError): SendOutcome => {
  if (error._tag === "KrakenNotSent") return notSent(error.why, error.message)
  if (error._tag === "KrakenTransportError") {
    return error.executed === "no"
      ? notSent("refused connection", error.message)
      : { _tag: "Unknown", text: error.message, recognised: true }
  }
  if (error.executed !== "no") {
    return { _tag: "Unknown", text: error.text, recognised: error.kind !== "unrecognised" }
  }
  const why = NOT_SENT[error.kind]
  return why === undefined
    ? { _tag: "Rejected", why: error.reject ?? "other", text: error.text }
    : notSent(why, error.text, error.retryAt)
}
