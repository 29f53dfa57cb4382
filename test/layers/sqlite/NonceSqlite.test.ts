import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, FastCheck as fc, Fiber } from "effect"
import { MockMarketClockControl } from "../../../src/layers/mock/MockMarketClock.ts"
import { Database } from "../../../src/layers/sqlite/Database.ts"
import { NONCE_MARK, raiseMark, readMark } from "../../../src/layers/sqlite/NonceMark.ts"
import { LARGEST_NONCE, following } from "../../../src/layers/sqlite/nonces.ts"
import type { MarketClock } from "../../../src/services/Clock.ts"
import { Nonce } from "../../../src/services/Nonce.ts"
import { Store } from "../../../src/services/Store.ts"
import { NOON } from "../../support/build.ts"
import { tempFolder } from "../node/support/temp.ts"
import { approvedEntry, fileIn, second, world } from "./support.ts"

type World = Nonce | Store | Database | MarketClock | MockMarketClockControl

const opened = <A, E>(file: string, use: Effect.Effect<A, E, World>) =>
  use.pipe(Effect.provide(world(file)), Effect.scoped)

const next = Effect.flatMap(Nonce, (nonce) => nonce.next)
const highest = Effect.flatMap(Nonce, (nonce) => nonce.highest)
const setClock = (at: number) => Effect.flatMap(MockMarketClockControl, (control) => control.set(at))

describe("the rule", () => {
  it("is max(exchange ms, last + 1): above the last whatever the clock does, and the clock's where that is ahead", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e14, noNaN: true }),
        fc.bigInt({ min: 0n, max: LARGEST_NONCE }),
        (now, last) => {
          const given = following(now, last)
          assert.isTrue(given > last)
          assert.isTrue(given === last + 1n || given === BigInt(Math.floor(now)))
        }
      )
    )
  })
})

describe("nonces of one process", () => {
  it.effect("rise strictly over restarts, clock steps and intents", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = fileIn(yield* tempFolder)
        let last = 0n
        let intents = 0
        const rises = (nonce: bigint): void => {
          assert.isTrue(nonce > last, `${nonce} after ${last}`)
          last = nonce
        }
        const steps = fc.sample(
          fc.array(fc.integer({ min: -3_600_000, max: 3_600_000 }), { minLength: 1, maxLength: 8 }),
          {
            numRuns: 20,
            seed: 7
          }
        )
        for (const clock of steps)
          yield* opened(
            file,
            Effect.gen(function* () {
              const store = yield* Store
              for (const step of clock) {
                yield* setClock(NOON + step)
                rises(yield* next)
                intents += 1
                rises((yield* store.commitIntent(approvedEntry(`k${intents}`), NOON + step)).nonce)
                assert.strictEqual(yield* highest, last)
              }
            })
          )
      })
    )
  )

  it.scoped("follow the exchange's clock while it moves on", () =>
    Effect.gen(function* () {
      const given = yield* opened(
        fileIn(yield* tempFolder),
        Effect.gen(function* () {
          const first = yield* next
          yield* setClock(NOON + 5000)
          return [first, yield* next, yield* next]
        })
      )
      assert.deepStrictEqual(given, [BigInt(NOON), BigInt(NOON + 5000), BigInt(NOON + 5001)])
    })
  )

  it.scoped("concurrent takers get one each", () =>
    Effect.gen(function* () {
      const given = yield* opened(
        fileIn(yield* tempFolder),
        Effect.all(
          Array.from({ length: 100 }, () => next),
          { concurrency: "unbounded" }
        )
      )
      assert.strictEqual(new Set(given).size, 100)
    })
  )
})

describe("without a database to write to", () => {
  it.scopedLive(
    "nonces come from memory, well ahead of what the lock's holder may take, and the database follows",
    () =>
      Effect.gen(function* () {
        const file = fileIn(yield* tempFolder)
        yield* opened(
          file,
          Effect.gen(function* () {
            const first = yield* next
            const raw = yield* second(file)
            raw.exec("BEGIN IMMEDIATE; UPDATE nonce SET last = last + 100")
            const memory = [yield* next, yield* next]
            assert.deepStrictEqual(memory, [first + 10_001n, first + 10_002n])
            raw.exec("COMMIT")
            assert.strictEqual(yield* next, first + 10_003n)
            assert.strictEqual(yield* highest, first + 10_003n)
          }).pipe(Effect.scoped)
        )
      })
  )

  it.scopedLive("a locked database is still read: another process's nonces count", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.gen(function* () {
          const raw = yield* second(file)
          raw.exec(`UPDATE nonce SET last = ${NOON + 1_000_000}`)
          raw.exec("BEGIN IMMEDIATE")
          assert.strictEqual(yield* next, BigInt(NOON + 1_010_001))
        }).pipe(Effect.scoped)
      )
    })
  )

  it.scopedLive("a lock that is held for a moment is waited for", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.gen(function* () {
          const first = yield* next
          const raw = yield* second(file)
          raw.exec("BEGIN IMMEDIATE")
          const waiting = yield* Effect.fork(next)
          yield* Effect.sleep("300 millis")
          raw.exec("ROLLBACK")
          assert.strictEqual(yield* Fiber.join(waiting), first + 1n)
        }).pipe(Effect.scoped)
      )
    })
  )

  it.scoped("a full disk, which lets the row be changed and refuses the commit: one jump ahead, not one a call", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.gen(function* () {
          const database = yield* Database
          const first = yield* next
          let full = true
          yield* database.connection("fill", (raw) => {
            const exec = raw.exec.bind(raw)
            raw.exec = (sql) => {
              if (full && sql === "COMMIT") throw Object.assign(new Error("full"), { code: "SQLITE_FULL" })
              return exec(sql)
            }
          })
          const memory = yield* Effect.all(Effect.replicate(next, 20))
          assert.isTrue(memory.every((nonce, i) => nonce > (memory[i - 1] ?? first + 10_000n)))
          assert.isBelow(Number((memory.at(-1) ?? 0n) - first), 10_100)
          full = false
          const after = yield* next
          assert.isTrue(after > (memory.at(-1) ?? 0n))
          assert.strictEqual(yield* next, after + 1n)
          // full again: others may have taken some meanwhile
          full = true
          assert.isTrue((yield* next) > after + 10_000n)
        })
      )
    })
  )

  it.scoped(
    "what came from memory is passed by the next start and by a command beside, though the row never held it",
    () =>
      Effect.gen(function* () {
        const file = fileIn(yield* tempFolder)
        const refusing = Effect.flatMap(Database, ({ connection }) =>
          connection("fill", (raw) => {
            const exec = raw.exec.bind(raw)
            raw.exec = (sql) => {
              if (sql === "COMMIT") throw Object.assign(new Error("full"), { code: "SQLITE_FULL" })
              return exec(sql)
            }
          })
        )
        const last = yield* opened(
          file,
          Effect.gen(function* () {
            yield* next
            yield* refusing
            yield* next
            const taken = yield* next
            const beside = yield* Effect.scoped(Effect.provide(next, world(file, { role: "visitor" })))
            assert.isTrue(beside > taken, `${beside} after ${taken}`)
            yield* setClock(NOON - 3_600_000)
            const own = yield* next
            yield* Effect.flatMap(Nonce, (nonce) => nonce.advance(beside + 50_000n))
            const advanced = yield* highest
            assert.isTrue(advanced > own && advanced > beside + 50_000n)
            return advanced
          })
        )
        assert.isTrue((yield* opened(file, next)) > last)
      })
  )

  it.scoped("a mark that was cut off, is none, or cannot be written leaves memory and the row", () =>
    Effect.gen(function* () {
      for (const content of [
        "",
        "00000000009999999999 0000",
        `${"9".repeat(20)} ${"9".repeat(20)}\n`,
        "nonsense",
        undefined
      ]) {
        const folder = yield* tempFolder
        const path = join(folder, NONCE_MARK)
        if (content === undefined) mkdirSync(path)
        else writeFileSync(path, content)
        assert.strictEqual(readMark(path), 0n)
        assert.strictEqual(raiseMark(path, 5n), content !== undefined)
        assert.strictEqual(readMark(path), content === undefined ? 0n : 5n)
        assert.strictEqual(yield* opened(fileIn(folder), next), BigInt(NOON))
      }
    })
  )

  it.scoped("the mark never falls", () =>
    Effect.gen(function* () {
      const path = join(yield* tempFolder, NONCE_MARK)
      for (const [raised, stands] of [
        [7n, 7n],
        [3n, 7n],
        [LARGEST_NONCE - 1n, LARGEST_NONCE - 1n],
        [8n, LARGEST_NONCE - 1n]
      ] as const) {
        assert.isTrue(raiseMark(path, raised))
        assert.strictEqual(readMark(path), stands)
      }
    })
  )

  it.scoped("nothing readable at all: memory and the clock", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      yield* opened(
        file,
        Effect.gen(function* () {
          const database = yield* Database
          const first = yield* next
          yield* database.connection("break", (raw) => raw.exec("DROP TABLE nonce"))
          assert.strictEqual(yield* next, first + 10_001n)
          assert.strictEqual(yield* highest, first + 10_001n)
          yield* Effect.flatMap(Nonce, (nonce) => nonce.advance())
          assert.isTrue((yield* next) > first + 20_000n)
        })
      )
    })
  )
})

describe("advance", () => {
  it.scoped("jumps past everything issued and past the server's mark, durably", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const before = yield* opened(
        file,
        Effect.gen(function* () {
          const nonce = yield* Nonce
          const first = yield* nonce.next
          yield* nonce.advance()
          const jumped = yield* nonce.next
          assert.isTrue(jumped > first + 10_000n && jumped < first + 10_010n)
          yield* nonce.advance(BigInt(NOON) * 10n)
          const far = yield* nonce.next
          assert.isTrue(far > BigInt(NOON) * 10n)
          // A mark below what was issued already moves nothing back.
          yield* nonce.advance(5n)
          assert.isTrue((yield* nonce.next) > far)
          return yield* nonce.highest
        })
      )
      assert.isTrue((yield* opened(file, next)) > before)
    })
  )

  it.scoped("is remembered by a program that ends before its next call", () =>
    Effect.gen(function* () {
      const file = fileIn(yield* tempFolder)
      const mark = BigInt(NOON) * 10n
      yield* opened(
        file,
        Effect.flatMap(Nonce, (nonce) => nonce.advance(mark))
      )
      assert.strictEqual(yield* opened(file, next), mark + 10_001n)
    })
  )

  it.scoped("does not chase a mark that only a new key can pass", () =>
    Effect.gen(function* () {
      for (const mark of [LARGEST_NONCE, 2n ** 64n - 1n]) {
        const given = yield* opened(
          fileIn(yield* tempFolder),
          Effect.gen(function* () {
            yield* Effect.flatMap(Nonce, (nonce) => nonce.advance(mark))
            return yield* Effect.either(next)
          })
        )
        assert.isTrue(Either.isRight(given) && given.right < BigInt(NOON + 20_000))
      }
    })
  )
})
