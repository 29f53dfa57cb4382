/** The policies in the order of the table. */
import type { Policy } from "../Policy.ts"
import { giveUp } from "./giveUp.ts"
import { openOnly } from "./openOnly.ts"
import { ours } from "./ours.ts"
import { resendSameId, resendWithoutId } from "./resend.ts"
import { saveLate } from "./saveLate.ts"

export const policies: ReadonlyArray<Policy> = [ours, resendSameId, resendWithoutId, openOnly, giveUp, saveLate]
