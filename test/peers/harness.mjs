// What the runs of the peers share: the local Kraken as a process of its own, and a table of what worked.
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const STEP_MS = 15_000
const START_MS = 20_000
const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url))

const within = (promise, ms, what) => {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing came for ${ms} ms`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Starts the local Kraken in a folder of its own, where no settings of anybody's are found. */
export const startExchange = async (balances) => {
  const folder = mkdtempSync(join(tmpdir(), "peers-"))
  const args = ["exchange", "--json", "--seed", "7", "--speed", "20", "--balances", JSON.stringify(balances)]
  const env = { PATH: process.env.PATH, ALLOWED_PAIRS: "XLM/USD,BTC/USD", KRAKEN_API_TIER: "pro" }
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] })
  const ended = new Promise((resolve) => child.once("exit", resolve))
  const stop = async () => {
    child.kill("SIGTERM")
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  const lines = createInterface(child.stdout)
  const first = new Promise((resolve, reject) => {
    lines.once("line", resolve)
    child.once("exit", (code) => reject(new Error(`the local Kraken ended with ${code}`)))
  })
  try {
    const ready = JSON.parse(await within(first, START_MS, "the local Kraken"))
    return { ready, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const results = []

/** One step of a peer; later steps run whatever became of it. */
export const step = async (peer, name, run) => {
  try {
    const note = await within(run(), STEP_MS, name)
    results.push(true)
    console.log(`ok    ${peer.padEnd(10)} ${name}${typeof note === "string" ? ` (${note})` : ""}`)
  } catch (error) {
    results.push(false)
    console.log(`FAIL  ${peer.padEnd(10)} ${name}: ${error?.constructor?.name} ${error?.message}`)
  }
}

/** Waits until a check that reads the peer's own state holds. */
export const until = async (what, check) => {
  const end = performance.now() + STEP_MS - 1000
  for (;;) {
    const found = await check()
    if (found) return found
    if (performance.now() > end) throw new Error(`${what} did not come`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export const summary = () => {
  const passed = results.filter(Boolean).length
  console.log(`${passed} passed, ${results.length - passed} failed`)
  return passed === results.length && passed > 0
}
