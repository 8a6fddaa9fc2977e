//! What a tenant holds, and what it may.

use serde::{Deserialize, Serialize};

/// Answer of `GET /v1/usage`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Documents of all batches.
    pub documents: u64,
    /// Their sizes: what they share with each other counts for each.
    pub bytes: u64,
    /// Lengths of the blocks that are held, each once, also of those that no document names.
    pub block_bytes: u64,
    pub batches: u64,
    pub quota: Quota,
}

/// What a tenant may hold; `None`: as much as there is room for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Quota {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_documents: Option<u64>,
    /// Of [`Usage::bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batches: Option<u64>,
}

impl Usage {
    /// Bytes of blocks that may come yet. They may be twice as many as those of documents: what is under way, or was
    /// replaced and is not removed yet, is no document's.
    pub fn room(&self) -> Option<u64> {
        self.quota.max_bytes.map(|max| max.saturating_mul(2).saturating_sub(self.block_bytes))
    }
}
