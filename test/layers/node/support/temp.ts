import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"

/** A folder of the test's own, removed with its scope. */
export const tempFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "trader-test-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
