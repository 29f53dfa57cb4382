/** What can go wrong with a simulation, besides what it finds. */
import type { SimulatorFailed } from "../../services/Simulator.ts"
import { CommandFailed, ExitCodes, UsageError } from "../cli/ExitCode.ts"

/** A plan that is none is the caller's mistake; a simulation that breaks down is the program's. */
export const explained =
  ({ name, replay }: { readonly name: string; readonly replay: string }) =>
  ({ reason, text }: SimulatorFailed): UsageError | CommandFailed => {
    switch (reason) {
      case "plan":
        return new UsageError({ text: `${name} cannot be carried out: ${text}. Nothing was simulated.` })
      case "journal":
        return new CommandFailed({ text })
      case "died":
        return new CommandFailed({
          text: `${name}: ${text}\nThis says nothing about the trader. Repeat it with: ${replay}`,
          code: ExitCodes.internal
        })
    }
  }
