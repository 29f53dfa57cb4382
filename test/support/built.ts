/** Whether `dist` is what `src` says: tests of the built program prove nothing about another one. */
import { spawnSync } from "node:child_process"

/** What is wrong with the built program, for people; nothing when it is up to date. The build itself knows. */
export const whyNotBuilt = (root = "."): string | undefined => {
  const { status, stderr, stdout } = spawnSync(process.execPath, ["scripts/build.mjs", "--check"], {
    cwd: root,
    encoding: "utf8"
  })
  return status === 0 ? undefined : `${stdout}${stderr}`.trim()
}
