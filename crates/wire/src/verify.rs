//! Verification: what became of a batch, read back from the server's own disk and index, a page of documents at a time.

use serde::{Deserialize, Serialize};

/// Body of `POST /v1/batches/{id}/verify`; an empty body is all defaults.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct VerifyQuery {
    /// `next` of the page before; `None` for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// About so many documents of the whole batch are looked for by a sentence of theirs: 0 to 100, 20 unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 100))]
    pub probes: Option<u32>,
}

/// Its answer: the counts of this page. Those of a batch are the sums over all pages.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VerifyPage {
    pub documents: DocumentsChecked,
    pub embeddings: EmbeddingsChecked,
    pub probes: ProbesAnswered,
    /// Documents that could not be processed; the batch's errors tell why.
    pub failed: u64,
    /// The cursor of the next page; `None` after the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next: Option<String>,
}

/// Whether bytes are what was sent.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DocumentsChecked {
    /// Documents read back.
    pub checked: u64,
    /// Those whose every block is there, and has the digest that names it. All others are damaged.
    pub stored: u64,
    /// Bytes read back and found right.
    pub bytes: u64,
    /// The first 100 damaged documents of the page.
    pub damaged: Vec<Damaged>,
}

/// A document that cannot be read back as it was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Damaged {
    pub document_id: String,
    pub path: String,
    /// `digest_mismatch` or `block_missing`.
    pub code: String,
    /// For a person: which block, and what to do.
    pub message: String,
}

/// Whether what was processed can be found by meaning.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EmbeddingsChecked {
    /// Processed documents looked at.
    pub documents: u64,
    /// Chunks that they were cut into; a document without text has none.
    pub chunks: u64,
    /// Chunks that have a vector in the index.
    pub present: u64,
    /// Numbers of a vector; `None` while there is no index.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub dimension: Option<u64>,
    /// Of those present: vectors of another length, without a direction, or unlike what the index compares first.
    pub wrong: u64,
}

/// Whether search finds what it should.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProbesAnswered {
    /// Documents looked for.
    pub asked: u64,
    /// Those among the first ten found, or found among paths like their own where others outrank them.
    pub answered: u64,
    /// The others, at most 100.
    pub missed: Vec<Missed>,
}

/// A document that a sentence of its own does not find.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Missed {
    pub document_id: String,
    pub path: String,
    /// What was asked for.
    pub query: String,
}
