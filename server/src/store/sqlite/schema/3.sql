-- Webhooks. (Where they go is in batches.tracking.)
ALTER TABLE batches ADD COLUMN told INTEGER NOT NULL DEFAULT 0; -- the stage that the last event was made for

CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    batch INTEGER NOT NULL REFERENCES batches (seq),
    body TEXT NOT NULL, -- as sent: signatures are of its bytes
    state INTEGER NOT NULL DEFAULT 0, -- 0 waiting, 1 delivered, 2 failed
    attempts INTEGER NOT NULL DEFAULT 0,
    ready_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    attempted_at INTEGER,
    answer INTEGER, -- HTTP status
    error TEXT
) STRICT;
CREATE INDEX deliveries_of_batch ON deliveries (batch, seq);
CREATE INDEX deliveries_waiting ON deliveries (batch, seq) WHERE state = 0;

-- One in force a tenant, and those before it for a while, so that receivers can be told in peace.
CREATE TABLE webhook_secrets (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    secret BLOB NOT NULL,
    ends_at INTEGER -- NULL: in force
) STRICT;
CREATE INDEX webhook_secrets_of_tenant ON webhook_secrets (tenant);
