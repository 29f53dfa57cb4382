/**
 * The import rules of the project. Arrows point downwards only:
 *
 *   main.ts, app.ts   choose layers and run programs, with what app/ holds for them
 *   simulation        chooses layers too: the whole program on virtual time, beside app.ts
 *   programs | layers programs know services; layers implement them; neither knows the other
 *   services          tags and shapes
 *   domain            values and decisions, without I/O
 */

const effectItself = "^node_modules/effect/"
const roots = "^src/(main[.]ts|app[.]ts|app/)"

/** Everything a file of `room` may import; all else is an error. */
const onlyMayImport = (room, comment, ...allowed) => ({
  name: `${room}-imports`,
  comment,
  severity: "error",
  from: { path: `^src/${room}/` },
  to: { pathNot: allowed }
})

module.exports = {
  forbidden: [
    onlyMayImport(
      "domain",
      "domain/ holds pure values and decisions: it may import domain/ and effect, nothing else (no node:*, no other library, no floor above).",
      "^src/domain/",
      effectItself
    ),
    onlyMayImport(
      "services",
      "services/ holds tags and shapes: it may import services/, domain/ and effect.",
      "^src/services/",
      "^src/domain/",
      effectItself
    ),
    onlyMayImport(
      "programs",
      "programs/ know services, never the layers behind them, nor node:* or a driver: what touches the world is a service.",
      "^src/programs/",
      "^src/services/",
      "^src/domain/",
      effectItself,
      "^node_modules/@effect/(cli|platform|printer|printer-ansi)/"
    ),
    {
      name: "layers-never-import-programs",
      comment: "layers/ implement services; they do not know who uses them.",
      severity: "error",
      from: { path: "^src/layers/" },
      to: { path: "^src/programs/" }
    },
    {
      name: "layers-keep-to-their-world",
      comment:
        "A layer talks to one world: it may import its own folder and the helpers of layers/node, no other layer.",
      severity: "error",
      from: { path: "^src/layers/([^/]+)/" },
      to: { path: "^src/layers/", pathNot: "^src/layers/($1|node)/" }
    },
    {
      name: "only-main-chooses-layers",
      comment:
        "Only main.ts, app.ts, app/ and simulation/ may import them both: any other file at this height belongs in a room.",
      severity: "error",
      from: { path: "^src/", pathNot: ["^src/(domain|services|layers|programs|simulation)/", roots] },
      to: {}
    },
    {
      name: "nothing-imports-the-roots",
      comment: "main.ts, app.ts and app/ sit at the top of the house: nothing below may reach up to them.",
      severity: "error",
      from: { path: "^src/", pathNot: roots },
      to: { path: roots }
    },
    {
      name: "simulation-stands-beside-app",
      comment:
        "simulation/ puts the trading program into a world of its own, as app.ts does into a real one: it knows programs, layers, services and domain, and neither root. Of the programs it runs `trade` alone.",
      severity: "error",
      from: { path: "^src/simulation/" },
      to: { path: ["^src/programs/(?!trade/)", roots] }
    },
    {
      name: "only-main-simulates",
      comment: "Nothing that trades may know that it is simulated: main.ts loads the command, tests look inside.",
      severity: "error",
      from: { path: "^(src|bench|examples|scripts)/", pathNot: ["^src/main[.]ts$", "^src/simulation/"] },
      to: { path: "^src/simulation/" }
    },
    {
      name: "domain-kraken-without-exchange",
      comment: "domain/kraken speaks the wire formats; it must not depend on the simulated exchange.",
      severity: "error",
      from: { path: "^src/domain/kraken/" },
      to: { path: "^src/domain/exchange/" }
    },
    {
      name: "domain-core-without-venue",
      comment: "The core of the domain knows neither Kraken's wire formats nor the simulated exchange.",
      severity: "error",
      from: { path: "^src/domain/", pathNot: "^src/domain/(kraken|exchange)/" },
      to: { path: "^src/domain/(kraken|exchange)/" }
    },
    {
      name: "only-risk-approves",
      comment:
        "Whoever holds ApprovedOrder as a value can make one: only domain/risk may. Everybody else imports its type alone.",
      severity: "error",
      from: { pathNot: "^src/domain/risk/" },
      to: { path: "^src/domain/risk/Approved[.]ts$", dependencyTypesNot: ["type-only"] }
    },
    {
      name: "src-stands-alone",
      comment: "What ships must not import tests, benchmarks, examples or scripts.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|bench|examples|scripts)/" }
    },
    {
      name: "no-circular",
      comment: "A cycle means two files are one subject, or that a third is missing.",
      severity: "error",
      from: {},
      to: { circular: true }
    },
    {
      name: "no-dead-schema-package",
      comment: "@effect/schema is dead and would install a second, incompatible Schema: use effect/Schema.",
      severity: "error",
      from: {},
      to: { path: "(^|node_modules/)@effect/schema(/|$)" }
    },
    {
      name: "no-effect-secret",
      comment: "effect/Secret is deprecated: use Redacted.",
      severity: "error",
      from: {},
      to: { path: "^node_modules/effect/.+/Secret[.]" }
    },
    {
      name: "no-platform-node-index",
      comment:
        "The index of @effect/platform-node loads all of it (five times slower to start): import its submodules.",
      severity: "error",
      from: {},
      to: { path: "^node_modules/@effect/platform-node/(dist/[^/]+|src)/index[.]" }
    },
    {
      name: "no-experimental",
      comment: "Peers of other packages only; their interfaces are not stable.",
      severity: "error",
      from: {},
      to: { path: "^node_modules/@effect/(experimental|cluster|rpc|workflow|typeclass)/" }
    },
    {
      name: "no-unresolvable",
      comment: "An import that leads nowhere.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true }
    },
    {
      name: "no-undeclared-package",
      comment: "Import only what package.json declares.",
      severity: "error",
      from: {},
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] }
    },
    {
      name: "no-dev-package-in-src",
      comment: "What ships must run without development dependencies.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"], pathNot: "^node_modules/@types/" }
    }
  ],
  options: {
    doNotFollow: { path: "^node_modules/" },
    exclude: { path: "^(dist|coverage|[.]cache)/" },
    tsConfig: { fileName: "tsconfig.json" },
    // Type-only imports count too: a type is knowledge of the other room as much as a value is.
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "node", "default"],
      extensions: [".ts", ".mjs", ".js", ".cjs", ".json", ".d.ts"]
    }
  }
}
