/** What the settings make of this installation: whose it is, its mark on orders, its files, its lock. */
import { createHash } from "node:crypto"
import * as Path from "node:path"
import { Layer, Redacted } from "effect"
import { InstallationPrefix } from "../domain/order/Ids.ts"
import * as InstanceLockNode from "../layers/node/InstanceLockNode.ts"
import { Installation } from "../services/Installation.ts"
import type { SettingsShape } from "../services/Settings.ts"

export const databaseFile = (settings: SettingsShape): string => Path.join(settings.dataDir, "trading.db")

/** The market behind the local Kraken, as the folder's binding names it. */
const marketName = ({ paper, limits }: SettingsShape): string => {
  switch (paper.market._tag) {
    case "Generated":
      return `generated ${limits.allowedPairs.join(", ")} seed ${paper.seed}`
    case "Kraken":
      return "kraken"
    case "Tape":
      return paper.market.tapes.map((tape) => `${tape.symbol}=${Path.basename(tape.path)}`).join(", ")
  }
}

/** Whose records the folder holds, as its binding names it. */
export const account = (settings: SettingsShape): string =>
  settings.credentials === undefined
    ? `${marketName(settings)}, starting with ${JSON.stringify(settings.paper.balances)}`
    : InstanceLockNode.keyFingerprint(settings.credentials.key)

/** `k`, five characters from the hash of the API key, and a dash: the mark on every order of this installation. */
const prefixOf = (key: Redacted.Redacted): InstallationPrefix => {
  const digest = createHash("sha256").update("order-id ").update(Redacted.value(key)).digest()
  const number = digest.readUIntBE(0, 6)
  return InstallationPrefix(`k${number.toString(36).padStart(10, "0").slice(-5)}-`)
}

/** Who this installation is at the exchange, by its key. */
export const installationOf = (key: Redacted.Redacted): Layer.Layer<Installation> =>
  Layer.succeed(
    Installation,
    Installation.of({ prefix: prefixOf(key), keyFingerprint: InstanceLockNode.keyFingerprint(key) })
  )

/** The lock of the folder, and of the API key where there is one. */
export const lockFor = (settings: SettingsShape) =>
  InstanceLockNode.layer({
    dataDir: settings.dataDir,
    stateDir: settings.stateDir,
    ...(settings.credentials === undefined
      ? {}
      : { keyFingerprint: InstanceLockNode.keyFingerprint(settings.credentials.key) })
  })
