/** Keys, nonces, permissions, the REST limiter, the lockout and stream tokens. */
import { Either } from "effect"
import type { EpochMs } from "../Time.ts"
import type { Permission } from "./Config.ts"
import type { Draft } from "./Draft.ts"
import * as Ids from "./Ids.ts"
import * as Limits from "./Limits.ts"
import type { ExchangeState, KeyState, Token } from "./State.ts"
import type { Refusal } from "./Validation.ts"

export const PERMISSION_DENIED: Refusal = "EGeneral:Permission denied"
const INVALID_NONCE: Refusal = "EAPI:Invalid nonce"
const LOCKOUT: Refusal = "EGeneral:Temporary lockout"

const putKey = (d: Draft, key: KeyState): void => {
  d.state.keys = new Map(d.state.keys).set(key.apiKey, key)
}

const lockedOut = (d: Draft): boolean => {
  if (d.state.now >= d.state.lockout.until) return false
  // Every call during a lockout starts it again.
  d.state.lockout = { ...d.state.lockout, until: d.state.now + d.state.lockoutRule.ms }
  return true
}

/** Counts a key or signature that did not fit; too many in a row lock everybody out for a while. */
export const refuseCredentials = (d: Draft, refusal: Refusal): Refusal => {
  if (lockedOut(d)) return LOCKOUT
  const failures = d.state.lockout.failures + 1
  d.state.lockout =
    failures >= d.state.lockoutRule.after
      ? { failures: 0, until: d.state.now + d.state.lockoutRule.ms }
      : { failures, until: 0 }
  return refusal
}

/** Whether a key exists and nobody is locked out. */
export const admit = (d: Draft, apiKey: string): Either.Either<KeyState, Refusal> => {
  const key = d.state.keys.get(apiKey)
  if (key === undefined) return Either.left(refuseCredentials(d, "EAPI:Invalid key"))
  return lockedOut(d) ? Either.left(LOCKOUT) : Either.right(key)
}

const MAX_NONCE = (1n << 64n) - 1n

/**
 * Takes a nonce: greater than every one accepted for the key before, or within the key's window below the highest and not
 * used yet. Kraken: the state is the key's and never goes back.
 */
export const takeNonce = (d: Draft, key: KeyState, text: string | undefined): Either.Either<KeyState, Refusal> => {
  if (text === undefined || !/^\d{1,20}$/.test(text)) return Either.left(INVALID_NONCE)
  const nonce = BigInt(text)
  const fits =
    nonce > key.nonce || (nonce > key.nonce - key.nonceWindow && nonce !== key.nonce && !key.recent.includes(nonce))
  if (!fits || nonce > MAX_NONCE) return Either.left(INVALID_NONCE)
  const highest = nonce > key.nonce ? nonce : key.nonce
  const next: KeyState = {
    ...key,
    nonce: highest,
    recent: key.nonceWindow === 0n ? [] : [...key.recent, nonce].filter((used) => used > highest - key.nonceWindow),
    usedAt: d.state.now
  }
  putKey(d, next)
  d.state.lockout = { failures: 0, until: 0 }
  return Either.right(next)
}

/** Whether a key has one of the permissions; an empty list asks for none. */
export const permits = (key: KeyState, anyOf: ReadonlyArray<Permission>): boolean =>
  anyOf.length === 0 || anyOf.some((permission) => key.permissions.includes(permission))

/** Charges the key's REST counter. */
export const chargeCall = (d: Draft, key: KeyState, endpoint: string): Either.Either<void, Refusal> => {
  const { counter, allowed } = Limits.charge(
    key.calls,
    Limits.restRules[d.state.tier],
    Limits.restCost(endpoint),
    d.state.now,
    d.state.switches.rejectedCallCounts
  )
  putKey(d, { ...key, calls: counter })
  return allowed ? Either.void : Either.left("EAPI:Rate limit exceeded")
}

/** A token opens private subscriptions for fifteen minutes, and lives on while one of them is open. */
export const TOKEN_S = 900

const inUse = (state: ExchangeState, token: string): boolean =>
  [...state.sessions.values()].some((session) =>
    session.subscriptions.some((one) => "token" in one && one.token === token)
  )

const alive = (state: ExchangeState, token: Token, now: EpochMs): boolean =>
  now - token.issuedAt < TOKEN_S * 1000 || inUse(state, token.token)

/** Issues a token; dead ones are forgotten. */
export const issueToken = (d: Draft, apiKey: string): string => {
  d.state.serial += 1
  const token = Ids.token(d.state.seed, d.state.serial)
  d.state.tokens = [
    ...d.state.tokens.filter((one) => alive(d.state, one, d.state.now)),
    { token, apiKey, issuedAt: d.state.now }
  ]
  return token
}

/** The key behind a token. */
export const keyOfToken = (d: Draft, text: string | undefined): Either.Either<KeyState, Refusal> => {
  if (text === undefined) return Either.left("Token(s) not found")
  const token = d.state.tokens.find((one) => one.token === text && alive(d.state, one, d.state.now))
  const key = token === undefined ? undefined : d.state.keys.get(token.apiKey)
  return key === undefined ? Either.left("ESession:Invalid session") : Either.right(key)
}
