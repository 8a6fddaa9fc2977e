//! What a document must be, apart from where it is kept: the pure rules.

use crate::error::brief;
use cloudindex_wire::{BatchLimits, Caps, DocumentEntry, Problem, Quota, Usage, codes};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Bytes of a path.
pub const MAX_PATH: usize = 4096;

/// Bytes of a media type; those of RFC 6838 have 255.
const MAX_TYPE: usize = 255;

/// How deep free-form JSON may be nested. SQLite, which looks into it, goes ten times as deep.
const MAX_DEPTH: usize = 100;

/// A document of a manifest, with what its own entry says against it.
#[derive(Debug)]
pub struct Candidate {
    pub entry: DocumentEntry,
    pub fault: Option<Problem>,
}

impl Candidate {
    /// Checks what can be checked without the batch.
    pub fn new(entry: DocumentEntry, caps: &Caps) -> Self {
        let fault = path(&entry.path).and_then(|()| shape(&entry, caps)).err();
        Candidate { entry, fault }
    }
}

/// Whether `path` is relative, clean and short.
fn path(path: &str) -> Result<(), Problem> {
    let wrong = if path.is_empty() {
        "is empty"
    } else if path.len() > MAX_PATH {
        "has more than 4096 bytes"
    } else if path.contains('\0') {
        "has a NUL"
    } else if path.starts_with('/') {
        "begins with /: paths are relative"
    } else if path.split('/').any(str::is_empty) {
        "has an empty segment"
    } else if path.split('/').any(|segment| segment == "." || segment == "..") {
        "has a segment . or .."
    } else {
        return Ok(());
    };
    let detail = format!("the path {:?} {wrong}; send a relative path with / between its segments", brief(path));
    Err(Problem::new(422, codes::INVALID_PATH, "The path cannot be taken", detail))
}

/// Whether size, blocks and metadata fit each other and the caps.
fn shape(entry: &DocumentEntry, caps: &Caps) -> Result<(), Problem> {
    let name = brief(&entry.path);
    let sum = entry.blocks.iter().try_fold(0u64, |sum, (_, length)| sum.checked_add(*length));
    // What fits i64 fits every store.
    if sum != Some(entry.size) || i64::try_from(entry.size).is_err() {
        let sum = sum.map_or_else(|| "more than 2^64".into(), |sum| sum.to_string());
        return Err(invalid_file(format!(
            "{name:?} says {} bytes, its blocks have {sum}; send the list of all its blocks",
            entry.size
        )));
    }
    if let Some((digest, length)) = entry.blocks.iter().find(|(_, length)| *length > caps.block_bytes) {
        let detail =
            format!("block {digest} of {name:?} has {length} bytes, the most is {}; cut it smaller", caps.block_bytes);
        return Err(Problem::new(413, codes::BLOCK_TOO_LARGE, "A block is too large", detail));
    }
    if entry.last_modified.is_some_and(|ms| i64::try_from(ms).is_err()) {
        return Err(invalid_file(format!("lastModified of {name:?} is no time in milliseconds since 1970")));
    }
    if entry.media_type.len() > MAX_TYPE {
        let length = entry.media_type.len();
        return Err(invalid_file(format!(
            "the type of {name:?} has {length} bytes, the most is {MAX_TYPE}; send less of it, or none"
        )));
    }
    if entry.metadata.as_deref().is_some_and(|json| !is_object(json)) {
        return Err(invalid_file(format!("metadata of {name:?} must be {OBJECT}")));
    }
    Ok(())
}

/// What free-form JSON must be.
pub const OBJECT: &str = "a JSON object, nested 100 deep at most";

/// Whether it is.
pub fn is_object(json: &RawValue) -> bool {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for byte in json.get().bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    json.get().trim_start().starts_with('{') && deepest <= MAX_DEPTH
}

/// The file and its blocks do not fit.
pub fn invalid_file(detail: String) -> Problem {
    Problem::new(422, codes::INVALID_FILE, "The document is not valid", detail)
}

/// What a batch holds, or a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub documents: u64,
    pub bytes: u64,
}

/// Whether a document may join a batch of `totals`; `replaced`: size of the document it takes the place of.
/// Tells the totals with it.
pub fn admit(
    limits: &BatchLimits,
    totals: Totals,
    entry: &DocumentEntry,
    replaced: Option<u64>,
) -> Result<Totals, Problem> {
    let name: Cow<'_, str> = brief(&entry.path);
    let size = entry.size;
    if let Some(max) = limits.max_file_size.filter(|max| size > *max) {
        let detail = format!(
            "{name:?} has {size} bytes, limits.maxFileSize of this batch is {max}; leave it out, or create a batch with a higher limit"
        );
        return Err(Problem::new(422, codes::FILE_TOO_LARGE, "The file is too large", detail));
    }
    let documents = totals.documents.saturating_add(u64::from(replaced.is_none()));
    if let Some(max) = limits.max_batch_size.filter(|max| documents > *max && replaced.is_none()) {
        let detail = format!(
            "with {name:?} the batch would have {documents} files, its limits.maxBatchSize is {max}; put it into another batch, or create one with a higher limit"
        );
        return Err(Problem::new(422, codes::TOO_MANY_FILES, "The batch has no room for another file", detail));
    }
    let bytes = totals.bytes.saturating_sub(replaced.unwrap_or(0)).saturating_add(size);
    if let Some(max) = limits.total_batch_bytes.filter(|max| bytes > *max) {
        let detail = format!(
            "with {name:?} the batch would have {bytes} bytes, its limits.totalBatchBytes is {max}; put it into another batch, or create one with a higher limit"
        );
        return Err(Problem::new(422, codes::BATCH_TOO_LARGE, "The batch has no room for so many bytes", detail));
    }
    Ok(Totals { documents, bytes })
}

/// Whether a document may join what its tenant holds. What makes that less is let pass also where the quota was lowered.
/// Tells the totals with it.
pub fn within(quota: &Quota, totals: Totals, entry: &DocumentEntry, replaced: Option<u64>) -> Result<Totals, Problem> {
    let name = brief(&entry.path);
    let documents = totals.documents.saturating_add(u64::from(replaced.is_none()));
    if let Some(max) = quota.max_documents.filter(|max| documents > *max && replaced.is_none()) {
        return Err(over_quota(format!(
            "with {name:?} your tenant would hold {documents} documents, its quota is {max}; delete some, or have the server's operator raise quota-documents"
        )));
    }
    let bytes = totals.bytes.saturating_sub(replaced.unwrap_or(0)).saturating_add(entry.size);
    if let Some(max) = quota.max_bytes.filter(|max| bytes > *max && bytes > totals.bytes) {
        return Err(over_quota(format!(
            "with {name:?} your tenant's documents would have {bytes} bytes, its quota is {max} and {} are held; delete some, or have the server's operator raise quota-bytes",
            totals.bytes
        )));
    }
    Ok(Totals { documents, bytes })
}

/// There is no room for more blocks.
pub fn no_room(usage: &Usage) -> Problem {
    let Usage { block_bytes, quota, .. } = usage;
    over_quota(format!(
        "your tenant's blocks have {block_bytes} bytes, and twice its quota of {} bytes is the most; delete documents, or wait a day for blocks that no document names to be dropped, or have the server's operator raise quota-bytes",
        quota.max_bytes.unwrap_or_default()
    ))
}

/// There is no room for another batch.
pub fn no_batch(usage: &Usage) -> Problem {
    over_quota(format!(
        "your tenant holds {} batches, its quota is {}; use one that is open, or have the server's operator raise quota-batches",
        usage.batches,
        usage.quota.max_batches.unwrap_or_default()
    ))
}

fn over_quota(detail: String) -> Problem {
    Problem::new(403, codes::QUOTA_EXCEEDED, "The quota is used up", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for good in ["a", "a/b.txt", "…/😀", "a\nb\"'\\", " ", "..a/.b/c..", &"x".repeat(MAX_PATH)] {
            assert!(path(good).is_ok(), "{good:?}");
        }
        for bad in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", "a\0b", &"x".repeat(MAX_PATH + 1)] {
            assert_eq!(path(bad).unwrap_err().code, codes::INVALID_PATH, "{bad:?}");
        }
    }

    fn entry(size: u64) -> DocumentEntry {
        DocumentEntry {
            path: "a".into(),
            size,
            media_type: String::new(),
            last_modified: None,
            metadata: None,
            blocks: Vec::new(),
        }
    }

    #[test]
    fn quotas_let_pass_what_takes_less() {
        let quota = Quota { max_documents: Some(2), max_bytes: Some(10), max_batches: None };
        let held = |documents, bytes| Totals { documents, bytes };
        assert_eq!(within(&quota, held(1, 4), &entry(6), None), Ok(held(2, 10)));
        assert_eq!(within(&quota, held(2, 9), &entry(5), Some(4)), Ok(held(2, 10)));
        // The quota was lowered: nothing more, and less gladly.
        assert_eq!(within(&quota, held(9, 90), &entry(50), Some(60)), Ok(held(9, 80)));
        let refused = |held, size, replaced| within(&quota, held, &entry(size), replaced).unwrap_err();
        for (error, words) in [
            (refused(held(2, 0), 0, None), ["3 documents", "quota-documents"]),
            (refused(held(1, 4), 7, None), ["11 bytes", "quota-bytes"]),
            (refused(held(9, 90), 61, Some(60)), ["91 bytes", "quota-bytes"]),
            (refused(held(1, 4), u64::MAX, None), ["quota is 10", "4 are held"]),
        ] {
            assert_eq!((&*error.code, error.retryable), (codes::QUOTA_EXCEEDED, false));
            assert!(words.iter().all(|word| error.detail.contains(word)), "{}", error.detail);
        }
        assert_eq!(within(&Quota::default(), held(9, 90), &entry(9), None), Ok(held(10, 99)));
    }

    #[test]
    fn limits_count_replacements_once() {
        let limits = BatchLimits { max_batch_size: Some(1), max_file_size: Some(10), total_batch_bytes: Some(10) };
        let full = Totals { documents: 1, bytes: 10 };
        assert_eq!(admit(&limits, Totals { documents: 0, bytes: 0 }, &entry(10), None), Ok(full));
        assert_eq!(admit(&limits, full, &entry(10), Some(10)), Ok(full));
        assert_eq!(admit(&limits, full, &entry(0), None).unwrap_err().code, codes::TOO_MANY_FILES);
        assert_eq!(admit(&limits, full, &entry(10), Some(9)).unwrap_err().code, codes::BATCH_TOO_LARGE);
        assert_eq!(admit(&limits, full, &entry(11), Some(10)).unwrap_err().code, codes::FILE_TOO_LARGE);
    }
}
