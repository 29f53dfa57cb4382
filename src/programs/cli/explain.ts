/** What a failure is, what it means for the money, and what to do: for standard error, in plain sentences. */
import { ValidationError } from "@effect/cli"
import { Cause } from "effect"
import type { KrakenError } from "../../domain/kraken/KrakenError.ts"
import { LockHeld, LockUnusable } from "../../services/InstanceLock.ts"
import { SettingsInvalid } from "../../services/Settings.ts"
import { StoreFailed } from "../../services/Store.ts"
import { ComponentDown } from "../trade/supervise.ts"
import { failureOf, Finished } from "./ExitCode.ts"

const store: Readonly<Record<StoreFailed["reason"], string>> = {
  busy: "another program holds the database. If no trader and no other command of it runs, see what has the file open",
  full: "the disk is full. Free some space",
  io: "the disk reports an error. Look at the disk before anything else",
  corrupt:
    "the database is damaged. Positions and orders at Kraken are untouched: look at the account, then put the newest file of the folder's `backups` in place, or move the damaged one away",
  readonly: "the database may not be written. Check the owner and the rights of the data folder",
  newer: "the database was written by a newer version of this program. Use that version, or another DATA_DIR",
  other: "the database cannot be used"
}

const settings = ({ problems }: SettingsInvalid): string =>
  [
    `${problems.length} setting${problems.length === 1 ? " is" : "s are"} not right, so nothing was started and nothing was traded:`,
    ...problems.map(({ key, wrong, allowed }) => `  ${key} ${wrong}\n      allowed: ${allowed}`),
    "Correct the environment or the .env file in this folder (.env.example lists every setting) and try again."
  ].join("\n")

const lock = (held: LockHeld): string =>
  held.what === "data folder"
    ? `Another trader${held.holder === undefined ? "" : ` (${held.holder})`} runs on this data folder (${held.path}). Nothing was started; the other one is untouched. \`status\` shows how it is, \`stop\` ends it.`
    : `Another trader${held.holder === undefined ? "" : ` (${held.holder})`} on this machine uses the same API key (${held.path}). Two programs on one key spoil each other's calls: nothing was started. Stop the other one, or use a key of its own.`

const isKraken = (error: object): error is KrakenError =>
  "_tag" in error && ["KrakenApiError", "KrakenTransportError", "KrakenNotSent"].includes(String(error._tag))

const kraken = (error: KrakenError): string =>
  error._tag === "KrakenApiError" && error.kind === "credentials"
    ? `Kraken refuses the API key (${error.text}). Nothing was traded. Check the key and its permissions, or make a new one.`
    : `Kraken could not be asked: ${error.message}. What is open and held there is as it was. Try again when it answers.`

const internal = (cause: Cause.Cause<unknown>): string =>
  `This is a mistake in the program, not in what you did:\n${Cause.pretty(cause)}\nOrders that rest at Kraken are cancelled by the dead man's switch; the next start looks everything up. Please report it.`

/** The text for a failed command; nothing when everything was said already. */
export const explain = (cause: Cause.Cause<unknown>): string | undefined => {
  if (Cause.isInterruptedOnly(cause)) return "broken off"
  const error = failureOf(cause)
  if (
    error instanceof Finished ||
    (typeof error === "object" && error !== null && ValidationError.isValidationError(error))
  )
    return undefined
  if (error instanceof ComponentDown) {
    const inner = failureOf(error.cause)
    return inner instanceof Error ? explain(error.cause) : internal(error.cause)
  }
  if (error instanceof SettingsInvalid) return settings(error)
  if (error instanceof LockHeld) return lock(error)
  if (error instanceof LockUnusable)
    return `The lock file ${error.path} cannot be used (${error.detail}), so it can't be made sure that only one trader runs. Nothing was started. Check that the folder is on a local disk and that you may write there.`
  if (error instanceof StoreFailed)
    return `The records cannot be used (${error.operation}): ${store[error.reason]}. No order was placed without a record of it.`
  if (typeof error === "object" && error !== null && isKraken(error)) return kraken(error)
  return error instanceof Error ? error.message : internal(cause)
}
