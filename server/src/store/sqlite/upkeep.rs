//! Housekeeping: blocks that no document names, and packs that are mostly dead.

use super::deliveries::DELIVERED;
use super::documents::unpack_list;
use super::{Result, Sqlite, int, later, uint};
use crate::store::upkeep::{Contents, Dropped, HeldBlock, Lying, Names, PackId, Pruned, Upkeep};
use crate::store::{Answer, StoreError, Tenant};
use cloudindex_wire::Digest;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use std::collections::BTreeSet;

/// Documents, and blocks of theirs, that are read at once.
const DOCUMENTS: i64 = 1000;
const BLOCKS: usize = 20_000;
/// Rows that are pruned at once.
const PRUNED: usize = 1000;
/// Milliseconds for which delivered webhooks, and idempotency keys, are kept.
const DELIVERIES_KEPT: i64 = 30 * 24 * 3_600_000;
const KEYS_KEPT: i64 = 2 * 24 * 3_600_000;

fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    row.get(column).map(Digest)
}

fn named(c: &Connection, after: i64) -> Result<Names> {
    let mut select = c.prepare_cached(
        "SELECT d.seq, b.tenant, d.blocks FROM documents d JOIN batches b ON b.seq = d.batch
         WHERE d.seq > ?1 ORDER BY d.seq LIMIT ?2",
    )?;
    let mut rows = select.query([after, DOCUMENTS])?;
    let mut names = Names::default();
    while let Some(row) = rows.next()? {
        let (seq, tenant): (i64, i64) = (row.get(0)?, row.get(1)?);
        let list = row.get_ref(2)?.as_blob().ok().and_then(unpack_list);
        // Whoever cannot read a list must not take it for empty.
        let list = list.ok_or_else(|| StoreError::Failed(format!("the block list of document {seq} is damaged")))?;
        names.blocks.extend(list.into_iter().map(|(digest, _)| (Tenant(tenant), digest)));
        names.next = Some(seq);
        if names.blocks.len() >= BLOCKS {
            break;
        }
    }
    Ok(names)
}

fn held(c: &Connection, after: Option<(Tenant, Digest)>, limit: u32) -> Result<Vec<HeldBlock>> {
    let (tenant, last) = after.map_or((i64::MIN, [0; 32]), |(tenant, digest)| (tenant.0, digest.0));
    let mut select = c.prepare_cached(
        "SELECT tenant, digest, pack, length, at FROM blocks WHERE (tenant, digest) > (?1, ?2)
         ORDER BY tenant, digest LIMIT ?3",
    )?;
    let rows = select.query_map(params![tenant, last, limit], |row| {
        Ok(HeldBlock {
            tenant: Tenant(row.get(0)?),
            digest: digest(row, 1)?,
            pack: PackId(row.get(2)?),
            length: uint(row.get(3)?),
            at: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn drop_blocks(c: &mut Connection, blocks: &[(Tenant, Digest)], before: i64) -> Result<Dropped> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (mut dropped, mut packs) = (Dropped::default(), BTreeSet::new());
    {
        let mut delete = transaction.prepare_cached(
            "DELETE FROM blocks WHERE tenant = ?1 AND digest = ?2 AND at < ?3 RETURNING pack, length",
        )?;
        for (tenant, digest) in blocks {
            let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let gone: Option<(i64, i64)> = delete.query_row(params![tenant.0, digest.0, before], row).optional()?;
            if let Some((pack, length)) = gone {
                dropped.blocks += 1;
                dropped.bytes += uint(length);
                packs.insert(pack);
            }
        }
    }
    for pack in packs {
        dropped.packs.extend(drop_empty(&transaction, pack)?);
    }
    transaction.commit()?;
    Ok(dropped)
}

/// Drops a pack if it holds no block; tells its name.
fn drop_empty(c: &Connection, pack: i64) -> Result<Option<String>> {
    let mut delete = c.prepare_cached(
        "DELETE FROM packs WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM blocks WHERE pack = ?1) RETURNING name",
    )?;
    Ok(delete.query_row([pack], |row| row.get(0)).optional()?)
}

fn contents(c: &Connection, pack: PackId) -> Result<Option<Contents>> {
    let c = &*c.unchecked_transaction()?;
    let name = c.query_row("SELECT name FROM packs WHERE id = ?1", [pack.0], |row| row.get(0)).optional()?;
    let Some(name) = name else { return Ok(None) };
    let mut select =
        c.prepare_cached("SELECT tenant, digest, offset, length FROM blocks WHERE pack = ?1 ORDER BY offset")?;
    let blocks = select.query_map([pack.0], |row| {
        let (tenant, digest) = (Tenant(row.get(0)?), digest(row, 1)?);
        Ok(Lying { tenant, digest, offset: uint(row.get(2)?), length: uint(row.get(3)?) })
    })?;
    Ok(Some(Contents { name, blocks: blocks.collect::<rusqlite::Result<_>>()? }))
}

fn moved(c: &mut Connection, from: PackId, to: &str, blocks: &[Lying]) -> Result<Vec<String>> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("INSERT INTO packs (name) VALUES (?1)", [to])?;
    let new = transaction.last_insert_rowid();
    {
        let mut update = transaction.prepare_cached(
            "UPDATE blocks SET pack = ?4, offset = ?5 WHERE tenant = ?1 AND digest = ?2 AND pack = ?3",
        )?;
        for Lying { tenant, digest, offset, .. } in blocks {
            update.execute(params![tenant.0, digest.0, from.0, new, int(*offset)])?;
        }
    }
    let mut packs = Vec::new();
    for pack in [from.0, new] {
        packs.extend(drop_empty(&transaction, pack)?);
    }
    transaction.commit()?;
    Ok(packs)
}

/// The oldest stand first, so the look ends at those that are younger.
fn old_deliveries(c: &Connection, before: i64) -> Result<Vec<i64>> {
    let mut select = c.prepare_cached("SELECT seq, state, created_at FROM deliveries ORDER BY seq")?;
    let mut rows = select.query([])?;
    let mut old = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(2)? >= before || old.len() >= PRUNED {
            break;
        }
        if row.get::<_, i64>(1)? == DELIVERED {
            old.push(row.get(0)?);
        }
    }
    Ok(old)
}

fn prune(c: &mut Connection, now: i64) -> Result<Pruned> {
    let transaction = c.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut pruned = Pruned::default();
    for delivery in old_deliveries(&transaction, now.saturating_sub(DELIVERIES_KEPT))? {
        pruned.deliveries += transaction.execute("DELETE FROM deliveries WHERE seq = ?1", [delivery])? as u64;
    }
    let keys = transaction.execute(
        "DELETE FROM idempotency WHERE (tenant, key) IN (
             SELECT i.tenant, i.key FROM idempotency i JOIN batches b ON b.seq = i.batch WHERE b.created_at < ?1 LIMIT ?2)",
        params![now.saturating_sub(KEYS_KEPT), PRUNED as i64],
    )?;
    pruned.keys = keys as u64;
    transaction.commit()?;
    Ok(pruned)
}

impl Upkeep for Sqlite {
    fn moment(&self, now: i64) -> Answer<'_, i64> {
        let moment = later(&self.latest, now);
        Box::pin(async move { Ok(moment) })
    }

    fn named(&self, after: i64) -> Answer<'_, Names> {
        Box::pin(self.read(move |c| named(c, after)))
    }

    fn held(&self, after: Option<(Tenant, Digest)>, limit: u32) -> Answer<'_, Vec<HeldBlock>> {
        Box::pin(self.read(move |c| held(c, after, limit)))
    }

    fn drop_blocks(&self, blocks: Vec<(Tenant, Digest)>, before: i64) -> Answer<'_, Dropped> {
        Box::pin(self.write(move |c| drop_blocks(c, &blocks, before)))
    }

    fn contents(&self, pack: PackId) -> Answer<'_, Option<Contents>> {
        Box::pin(self.read(move |c| contents(c, pack)))
    }

    fn moved(&self, from: PackId, to: String, blocks: Vec<Lying>) -> Answer<'_, Vec<String>> {
        Box::pin(self.write(move |c| moved(c, from, &to, &blocks)))
    }

    fn prune(&self, now: i64) -> Answer<'_, Pruned> {
        Box::pin(self.write(move |c| prune(c, now)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::opening::migrate;
    use super::*;

    fn records() -> Connection {
        let mut c = Connection::open_in_memory().unwrap();
        migrate(&mut c).unwrap();
        c.execute_batch("INSERT INTO tenants (id, name) VALUES (1, 'a')").unwrap();
        c
    }

    #[test]
    fn what_is_old_and_done_is_pruned() {
        const DAY: i64 = 24 * 3_600_000;
        let (mut c, now) = (records(), 1_800_000_000_000);
        for (seq, days) in [(1, 40), (2, 3), (3, 1)] {
            let batch = "INSERT INTO batches (seq, id, tenant, created_at) VALUES (?1, ?1, 1, ?2)";
            c.execute(batch, [seq, now - days * DAY]).unwrap();
            c.execute("INSERT INTO idempotency (tenant, key, request, batch) VALUES (1, ?1, x'', ?1)", [seq]).unwrap();
        }
        // Waiting, delivered, failed, delivered; then one that is young.
        for (seq, state, days) in [(1, 0, 40), (2, 1, 39), (3, 2, 38), (4, 1, 31), (5, 1, 29)] {
            let delivery = "INSERT INTO deliveries (seq, id, batch, body, state, ready_at, created_at) VALUES (?1, ?1, 1, '', ?2, 0, ?3)";
            c.execute(delivery, [seq, state, now - days * DAY]).unwrap();
        }
        assert_eq!(prune(&mut c, now).unwrap(), Pruned { deliveries: 2, keys: 2 });
        assert_eq!(prune(&mut c, now).unwrap(), Pruned::default());
        let left = |sql: &str| -> Vec<i64> {
            c.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect()
        };
        assert_eq!(left("SELECT seq FROM deliveries ORDER BY seq"), [1, 3, 5]);
        assert_eq!(left("SELECT batch FROM idempotency"), [3]);
    }

    #[test]
    fn many_are_pruned_in_turns() {
        let mut c = records();
        c.execute_batch(
            "INSERT INTO batches (seq, id, tenant, created_at) VALUES (1, 'b', 1, 0);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
             INSERT INTO deliveries (id, batch, body, state, ready_at, created_at) SELECT i, 1, '', 1, 0, 0 FROM n;
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
             INSERT INTO idempotency (tenant, key, request, batch) SELECT 1, i, x'', 1 FROM n;",
        )
        .unwrap();
        let turns: Vec<Pruned> = (0..4).map(|_| prune(&mut c, i64::MAX).unwrap()).collect();
        let counts: Vec<(u64, u64)> = turns.iter().map(|turn| (turn.deliveries, turn.keys)).collect();
        assert_eq!(counts, [(1000, 1000), (1000, 500), (500, 0), (0, 0)]);
    }
}
