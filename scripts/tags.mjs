// Two services under one tag id would silently be one service: each id is `trader/<path under src>[/<Class>]`
// (the class left out where the file is named after it), which makes it unique.
import { readdirSync, readFileSync } from "node:fs"

const src = new URL("../src/", import.meta.url)
const tag = /class\s+(\w+)\s+extends\s+Context\.(?:Tag|Reference<[^>]*>|Reference)\(\s*(?:"([^"]*)")?/g

const wrong = readdirSync(src, { recursive: true })
  .map((file) => String(file).replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) =>
    [...readFileSync(new URL(file, src), "utf8").matchAll(tag)].flatMap(([, name, id]) => {
      const path = file.slice(0, -".ts".length)
      const expected = path.endsWith(`/${name}`) ? `trader/${path}` : `trader/${path}/${name}`
      return id === expected ? [] : [`src/${file}: ${name} has the id "${id ?? ""}" and should have "${expected}"`]
    })
  )

for (const line of wrong) console.error(line)
if (wrong.length > 0) process.exitCode = 1
