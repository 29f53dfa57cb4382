/**
 * The build: the library's modules and their types by `tsc`, the program as one bundle with parts that are loaded when a
 * command needs them. What is in `dist` afterwards is what this wrote, and nothing else.
 *
 *   node scripts/build.mjs            builds, unless `dist` is what the sources say
 *   node scripts/build.mjs --check    says on standard output why `dist` is out of date (1), or nothing (0)
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, resolve } from "node:path"

const DIST = "dist"
/** What the sources and the files of the build were when it ended: written last, gone while one runs. */
const STAMP = ".build.json"
/** What `tsc` makes, with what it remembers for the next time. */
const STAGE = ".cache/build"
/** What other programs may import; the rest of `src` is in the bundle only. */
const EXPORTED = ["domain", "services", "layers", "programs"]
/** What a build depends on, besides the sources. */
const BESIDE = ["scripts/build.mjs", "tsconfig.json", "tsconfig.build.json", "package-lock.json"]
/** Native, or looked for beside its own files: found in `node_modules` when the program runs. */
const EXTERNAL = ["better-sqlite3"]

const filesIn = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name).replaceAll("\\", "/"))
        .toSorted()
    : []

const digests = (files) =>
  Object.fromEntries(
    files.map((file) => [file, createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 32)])
  )

const sources = () => digests([...filesIn("src"), ...BESIDE.filter((file) => existsSync(file))])
const outputs = () => digests(filesIn(DIST).filter((file) => file !== `${DIST}/${STAMP}`))

const firstDifference = (now, then) =>
  [...new Set([...Object.keys(now), ...Object.keys(then)])].find((file) => now[file] !== then[file])

/** Why `dist` is not what the sources say; nothing when it is. */
const outOfDate = () => {
  const stamp = join(DIST, STAMP)
  if (!existsSync(join(DIST, "main.js"))) return `${DIST}/main.js is missing`
  if (!existsSync(stamp)) return `the last build of ${DIST} did not come to its end`
  const then = JSON.parse(readFileSync(stamp, "utf8"))
  const source = firstDifference(sources(), then.sources)
  if (source !== undefined) return `${source} is not what ${DIST} was built from`
  const output = firstDifference(outputs(), then.outputs)
  return output === undefined ? undefined : `${output} is not what was built`
}

/** Compiles into the stage; ends the build when a type is wrong. */
const compile = () => {
  const compiled = (file) => join(STAGE, file.slice("src/".length).replace(/[.]ts$/, ".js"))
  const incomplete = filesIn("src").some((file) => !file.endsWith(".d.ts") && !existsSync(compiled(file)))
  // it takes what it wrote once for being there still
  if (incomplete) rmSync(STAGE, { recursive: true, force: true })
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc")
  const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" })
  if (status !== 0) process.exit(status ?? 1)
}

/** The library's files by their paths in `dist`; what is left in the stage of a source that is gone is not among them. */
const library = () =>
  EXPORTED.flatMap((room) => filesIn(`src/${room}`)).flatMap((file) => {
    if (file.endsWith(".d.ts")) return []
    const stem = file.slice("src/".length, -".ts".length)
    return [".js", ".js.map", ".d.ts", ".d.ts.map"].map((ending) => {
      const text = readFileSync(join(STAGE, stem + ending), "utf8")
      // a map names its source by the way there, which is one folder longer from the stage
      return [stem + ending, ending.endsWith(".map") ? text.replace('"sources":["../', '"sources":["') : text]
    })
  })

/**
 * The program's files by their paths in `dist`. Names are left as they are: stack traces read well without a map, and
 * shorter ones save hardly anything at a start.
 */
const bundle = async () => {
  const { build } = await import("esbuild")
  const { metafile, outputFiles } = await build({
    entryPoints: [
      { in: "src/main.ts", out: "main" },
      // beside the part that starts it, `src/simulation/SimulatorThreads.ts`
      { in: "src/simulation/worker.ts", out: "chunks/worker" }
    ],
    outdir: DIST,
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    external: EXTERNAL,
    // what is bundled as CommonJS asks for Node's own modules so
    banner: {
      js: 'import { createRequire as bundledRequire } from "node:module";const require = bundledRequire(import.meta.url);'
    },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    sourcemap: "linked",
    sourcesContent: false,
    metafile: true,
    write: false,
    logLevel: "warning"
  })
  const root = resolve(DIST)
  const files = outputFiles.map(({ path, text }) => [path.slice(root.length + 1).replaceAll("\\", "/"), text])
  return [...files, ["LICENSES.txt", licenses(metafile)]]
}

/** What the packages in the bundle ask to be handed on with them. */
const licenses = ({ inputs, outputs: written }) => {
  const used = new Set(Object.values(written).flatMap((output) => Object.keys(output.inputs)))
  const folders = new Set(
    Object.keys(inputs).flatMap((file) => {
      const folder = used.has(file) ? /^.*node_modules[/](?:@[^/]+[/])?[^/]+/.exec(file)?.[0] : undefined
      return folder === undefined ? [] : [folder]
    })
  )
  const texts = [...folders].map((folder) => {
    const { homepage, license, name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
    const found = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)([.-]|$)/i.test(file))
    const text = found.map((file) => readFileSync(join(folder, file), "utf8").trim()).join("\n\n")
    return `${name} ${version} (${license})\n\n${text === "" ? `See ${homepage}` : text}\n`
  })
  return `The program contains these packages.\n\n${texts.toSorted().join(`\n${"-".repeat(80)}\n\n`)}`
}

/** Writes what differs: a trader that runs may still be reading, and a start finds a whole program at any moment. */
const write = (files) => {
  const order = files.toSorted(([a], [b]) => Number(a === "main.js") - Number(b === "main.js"))
  for (const [name, text] of order) {
    const file = join(DIST, name)
    if (existsSync(file) && readFileSync(file, "utf8") === text) continue
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(`${file}.next`, text)
    renameSync(`${file}.next`, file)
  }
}

const removeAllBut = (files) => {
  const kept = new Set(files.map(([name]) => `${DIST}/${name}`))
  for (const file of filesIn(DIST)) if (!kept.has(file)) rmSync(file)
  const folders = readdirSync(DIST, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  for (const folder of folders.toSorted((a, b) => b.length - a.length))
    if (readdirSync(folder).length === 0) rmdirSync(folder)
}

const why = outOfDate()
if (process.argv.includes("--check")) {
  if (why !== undefined) console.log(`${why}: run \`npm run build\` first`)
  process.exitCode = why === undefined ? 0 : 1
} else if (why !== undefined) {
  const builtFrom = sources()
  rmSync(join(DIST, STAMP), { force: true })
  compile()
  const files = [...library(), ...(await bundle())]
  write(files)
  removeAllBut(files)
  writeFileSync(join(DIST, STAMP), JSON.stringify({ sources: builtFrom, outputs: outputs() }))
}
