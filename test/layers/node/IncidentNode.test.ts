import { execFileSync } from "node:child_process"
import { readdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, TestClock } from "effect"
import { incidentNode } from "../../../src/layers/node/IncidentNode.ts"
import { registerSecret } from "../../../src/layers/node/secrets.ts"
import { tempFolder } from "./support/temp.ts"

const line = (seconds: number): string =>
  `${JSON.stringify({ message: `at ${seconds}`, timestamp: new Date(seconds * 1000).toISOString() })}\n`

describe("what an incident archive is made of", () => {
  it.scoped("the end of the log, over its rotated files", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const { log } = incidentNode(folder, "1")
      assert.strictEqual(yield* log(1000), "")
      writeFileSync(join(folder, "trader.log.1"), line(1) + line(90))
      writeFileSync(join(folder, "trader.log"), `${line(95)}torn by a crash\n${line(99)}`)
      yield* TestClock.setTime(100_000)
      assert.strictEqual(yield* log(10_000), `${line(90)}${line(95)}torn by a crash\n${line(99)}`)
      assert.strictEqual(yield* log(500), "")
    })
  )

  it.scoped("a private tar.gz that any tar reads, without secrets, and which replaces nothing", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const { archive, versions } = incidentNode(folder, "1.2.3")
      assert.deepInclude(yield* versions, { "kraken-trader": "1.2.3", node: process.versions.node })
      registerSecret(Redacted.make("another-known-secret"))
      const file = join(folder, "deep", "a.tar.gz")
      const entries = [
        { name: "a.txt", text: "says another-known-secret" },
        { name: "b.txt", text: "ä".repeat(5000) },
        { name: "empty.txt", text: "" }
      ]
      const { bytes } = yield* archive(file, entries)
      assert.strictEqual(statSync(file).size, bytes)
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      assert.deepEqual(readdirSync(join(folder, "deep")), ["a.tar.gz"])
      const extracted = (name: string): string => execFileSync("tar", ["-xzOf", file, name], { encoding: "utf8" })
      assert.strictEqual(extracted("a.txt"), "says [redacted]")
      assert.strictEqual(extracted("b.txt"), "ä".repeat(5000))
      const again = yield* Effect.flip(archive(file, entries))
      assert.strictEqual(again.reason, "exists")
      assert.include(again.message, "not replaced")
      const impossible = yield* Effect.flip(archive(join(file, "below.tar.gz"), entries))
      assert.strictEqual(impossible.reason, "io")
      assert.include(impossible.message, "cannot be written")
    })
  )
})
