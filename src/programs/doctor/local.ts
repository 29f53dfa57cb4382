/** The checks that need no exchange: machine, folder, records, breaker, the trader itself. */
import { Clock, Effect, Either, Option } from "effect"
import { latched } from "../../domain/breaker/Breaker.ts"
import { isLive } from "../../domain/order/Order.ts"
import { DoctorFacts } from "../../services/DoctorFacts.ts"
import { InstanceLock } from "../../services/InstanceLock.ts"
import { Records } from "../../services/Records.ts"
import { Settings } from "../../services/Settings.ts"
import { StrategyLoader } from "../../services/StrategyLoader.ts"
import { Beside } from "../cli/Beside.ts"
import { count, span } from "../cli/text.ts"
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

export const machineChecks: Effect.Effect<ReadonlyArray<Check>, never, DoctorFacts | Settings> = Effect.gen(
  function* () {
    const facts = yield* DoctorFacts
    const settings = yield* Settings
    const folder = yield* facts.folder
    const env = yield* facts.envFile
    const log = yield* facts.logProblem
    const webhook = yield* facts.webhook
    const free = folder.freeBytes
    return [
      folder.notWritable === undefined
        ? ok("folder", `${folder.path} ${folder.exists ? "can be written" : "will be created at the first start"}`)
        : fail(
            "folder",
            `${folder.path} cannot be written (${folder.notWritable})`,
            "Give yourself the right, or choose another DATA_DIR."
          ),
      folder.remote === undefined
        ? ok("disk", "the data folder is not on a network disk, as far as can be told")
        : fail(
            "disk",
            `the data folder is on a ${folder.remote} file system, where locks cannot be trusted`,
            "Choose a DATA_DIR on a disk of this machine."
          ),
      free === undefined
        ? warn("space", "the free space cannot be told", "Make sure that there is at least 1 GiB.")
        : free < LEAST_FREE
          ? fail("space", `${Math.floor(free / MIB)} MiB are free`, "Free some space: a full disk stops entries.")
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
          ? (settings.credentials === undefined ? warn : fail)(
              "env",
              "others on this machine may read .env",
              "chmod 600 .env"
            )
          : env.gitWouldTakeIt
            ? fail("env", "git does not ignore .env: a key in it would be committed", "Add .env to .gitignore.")
            : ok("env", ".env is private and git does not take it"),
      log === undefined
        ? ok("log", "the log file can be written")
        : warn(
            "log",
            `the log file cannot be written (${log})`,
            "Trading would go on without it. Give yourself the right to write it."
          ),
      webhook === "none"
        ? settings.mode === "live"
          ? warn(
              "webhook",
              "ALERT_WEBHOOK_URL is not set: nobody is told when something is wrong",
              "Set it, and HEARTBEAT_URL too."
            )
          : ok("webhook", "no alert webhook is set")
        : webhook === "answers"
          ? ok("webhook", "the alert webhook answers")
          : warn(
              "webhook",
              `the alert webhook does not work: ${webhook.problem}`,
              "Correct ALERT_WEBHOOK_URL; trading never depends on it."
            )
    ]
  }
)

const age = (ms: number): string => span(Math.max(0, ms / 1000))

export const recordChecks: Effect.Effect<
  ReadonlyArray<Check>,
  never,
  Records | InstanceLock | Settings | Beside | DoctorFacts
> = Effect.gen(function* () {
  const records = yield* Records
  const lock = yield* InstanceLock
  const settings = yield* Settings
  const beside = yield* Beside
  const facts = yield* DoctorFacts
  const now = yield* Clock.currentTimeMillis
  const held = yield* Effect.either(lock.heldElsewhere)
  const instance = Either.isLeft(held)
    ? fail(
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
      drill(settings.mode, undefined, now)
    ]
  }
  const health = yield* Effect.either(Effect.scoped(Effect.flatMap(beside.store, (store) => store.health)))
  const snapshot = yield* Effect.either(records.snapshot)
  if (Either.isLeft(health) || Either.isLeft(snapshot)) {
    const error = Either.isLeft(health) ? health.left : Either.getOrThrow(Either.flip(snapshot))
    return [
      instance,
      fail(
        "database",
        `the database cannot be used (${error.message})`,
        "Put the newest file of backups/ in its place, or use the version of the program that wrote it."
      )
    ]
  }
  const { integrity, journalMode, synchronous, schemaVersion } = health.right
  const sound = integrity === "ok" && journalMode === "wal" && synchronous === 2
  const backup = yield* facts.newestBackup
  const latches = latched(snapshot.right.breaker)
  const operator = snapshot.right.fence.operatorLatch
  const unknown = snapshot.right.orders.filter((order) => isLive(order) && order.status !== "open")
  const lastDrill = Number(snapshot.right.notes.get(DRILL_NOTE) ?? Number.NaN)
  return [
    instance,
    sound
      ? ok("database", `sound, schema ${schemaVersion}, write-ahead log, every commit synced`)
      : fail(
          "database",
          `integrity "${integrity}", journal ${journalMode}, synchronous ${synchronous}`,
          "Stop the trader and put the newest file of backups/ in its place."
        ),
    backup === undefined
      ? warn("backup", "there is no backup yet", "One is made daily while the trader runs.")
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
      : ok("breaker", snapshot.right.fence.paused ? "closed, but paused: `resume` allows entries" : "closed"),
    unknown.length > 0
      ? warn(
          "unknown-orders",
          `${count(unknown.length, "order")} of unknown outcome: ${unknown.map((order) => order.id).join(", ")}`,
          "The trader looks them up when it starts; entries wait for that."
        )
      : ok("unknown-orders", "none"),
    drill(settings.mode, Number.isFinite(lastDrill) ? lastDrill : undefined, now)
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

export const strategyCheck: Effect.Effect<Check, never, Settings | StrategyLoader> = Effect.gen(function* () {
  const { strategy } = yield* Settings
  const loader = yield* StrategyLoader
  return yield* Effect.match(loader.load(strategy.name, strategy.params), {
    onFailure: (refused) => fail("strategy", refused.message, "Correct STRATEGY or STRATEGY_PARAMS."),
    onSuccess: () => ok("strategy", `${strategy.name} accepts its parameters`)
  })
})
