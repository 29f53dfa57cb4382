/** A failure for the person who has to find out why. */
import type { DayOver, PlanInWords, Shrunk, SimulatedRun, Strike } from "../../services/Simulator.ts"
import type { Palette } from "../cli/text.ts"
import { count, indent } from "../cli/text.ts"
import { grouped, megabytes, simulated, violationLine } from "./summary.ts"
import type { Item } from "./work.ts"

/** Violations that are shown; the first is what matters. */
const SHOWN = 8

const violationLines = ({ violations }: SimulatedRun): string =>
  [
    ...violations.slice(0, SHOWN).map(violationLine),
    ...(violations.length > SHOWN ? [`and ${violations.length - SHOWN} more`] : [])
  ].join("\n")

export const dayText = ({ name }: Item, { day, heapBytes, tasks }: DayOver): string =>
  `${name}, day ${day}: heap ${megabytes(heapBytes)}, ${grouped(tasks)} events so far`

export const struckText = ({ effect, how }: Strike, { struck }: SimulatedRun): string =>
  `effect ${effect} (${struck}): ${how}`

export const failureText = (item: Item, run: SimulatedRun, p: Palette): string =>
  [
    p.bad(`VIOLATION in ${item.name}`),
    indent(violationLines(run)),
    ...(run.struck === undefined ? [] : [`  struck: ${run.struck}`]),
    `  replay: ${item.replay}`
  ].join("\n")

export const shrunkText = (words: PlanInWords, { run, tries }: Shrunk, replay: string): string =>
  [
    `The smallest plan found in ${tries} tries: ${count(words.acts.length, "act")} in ${simulated(words.lengthMs)}${words.strike === undefined ? "" : `, ${words.strike}`}`,
    ...(words.acts.length === 0 ? ["  nothing befalls the trader"] : words.acts.map((line) => `  ${line}`)),
    indent(violationLines(run)),
    `  replay: ${replay}`
  ].join("\n")
