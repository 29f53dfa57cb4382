import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { MockInstanceLockControl } from "../../../src/layers/mock/MockInstanceLock.ts"
import { MockRecordsControl } from "../../../src/layers/mock/MockRecords.ts"
import { emptySnapshot } from "../../../src/layers/mock/MockStore.ts"
import { runningView } from "../../../src/programs/status/runningView.ts"
import { status } from "../../../src/programs/status/status.ts"
import type { ControlClientShape } from "../../../src/services/ControlClient.ts"
import { LockUnusable } from "../../../src/services/InstanceLock.ts"
import { START_STEP_NOTE } from "../../../src/services/Store.ts"
import { NOON } from "../../support/build.ts"
import { Rig } from "../../domain/engine/Rig.ts"
import { clientOf, frozen, nobody, Screen, world } from "../cli/support.ts"

const stream = { connected: true, reconnects: 0, frames: 1, malformed: 0 }
const view = (rig: Rig) =>
  runningView(rig.state, {
    identity: { mode: "paper", version: "1", pid: 7, startedAt: NOON },
    mode: "paper",
    machineNow: NOON,
    speed: 1,
    offset: { ms: 0, measuredAt: NOON },
    market: stream,
    account: stream,
    recentTrades: []
  })

interface Scene {
  readonly client?: ControlClientShape
  readonly held?: boolean | "unusable"
  readonly exists?: boolean
  readonly corrupt?: boolean
  readonly text?: boolean
  /** Where a start stands, as its records say. */
  readonly step?: string
}

const run = (scene: Scene) =>
  Effect.gen(function* () {
    const lock = yield* MockInstanceLockControl
    const records = yield* MockRecordsControl
    if (scene.held === "unusable") yield* lock.breakWith(new LockUnusable({ path: "/x", detail: "EACCES" }))
    else if (scene.held === true) yield* lock.holdElsewhere("data folder")
    yield* records.set({
      exists: scene.exists ?? true,
      ...(scene.step === undefined
        ? {}
        : { snapshot: { ...emptySnapshot, notes: new Map([[START_STEP_NOTE, scene.step]]) } })
    })
    if (scene.corrupt === true) yield* records.failWith("corrupt")
    const result = yield* Effect.either(status({ json: scene.text !== true, version: "1" }))
    const { error, out } = yield* Screen
    assert.strictEqual(error(), "")
    return { code: Either.isLeft(result) ? result.left.code : 0, out: out() }
  }).pipe(Effect.provide(world({ client: scene.client ?? clientOf() })))

const scenes: ReadonlyArray<readonly [string, Scene, number, string, string]> = [
  [
    "a trader that enters",
    { client: clientOf({ status: Effect.succeed(view(new Rig().ready())) }) },
    0,
    "trading",
    '"reasons":[]'
  ],
  [
    "one that does not",
    { client: clientOf({ status: Effect.succeed(view(new Rig())) }) },
    1,
    "not-entering",
    "starting"
  ],
  [
    "one that is starting",
    { client: clientOf({}, frozen), held: true, step: "reconciling books and account" },
    1,
    "not-entering",
    "is starting: reconciling books and account"
  ],
  ["one that is frozen", { client: clientOf({}, frozen), held: true }, 1, "not-entering", "does not answer"],
  [
    "one of another version",
    { client: clientOf({ status: Effect.succeed({ pid: 7 }) }), held: true },
    1,
    "not-entering",
    "another version"
  ],
  ["none", {}, 3, "stopped", "no trader runs on"],
  ["none, ever", { exists: false }, 3, "stopped", "no trader has ever run on"],
  ["records that cannot be read", { corrupt: true }, 4, "unknown", "the database is corrupt"],
  [
    "records that cannot be read, and a trader that does not answer",
    { corrupt: true, held: true, client: clientOf({}, frozen) },
    4,
    "unknown",
    "does not answer"
  ],
  ["a lock that cannot be looked at", { held: "unusable", client: clientOf({}, nobody) }, 4, "unknown", "EACCES"],
  ["neither lock nor records", { held: "unusable", corrupt: true }, 4, "unknown", "EACCES"]
]

describe("status", () => {
  for (const [name, scene, code, state, text] of scenes) {
    it.effect(`${name}: exit code ${code}, ${state}`, () =>
      Effect.gen(function* () {
        const result = yield* run(scene)
        assert.strictEqual(result.code, code)
        assert.isTrue(result.out.startsWith(`{"state":"${state}"`), result.out.slice(0, 60))
        assert.include(result.out, text)
        // standard output is JSON and nothing else
        assert.doesNotThrow(() => void JSON.parse(result.out))
      })
    )
  }

  it.effect("as text", () =>
    Effect.gen(function* () {
      const { code, out } = yield* run({ text: true })
      assert.strictEqual(code, 3)
      assert.include(out, "NOT RUNNING")
    })
  )
})
