/** The schema, as numbered migrations. A released migration is never edited: a change is the next number. */

export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/**
 * `trades`, `orders`, `metrics` and `learning_data` keep the names and columns of the contract; each carries exact texts
 * beside its `REAL` columns (`state` holds a whole order or lot, decimals as text), and only those are loaded.
 * Money in all other tables is exact decimal text. Times named `timestamp` are ISO 8601 UTC, those named `…_ms` are
 * milliseconds of exchange time.
 */
const initial = `
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  order_id TEXT NOT NULL UNIQUE,
  pair TEXT NOT NULL,
  type TEXT NOT NULL,
  ordertype TEXT NOT NULL,
  price REAL NOT NULL,
  volume REAL NOT NULL,
  status TEXT NOT NULL COLLATE NOCASE,
  timestamp TEXT NOT NULL,
  filled_volume REAL NOT NULL,
  avg_fill_price REAL,
  exchange_id TEXT,
  purpose TEXT NOT NULL,
  reason TEXT NOT NULL,
  settled INTEGER NOT NULL,
  state TEXT NOT NULL
);
CREATE INDEX orders_unsettled ON orders (settled) WHERE settled = 0;
CREATE INDEX orders_exchange ON orders (exchange_id);

CREATE TABLE intents (
  order_id TEXT PRIMARY KEY REFERENCES orders (order_id),
  nonce INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  approved_ms INTEGER NOT NULL,
  deadline_ms INTEGER NOT NULL,
  path TEXT NOT NULL CHECK (path IN ('database', 'side file'))
) WITHOUT ROWID;

CREATE TABLE fills (
  execution_id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES orders (order_id) DEFERRABLE INITIALLY DEFERRED,
  exchange_id TEXT NOT NULL,
  pair TEXT NOT NULL,
  side TEXT NOT NULL,
  price TEXT NOT NULL,
  quantity TEXT NOT NULL,
  cost TEXT NOT NULL,
  fee TEXT NOT NULL,
  fee_asset TEXT NOT NULL,
  liquidity TEXT NOT NULL,
  ledger_usd TEXT NOT NULL,
  rounding TEXT NOT NULL,
  timestamp TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX fills_order ON fills (order_id);

CREATE TABLE lots (
  lot_id TEXT PRIMARY KEY REFERENCES orders (order_id) DEFERRABLE INITIALLY DEFERRED,
  pair TEXT NOT NULL,
  quantity TEXT NOT NULL,
  remaining TEXT NOT NULL,
  cost TEXT NOT NULL,
  entry_fee TEXT NOT NULL,
  proceeds TEXT NOT NULL,
  exit_fee TEXT NOT NULL,
  target TEXT NOT NULL,
  stop TEXT NOT NULL,
  sell_by TEXT NOT NULL,
  held INTEGER NOT NULL,
  state TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX lots_held ON lots (held) WHERE held = 1;

CREATE TABLE trades (
  id INTEGER PRIMARY KEY,
  pair TEXT NOT NULL,
  side TEXT NOT NULL,
  price REAL NOT NULL,
  volume REAL NOT NULL,
  timestamp TEXT NOT NULL,
  status TEXT NOT NULL COLLATE NOCASE,
  order_id TEXT NOT NULL UNIQUE REFERENCES lots (lot_id) DEFERRABLE INITIALLY DEFERRED,
  txid TEXT,
  profit_loss REAL,
  notes TEXT NOT NULL,
  price_exact TEXT NOT NULL,
  volume_exact TEXT NOT NULL,
  profit_loss_exact TEXT
);
CREATE INDEX trades_status ON trades (status);

CREATE TABLE metrics (
  id INTEGER PRIMARY KEY,
  timestamp TEXT NOT NULL,
  balance_usd REAL NOT NULL,
  total_trades INTEGER NOT NULL,
  winning_trades INTEGER NOT NULL,
  total_profit_loss REAL NOT NULL,
  daily_profit_loss REAL NOT NULL,
  breaker_state TEXT NOT NULL,
  balance_usd_exact TEXT NOT NULL,
  total_profit_loss_exact TEXT NOT NULL,
  daily_profit_loss_exact TEXT NOT NULL
);

CREATE TABLE learning_data (
  id INTEGER PRIMARY KEY,
  timestamp TEXT NOT NULL,
  feature_data TEXT NOT NULL,
  outcome TEXT NOT NULL,
  profit_loss REAL NOT NULL,
  profit_loss_exact TEXT NOT NULL,
  pair TEXT NOT NULL,
  lot_id TEXT NOT NULL UNIQUE
);

CREATE TABLE totals (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  own_usd TEXT NOT NULL,
  rounding TEXT NOT NULL,
  realised TEXT NOT NULL,
  closed_trades INTEGER NOT NULL,
  winning_trades INTEGER NOT NULL
);
CREATE TABLE foreign_holdings (asset TEXT PRIMARY KEY, amount TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE day_marks (
  day TEXT PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  equity TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('no lots', 'quote', 'candle', 'last valuation'))
) WITHOUT ROWID;
CREATE TABLE valuations (id INTEGER PRIMARY KEY CHECK (id = 1), at_ms INTEGER NOT NULL, equity TEXT NOT NULL);
CREATE TABLE breaker (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL);
CREATE TABLE breaker_history (
  id INTEGER PRIMARY KEY,
  timestamp TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  cause TEXT NOT NULL,
  change TEXT NOT NULL,
  reason TEXT NOT NULL,
  changed_by TEXT NOT NULL
);
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE nonce (id INTEGER PRIMARY KEY CHECK (id = 1), last INTEGER NOT NULL);
CREATE TABLE sequence (id INTEGER PRIMARY KEY CHECK (id = 1), last INTEGER NOT NULL);
CREATE TABLE fence (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL,
  paused INTEGER NOT NULL,
  operator_latch TEXT
);
CREATE TABLE session (id INTEGER PRIMARY KEY CHECK (id = 1), running INTEGER NOT NULL);

INSERT INTO totals VALUES (1, '0', '0', '0', 0, 0);
INSERT INTO breaker VALUES (1, '{"latches":{},"failures":{},"rounds":{}}');
INSERT INTO nonce VALUES (1, 0);
INSERT INTO sequence VALUES (1, 0);
INSERT INTO fence VALUES (1, 0, 0, NULL);
INSERT INTO session VALUES (1, 0);
`

export const migrations: ReadonlyArray<Migration> = [{ version: 1, name: "initial", sql: initial }]
