-- The pipeline: jobs, chunks of text, and the index over them. (The table of vectors is made when their width is known.)
ALTER TABLE batches ADD COLUMN processed INTEGER NOT NULL DEFAULT 0; -- documents in state 1
ALTER TABLE batches ADD COLUMN broken INTEGER NOT NULL DEFAULT 0; -- documents in state 2
ALTER TABLE batches ADD COLUMN changes INTEGER NOT NULL DEFAULT 0; -- grows with the status: the ids of its events
ALTER TABLE documents ADD COLUMN state INTEGER NOT NULL DEFAULT 0; -- 0 queued, 1 processed, 2 failed
ALTER TABLE documents ADD COLUMN detected TEXT; -- media type, told by the content
ALTER TABLE documents ADD COLUMN chunks INTEGER NOT NULL DEFAULT 0;

-- A document has a job exactly while it is not processed and has not failed. Ordered by document, so that the job of a new
-- one is a row at the end: uploads pay for it.
CREATE TABLE jobs (
    document INTEGER PRIMARY KEY,
    stamp INTEGER NOT NULL, -- tells the job of a new content from that of before
    batch INTEGER NOT NULL,
    size INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, -- those that failed for a time
    ready_at INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE chunks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents (seq),
    text TEXT NOT NULL,
    embedding BLOB NOT NULL -- signed bytes: the direction of the vector
) STRICT;
CREATE INDEX chunks_of_document ON chunks (document);

CREATE VIRTUAL TABLE chunk_text USING fts5 (text, content = 'chunks', content_rowid = 'seq', tokenize = 'porter unicode61 remove_diacritics 2');

-- The model whose vectors the index holds: one row, or none before the first.
CREATE TABLE model (
    id TEXT NOT NULL,
    width INTEGER NOT NULL
) STRICT;

-- A path may have an error of its last bundle (stage 0) and one of its document (stage 1).
CREATE TABLE errors_2 (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    batch INTEGER NOT NULL REFERENCES batches (seq),
    path TEXT NOT NULL,
    stage INTEGER NOT NULL DEFAULT 0, -- 0 intake, 1 processing
    type TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    retryable INTEGER NOT NULL,
    counted INTEGER NOT NULL, -- 1: counts in batches.failed
    at INTEGER NOT NULL,
    UNIQUE (batch, path, stage)
) STRICT;
INSERT INTO errors_2 (seq, batch, path, type, code, message, retryable, counted, at)
    SELECT seq, batch, path, type, code, message, retryable, counted, at FROM errors;
DROP TABLE errors;
ALTER TABLE errors_2 RENAME TO errors;

-- What came before there was a pipeline has its turn now.
INSERT INTO jobs (document, stamp, batch, size)
    SELECT d.seq, 0, d.batch, d.size FROM documents d JOIN batches b ON b.seq = d.batch WHERE b.phase <> 3 ORDER BY d.seq;
UPDATE batches SET phase = 1, ended_at = NULL WHERE phase = 2 AND documents > 0;
