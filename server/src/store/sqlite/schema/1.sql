-- Times are milliseconds since 1970, lengths bytes, ids of the wire TEXT, free-form JSON as it came.
CREATE TABLE tenants (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE batches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT,
    description TEXT,
    metadata TEXT,
    processing TEXT,
    tracking TEXT,
    max_documents INTEGER,
    max_file INTEGER,
    max_bytes INTEGER,
    phase INTEGER NOT NULL DEFAULT 0, -- 0 open, 1 processing, 2 completed, 3 cancelled
    documents INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0, -- rejected paths under which no document is held
    bytes INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER
) STRICT;
CREATE INDEX batches_of_tenant ON batches (tenant, seq);

CREATE TABLE idempotency (
    tenant INTEGER NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL, -- BLAKE3 of the body
    batch INTEGER NOT NULL REFERENCES batches (seq),
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    batch INTEGER NOT NULL REFERENCES batches (seq),
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    type TEXT NOT NULL,
    last_modified INTEGER,
    metadata TEXT,
    blocks BLOB NOT NULL, -- per block 32 bytes of digest and 8 of length, little-endian: which blocks are in use is read from here
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (batch, path)
) STRICT;

CREATE TABLE errors (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL REFERENCES batches (seq),
    path TEXT NOT NULL,
    type TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    retryable INTEGER NOT NULL,
    counted INTEGER NOT NULL, -- 1: counts in batches.failed
    at INTEGER NOT NULL,
    UNIQUE (batch, path)
) STRICT;

CREATE TABLE packs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE blocks (
    tenant INTEGER NOT NULL,
    digest BLOB NOT NULL,
    pack INTEGER NOT NULL REFERENCES packs (id),
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    at INTEGER NOT NULL, -- when a client was last told that it is held, to the hour; no collector may take it within a day
    PRIMARY KEY (tenant, digest)
) STRICT, WITHOUT ROWID;
