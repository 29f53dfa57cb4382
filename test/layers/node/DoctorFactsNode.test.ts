import { execFileSync } from "node:child_process"
import { createServer } from "node:http"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { doctorFactsNode } from "../../../src/layers/node/DoctorFactsNode.ts"
import { mockSettings } from "../../../src/layers/mock/MockSettings.ts"
import { DoctorFacts } from "../../../src/services/DoctorFacts.ts"
import type { DoctorFactsShape } from "../../../src/services/DoctorFacts.ts"
import { Layer } from "effect"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "doctor-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const facts = <A>(
  directory: string,
  use: (facts: DoctorFactsShape) => Effect.Effect<A>,
  webhook?: string
): Effect.Effect<A> =>
  Effect.flatMap(DoctorFacts, use).pipe(
    Effect.provide(
      doctorFactsNode(directory).pipe(
        Layer.provide(
          mockSettings({
            dataDir: join(directory, "data"),
            ...(webhook === undefined ? {} : { alertWebhook: Redacted.make(webhook) })
          })
        )
      )
    )
  )

describe("what the doctor looks at", () => {
  it.scoped("the folder, before and after it is made, and nothing is made by looking", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const before = yield* facts(directory, (f) => f.folder)
      assert.deepInclude(before, { exists: false, notWritable: undefined, remote: undefined })
      assert.isAbove(before.freeBytes ?? 0, 0)
      mkdirSync(join(directory, "data", "backups"), { recursive: true })
      assert.isTrue((yield* facts(directory, (f) => f.folder)).exists)
      assert.isUndefined(yield* facts(directory, (f) => f.newestBackup))
      const copy = join(directory, "data", "backups", "trading-1.db")
      writeFileSync(copy, "")
      writeFileSync(join(directory, "data", "backups", "note.txt"), "")
      utimesSync(copy, 1_000, 1_000)
      assert.strictEqual(yield* facts(directory, (f) => f.newestBackup), 1_000_000)
      assert.isUndefined(yield* facts(directory, (f) => f.logProblem))
      writeFileSync(join(directory, "data", "trader.log"), "")
      assert.isUndefined(yield* facts(directory, (f) => f.logProblem))
    })
  )

  it.scoped("what may not be written is told (root may write everything)", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const data = join(directory, "data")
      mkdirSync(data)
      writeFileSync(join(data, "trader.log"), "")
      chmodSync(join(data, "trader.log"), 0o400)
      chmodSync(data, 0o500)
      const locked = yield* facts(directory, (f) => f.folder)
      if (process.getuid?.() === 0) assert.isUndefined(locked.notWritable)
      else {
        assert.include(locked.notWritable, "EACCES")
        assert.include(yield* facts(directory, (f) => f.logProblem), "EACCES")
      }
      chmodSync(data, 0o700)
    })
  )

  it.scoped(".env: missing, open to others, private, taken by git", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const env = facts(directory, (f) => f.envFile)
      assert.deepEqual(yield* env, { exists: false, openToOthers: undefined, gitWouldTakeIt: false })
      writeFileSync(join(directory, ".env"), "")
      chmodSync(join(directory, ".env"), 0o644)
      assert.deepEqual(yield* env, { exists: true, openToOthers: true, gitWouldTakeIt: false })
      chmodSync(join(directory, ".env"), 0o600)
      execFileSync("git", ["init", "--quiet"], { cwd: directory })
      assert.deepEqual(yield* env, { exists: true, openToOthers: false, gitWouldTakeIt: true })
      writeFileSync(join(directory, ".gitignore"), ".env\n")
      assert.isFalse((yield* env).gitWouldTakeIt)
    })
  )

  it.scoped("the webhook: none, answering, refusing, gone; its address is never told", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const bodies: Array<string> = []
      let status = 200
      const server = createServer((request, response) => {
        let body = ""
        request.on("data", (chunk: Buffer) => (body += chunk.toString()))
        request.on("end", () => {
          bodies.push(body)
          response.writeHead(status).end()
        })
      })
      const port = yield* Effect.async<number>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
        })
      })
      const url = `http://127.0.0.1:${port}/hooks/secret-token-1234`
      const ask = facts(directory, (f) => f.webhook, url)
      assert.strictEqual(yield* facts(directory, (f) => f.webhook), "none")
      assert.strictEqual(yield* ask, "answers")
      assert.include(bodies[0], "doctor.test")
      status = 404
      assert.deepEqual(yield* ask, { problem: "it answered with HTTP status 404" })
      yield* Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
      })
      const gone = yield* ask
      assert.notInclude(JSON.stringify(gone), "secret-token")
      assert.property(gone, "problem")
    })
  )
})
