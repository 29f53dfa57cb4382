/**
 * A model of what is common: the order is saved when its answer has come. Everything else is as careful as this trader,
 * so that the difference shows alone: a crash before the answer leaves an order that nobody knows of.
 */
import type { Policy } from "../Policy.ts"
import { ours } from "./ours.ts"

export const saveLate: Policy = {
  ...ours,
  key: "save-late",
  title: "5. save the order only after the answer",
  savesFirst: false
}
