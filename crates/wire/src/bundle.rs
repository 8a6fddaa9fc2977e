//! The bundle: the body of one request, and its acks.
//!
//! A bundle is `multipart/form-data`. The first part is named `manifest` and holds a [`Manifest`] as JSON; each
//! further part is a block, named by its digest. `POST /v1/batches/{id}/documents` takes both;
//! `POST /v1/batches/{id}/blocks` takes block parts alone, or a [`BlockManifest`] alone. All answer a [`BundleReply`].
//!
//! A manifest without block parts is the probe: of documents it commits those whose blocks are all there and names what the
//! others lack; of blocks it tells which are `missing`.

use crate::json::Reader;
use crate::{Digest, Problem, codes, digest::NotADigest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The first part of a bundle: which documents, made of which blocks.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    #[serde(deserialize_with = "crate::object::all")]
    pub documents: Vec<DocumentEntry>,
}

/// One document of a manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DocumentEntry {
    /// Relative, `/` between segments, unique in its batch: posting a path again with other blocks replaces it.
    pub path: String,
    /// Bytes; must equal the sum of the block lengths.
    pub size: u64,
    /// Media type as the browser gave it; empty when unknown.
    #[serde(rename = "type", default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// Milliseconds since 1970, as `File.lastModified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<u64>,
    /// A JSON object of the application's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<Box<RawValue>>,
    /// `[digest, length]` in the order of the bytes; empty for an empty file.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::BlockEntry>))]
    pub blocks: Vec<(Digest, u64)>,
}

/// The manifest of a probe for blocks alone: which of these does the server lack?
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockManifest {
    /// `[digest, length]`; answered in this order.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schema::BlockEntry>))]
    pub blocks: Vec<(Digest, u64)>,
}

/// The answer to a bundle: one ack a document and a block, in the order of the request.
#[derive(Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BundleReply {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub documents: Vec<DocumentAck>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub blocks: Vec<BlockAck>,
}

impl BundleReply {
    /// Reads JSON as serde would.
    pub fn read(json: &[u8]) -> Option<Self> {
        let mut reply = BundleReply::default();
        Reader::read(json, |reader| {
            reader.object(&mut |reader, name| match name {
                "documents" => reader.list(&mut |reader| {
                    reply.documents.push(FlatAck::read(reader)?.into());
                    Some(())
                }),
                "blocks" => reader.list(&mut |reader| {
                    reply.blocks.push(FlatAck::read(reader)?.try_into().ok()?);
                    Some(())
                }),
                _ => reader.skip(),
            })
        })?;
        Some(reply)
    }
}

/// What became of one document of the manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", from = "FlatAck")]
pub struct DocumentAck {
    pub path: String,
    #[serde(flatten)]
    pub outcome: DocumentOutcome,
}

/// The server's word on a document; `committed` and `duplicate` are durable.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum DocumentOutcome {
    /// The record is stored under `id`.
    Committed { id: String },
    /// The batch held just this document already, under `id`.
    Duplicate { id: String },
    /// Blocks that the server lacks; send them, then the manifest again.
    Incomplete { missing: Vec<Digest> },
    /// This document will not be taken; the rest of the bundle counts.
    Rejected { error: Problem },
}

/// What became of one block part.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", try_from = "FlatAck")]
pub struct BlockAck {
    pub digest: Digest,
    #[serde(flatten)]
    pub outcome: BlockOutcome,
}

/// The server's word on a block; `stored` and `duplicate` are durable.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum BlockOutcome {
    Stored,
    Duplicate,
    /// It was asked for, and is not there.
    Missing,
    /// `digest_mismatch`, `block_too_large`; the rest of the bundle counts.
    Rejected {
        error: Problem,
    },
}

/// An ack as it is read: one flat object for both kinds.
#[derive(Deserialize)]
struct FlatAck {
    #[serde(default)]
    path: String,
    digest: Option<Digest>,
    status: Status,
    #[serde(default)]
    id: String,
    #[serde(default)]
    missing: Vec<Digest>,
    error: Option<Problem>,
}

impl FlatAck {
    fn read(reader: &mut Reader) -> Option<Self> {
        let (mut path, mut id, mut missing) = (String::new(), String::new(), Vec::new());
        let (mut digest, mut status, mut error) = (None, None, None);
        reader.object(&mut |reader, name| {
            match name {
                "path" => path = reader.string()?,
                "id" => id = reader.string()?,
                "digest" => digest = reader.optional(Digest::read)?,
                "status" => status = Some(Status::named(&reader.text()?)?),
                "missing" => reader.list(&mut |reader| {
                    missing.push(Digest::read(reader)?);
                    Some(())
                })?,
                "error" => error = reader.optional(Problem::read_from)?,
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(FlatAck { path, digest, status: status?, id, missing, error })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Committed,
    Stored,
    Duplicate,
    Incomplete,
    Missing,
    Rejected,
}

impl Status {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "committed" => Status::Committed,
            "stored" => Status::Stored,
            "duplicate" => Status::Duplicate,
            "incomplete" => Status::Incomplete,
            "missing" => Status::Missing,
            "rejected" => Status::Rejected,
            _ => return None,
        })
    }
}

fn reason(error: Option<Problem>) -> Problem {
    error.unwrap_or_else(|| {
        Problem::new(422, codes::INVALID_REQUEST, "Refused", "the server refuses it, and says not why")
    })
}

impl From<FlatAck> for DocumentAck {
    fn from(ack: FlatAck) -> Self {
        let outcome = match ack.status {
            Status::Committed | Status::Stored => DocumentOutcome::Committed { id: ack.id },
            Status::Duplicate => DocumentOutcome::Duplicate { id: ack.id },
            Status::Incomplete => DocumentOutcome::Incomplete { missing: ack.missing },
            Status::Rejected | Status::Missing => DocumentOutcome::Rejected { error: reason(ack.error) },
        };
        DocumentAck { path: ack.path, outcome }
    }
}

impl TryFrom<FlatAck> for BlockAck {
    type Error = NotADigest;

    fn try_from(ack: FlatAck) -> Result<Self, NotADigest> {
        let outcome = match ack.status {
            Status::Committed | Status::Stored => BlockOutcome::Stored,
            Status::Duplicate => BlockOutcome::Duplicate,
            Status::Missing => BlockOutcome::Missing,
            Status::Incomplete | Status::Rejected => BlockOutcome::Rejected { error: reason(ack.error) },
        };
        Ok(BlockAck { digest: ack.digest.ok_or(NotADigest)?, outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acks_read_back_what_was_written() {
        let digest = Digest([7; 32]);
        let problem = || Problem::new(422, codes::INVALID_FILE, "t", "d");
        let document = |outcome| DocumentAck { path: "a/b".into(), outcome };
        let block = |outcome| BlockAck { digest, outcome };
        let reply = BundleReply {
            documents: vec![
                document(DocumentOutcome::Committed { id: "1".into() }),
                document(DocumentOutcome::Duplicate { id: "2".into() }),
                document(DocumentOutcome::Incomplete { missing: vec![digest] }),
                document(DocumentOutcome::Rejected { error: problem() }),
            ],
            blocks: vec![
                block(BlockOutcome::Stored),
                block(BlockOutcome::Duplicate),
                block(BlockOutcome::Missing),
                block(BlockOutcome::Rejected { error: problem() }),
            ],
        };
        let text = serde_json::to_string(&reply).unwrap();
        let back: BundleReply = serde_json::from_str(&text).unwrap();
        assert_eq!(format!("{back:?}"), format!("{reply:?}"));
        assert!(serde_json::from_str::<BlockAck>(r#"{"status":"stored"}"#).is_err());
    }
}
