/** Where docs/operations.md says what a message means and what to do. A test checks that each section exists. */
import type { Cause } from "./breaker/BreakerState.ts"

const GUIDE = "docs/operations.md"

/** The section of an exit code. */
export const guideOfExit = (code: number): string => `${GUIDE}#exit-${code}`

/** The section of a breaker's cause. */
export const guideOfCause = (cause: Cause): string => `${GUIDE}#breaker-${cause.toLowerCase()}`

/** The section of a kind of alert. */
export const guideOfAlert = (kind: string): string => `${GUIDE}#alert-${kind.replaceAll(".", "")}`
