import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Exit, Layer } from "effect"
import type { Commands } from "../../../src/programs/cli/Cli.ts"
import { normalise, runCli } from "../../../src/programs/cli/Cli.ts"
import { exitCodeOf } from "../../../src/programs/cli/ExitCode.ts"
import { Screen, screen } from "./support.ts"

/** Commands that only remember that they were asked for, and how. */
const recording = () => {
  const asked: Array<readonly [string, unknown]> = []
  const note = (name: string) => (options: unknown) => Effect.sync(() => void asked.push([name, options]))
  const commands: Commands<never, never> = {
    trade: note("trade"),
    status: note("status"),
    stop: note("stop"),
    flatten: note("flatten"),
    recover: note("recover"),
    pause: note("pause")(undefined),
    resume: note("resume")(undefined),
    orders: note("orders"),
    trades: note("trades"),
    price: note("price"),
    backup: note("backup"),
    incident: note("incident"),
    restore: note("restore"),
    cancel: note("cancel"),
    doctor: note("doctor"),
    breaker: note("breaker"),
    exchange: note("exchange"),
    simulate: note("simulate")
  }
  return { asked, commands }
}

const run = (line: string, colors = false) =>
  Effect.gen(function* () {
    const { asked, commands } = recording()
    const args = line === "" ? [] : line.split(" ")
    const exit = yield* Effect.exit(runCli(args, "1.2.3", commands))
    const { out, error } = yield* Screen
    return { asked, code: exitCodeOf(exit), exit, out: out(), error: error() }
  }).pipe(Effect.provide(Layer.mergeAll(screen(colors), NodeFileSystem.layer, NodePath.layer, NodeTerminal.layer)))

const understood: ReadonlyArray<readonly [string, string, unknown]> = [
  ["", "trade", { fresh: false }],
  ["trade", "trade", { fresh: false }],
  ["--fresh", "trade", { fresh: true }],
  ["trade --fresh", "trade", { fresh: true }],
  ["status", "status", { json: false, watch: false }],
  ["status --watch", "status", { json: false, watch: true }],
  ["status --json", "status", { json: true, watch: false }],
  ["stop", "stop", { flatten: false, timeoutMs: undefined }],
  ["stop --timeout 2m", "stop", { flatten: false, timeoutMs: 120_000 }],
  ["stop --flatten", "stop", { flatten: true, timeoutMs: undefined }],
  ["flatten", "flatten", { yes: false, force: false, timeoutMs: undefined }],
  ["recover", "recover", { yes: false, json: false }],
  ["recover --json --yes", "recover", { yes: true, json: true }],
  ["flatten --yes --force --timeout 30s", "flatten", { yes: true, force: true, timeoutMs: 30_000 }],
  ["pause", "pause", undefined],
  ["resume", "resume", undefined],
  ["orders --open --json", "orders", { open: true, json: true }],
  ["trades", "trades", { open: false, json: false, csv: false }],
  ["trades --csv --open", "trades", { open: true, json: false, csv: true }],
  ["price", "price", { pairs: [], json: false }],
  ["price --json XLM/USD btc/usd", "price", { pairs: ["XLM/USD", "btc/usd"], json: true }],
  ["incident", "incident", { file: undefined, lastMs: 3_600_000 }],
  ["incident --last 30m x.tar.gz", "incident", { file: "x.tar.gz", lastMs: 1_800_000 }],
  ["backup", "backup", { file: undefined, drill: false }],
  ["backup --drill x.db", "backup", { file: "x.db", drill: true }],
  ["restore x.db", "restore", { file: "x.db", yes: false, drill: false }],
  ["restore --yes x.db", "restore", { file: "x.db", yes: true, drill: false }],
  ["cancel k-1 OABC", "cancel", { _tag: "Orders", ids: ["k-1", "OABC"] }],
  ["cancel --all", "cancel", { _tag: "Own" }],
  ["cancel --all --account", "cancel", { _tag: "Account" }],
  ["doctor --json", "doctor", { json: true }],
  ["breaker", "breaker", { action: "show", cause: undefined, reason: undefined }],
  ["breaker trip --reason odd", "breaker", { action: "trip", cause: undefined, reason: "odd" }],
  ["breaker reset --cause price", "breaker", { action: "reset", cause: "price", reason: undefined }],
  [
    'exchange --port 9999 --balances {"USD":"5"} --market generated --seed 7 --speed 60 --data d --settings s.json --json',
    "exchange",
    {
      port: 9999,
      balances: '{"USD":"5"}',
      market: "generated",
      seed: 7,
      speed: 60,
      data: "d",
      settings: "s.json",
      json: true
    }
  ],
  [
    "exchange",
    "exchange",
    {
      port: 0,
      balances: undefined,
      market: undefined,
      seed: undefined,
      speed: undefined,
      data: undefined,
      settings: undefined,
      json: false
    }
  ]
]

const refused: ReadonlyArray<readonly [string, string]> = [
  ["foo", 'no command "foo".'],
  ["statsu", "did you mean status?"],
  ["foo --help", 'no command "foo"'],
  ["--bar", "--bar"],
  ["trade --bar", "--bar"],
  ["--fresh trade", "trade"],
  ["trade now", "now"],
  ["status --jsn", "--jsn"],
  ["stop --timeout soon", "--timeout is no duration in range"],
  ["stop --timeout 2h", "from 1s to 1h"],
  ["cancel", "or --all"],
  ["cancel --account", "or --all"],
  ["cancel --all k-1", "or --all"],
  ["cancel --account k-1", "or --all"],
  ["restore", "file"],
  ["incident --last long", "--last is no duration"],
  ["breaker zap", "show, trip, reset"],
  ["breaker trip --cause fear", "operator"],
  ["exchange --port 70000", "--port must be a whole number"],
  ["exchange --speed 61", "--speed must be a whole number"],
  ["exchange --seed x", "x"]
]

describe("the command line", () => {
  for (const [line, name, options] of understood) {
    it.effect(`kraken-trader ${line}`, () =>
      Effect.gen(function* () {
        const { asked, code } = yield* run(line)
        assert.strictEqual(code, 0)
        assert.deepEqual(asked, [[name, options]])
      })
    )
  }

  for (const [line, text] of refused) {
    it.effect(`refuses (64) and starts nothing: kraken-trader ${line}`, () =>
      Effect.gen(function* () {
        const { asked, code, error, exit, out } = yield* run(line)
        assert.strictEqual(code, 64)
        assert.deepEqual(asked, [])
        assert.strictEqual(out, "")
        const said = error + (Exit.isFailure(exit) ? JSON.stringify(exit.cause) : "")
        assert.include(said.replaceAll('\\"', '"'), text)
      })
    )
  }

  it.effect("--version and --help say it on standard output and start nothing", () =>
    Effect.gen(function* () {
      for (const line of ["--version", "trade --version"]) {
        const { asked, code, out } = yield* run(line)
        assert.strictEqual(code, 0)
        assert.strictEqual(out, "1.2.3")
        assert.deepEqual(asked, [])
      }
      for (const [line, text] of [
        ["--help", "exchange"],
        ["-h", "breaker"],
        ["cancel --help", "--account"],
        ["status --help", "cannot tell"]
      ] as const) {
        const { asked, code, out } = yield* run(line)
        assert.strictEqual(code, 0)
        assert.include(out, text)
        assert.deepEqual(asked, [])
        assert.notInclude(out, "\u001B")
      }
      assert.include((yield* run("--help", true)).out, "\u001B[")
    })
  )

  it.effect("--completions prints a script that names every command and its options, for each shell", () =>
    Effect.gen(function* () {
      const names = [...Object.keys(recording().commands), "--csv", "--account"]
      for (const shell of ["bash", "zsh", "fish", "sh"]) {
        const { asked, code, out } = yield* run(`--completions ${shell}`)
        assert.strictEqual(code, 0)
        assert.deepEqual(asked, [])
        for (const name of names) assert.include(out, name.replace(/^--/, ""), shell)
      }
      assert.strictEqual((yield* run("--completions tcsh")).code, 64)
    })
  )

  it("without a command it trades, unless help, version or completions are wanted", () => {
    const of = (...args: ReadonlyArray<string>) => Either.getOrNull(normalise(args))
    assert.deepEqual(of(), ["trade"])
    assert.deepEqual(of("--fresh"), ["trade", "--fresh"])
    assert.deepEqual(of("--fresh", "-h"), ["--fresh", "-h"])
    assert.deepEqual(of("orders", "--open"), ["orders", "--open"])
    assert.isNull(of("toString"))
  })
})
