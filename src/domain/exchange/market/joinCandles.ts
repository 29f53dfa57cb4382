/** Bars of an exchange's own as longer ones. */
import type { Bar } from "../Boundary.ts"
import { joinBars } from "./PathBar.ts"

/** Bars as bars of so many minutes; the last one is left out where its end is not in them. */
export const joinCandles = (bars: ReadonlyArray<Bar>, minutes: number): ReadonlyArray<Bar> => {
  const step = (bars[1]?.time ?? 0) - (bars[0]?.time ?? 0)
  const end = (bars.at(-1)?.time ?? 0) + step
  const seconds = minutes * 60
  return step >= seconds ? bars : joinBars(bars, seconds).filter((bar) => bar.time + seconds <= end)
}
