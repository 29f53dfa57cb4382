/** Every setting: its key, its default as text, and what it means. `.env.example` is made of this table, and a test holds them equal. */

export interface SettingKey {
  readonly key: string
  /** Text that stands for the setting when nothing is given; absent when the setting may be left out. */
  readonly default?: string
  readonly meaning: string
  /** Its value appears nowhere. */
  readonly secret?: true
}

export const settingKeys = [
  {
    key: "TRADING_MODE",
    default: "paper",
    meaning: "paper (local exchange, no money), observe (live data, sends no order) or live"
  },
  {
    key: "LIVE_TRADING_CONFIRMED",
    meaning: "live only: the code that `doctor` prints; changing a limit changes the code"
  },
  {
    key: "PAPER_MARKET",
    default: "generated",
    meaning: "paper: generated, kraken (real public data) or a path to a tape; several: XLM/USD=path,BTC/USD=path"
  },
  { key: "PAPER_SEED", default: "1", meaning: "paper: seed of the generated market" },
  { key: "PAPER_BALANCES", default: '{"USD":"98.82"}', meaning: "paper: starting account, JSON, amounts as text" },
  {
    key: "PAPER_SPEED",
    meaning: "paper: market seconds per real second, 1 to 60 (60; always 1 with PAPER_MARKET=kraken)"
  },
  { key: "PAPER_FROM", meaning: "paper: ISO time at which a tape begins" },
  { key: "PAPER_TO", meaning: "paper: ISO time at which a tape ends" },
  { key: "PAPER_STOP_AFTER", meaning: "paper: stop by itself after so much market time, e.g. 6h" },
  {
    key: "KRAKEN_API_KEY",
    meaning: "observe and live: an API key of its own, used by nothing else, without withdrawal",
    secret: true
  },
  { key: "KRAKEN_API_SECRET", meaning: "observe and live: its private key", secret: true },
  {
    key: "KRAKEN_REST_URL",
    default: "https://api.kraken.com",
    meaning: "REST address without /0; plain http only to loopback"
  },
  {
    key: "KRAKEN_WS_URL",
    default: "wss://ws.kraken.com/v2",
    meaning: "public stream, with /v2; plain ws only to loopback"
  },
  {
    key: "KRAKEN_WS_AUTH_URL",
    default: "wss://ws-auth.kraken.com/v2",
    meaning: "private stream, with /v2; plain ws only to loopback"
  },
  {
    key: "KRAKEN_API_TIER",
    default: "starter",
    meaning: "verification tier of the account, for its rate limits: starter, intermediate or pro"
  },
  { key: "MAX_TRADE_SIZE", default: "10", meaning: "USD per entry, at most" },
  { key: "MAX_TOTAL_EXPOSURE", default: "10", meaning: "USD held, working and unknown together, at most" },
  {
    key: "ALLOWED_PAIRS",
    default: "XLM/USD",
    meaning: "pairs to trade, comma-separated or a JSON list; quoted in USD"
  },
  { key: "MIN_ORDER_SIZE", default: "1", meaning: "USD per entry, at least" },
  {
    key: "POST_ONLY",
    default: "true",
    meaning: "entries and targets only as maker; loss and time exits may take liquidity"
  },
  { key: "MAX_DAILY_LOSSES", default: "20", meaning: "USD lost in a UTC day after which nothing is entered" },
  { key: "MAX_TRADES_PER_DAY", default: "50", meaning: "entries in a UTC day, at most" },
  { key: "MIN_TRADE_INTERVAL", default: "10s", meaning: "least time between entries" },
  { key: "COOLDOWN_AFTER_LOSS", default: "5m", meaning: "no entry for so long after a losing trade" },
  { key: "PRICE_COLLAR_PCT", default: "2", meaning: "furthest that an entry's limit may be from the mid, per cent" },
  {
    key: "CIRCUIT_BREAKER_THRESHOLD",
    default: "5",
    meaning: "consecutive failures of one cause that latch the breaker"
  },
  { key: "BREAKER_COOLDOWN", default: "60s", meaning: "wait before a latched cause is probed; doubles up to an hour" },
  { key: "MAX_PRICE_JUMP_PCT", default: "5", meaning: "price move within a minute that latches the breaker, per cent" },
  { key: "MAX_SPREAD_PCT", default: "2", meaning: "spread above which nothing is entered, per cent" },
  { key: "STALE_AFTER", default: "10s", meaning: "age at which market data no longer allows an entry" },
  { key: "MAX_CLOCK_SKEW", default: "1s", meaning: "difference to the exchange's clock that refuses entries" },
  { key: "RECONCILE_EVERY", default: "60s", meaning: "how often books and account are compared over REST" },
  {
    key: "DEAD_MAN_SWITCH",
    default: "60s",
    meaning:
      "the exchange cancels all orders after so long without the trader, refreshed at a third of it; off in paper only"
  },
  { key: "ENTRY_EXPIRY", default: "120s", meaning: "longest that an entry rests in the book" },
  {
    key: "EXIT_COLLAR_PCT",
    default: "0.5",
    meaning: "how far below the bid a loss or time exit may sell at first, per cent"
  },
  { key: "EXIT_COLLAR_MAX_PCT", default: "5", meaning: "the same after many attempts, at most, per cent" },
  { key: "EXIT_INTERVAL", default: "2s", meaning: "least time between two attempts of such an exit" },
  { key: "MAX_REQUOTES", default: "5", meaning: "new quotes after post-only refusals, per signal" },
  {
    key: "STRATEGY",
    default: "mean-reversion",
    meaning: "name of a built-in strategy, or a path to a strategy module"
  },
  { key: "STRATEGY_PARAMS", default: "{}", meaning: "its parameters, a JSON object" },
  {
    key: "DATA_DIR",
    meaning: "records, logs and locks (./data/live, ./data/observe or ./data/paper-<market>); on a local disk"
  },
  { key: "BACKUP_EVERY", default: "24h", meaning: "how often the database is copied into backups/" },
  { key: "LOG_LEVEL", default: "info", meaning: "error, warn, info, debug or trace" },
  {
    key: "LOG_FORMAT",
    meaning: "pretty or json on standard error (pretty on a terminal, else json); the log file is JSON"
  },
  {
    key: "CONTROL_PORT",
    default: "0",
    meaning: "loopback port of the control and status server; 0 takes any free one"
  },
  { key: "ALERT_WEBHOOK_URL", meaning: "alerts are posted here as JSON (docs/alerts.md)", secret: true },
  {
    key: "ALERT_WEBHOOK_FIELDS",
    meaning: 'constant fields of that JSON, an object, e.g. {"chat_id":"123"} for Telegram, {"topic":"name"} for ntfy',
    secret: true
  },
  {
    key: "HEARTBEAT_URL",
    meaning: "called regularly while the trader runs, so that silence is noticed elsewhere",
    secret: true
  }
] as const satisfies ReadonlyArray<SettingKey>

export type SettingName = (typeof settingKeys)[number]["key"]

const list: ReadonlyArray<SettingKey> = settingKeys

/** The text of `.env.example`: every key with its meaning; those without a default are left empty, which means unset. */
export const exampleFile: string = [
  "# Settings of the trader, with their defaults. Copy to .env (mode 600) and change what you need; the environment wins.",
  "# An empty value is the same as none. A key that is not in this list is an error.",
  ...list.flatMap(({ key, meaning, default: value = "" }) => ["", `# ${meaning}`, `${key}=${value}`]),
  ""
].join("\n")
