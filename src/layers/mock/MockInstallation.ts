/** An installation without an API key. It is a value, so there is nothing to steer. */
import { Layer } from "effect"
import type { InstallationPrefix } from "../../domain/order/Ids.ts"
import { Installation } from "../../services/Installation.ts"

/** `prefix` begins every client order id. */
export const mockInstallation = (prefix: InstallationPrefix): Layer.Layer<Installation> =>
  Layer.succeed(Installation, Installation.of({ prefix, keyFingerprint: "mock" }))
