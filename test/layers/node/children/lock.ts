/** Takes the instance lock and holds it until killed, or says why it cannot. */
import { Effect } from "effect"
import { layer } from "../../../../src/layers/node/InstanceLockNode.ts"
import { InstanceLock } from "../../../../src/services/InstanceLock.ts"

const [dataDir = "", stateDir = "", keyFingerprint = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const lock = yield* InstanceLock
  yield* lock.acquire
  process.stdout.write("held\n")
  // A pending timer keeps the process alive.
  setInterval(() => {}, 1000)
  return yield* Effect.never
})

void Effect.runPromise(
  program.pipe(
    Effect.scoped,
    Effect.provide(layer({ dataDir, stateDir, keyFingerprint })),
    Effect.catchAll((failed) => Effect.sync(() => process.stdout.write(`${failed._tag}\n`)))
  )
)
