import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Headers } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, FastCheck as fc, FiberRef, Redacted } from "effect"
import { makeLogFile } from "../../../src/layers/node/LogFile.ts"
import type { LoggingOptions } from "../../../src/layers/node/Logging.ts"
import { layer, LOG_FILE, standardError } from "../../../src/layers/node/Logging.ts"
import { MASK, registerSecret, scrub } from "../../../src/layers/node/secrets.ts"
import { tempFolder } from "./support/temp.ts"

const logged = (options: Partial<LoggingOptions>, program: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    yield* program.pipe(
      Effect.provide(layer({ level: "info", format: "json", write: (line) => lines.push(line), ...options })),
      Effect.scoped
    )
    return lines
  })

class Refused extends Data.TaggedError("Refused")<{ readonly body: string }> {}

describe("log lines", () => {
  it.scoped("go to the file as JSON and to the screen as asked, from the level on", () =>
    Effect.gen(function* () {
      const dataDir = yield* tempFolder
      const program = Effect.logInfo("hello").pipe(
        Effect.andThen(Effect.logDebug("quiet")),
        Effect.annotateLogs("component", "feeds")
      )
      const screen = yield* logged({ dataDir, format: "pretty" }, program)
      assert.strictEqual(screen.length, 1)
      assert.match(screen[0] ?? "", /^\d{4}-\S+Z INFO {2}hello component=feeds$/)
      const disk = readFileSync(join(dataDir, LOG_FILE), "utf8").trim().split("\n")
      assert.strictEqual(disk.length, 1)
      const line: unknown = JSON.parse(disk[0] ?? "")
      assert.deepInclude(line, { message: "hello", logLevel: "INFO", annotations: { component: "feeds" } })
    })
  )

  it.scoped("without a folder there is no file; a screen that is gone stops nothing", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* logged({ level: "trace" }, Effect.logTrace("x"))).length, 1)
      yield* logged(
        {
          write: () => {
            throw new Error("EPIPE")
          }
        },
        Effect.logError("x")
      )
      standardError("a line of the logging tests")
    })
  )

  it.scoped("a log file that cannot be written is said on the screen, and the line is there", () =>
    Effect.gen(function* () {
      const dataDir = join(yield* tempFolder, "no")
      const screen = yield* logged({ dataDir }, Effect.logInfo("hello"))
      assert.strictEqual(screen.length, 2)
      assert.include(screen.join(), "The log file cannot be written; trading goes on without it")
    })
  )

  it.scoped("show no secret, in whatever form, wherever it stands: message, annotation, cause", () =>
    Effect.gen(function* () {
      const dataDir = yield* tempFolder
      const secret = 's3cr3t/with+signs=and"quote'
      registerSecret(Redacted.make(secret))
      const forms = [
        secret,
        encodeURIComponent(secret),
        Buffer.from(secret).toString("base64"),
        Buffer.from(secret).toString("hex")
      ]
      const program = Effect.forEach(forms, (form) =>
        Effect.logError(`sent ${form}!`, new Refused({ body: form })).pipe(
          Effect.andThen(Effect.fail(new Refused({ body: form }))),
          Effect.annotateLogs("url", form),
          Effect.tapErrorCause((cause) => Effect.logError(`failed with ${form}`, cause)),
          Effect.ignore
        )
      )
      const screen = yield* logged({ dataDir, format: "pretty" }, Effect.asVoid(program))
      const all = screen.join("\n") + readFileSync(join(dataDir, LOG_FILE), "utf8")
      assert.include(all, MASK)
      for (const form of [...forms, JSON.stringify(secret).slice(1, -1)]) assert.notInclude(all, form)
    })
  )

  it.scoped("show no credentials of a logged request", () =>
    Effect.gen(function* () {
      const names = yield* Effect.provide(
        FiberRef.get(Headers.currentRedactedNames),
        layer({ level: "info", format: "json", write: () => {} })
      )
      for (const name of ["api-key", "api-sign", "authorization"]) assert.include(names, name)
    })
  )
})

describe("masking", () => {
  it("finds a secret inside base64 of a longer text, at every offset", () => {
    const secret = "another-secret-value-1234567890"
    registerSecret(Redacted.make(secret))
    fc.assert(
      fc.property(fc.string({ maxLength: 7 }), fc.string({ maxLength: 7 }), (before, after) => {
        const encoded = Buffer.from(before + secret + after).toString("base64")
        assert.include(scrub(encoded), MASK)
        assert.include(scrub(Buffer.from(before + secret + after).toString("base64url")), MASK)
      })
    )
  })

  it("leaves harmless text alone, and is not fooled by short secrets", () => {
    registerSecret(Redacted.make("usd"))
    assert.strictEqual(scrub("10 usd of XLM"), "10 usd of XLM")
  })

  it("keeps lasting secrets for ever and the newest stream tokens", () => {
    const lasting = "a-lasting-secret-0000"
    registerSecret(Redacted.make(lasting))
    for (let n = 0; n < 300; n += 1) registerSecret(Redacted.make(`stream-token-${n}-xyz`), "passing")
    assert.strictEqual(scrub(lasting), MASK)
    assert.strictEqual(scrub("stream-token-299-xyz"), MASK)
    assert.strictEqual(scrub("stream-token-3-xyz"), "stream-token-3-xyz")
  })
})

describe("the log file", () => {
  it.scoped("is rotated by size; the oldest goes", () =>
    Effect.gen(function* () {
      const folder = yield* tempFolder
      const said: Array<string> = []
      const file = makeLogFile({
        path: join(folder, "a.log"),
        maxBytes: 100,
        keep: 2,
        complain: (text) => said.push(text)
      })
      for (let n = 0; n < 40; n += 1) file.write(`line ${n} ${"x".repeat(20)}`)
      file.write("y".repeat(300))
      file.close()
      file.close()
      assert.deepStrictEqual(readdirSync(folder).toSorted(), ["a.log", "a.log.1", "a.log.2"])
      assert.include(readFileSync(join(folder, "a.log"), "utf8"), "yyy")
      assert.include(readFileSync(join(folder, "a.log.1"), "utf8"), "line 39")
      assert.deepStrictEqual(said, [])
    })
  )

  it.scoped("a disk that refuses is said once, and once when it takes lines again", () =>
    Effect.gen(function* () {
      const folder = join(yield* tempFolder, "later")
      const said: Array<string> = []
      const file = makeLogFile({
        path: join(folder, "a.log"),
        maxBytes: 1000,
        keep: 2,
        complain: (text) => said.push(text)
      })
      file.write("lost")
      file.write("lost")
      assert.strictEqual(said.length, 1)
      mkdirSync(folder)
      file.write("kept")
      assert.include(said[1], "2 lines are missing")
      assert.strictEqual(readFileSync(join(folder, "a.log"), "utf8"), "kept\n")
      file.close()
      rmSync(folder, { recursive: true })
    })
  )

  it.scoped("nobody to tell it to is no reason to stop either", () =>
    Effect.gen(function* () {
      const file = makeLogFile({
        path: join(yield* tempFolder, "no", "a.log"),
        maxBytes: 1000,
        keep: 2,
        complain: () => {
          throw new Error("closed")
        }
      })
      file.write("lost")
    })
  )
})
