//! What of the schemas cannot be derived. Only with the feature `openapi`: the browser's wasm has none of it.

use crate::Digest;
use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::{ArrayBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A block as manifests and documents name it; in Rust a `(Digest, u64)`.
pub struct BlockEntry;

impl PartialSchema for BlockEntry {
    fn schema() -> RefOr<Schema> {
        let members = [Digest::schema(), u64::schema()].into_iter().filter_map(|schema| match schema {
            RefOr::T(schema) => Some(schema),
            RefOr::Ref(_) => None,
        });
        let pair = ArrayBuilder::new().prefix_items(members).items(ArrayItems::False).min_items(Some(2));
        pair.description(Some("A block: its digest, and its length in bytes.")).into()
    }
}

impl ToSchema for BlockEntry {}
