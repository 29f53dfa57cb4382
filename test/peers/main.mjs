// Runs Kraken clients of others, as they are, against the local Kraken: `npm run test:peers`. They are installed into
// .cache/peers from their own lock file, and are no part of the project or of its tests.
import { createRequire } from "node:module"
import { runCcxt } from "./ccxt.mjs"
import { startExchange, summary } from "./harness.mjs"
import { folder, install } from "./install.mjs"
import { runKrakenApi } from "./krakenApi.mjs"

if (!install()) {
  console.error("The peers could not be installed; nothing was tested.")
  process.exit(1)
}
const require = createRequire(`${folder}package.json`)
const { ready, stop } = await startExchange({ USD: "1000", XLM: "500" })
try {
  await runCcxt(require("ccxt"), require("ws"), ready)
  await runKrakenApi(require("kraken-api"), ready)
} finally {
  await stop()
}
process.exit(summary() ? 0 : 1)
