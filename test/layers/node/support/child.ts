/** Runs a TypeScript file of the tests as a process of its own, so that it can be killed. */
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import ts from "typescript"

const root = resolve(import.meta.dirname, "../../../..")

/** Transpiles a file and everything that it imports by relative path into `out`, and answers where the file went. */
const transpile = (entry: string, out: string): string => {
  const target = (file: string): string => join(out, relative(root, file)).replace(/\.ts$/, ".js")
  const todo = [entry]
  const done = new Set<string>()
  for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
    if (done.has(file)) continue
    done.add(file)
    const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), {
      fileName: file,
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true
      }
    })
    mkdirSync(dirname(target(file)), { recursive: true })
    writeFileSync(target(file), outputText)
    for (const [, path = ""] of outputText.matchAll(/(?:from|import)\s+"(\.[^"]+)\.js"/g)) {
      const imported = resolve(dirname(file), `${path}.ts`)
      if (existsSync(imported)) todo.push(imported)
    }
  }
  return target(entry)
}

export interface Child {
  readonly process: ChildProcess
  /** Lines of standard output so far. */
  readonly lines: ReadonlyArray<string>
  /** Waits until so many lines were written. */
  readonly line: (count: number) => Effect.Effect<ReadonlyArray<string>>
  /** Waits until the process is gone; answers its code, or the signal that ended it. */
  readonly ended: Effect.Effect<number | string>
  /** Ends it without a chance to clean up. */
  readonly kill: Effect.Effect<number | string>
}

const start = (script: string, args: ReadonlyArray<string>, options: { readonly uid?: number }): Child => {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["pipe", "pipe", "inherit"], ...options })
  const lines: Array<string> = []
  const listeners = new Set<() => void>()
  let code: number | string | undefined
  const changed = (): void => listeners.forEach((listener) => listener())
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line)
    changed()
  })
  child.on("close", (status, signal) => {
    code = status ?? signal ?? -1
    changed()
  })
  const until = <A>(look: () => A | undefined): Effect.Effect<A> =>
    Effect.async<A>((resume) => {
      const listener = (): void => {
        const found = look()
        if (found === undefined) return
        listeners.delete(listener)
        resume(Effect.succeed(found))
      }
      listeners.add(listener)
      listener()
    })
  const ended = until(() => code)
  return {
    process: child,
    lines,
    line: (count) => until(() => (lines.length >= count || code !== undefined ? lines : undefined)),
    ended,
    kill: Effect.suspend(() => {
      child.kill("SIGKILL")
      return ended
    })
  }
}

/** Whether another user could run a script of this project: every folder above it lets others through. */
export const othersMayRun = (): boolean => {
  for (let folder = root; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

/** A script of the tests, ready to be started as often as needed; everything ends with the scope. */
export const childScript = (entry: URL) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      mkdirSync(join(root, ".cache"), { recursive: true })
      const out = mkdtempSync(join(root, ".cache", "child-"))
      chmodSync(out, 0o755)
      const script = transpile(fileURLToPath(entry), out)
      const children: Array<Child> = []
      return {
        start: (args: ReadonlyArray<string>, options: { readonly uid?: number } = {}): Child => {
          const child = start(script, args, options)
          children.push(child)
          return child
        },
        children,
        out
      }
    }),
    ({ children, out }) =>
      Effect.forEach(children, (child) => child.kill).pipe(
        Effect.andThen(Effect.sync(() => rmSync(out, { recursive: true, force: true })))
      )
  )
