-- What each tenant holds, kept so that quotas need no count; and its quotas, as the operator last said (NULL: none).
ALTER TABLE tenants ADD COLUMN documents INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0; -- sizes of its documents, whatever they share
ALTER TABLE tenants ADD COLUMN block_bytes INTEGER NOT NULL DEFAULT 0; -- lengths of its blocks, each once
ALTER TABLE tenants ADD COLUMN batches INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN max_documents INTEGER;
ALTER TABLE tenants ADD COLUMN max_bytes INTEGER;
ALTER TABLE tenants ADD COLUMN max_batches INTEGER;

UPDATE tenants SET
    (documents, bytes, batches) =
        (SELECT coalesce(sum(documents), 0), coalesce(sum(bytes), 0), count(*) FROM batches WHERE tenant = tenants.id),
    block_bytes = (SELECT coalesce(sum(length), 0) FROM blocks WHERE tenant = tenants.id);

-- How many batches are in each phase, and how many of their documents are neither processed nor have failed.
CREATE TABLE phases (
    phase INTEGER PRIMARY KEY,
    batches INTEGER NOT NULL,
    waiting INTEGER NOT NULL
) STRICT;
INSERT INTO phases (phase, batches, waiting)
    SELECT p.value, count(b.seq), coalesce(sum(b.documents - b.processed - b.broken), 0)
    FROM json_each('[0, 1, 2, 3]') p LEFT JOIN batches b ON b.phase = p.value GROUP BY p.value;

-- All totals follow the batches, which each commit writes once: whatever changes them cannot forget it.
CREATE TRIGGER batch_made AFTER INSERT ON batches BEGIN
    UPDATE tenants SET batches = batches + 1, documents = documents + NEW.documents, bytes = bytes + NEW.bytes WHERE id = NEW.tenant;
    UPDATE phases SET batches = batches + 1, waiting = waiting + NEW.documents - NEW.processed - NEW.broken WHERE phase = NEW.phase;
END;
CREATE TRIGGER batch_gone AFTER DELETE ON batches BEGIN
    UPDATE tenants SET batches = batches - 1, documents = documents - OLD.documents, bytes = bytes - OLD.bytes WHERE id = OLD.tenant;
    UPDATE phases SET batches = batches - 1, waiting = waiting - OLD.documents + OLD.processed + OLD.broken WHERE phase = OLD.phase;
END;
CREATE TRIGGER batch_filled AFTER UPDATE OF documents, bytes ON batches BEGIN
    UPDATE tenants SET documents = documents + NEW.documents - OLD.documents, bytes = bytes + NEW.bytes - OLD.bytes WHERE id = NEW.tenant;
END;
CREATE TRIGGER batch_moved AFTER UPDATE OF phase, documents, processed, broken ON batches BEGIN
    UPDATE phases SET batches = batches - 1, waiting = waiting - OLD.documents + OLD.processed + OLD.broken WHERE phase = OLD.phase;
    UPDATE phases SET batches = batches + 1, waiting = waiting + NEW.documents - NEW.processed - NEW.broken WHERE phase = NEW.phase;
END;
-- Those of new blocks are added by the commit that brings them, all at once: a trigger would run thousands of times.
CREATE TRIGGER block_gone AFTER DELETE ON blocks BEGIN
    UPDATE tenants SET block_bytes = block_bytes - OLD.length WHERE id = OLD.tenant;
END;
