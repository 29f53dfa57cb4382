/** Every named scenario. */
import { exits } from "./exits.ts"
import { people } from "./people.ts"
import { restarts } from "./restarts.ts"
import type { Scenario } from "./Scenario.ts"
import { sending } from "./sending.ts"
import { streams } from "./streams.ts"

export const scenarios: ReadonlyArray<Scenario> = [...sending, ...restarts, ...exits, ...streams, ...people]
