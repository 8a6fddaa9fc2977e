//! Search: the best documents by words and those by meaning, brought together by reciprocal rank fusion.

use super::{PAGE_WEIGHT, Result, batches, index};
use crate::embed::Vector;
use crate::snippet::pieces;
use crate::store::{Found, Tenant};
use cloudindex_wire::SearchQuery;
use rusqlite::{Connection, named_params};
use std::collections::{HashMap, HashSet};

/// Chunks that are looked at of each list; more than the documents wanted, because a document has many.
const WORDS: u32 = 200;
/// Chunks whose signs are near, to be compared in full.
const NEAR: u32 = 1024;
/// How little the first ranks differ from those behind them; 60 is what the method was published with.
const FLAT: f64 = 60.0;
/// Words of a query that count; what comes after them says little new.
const MOST_WORDS: usize = 32;

/// Which documents pass. Every parameter is bound, also those of no filter. (Servers of before took metadata that is nested too deep
/// for SQLite, and to look into it is an error.)
const FILTER: &str = "b.tenant = :tenant AND (:batch IS NULL OR b.id = :batch)
     AND (:prefix IS NULL OR substr(d.path, 1, length(:prefix)) = :prefix)
     AND (:type IS NULL OR d.detected = :type OR d.type = :type)
     AND (:metadata IS NULL OR NOT EXISTS (
         SELECT 1 FROM json_each(:metadata) w WHERE NOT EXISTS (
             SELECT 1 FROM json_each(iif(json_valid(d.metadata), d.metadata, NULL)) h WHERE h.key = w.key AND h.type = w.type
                 AND (h.value IS w.value OR h.type IN ('array', 'object') AND canonical(h.value) = canonical(w.value)))))";

/// Makes `canonical(json)` known: the same text for all that have the same value, whatever their order, blanks and escapes.
pub(super) fn add_functions(c: &Connection) -> Result<()> {
    use rusqlite::functions::FunctionFlags;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    c.create_scalar_function("canonical", 1, flags, |context| Ok(canonical(&context.get::<String>(0)?)))?;
    Ok(())
}

fn canonical(json: &str) -> Option<String> {
    let mut value: serde_json::Value = serde_json::from_str(json).ok()?;
    value.sort_all_objects();
    Some(value.to_string())
}

/// A chunk in one of the lists.
struct Hit {
    chunk: i64,
    document: i64,
}

pub(super) fn search(
    c: &Connection,
    tenant: Tenant,
    query: &SearchQuery,
    vector: Option<&Vector>,
) -> Result<Vec<Found>> {
    // One snapshot: what is deleted meanwhile is there to the end.
    let c = &*c.unchecked_transaction()?;
    let words = words(&query.query);
    let mut lists = Vec::new();
    if !words.is_empty() {
        let all = by_words(c, tenant, query, &words.join(" "))?;
        let enough = all.len() >= query.limit.unwrap_or(10) as usize || words.len() == 1;
        lists.push(all);
        if !enough {
            // A list of its own, so that what has all words stands in two.
            lists.push(by_words(c, tenant, query, &words.join(" OR "))?);
        }
    }
    if let Some(vector) = vector {
        lists.push(by_meaning(c, tenant, query, vector)?);
    }
    let best = fuse(&lists, query.limit.unwrap_or(10) as usize);
    let (mut all, mut weight) = (Vec::new(), 0);
    for (chunk, score) in best {
        let Some(found) = found(c, chunk, score)? else { continue };
        weight += found.metadata.as_ref().map_or(0, |json| json.get().len());
        all.push(found);
        if weight >= PAGE_WEIGHT {
            break;
        }
    }
    Ok(all)
}

/// Words that stand in every second text: to look them up takes long and tells nothing, where there are others.
const COMMON: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "in", "is", "it", "of", "on", "or", "that",
    "the", "this", "to", "was", "which", "will", "with",
];

/// The words of a text, each as FTS5 takes it: in quotes, so that none is an operator.
fn words(text: &str) -> Vec<String> {
    let all = || pieces(text);
    let common = |word: &&str| COMMON.contains(&word.to_lowercase().as_str());
    let telling = all().any(|word| !common(&word));
    let words = all().filter(|word| !telling || !common(word));
    let mut unique = Vec::new();
    for word in words.map(|word| format!("\"{word}\"")) {
        if !unique.contains(&word) && unique.len() < MOST_WORDS {
            unique.push(word);
        }
    }
    unique
}

fn by_words(c: &Connection, tenant: Tenant, query: &SearchQuery, words: &str) -> Result<Vec<Hit>> {
    let mut select = c.prepare_cached(&format!(
        "SELECT k.seq, k.document FROM chunk_text JOIN chunks k ON k.seq = chunk_text.rowid
         JOIN documents d ON d.seq = k.document JOIN batches b ON b.seq = d.batch
         WHERE chunk_text MATCH :words AND {FILTER} ORDER BY chunk_text.rank LIMIT :limit"
    ))?;
    let rows = select.query_map(
        named_params! {
            ":words": words, ":limit": WORDS, ":tenant": tenant.0, ":batch": query.batch_id, ":prefix": query.path_prefix,
            ":type": query.media_type, ":metadata": query.metadata.as_deref().map(|json| json.get()),
        },
        |row| Ok(Hit { chunk: row.get(0)?, document: row.get(1)? }),
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn by_meaning(c: &Connection, tenant: Tenant, query: &SearchQuery, vector: &Vector) -> Result<Vec<Hit>> {
    // A vector of another model than the index's says nothing here.
    let width = index::model_held(c)?.map_or(0, |model| model.width);
    if vector.0.len() != width || vector.0.iter().all(|side| *side == 0) {
        return Ok(Vec::new());
    }
    let mut near = near(c, tenant, query, vector)?;
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    near.truncate(WORDS as usize);
    Ok(near.into_iter().map(|(_, hit)| hit).collect())
}

/// Chunks whose signs are nearest, with their similarity in full.
fn near(c: &Connection, tenant: Tenant, query: &SearchQuery, vector: &Vector) -> Result<Vec<(f32, Hit)>> {
    let narrow = query.path_prefix.is_some() || query.media_type.is_some() || query.metadata.is_some();
    let batch = if query.batch_id.is_some() { "AND batch = (SELECT seq FROM batches WHERE id = :batch)" } else { "" };
    let among = format!(
        "AND rowid IN (SELECT k.seq FROM documents d JOIN batches b ON b.seq = d.batch
         JOIN chunks k ON k.document = d.seq WHERE {FILTER})"
    );
    let among = if narrow { among.as_str() } else { "AND :prefix IS NULL AND :type IS NULL AND :metadata IS NULL" };
    let mut select = c.prepare_cached(&format!(
        "SELECT k.seq, k.document, k.embedding FROM chunks k WHERE (:batch IS NULL OR TRUE) AND k.seq IN (
             SELECT rowid FROM vectors WHERE bits MATCH vec_bit(:bits) AND k = :near AND tenant = :tenant {batch} {among})"
    ))?;
    let rows = select.query_map(
        named_params! {
            ":bits": vector.bits(), ":near": NEAR, ":tenant": tenant.0, ":batch": query.batch_id,
            ":prefix": query.path_prefix, ":type": query.media_type,
            ":metadata": query.metadata.as_deref().map(|json| json.get()),
        },
        |row| {
            let similarity = vector.similarity(row.get_ref(2)?.as_blob()?);
            Ok((similarity, Hit { chunk: row.get(0)?, document: row.get(1)? }))
        },
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A document in the lists.
struct Candidate {
    /// Where it stands best: which list, and which rank.
    list: usize,
    rank: usize,
    /// The chunk of that rank.
    chunk: i64,
    score: f64,
}

/// The best documents of all lists: each by the chunk of its best rank, and the sum of 1/(60 + rank) over the lists, as
/// a part of what the first of all of them has. Of equals the one of an earlier list is better.
fn fuse(lists: &[Vec<Hit>], limit: usize) -> Vec<(i64, f64)> {
    let mut candidates: HashMap<i64, Candidate> = HashMap::new();
    for (list, hits) in lists.iter().enumerate() {
        let mut seen = HashSet::new();
        let best = hits.iter().filter(|hit| seen.insert(hit.document));
        for (rank, Hit { chunk, document }) in best.enumerate() {
            let own = Candidate { list, rank, chunk: *chunk, score: 0.0 };
            let candidate = candidates.entry(*document).or_insert(own);
            if rank < candidate.rank {
                (candidate.list, candidate.rank, candidate.chunk) = (list, rank, *chunk);
            }
            candidate.score += (FLAT + 1.0) / (FLAT + 1.0 + rank as f64) / lists.len() as f64;
        }
    }
    let mut best: Vec<Candidate> = candidates.into_values().collect();
    best.sort_by(|a, b| b.score.total_cmp(&a.score).then((a.list, a.chunk).cmp(&(b.list, b.chunk))));
    best.truncate(limit);
    best.into_iter().map(|candidate| (candidate.chunk, candidate.score)).collect()
}

fn found(c: &Connection, chunk: i64, score: f64) -> Result<Option<Found>> {
    let mut select = c.prepare_cached(
        "SELECT d.id, b.id, d.path, d.detected, d.metadata, k.text FROM chunks k JOIN documents d ON d.seq = k.document
         JOIN batches b ON b.seq = d.batch WHERE k.seq = ?1",
    )?;
    let found = select.query_row([chunk], |row| {
        Ok(Found {
            document_id: row.get(0)?,
            batch_id: row.get(1)?,
            path: row.get(2)?,
            detected: row.get(3)?,
            metadata: batches::raw(row.get(4)?),
            text: row.get(5)?,
            score,
        })
    });
    Ok(rusqlite::OptionalExtension::optional(found)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_an_operator() {
        assert_eq!(words("NOT x* \"b\" (c:d) x"), ["\"NOT\"", "\"x\"", "\"b\"", "\"c\"", "\"d\""]);
        assert_eq!(words("The end of IT"), ["\"end\""]);
        assert_eq!(words("to be or"), ["\"to\"", "\"be\"", "\"or\""]);
        assert!(words(" -- !").is_empty());
        assert_eq!(words(&"ä ö ".repeat(99)).len(), 2);
    }

    #[test]
    fn what_both_lists_tell_comes_first() {
        let list = |hits: &[(i64, i64)]| {
            hits.iter().map(|(chunk, document)| Hit { chunk: *chunk, document: *document }).collect()
        };
        let lists = [list(&[(10, 1), (11, 1), (20, 2), (30, 3)]), list(&[(21, 2), (40, 4)])];
        let best = fuse(&lists, 3);
        assert_eq!(best.iter().map(|(chunk, _)| *chunk).collect::<Vec<_>>(), [21, 10, 40]);
        assert!(best[0].1 < 1.0 && best[0].1 > best[1].1);
        assert_eq!(fuse(&[list(&[(1, 1)])], 9), [(1, 1.0)]);
    }
}
