/** The checks that need no exchange: settings, machine, folder, records, breaker, the trader itself. */
import { Clock, Effect, Either, Option } from "effect"
import { latched } from "../../domain/breaker/Breaker.ts"
import type { Snapshot } from "../../domain/engine/Snapshot.ts"
import { isLive } from "../../domain/order/Order.ts"
import { DoctorFacts } from "../../services/DoctorFacts.ts"
import { InstanceLock } from "../../services/InstanceLock.ts"
import { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import type { SettingsShape } from "../../services/Settings.ts"
import type { StoreFailed, StoreShape } from "../../services/Store.ts"
import { BACKUP_DRILL_NOTE, LOST_LOG_NOTE, RESTORED_NOTE, Store } from "../../services/Store.ts"
import type { StrategyRefused } from "../../services/StrategyLoader.ts"
import { Beside } from "../cli/Beside.ts"
import { count, printable, span } from "../cli/text.ts"
import { DRILL_NOTE } from "../cancel/cancelOrders.ts"
import type { Check } from "./Check.ts"
import { fail, ok, warn } from "./Check.ts"

const MIB = 1024 * 1024
const LEAST_FREE = 200 * MIB
const COMFORTABLE_FREE = 1024 * MIB
const DAY_MS = 86_400_000
/** Backups are daily; a drill is due every month. */
const OLD_BACKUP_MS = 7 * DAY_MS
const OLD_DRILL_MS = 30 * DAY_MS
const OLD_BACKUP_DRILL_MS = 90 * DAY_MS

/** The settings themselves: they can be used, live trading with them is confirmed, the switch is on. */
export const settingsChecks = (settings: SettingsShape): ReadonlyArray<Check> => [
  ok(
    "settings",
    `all settings are valid; ${settings.mode === "paper" ? "paper mode: no money is at stake" : `${settings.mode} mode`}`
  ),
  settings.mode !== "live"
    ? ok("confirmation", `not needed in ${settings.mode} mode`)
    : settings.confirmed === settings.confirmationCode
      ? ok("confirmation", "live trading is confirmed for these very settings")
      : fail(
          "settings",
          "confirmation",
          settings.confirmed === undefined
            ? "live trading is not confirmed"
            : "what was confirmed is not what the settings are now",
          `If every limit is as you want it, set LIVE_TRADING_CONFIRMED=${settings.confirmationCode}.`
        ),
  ...(settings.limits.deadManSwitch === undefined
    ? [warn("switch", "the dead man's switch is off", "Set DEAD_MAN_SWITCH=60s before trading live.")]
    : [])
]

/** Folder, disk, `.env` and log. */
export const machineChecks: Effect.Effect<ReadonlyArray<Check>, never, DoctorFacts | Settings> = Effect.gen(
  function* () {
    const facts = yield* DoctorFacts
    const settings = yield* Settings
    const folder = yield* facts.folder
    const env = yield* facts.envFile
    const log = yield* facts.logProblem
    const free = folder.freeBytes
    return [
      folder.notWritable === undefined
        ? ok("folder", `${folder.path} ${folder.exists ? "can be written" : "will be created at the first start"}`)
        : fail(
            "store",
            "folder",
            `${folder.path} cannot be written (${folder.notWritable})`,
            "Give yourself the right, or choose another DATA_DIR."
          ),
      folder.remote === undefined
        ? ok("disk", "the data folder is not on a network disk, as far as can be told")
        : fail(
            "settings",
            "disk",
            `the data folder is on a ${folder.remote} file system, where locks cannot be trusted`,
            "Choose a DATA_DIR on a disk of this machine."
          ),
      free === undefined
        ? warn("space", "the free space cannot be told", "Make sure that there is at least 1 GiB.")
        : free < LEAST_FREE
          ? fail(
              "store",
              "space",
              `${Math.floor(free / MIB)} MiB are free`,
              "Free some space: a full disk stops entries."
            )
          : free < COMFORTABLE_FREE
            ? warn(
                "space",
                `only ${Math.floor(free / MIB)} MiB are free`,
                "Free some space: a full disk stops entries."
              )
            : ok("space", `${Math.floor(free / MIB / 1024)} GiB are free`),
      !env.exists
        ? ok("env", "there is no .env here; settings come from the environment")
        : env.openToOthers === true
          ? settings.credentials === undefined
            ? warn("env", "others on this machine may read .env", "chmod 600 .env")
            : fail("settings", "env", "others on this machine may read .env", "chmod 600 .env")
          : env.gitWouldTakeIt
            ? fail(
                "settings",
                "env",
                "git does not ignore .env: a key in it would be committed",
                "Add .env to .gitignore."
              )
            : ok("env", ".env is private and git does not take it"),
      log === undefined
        ? ok("log", "the log file can be written")
        : warn(
            "log",
            `the log file cannot be written (${log})`,
            "Trading would go on without it. Give yourself the right to write it."
          )
    ]
  }
)

/** Whether the alert webhook answers, for which it gets some seconds. */
export const webhookCheck: Effect.Effect<Check, never, DoctorFacts | Settings> = Effect.gen(function* () {
  const { mode } = yield* Settings
  const webhook = yield* Effect.flatMap(DoctorFacts, (facts) => facts.webhook)
  if (webhook === "answers") return ok("webhook", "the alert webhook answers")
  if (webhook !== "none") {
    return warn(
      "webhook",
      `the alert webhook does not work: ${webhook.problem}`,
      "Correct ALERT_WEBHOOK_URL; trading never depends on it."
    )
  }
  return mode === "live"
    ? warn(
        "webhook",
        "ALERT_WEBHOOK_URL is not set: nobody is told when something is wrong",
        "Set it, and HEARTBEAT_URL too."
      )
    : ok("webhook", "no alert webhook is set")
})

const age = (ms: number): string => span(Math.max(0, ms / 1000))

/** Damage and a newer version are the file's; everything else is the place where it lies. */
const unusable = (error: StoreFailed): Check =>
  fail(
    error.reason === "corrupt" || error.reason === "newer" ? "data" : "store",
    "database",
    `the database cannot be used (${error.message})`,
    "Put the newest file of backups/ in its place, or use the version of the program that wrote it."
  )

const databaseCheck = ({
  integrity,
  journalMode,
  synchronous,
  schemaVersion
}: Effect.Effect.Success<StoreShape["health"]>): Check =>
  integrity === "ok" && journalMode === "wal" && synchronous === 2
    ? ok("database", `sound, schema ${schemaVersion}, write-ahead log, every commit synced`)
    : fail(
        "data",
        "database",
        `integrity "${integrity}", journal ${journalMode}, synchronous ${synchronous}`,
        "Stop the trader and put the newest file of backups/ in its place."
      )

/** What the records say: backups of them, the breaker, orders of unknown outcome, the last drill. */
const bookChecks = (snapshot: Snapshot): Effect.Effect<ReadonlyArray<Check>, never, DoctorFacts | Settings> =>
  Effect.gen(function* () {
    const facts = yield* DoctorFacts
    const { mode } = yield* Settings
    const now = yield* Clock.currentTimeMillis
    const backup = yield* facts.newestBackup
    const latches = latched(snapshot.breaker)
    const operator = snapshot.fence.operatorLatch
    const unknown = snapshot.orders.filter((order) => isLive(order) && order.status !== "open")
    const lastDrill = Number(snapshot.notes.get(DRILL_NOTE) ?? Number.NaN)
    return [
      backup === undefined
        ? snapshot.sequence === 0
          ? ok("backup", "nothing to back up yet: no order was ever made")
          : warn("backup", "there is no backup yet", "One is made daily while the trader runs.")
        : now - backup > OLD_BACKUP_MS
          ? warn(
              "backup",
              `the newest backup is ${age(now - backup)} old`,
              "Let the trader run, and look for warnings about backups in its log."
            )
          : ok("backup", `the newest backup is ${age(now - backup)} old`),
      latches.length > 0 || Option.isSome(operator)
        ? warn(
            "breaker",
            `open: ${[...latches.map(({ cause, reason }) => `${cause} (${reason})`), ...Option.toArray(operator)].join("; ")}`,
            "No entry is sent until it is closed. Look at the account, then `breaker reset`."
          )
        : ok("breaker", snapshot.fence.paused ? "closed, but paused: `resume` allows entries" : "closed"),
      unknown.length > 0
        ? warn(
            "unknown-orders",
            `${count(unknown.length, "order")} of unknown outcome: ${unknown.map((order) => order.id).join(", ")}`,
            "The trader looks them up when it starts; entries wait for that."
          )
        : ok("unknown-orders", "none"),
      ...restoredCheck(snapshot),
      drill(mode, Number.isFinite(lastDrill) ? lastDrill : undefined, now),
      backupDrill(mode, snapshot, now)
    ]
  })

/** Records that were put back and not compared with the exchange since; nothing where they were not. */
const restoredCheck = ({ notes }: Snapshot): ReadonlyArray<Check> => {
  const restored = notes.get(RESTORED_NOTE) ?? ""
  return restored === "" || (notes.get(LOST_LOG_NOTE) ?? "") === ""
    ? []
    : [
        fail(
          "operator",
          "restored",
          `the records are a restored copy (${printable(restored)}), and books and account were not compared since: what the books hold may have been sold already`,
          "Run `recover`, then start again."
        )
      ]
}

const backupDrill = (mode: string, { notes, sequence }: Snapshot, now: number): Check => {
  const last = Number(notes.get(BACKUP_DRILL_NOTE) ?? Number.NaN)
  if (Number.isFinite(last) && now - last <= OLD_BACKUP_DRILL_MS)
    return ok("backup-drill", `a backup was proved usable ${age(now - last)} ago`)
  if (mode === "paper" || sequence === 0) return ok("backup-drill", "no backup need be proved usable yet")
  return warn(
    "backup-drill",
    Number.isFinite(last)
      ? `a backup was last proved usable ${age(now - last)} ago`
      : "no backup was ever proved usable",
    "Run `backup --drill`; the trader may run meanwhile."
  )
}

/** For `doctor`, beside a trader or without one: another instance, the database, what is in it. */
export const recordChecks: Effect.Effect<
  ReadonlyArray<Check>,
  never,
  Records | InstanceLock | Settings | Beside | DoctorFacts
> = Effect.gen(function* () {
  const records = yield* Records
  const lock = yield* InstanceLock
  const settings = yield* Settings
  const beside = yield* Beside
  const held = yield* Effect.either(lock.heldElsewhere)
  const instance = Either.isLeft(held)
    ? fail(
        "store",
        "instance",
        `the lock cannot be looked at (${held.left.detail})`,
        "Check the data folder's owner and rights."
      )
    : ok("instance", held.right ? "a trader runs on this folder now" : "no trader runs on this folder now")
  if (!(yield* records.exists)) {
    return [
      instance,
      ok("database", "there is no database yet; the first start makes it"),
      ok("backup", "nothing to back up yet"),
      ok("breaker", "closed"),
      ok("unknown-orders", "none"),
      drill(settings.mode, undefined, yield* Clock.currentTimeMillis)
    ]
  }
  const health = yield* Effect.either(Effect.scoped(Effect.flatMap(beside.store, (store) => store.health)))
  if (Either.isLeft(health)) return [instance, unusable(health.left)]
  const snapshot = yield* Effect.either(records.snapshot)
  if (Either.isLeft(snapshot)) return [instance, unusable(snapshot.left)]
  return [instance, databaseCheck(health.right), ...(yield* bookChecks(snapshot.right))]
})

/** Why a strategy cannot be used, if so. */
export const strategyCheck = (name: string, refused: StrategyRefused | undefined): Check =>
  refused === undefined
    ? ok("strategy", `${name} accepts its parameters`)
    : fail("settings", "strategy", refused.message, "Correct STRATEGY or STRATEGY_PARAMS.")

/**
 * For a trader that starts: the same, from the database that it has open and the books that it has read. It holds the lock
 * itself, so nothing is asked about another instance.
 */
export const checksOfStart = (
  snapshot: Snapshot,
  strategy: StrategyRefused | undefined
): Effect.Effect<ReadonlyArray<Check>, never, DoctorFacts | Settings | Store> =>
  Effect.gen(function* () {
    const settings = yield* Settings
    const store = yield* Store
    return [
      ...(yield* machineChecks),
      ok("instance", "this trader holds the lock of the folder and of the key"),
      yield* Effect.match(store.health, { onFailure: unusable, onSuccess: databaseCheck }),
      ...(yield* bookChecks(snapshot)),
      strategyCheck(settings.strategy.name, strategy)
    ]
  })

const drill = (mode: string, last: number | undefined, now: number): Check =>
  last !== undefined && now - last <= OLD_DRILL_MS
    ? ok("drill", `the emergency stop was tried ${age(now - last)} ago`)
    : mode === "paper"
      ? ok("drill", "the emergency stop need not be tried in paper mode")
      : warn(
          "drill",
          last === undefined
            ? "the emergency stop was never tried here"
            : `the emergency stop was last tried ${age(now - last)} ago`,
          "Run `cancel --all` once while nothing is at stake, and `breaker reset --cause operator` after it."
        )
