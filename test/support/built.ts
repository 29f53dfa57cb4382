/** Whether `dist` is what `src` says: tests of the built program prove nothing about another one. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import ts from "typescript"

const BUILD = "run `npm run build` first"

/** As `tsconfig.build.json` has them: what they do to the text of one file. */
const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
  sourceMap: true,
  jsx: ts.JsxEmit.None
}

/**
 * What is wrong with the built program, for people; nothing when it is up to date. A source that is newer than its output
 * is compiled and compared: a build leaves output alone that would not change.
 */
export const whyNotBuilt = (src = "src", dist = "dist"): string | undefined => {
  if (!existsSync(join(dist, "main.js"))) return `${dist}/main.js is missing: ${BUILD}`
  for (const file of readdirSync(src, { recursive: true, encoding: "utf8" })) {
    // declarations are not compiled
    if (!file.endsWith(".ts") || file.endsWith(".d.ts")) continue
    const source = join(src, file)
    const output = join(dist, file.replace(/\.ts$/, ".js"))
    if (!existsSync(output)) return `${output} is missing, though there is ${source}: ${BUILD}`
    if (statSync(source).mtimeMs <= statSync(output).mtimeMs) continue
    const { outputText } = ts.transpileModule(readFileSync(source, "utf8"), { fileName: source, compilerOptions })
    if (outputText.trim() !== readFileSync(output, "utf8").trim()) return `${output} is older than ${source}: ${BUILD}`
  }
  return undefined
}
