/** The trader's own policy: the settling of its order desk, as it is. */
import { settle } from "../../../src/programs/desk/settle.ts"
import type { Policy } from "../Policy.ts"

export const ours: Policy = {
  key: "ours",
  title: "1. this trader: cancel, look everywhere, prove, never send twice",
  savesFirst: true,
  stopsOnUnknown: true,
  sendsClientId: true,
  settle: ({ desk }, order) => settle(desk, order)
}
