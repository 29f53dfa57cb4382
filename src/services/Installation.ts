/** Who this installation is on the exchange: derived from the API key, never the key itself. */
import { Context } from "effect"
import type { InstallationPrefix } from "../domain/order/Ids.ts"

export interface InstallationShape {
  /** Begins every client order id, so that lost books can still be matched. */
  readonly prefix: InstallationPrefix
  /** Names the key in locks and the folder's binding: a short hash. */
  readonly keyFingerprint: string
}

export class Installation extends Context.Tag("trader/services/Installation")<Installation, InstallationShape>() {}
