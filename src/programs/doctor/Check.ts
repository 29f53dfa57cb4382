/** One line of `doctor`. */
export interface Check {
  /** Stable name, for scripts. */
  readonly id: string
  readonly result: "ok" | "warn" | "fail"
  /** What was found. */
  readonly text: string
  /** What to do; empty when nothing is to be done. */
  readonly remedy: string
}

export const ok = (id: string, text: string): Check => ({ id, result: "ok", text, remedy: "" })
export const warn = (id: string, text: string, remedy: string): Check => ({ id, result: "warn", text, remedy })
export const fail = (id: string, text: string, remedy: string): Check => ({ id, result: "fail", text, remedy })
