/** Readings of single settings. A failure says what is allowed, never what was given: it may be a secret in the wrong place. */
import { Either, Option } from "effect"
import type { PairSymbol } from "../market/Instrument.ts"
import { PairSymbol as makePair } from "../market/Instrument.ts"
import * as Fixed from "../money/Fixed.ts"
import type { Rate, Usd } from "../money/Money.ts"
import * as Money from "../money/Money.ts"
import type { EpochMs } from "../Time.ts"
import { parseRfc3339 } from "../Time.ts"

/** What is wrong, and what would be right. */
export interface Wrong {
  readonly wrong: string
  readonly allowed: string
}
export type Read<A> = (text: string) => Either.Either<A, Wrong>

const refuse = (wrong: string, allowed: string) => Either.left<Wrong>({ wrong, allowed })

/** One of a few words. */
export const choice =
  <const A extends string>(...words: ReadonlyArray<A>): Read<A> =>
  (text) => {
    const word = words.find((w) => w === text)
    return word === undefined ? refuse("is none of the choices", words.join(", ")) : Either.right(word)
  }

export const boolean: Read<boolean> = (text) => Either.map(choice("true", "false")(text), (word) => word === "true")

/** A whole number within bounds, both included. */
export const integer =
  (least: number, most: number): Read<number> =>
  (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    return value >= least && value <= most
      ? Either.right(value)
      : refuse("is no whole number in range", `a whole number from ${least} to ${most}`)
  }

/** A plain number that is no amount (a speed), within bounds. */
export const number =
  (least: number, most: number): Read<number> =>
  (text) => {
    const value = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN
    return value >= least && value <= most
      ? Either.right(value)
      : refuse("is no number in range", `a number from ${least} to ${most}`)
  }

const MOST_USD = Money.usd("1000000000")

/** A positive amount of USD, exact. */
export const usd: Read<Usd> = (text) => {
  const allowed = "a decimal number of USD above 0, such as 10 or 12.50"
  return Either.flatMap(
    Either.mapLeft(Money.parseUsd(text), (why): Wrong => ({
      wrong: `is ${why === "not a decimal number" ? "no decimal number" : "too precise"}`,
      allowed
    })),
    (value) => (value > 0n && value <= MOST_USD ? Either.right(value) : refuse("is out of range", allowed))
  )
}

/** A percentage, read into a rate: above `least`, at most `most`. */
export const percent =
  (most: string): Read<Rate> =>
  (text) => {
    const wrong = refuse("is no percentage in range", `a decimal number above 0, at most ${most}; without the % sign`)
    const exact = Either.getOrElse(Money.parseUsd(text), () => Money.zeroUsd)
    return exact > 0n && exact <= Money.usd(most) && exact % 100n === 0n ? Either.right(Money.percent(exact)) : wrong
  }

const UNITS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000]
])

/** A duration such as `250ms`, `10s`, `5m`, `2h`, `1d`, within bounds given the same way; in milliseconds. */
export const duration = (least: string, most: string): Read<number> => {
  const read = (text: string): number => {
    const [, digits = "", unit = ""] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
    return Number(digits) * (UNITS.get(unit) ?? Number.NaN)
  }
  return (text) => {
    const value = read(text)
    return value >= read(least) && value <= read(most)
      ? Either.right(value)
      : refuse("is no duration in range", `a number with its unit (ms, s, m, h, d), from ${least} to ${most}`)
  }
}

/** An ISO 8601 instant with its zone. */
export const instant: Read<EpochMs> = (text) =>
  Option.match(parseRfc3339(text), {
    onNone: () => refuse("is no instant", "an ISO time such as 2026-01-31T00:00:00Z"),
    onSome: Either.right
  })

const json = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Deeper than any sensible parameter, and no deeper than a stack holds whoever walks through it. */
const MAX_DEPTH = 32

const isFlat = (value: unknown, depth = 0): boolean =>
  typeof value !== "object" ||
  value === null ||
  (depth < MAX_DEPTH && Object.values(value).every((inner) => isFlat(inner, depth + 1)))

/** A JSON object, not nested too deeply. */
export const jsonObject: Read<Readonly<Record<string, unknown>>> = (text) => {
  const value = json(text)
  if (!isRecord(value)) return refuse("is no JSON object", 'a JSON object such as {"period":20}')
  return isFlat(value) ? Either.right(value) : refuse("is nested too deeply", `at most ${MAX_DEPTH} levels`)
}

/** Amounts by asset: JSON, every amount a text, so that no digit is lost on the way. */
export const balances: Read<Readonly<Record<string, string>>> = (text) => {
  const wrong = refuse(
    "is no account",
    'a JSON object of assets and amounts as text, such as {"USD":"98.82","XLM":"100"}'
  )
  const value = json(text)
  if (!isRecord(value)) return wrong
  const entries = Object.entries(value).flatMap(([asset, amount]) =>
    typeof amount === "string" &&
    /^[A-Z][A-Z0-9.]{0,11}$/.test(asset) &&
    Either.match(Fixed.parse(amount), { onLeft: () => false, onRight: (exact) => exact >= 0n })
      ? [[asset, amount] as const]
      : []
  )
  return entries.length === Object.keys(value).length ? Either.right(Object.fromEntries(entries)) : wrong
}

/** Exchange names of assets that the streams call otherwise. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ["XBT", "BTC"],
  ["XDG", "DOGE"]
])

/** One pair quoted in USD, as Kraken's streams name it. */
export const pair: Read<PairSymbol> = (text) => {
  const [, base] = /^([A-Z0-9]{1,12})\/USD$/.exec(text) ?? []
  if (base === undefined) return refuse("is no pair quoted in USD", "BASE/USD in capitals, such as XLM/USD")
  const renamed = RENAMED.get(base)
  return renamed === undefined
    ? Either.right(makePair(text))
    : refuse("uses an old name", `${renamed}/USD, as Kraken's streams name it`)
}

const texts = (text: string): ReadonlyArray<string> | undefined => {
  if (!text.startsWith("[")) return text.split(",").map((one) => one.trim())
  const value = json(text)
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined
}

/** A list of pairs, comma-separated or JSON; not empty, none twice. */
export const pairs: Read<ReadonlyArray<PairSymbol>> = (text) => {
  const list = texts(text)
  if (list === undefined || list.length === 0)
    return refuse("is no list of pairs", 'pairs separated by commas, or a JSON list such as ["XLM/USD","BTC/USD"]')
  if (new Set(list).size < list.length) return refuse("names a pair twice", "every pair once")
  return Either.all(list.map(pair))
}

/** Kraken: a private key is 64 bytes in base64, an API key 42. */
const PRIVATE_KEY = /[A-Za-z0-9+/]{86}==/
const API_KEY = /^(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[A-Za-z0-9+][A-Za-z0-9+/]{55}$/

/**
 * What looks like a secret under a name that is not a secret's. Such a value would be shown as any other is (a strategy's
 * name, a folder), before anybody could know that it must not.
 */
const misplaced = (text: string): Either.Either<never, Wrong> | undefined => {
  if (PRIVATE_KEY.test(text) || API_KEY.test(text))
    return refuse(
      "has the form of a Kraken key, which is not shown",
      "keys under KRAKEN_API_KEY and KRAKEN_API_SECRET only"
    )
  return text.includes("://")
    ? refuse("has the form of an address, which is not shown", "addresses under the settings that end in _URL only")
    : undefined
}

/** A tape for each pair (`XLM/USD=path,…`), or one path for the first of the allowed pairs. */
export const tapes =
  (allowed: ReadonlyArray<PairSymbol>): Read<ReadonlyArray<{ readonly symbol: PairSymbol; readonly path: string }>> =>
  (text) => {
    const wrong = misplaced(text)
    if (wrong !== undefined) return wrong
    const parts = text.split(",").map((part) => /^([^=]*\/USD)=(.+)$/.exec(part.trim()))
    if (parts.every((part) => part === null))
      return Either.right(allowed.slice(0, 1).map((symbol) => ({ symbol, path: text })))
    const list = Either.all(
      parts.map((part) => {
        const [, symbol = "", path = ""] = part ?? []
        return Either.map(pair(symbol), (known) => ({ symbol: known, path }))
      })
    )
    return Either.filterOrLeft(
      list,
      (all) => new Set(all.map((tape) => tape.symbol)).size === all.length,
      () => ({ wrong: "names a pair twice", allowed: "one tape for each pair" })
    )
  }

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i

/** A text without the slashes at its end; a pattern would look at every run of them from each of its slashes. */
const withoutSlashes = (text: string): string => {
  let end = text.length
  while (text.charAt(end - 1) === "/") end -= 1
  return text.slice(0, end)
}

/** An address of the given schemes (`https` with `http`, `wss` with `ws`); the plain one only to this machine. */
export const address =
  (secure: "https" | "wss", ending: "" | "/v2"): Read<string> =>
  (text) => {
    const plain = secure === "https" ? "http" : "ws"
    const allowed = `${secure}://host${ending} (${plain}:// to 127.0.0.1, [::1] or localhost only), without user name, query or fragment`
    const [, scheme, host = "", path = ""] =
      /^([a-z]+):\/\/(\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::\d{1,5})?(\/[^?#\s]*)?$/i.exec(text) ?? []
    if (scheme !== secure && !(scheme === plain && LOOPBACK.test(host))) return refuse("is no such address", allowed)
    const trimmed = withoutSlashes(text)
    if (ending === "" && trimmed.endsWith("/0") && path.startsWith("/"))
      return refuse("ends in /0, which is added by itself", allowed)
    return trimmed.endsWith(ending) ? Either.right(trimmed) : refuse(`does not end in ${ending}`, allowed)
  }

/** An address that is a secret itself (its path often holds a token): `https`, or `http` to this machine. */
export const secretAddress: Read<string> = (text) =>
  /^https:\/\/[^\s@]+$/.test(text) || /^http:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?(\/\S*)?$/i.test(text)
    ? Either.right(text)
    : refuse("is no such address", "an https:// address (http:// to this machine only)")

/** A Kraken API key: printable, in one piece, and not the private key, which never leaves this machine. */
export const apiKey: Read<string> = (text) =>
  /^[A-Za-z0-9+/=_-]{16,128}$/.test(text) && !PRIVATE_KEY.test(text)
    ? Either.right(text)
    : refuse("has the wrong form", "the API key exactly as Kraken shows it: one word, no blanks or quotes inside")

/** A Kraken private key: base64 of at least 32 bytes. */
export const apiSecret: Read<string> = (text) =>
  /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text) && text.length >= 44
    ? Either.right(text)
    : refuse(
        "has the wrong form",
        "the private key exactly as Kraken shows it: base64, usually 88 characters ending in =="
      )

/** A text that is not empty, and may be shown. */
export const words: Read<string> = (text) => misplaced(text) ?? Either.right(text)
