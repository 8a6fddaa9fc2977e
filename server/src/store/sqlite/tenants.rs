//! What tenants hold and may, and what all of them have. Triggers of the schema keep the totals (`schema/4.sql`).

use super::{Result, batches, int, uint};
use crate::store::{Standing, Tenant};
use cloudindex_wire::{Phase, Quota, Usage};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) fn set_quota(c: &Connection, Tenant(tenant): Tenant, quota: Quota) -> Result<()> {
    let Quota { max_documents, max_bytes, max_batches } = quota;
    // What is so already is not written: a server must start on a full disk.
    c.execute(
        "UPDATE tenants SET max_documents = ?2, max_bytes = ?3, max_batches = ?4
         WHERE id = ?1 AND (max_documents IS NOT ?2 OR max_bytes IS NOT ?3 OR max_batches IS NOT ?4)",
        params![tenant, max_documents.map(int), max_bytes.map(int), max_batches.map(int)],
    )?;
    Ok(())
}

pub(super) fn usage(c: &Connection, Tenant(tenant): Tenant) -> Result<Usage> {
    let mut select = c.prepare_cached(
        "SELECT documents, bytes, block_bytes, batches, max_documents, max_bytes, max_batches FROM tenants WHERE id = ?1",
    )?;
    let usage = select.query_row([tenant], |row| {
        let max = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(uint));
        Ok(Usage {
            documents: uint(row.get(0)?),
            bytes: uint(row.get(1)?),
            block_bytes: uint(row.get(2)?),
            batches: uint(row.get(3)?),
            quota: Quota { max_documents: max(4)?, max_bytes: max(5)?, max_batches: max(6)? },
        })
    });
    Ok(usage.optional()?.unwrap_or_default())
}

pub(super) fn standing(c: &Connection) -> Result<Standing> {
    let mut select = c.prepare_cached("SELECT phase, batches, waiting FROM phases")?;
    let mut rows = select.query([])?;
    let mut standing = Standing::default();
    while let Some(row) = rows.next()? {
        let (phase, batches) = (batches::phase(row.get(0)?), uint(row.get(1)?));
        match phase {
            Phase::Open => standing.open = batches,
            Phase::Processing => standing.processing = batches,
            Phase::Completed => standing.completed = batches,
            Phase::Cancelled => standing.cancelled = batches,
        }
        // Documents of a cancelled batch wait for nothing.
        if phase != Phase::Cancelled {
            standing.waiting += uint(row.get(2)?);
        }
    }
    Ok(standing)
}

/// Adds the bytes of new blocks.
pub(super) fn add_blocks(c: &Connection, Tenant(tenant): Tenant, bytes: u64) -> Result<()> {
    let mut update = c.prepare_cached("UPDATE tenants SET block_bytes = block_bytes + ?2 WHERE id = ?1")?;
    update.execute([tenant, int(bytes)])?;
    Ok(())
}
