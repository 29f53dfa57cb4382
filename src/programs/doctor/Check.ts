/** What a check is about. With several pairs, those about a pair stand once for each. */
export type Subject =
  | "settings"
  | "confirmation"
  | "switch"
  | "folder"
  | "disk"
  | "space"
  | "env"
  | "log"
  | "webhook"
  | "instance"
  | "database"
  | "backup"
  | "backup-drill"
  | "restored"
  | "breaker"
  | "unknown-orders"
  | "drill"
  | "strategy"
  | "exchange"
  | "clock"
  | "system"
  | "key"
  | "pairs"
  | "pair"
  | "price"
  | "validate"
  | "sizes"
  | "fees"
  | "balance"
  | "auto-earn"
  | "holds"
  | "foreign-orders"

/**
 * What a failure speaks against. `exchange`: it gave no answer that would prove anything, neither that all is well nor that
 * something is wrong.
 */
export type Kind = "settings" | "clock" | "credentials" | "store" | "data" | "exchange" | "operator"

interface Line {
  readonly subject: Subject
  /** Stable name, for scripts: the subject, and what it is looked at for where there are several (`sizes XLM/USD`). */
  readonly id: string
  /** What was found. */
  readonly text: string
  /** What to do; empty when nothing is to be done. */
  readonly remedy: string
}

interface Passed extends Line {
  readonly result: "ok" | "warn"
}

export interface Failed extends Line {
  readonly result: "fail"
  readonly kind: Kind
}

/** One line of `doctor`, and of a trader's start. */
export type Check = Passed | Failed

const idOf = (subject: Subject, of: string | undefined): string => (of === undefined ? subject : `${subject} ${of}`)

export const ok = (subject: Subject, text: string, of?: string): Check => ({
  subject,
  id: idOf(subject, of),
  result: "ok",
  text,
  remedy: ""
})

export const warn = (subject: Subject, text: string, remedy: string, of?: string): Check => ({
  subject,
  id: idOf(subject, of),
  result: "warn",
  text,
  remedy
})

export const fail = (kind: Kind, subject: Subject, text: string, remedy: string, of?: string): Failed => ({
  subject,
  id: idOf(subject, of),
  result: "fail",
  text,
  remedy,
  kind
})
