import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Exit, FiberId } from "effect"
import { KrakenApiError, KrakenNotSent, KrakenTransportError } from "../../../src/domain/kraken/KrakenError.ts"
import { DataFolderRefused } from "../../../src/layers/node/DataFolder.ts"
import { CommandFailed, exitCodeOf, Finished, UsageError } from "../../../src/programs/cli/ExitCode.ts"
import { explain } from "../../../src/programs/cli/explain.ts"
import {
  ClockSkewed,
  ExchangeUnavailable,
  KeyUnfit,
  NotConfirmed,
  PairUnknown
} from "../../../src/programs/trade/preflight.ts"
import { RecordsNotWritten, StoppedUnclean } from "../../../src/programs/trade/shutdown.ts"
import { ComponentDown } from "../../../src/programs/trade/supervise.ts"
import { ControlUnavailable } from "../../../src/services/ControlServer.ts"
import { LockHeld, LockUnusable } from "../../../src/services/InstanceLock.ts"
import { LocalKrakenError, TapeError } from "../../../src/services/LocalKraken.ts"
import { CredentialsRefused } from "../../../src/services/OrderDesk.ts"
import { SettingsInvalid } from "../../../src/services/Settings.ts"
import { StoreFailed } from "../../../src/services/Store.ts"
import { StrategyRefused } from "../../../src/services/StrategyLoader.ts"

const store = (reason: StoreFailed["reason"]) => new StoreFailed({ operation: "open", reason, cause: "x" })
const api = (kind: KrakenApiError["kind"], stop = false) =>
  new KrakenApiError({ endpoint: "Balance", kind, text: `E:${kind}`, executed: "no", retry: "never", stop })
const local = (reason: LocalKrakenError["reason"]) => new LocalKrakenError({ reason, message: "the local exchange" })
class NeverThoughtOf extends Data.TaggedError("NeverThoughtOf")<Record<never, never>> {}

/** Every expected failure, its code, and words of what is said about it. */
const failures: ReadonlyArray<readonly [object, number, string | undefined]> = [
  [new Finished({ code: 3 }), 3, undefined],
  [new CommandFailed({ text: "no" }), 1, "no"],
  [new CommandFailed({ text: "no", code: 69 }), 69, "no"],
  [new UsageError({ text: "cancel takes ids" }), 64, "cancel takes ids"],
  [store("corrupt"), 65, "damaged"],
  [store("newer"), 65, "newer version"],
  [store("full"), 73, "disk is full"],
  [store("io"), 73, "Look at the disk"],
  [store("readonly"), 73, "rights"],
  [store("busy"), 73, "another program"],
  [store("other"), 73, "cannot be used"],
  [new TapeError({ path: "x", reason: "missing", message: "no tape x" }), 65, "no tape x"],
  [local("data"), 65, "the local exchange"],
  [local("bound"), 78, "the local exchange"],
  [local("settings"), 78, "the local exchange"],
  [local("busy"), 75, "the local exchange"],
  [local("write"), 73, "the local exchange"],
  [local("port"), 1, "the local exchange"],
  [new ExchangeUnavailable({ detail: "refused" }), 69, "Kraken cannot be reached"],
  [api("service"), 69, "could not be asked"],
  [new KrakenTransportError({ endpoint: "Time", reason: "timeout", detail: "slow", executed: "no" }), 69, "slow"],
  [new KrakenNotSent({ endpoint: "Time", why: "lockout", detail: "quiet" }), 69, "quiet"],
  [new ClockSkewed({ ms: 5000, allowed: 1000 }), 71, "NTP"],
  [new RecordsNotWritten({ detail: "disk" }), 73, "could not be written"],
  [new LockUnusable({ path: "/x", detail: "EACCES" }), 73, "EACCES"],
  [new DataFolderRefused({ path: "/x", reason: "unusable", detail: "EACCES" }), 73, "cannot be used"],
  [new DataFolderRefused({ path: "/x", reason: "bound elsewhere", detail: "live" }), 78, "holds the records of"],
  [new LockHeld({ what: "data folder", path: "/x", holder: "process 7" }), 75, "(process 7) runs on this data folder"],
  [new LockHeld({ what: "data folder", path: "/x" }), 75, "Another trader runs"],
  [new LockHeld({ what: "API key", path: "/x", holder: "process 7" }), 75, "same API key"],
  [new LockHeld({ what: "API key", path: "/x" }), 75, "same API key"],
  [api("credentials", true), 77, "refuses the API key"],
  [api("nonce"), 77, "nonce"],
  [new CredentialsRefused({ text: "EAPI:Invalid key" }), 77, "Invalid key"],
  [new KeyUnfit({ problems: ["it may withdraw"] }), 77, "withdraw"],
  [new NotConfirmed({ missing: "code" }), 78, "LIVE_TRADING_CONFIRMED"],
  [new PairUnknown({ pairs: ["ABC/USD"] }), 78, "ABC/USD"],
  [new StrategyRefused({ strategy: "x", problems: ["missing"] }), 78, "missing"],
  [new StoppedUnclean({ left: ["order k-1"], armed: true }), 86, "order k-1"],
  [new ControlUnavailable({ what: "port", detail: "EADDRINUSE" }), 1, "CONTROL_PORT"],
  [new ComponentDown({ component: "desk", cause: Cause.fail(new CredentialsRefused({ text: "no" })) }), 77, "refuses"],
  [new ComponentDown({ component: "desk", cause: Cause.die(new Error("oops")) }), 70, "mistake in the program"],
  [new ComponentDown({ component: "desk", cause: Cause.fail("returned") }), 70, "mistake in the program"],
  [new NeverThoughtOf(), 70, ""]
]

describe("how a command ends", () => {
  for (const [failure, code, text] of failures) {
    const tag = "_tag" in failure ? String(failure._tag) : "?"
    it(`${tag} is ${code}, and is explained: ${text ?? "nothing more to say"}`, () => {
      const cause = Cause.fail(failure)
      assert.strictEqual(exitCodeOf(Exit.failCause(cause)), code)
      const said = explain(cause)
      if (text === undefined) assert.isUndefined(said)
      else assert.include(said, text)
    })
  }

  it("all problems of the settings are told at once, each with what is allowed", () => {
    const invalid = new SettingsInvalid({
      problems: [
        { key: "MAX_TRADE_SIZE", wrong: "is no amount", allowed: "a decimal" },
        { key: "POST_ONLY", wrong: "is no boolean", allowed: "true or false" }
      ]
    })
    assert.strictEqual(exitCodeOf(Exit.fail(invalid)), 78)
    const said = explain(Cause.fail(invalid)) ?? ""
    for (const text of ["2 settings are not right", "MAX_TRADE_SIZE is no amount", "POST_ONLY", "true or false"]) {
      assert.include(said, text)
    }
    const one = new SettingsInvalid({ problems: [{ key: "X", wrong: "is odd", allowed: "even" }] })
    assert.include(explain(Cause.fail(one)), "1 setting is not right")
  })

  it("success is 0; a defect and what was never thought of are 70; what was broken off is never 0", () => {
    assert.strictEqual(exitCodeOf(Exit.void), 0)
    assert.strictEqual(exitCodeOf(Exit.die(new Error("oops"))), 70)
    assert.include(explain(Cause.die(new Error("oops"))), "oops")
    assert.strictEqual(exitCodeOf(Exit.fail("a text")), 70)
    assert.include(explain(Cause.fail("a text")), "a text")
    assert.strictEqual(exitCodeOf(Exit.fail({ _tag: "toString" })), 70)
    assert.strictEqual(exitCodeOf(Exit.fail({})), 70)
    assert.strictEqual(exitCodeOf(Exit.fail({ _tag: "ComponentDown" })), 70)
    assert.strictEqual(exitCodeOf(Exit.fail({ _tag: "Finished" })), 70)
    assert.strictEqual(exitCodeOf(Exit.fail({ _tag: "CommandFailed" })), 70)
    assert.strictEqual(exitCodeOf(Exit.fail({ _tag: "LocalKrakenError" })), 1)
    assert.strictEqual(exitCodeOf(Exit.interrupt(FiberId.none)), 1)
    assert.strictEqual(explain(Cause.interrupt(FiberId.none)), "broken off")
  })
})
