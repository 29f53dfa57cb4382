/** The database under several processes, and under SIGKILL. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { layer as databaseLayer } from "../../../src/layers/sqlite/Database.ts"
import { ClientOrderId } from "../../../src/domain/order/Ids.ts"
import { Nonce } from "../../../src/services/Nonce.ts"
import { Store } from "../../../src/services/Store.ts"
import { childScript } from "../node/support/child.ts"
import { tempFolder } from "../node/support/temp.ts"
import { fileIn, world } from "./support.ts"

describe("several processes over one file", () => {
  it.scopedLive(
    "nonces are unique, and rise within each process, though every clock steps by an hour",
    () =>
      Effect.gen(function* () {
        const file = fileIn(yield* tempFolder)
        yield* Effect.scoped(Effect.provide(Effect.void, databaseLayer({ file, role: "visitor" })))
        const script = yield* childScript(new URL("./children/nonces.ts", import.meta.url))
        const children = [0, 1000, 3_600_000].map((step) => script.start([file, "200", String(step)]))
        yield* Effect.forEach(children, (child) => child.ended, { concurrency: "unbounded" })
        const issued = children.map((child) => child.lines.slice(1).map(BigInt))
        for (const one of issued) {
          assert.strictEqual(one.length, 200)
          assert.isTrue(one.every((nonce, n) => n === 0 || nonce > (one[n - 1] ?? 0n)))
        }
        assert.strictEqual(new Set(issued.flat()).size, 600)
        const highest = yield* Effect.flatMap(Nonce, (nonce) => nonce.highest).pipe(
          Effect.provide(world(file)),
          Effect.scoped
        )
        assert.isTrue(issued.flat().every((nonce) => nonce <= highest))
      }),
    60_000
  )
})

describe("SIGKILL", () => {
  it.scopedLive(
    "whatever was committed is there afterwards, whenever it strikes",
    () =>
      Effect.gen(function* () {
        const file = fileIn(yield* tempFolder)
        const script = yield* childScript(new URL("./children/intents.ts", import.meta.url))
        let highest = 0n
        for (const run of ["a", "b", "c", "d", "e", "f"]) {
          const child = script.start([file, run])
          yield* child.line(20 + ((run.charCodeAt(0) * 7) % 60))
          assert.strictEqual(yield* child.kill, "SIGKILL")
          const told = child.lines.map((line) => line.split(" "))
          yield* Effect.gen(function* () {
            const store = yield* Store
            for (const [id = "", nonce = ""] of told) {
              const order = yield* store.findOrder({ clientId: ClientOrderId(id) })
              assert.strictEqual(Option.getOrThrow(order).status, "open", id)
              assert.isTrue(BigInt(nonce) > highest)
              highest = BigInt(nonce)
            }
            assert.strictEqual((yield* store.health).integrity, "ok")
            const { orders } = yield* store.load
            // At most the one intent that was committed and not told yet.
            assert.isTrue(orders.filter((order) => order.status === "pending").length <= "abcdef".indexOf(run) + 1)
            highest = yield* (yield* Nonce).highest
          }).pipe(Effect.provide(world(file)), Effect.scoped)
        }
      }),
    60_000
  )
})
