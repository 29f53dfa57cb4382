/** How a command ends: one table from what went wrong to the exit code that scripts and service managers read. */
import { ValidationError } from "@effect/cli"
import { Cause, Data, Exit, Option } from "effect"

export const ExitCodes = {
  done: 0,
  failed: 1,
  /** `status`: no trader runs. */
  notRunning: 3,
  /** `status`: it cannot be told. */
  cannotTell: 4,
  usage: 64,
  dataCorrupt: 65,
  exchangeUnavailable: 69,
  internal: 70,
  clockSkewed: 71,
  cannotWrite: 73,
  anotherInstance: 75,
  credentials: 77,
  configuration: 78,
  /** The operator must look before anything is started again. */
  halted: 86
} as const

export type ExitCode = (typeof ExitCodes)[keyof typeof ExitCodes]

/** A command that has said everything and ends with this code. */
export class Finished extends Data.TaggedError("Finished")<{ readonly code: ExitCode }> {}

/** The command line makes no sense (64); the text says why. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly text: string }> {
  override get message(): string {
    return this.text
  }
}

/** A command could not do what was asked (1, unless another code says more). */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  readonly text: string
  readonly code?: ExitCode
}> {
  override get message(): string {
    return this.text
  }
}

const field = (error: object, name: string): unknown => (name in error ? Reflect.get(error, name) : undefined)

const storeCode = (reason: unknown): ExitCode =>
  reason === "corrupt" || reason === "newer" ? ExitCodes.dataCorrupt : ExitCodes.cannotWrite

const localKrakenCodes: Readonly<Record<string, ExitCode>> = {
  data: ExitCodes.dataCorrupt,
  bound: ExitCodes.configuration,
  busy: ExitCodes.anotherInstance,
  port: ExitCodes.failed,
  write: ExitCodes.cannotWrite,
  settings: ExitCodes.configuration,
  upstream: ExitCodes.exchangeUnavailable
}

const krakenCode = (error: object): ExitCode => {
  const kind = field(error, "kind")
  return kind === "credentials" || kind === "nonce" ? ExitCodes.credentials : ExitCodes.exchangeUnavailable
}

/** By the tag of an expected failure. */
const byTag: Readonly<Record<string, (error: object) => ExitCode>> = {
  Finished: (error) => (error instanceof Finished ? error.code : ExitCodes.internal),
  CommandFailed: (error) => (error instanceof CommandFailed ? (error.code ?? ExitCodes.failed) : ExitCodes.internal),
  UsageError: () => ExitCodes.usage,
  SettingsInvalid: () => ExitCodes.configuration,
  StrategyRefused: () => ExitCodes.configuration,
  NotConfirmed: () => ExitCodes.configuration,
  PairUnknown: () => ExitCodes.configuration,
  DataFolderRefused: (error) =>
    field(error, "reason") === "unusable" ? ExitCodes.cannotWrite : ExitCodes.configuration,
  LockHeld: () => ExitCodes.anotherInstance,
  LockUnusable: () => ExitCodes.cannotWrite,
  StoreFailed: (error) => storeCode(field(error, "reason")),
  // a name that is taken, or that nothing has, is the caller's mistake
  BackupRefused: (error) => (field(error, "reason") === "io" ? ExitCodes.cannotWrite : ExitCodes.usage),
  ArchiveRefused: (error) => (field(error, "reason") === "io" ? ExitCodes.cannotWrite : ExitCodes.usage),
  RecordsNotWritten: () => ExitCodes.cannotWrite,
  TapeError: () => ExitCodes.dataCorrupt,
  LocalKrakenError: (error) => localKrakenCodes[String(field(error, "reason"))] ?? ExitCodes.failed,
  KrakenApiError: krakenCode,
  KrakenTransportError: () => ExitCodes.exchangeUnavailable,
  KrakenNotSent: () => ExitCodes.exchangeUnavailable,
  ExchangeUnavailable: () => ExitCodes.exchangeUnavailable,
  CredentialsRefused: () => ExitCodes.credentials,
  KeyUnfit: () => ExitCodes.credentials,
  ClockSkewed: () => ExitCodes.clockSkewed,
  StoppedUnclean: () => ExitCodes.halted,
  ControlUnavailable: () => ExitCodes.failed,
  // a part of the program stopped: what stopped it decides
  ComponentDown: (error) => {
    const cause = field(error, "cause")
    return Cause.isCause(cause) ? codeOfCause(cause) : ExitCodes.internal
  }
}

/** The failure inside a cause, if it is an expected one. */
export const failureOf = (cause: Cause.Cause<unknown>): unknown => Option.getOrUndefined(Cause.failureOption(cause))

const codeOfCause = (cause: Cause.Cause<unknown>): ExitCode => {
  const failure = failureOf(cause)
  return typeof failure === "object" && failure !== null
    ? codeOfError(failure)
    : Cause.isInterruptedOnly(cause)
      ? ExitCodes.failed
      : ExitCodes.internal
}

const codeOfError = (error: object): ExitCode => {
  if (ValidationError.isValidationError(error)) return ExitCodes.usage
  const tag = field(error, "_tag")
  const code = typeof tag === "string" && Object.hasOwn(byTag, tag) ? byTag[tag] : undefined
  return code === undefined ? ExitCodes.internal : code(error)
}

/** The exit code of a finished command. What was never thought of is 70; what was broken off is 1, never 0. */
export const exitCodeOf = (exit: Exit.Exit<unknown, unknown>): ExitCode =>
  Exit.isSuccess(exit) ? ExitCodes.done : codeOfCause(exit.cause)
