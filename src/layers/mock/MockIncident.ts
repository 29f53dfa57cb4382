/** Scripted parts of an incident archive: nothing was logged or journalled, and what is archived is kept as a call. */
import { Context, Effect, Layer } from "effect"
import type { IncidentShape } from "../../services/Incident.ts"
import { Incident } from "../../services/Incident.ts"
import type { ScriptControl } from "./script.ts"
import { makeScript } from "./script.ts"

/** Steers and inspects `MockIncident`. */
export class MockIncidentControl extends Context.Tag("trader/layers/mock/MockIncident/MockIncidentControl")<
  MockIncidentControl,
  ScriptControl<IncidentShape>
>() {}

const make = () => {
  const { call, control } = makeScript<IncidentShape>({
    log: Effect.succeed(""),
    journal: Effect.succeed(""),
    versions: Effect.succeed({}),
    archive: Effect.succeed({ bytes: 0 })
  })
  return Context.make(Incident, {
    log: (...args) => call("log", ...args),
    journal: (...args) => call("journal", ...args),
    versions: call("versions"),
    archive: (...args) => call("archive", ...args)
  }).pipe(Context.add(MockIncidentControl, control))
}

export const MockIncident: Layer.Layer<Incident | MockIncidentControl> = Layer.effectContext(Effect.sync(make))
