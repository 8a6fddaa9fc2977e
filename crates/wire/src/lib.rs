//! The types both ends speak, as PROTOCOL.md names them. The only crate that uploader and server share.
//!
//! | module | holds |
//! | --- | --- |
//! | [`digest`] | [`Digest`]: the name of a block, BLAKE3-256 in hex |
//! | [`bundle`] | [`Manifest`] and [`BundleReply`]: one request body and its acks |
//! | [`batch`] | [`NewBatch`], [`Batch`], [`BatchStatus`], [`Caps`], [`BatchError`] |
//! | [`document`] | [`Document`], and the pages of lists: [`DocumentPage`], [`BatchPage`], [`ErrorPage`] |
//! | [`json`] | JSON read and written in little, for the page; the server uses serde |
//! | `schema` | what of the schemas cannot be derived (with the feature `openapi`, for the server alone) |
//! | [`object`] | [`Object`]: read from an object and from nothing else |
//! | [`search`] | [`SearchQuery`] and [`SearchReply`] |
//! | [`text`] | sentences with gaps, hex digits |
//! | [`token`] | [`NewToken`] and [`UploadToken`] |
//! | [`usage`] | [`Usage`] and [`Quota`] of a tenant |
//! | [`verify`] | [`VerifyQuery`] and [`VerifyPage`] |
//! | [`webhook`] | [`WebhookEvent`], and [`Delivery`]: the record of its way |
//! | [`problem`] | [`Problem`]: errors as RFC 9457 problem details, and the codes in use |
//!
//! Sizes are bytes, times are ISO 8601 in UTC unless a field says otherwise.

pub mod batch;
pub mod bundle;
pub mod digest;
pub mod document;
pub mod json;
pub mod object;
pub mod problem;
#[cfg(feature = "openapi")]
pub mod schema;
pub mod search;
pub mod text;
pub mod token;
pub mod usage;
pub mod verify;
pub mod webhook;

pub use batch::{
    Batch, BatchError, BatchLimits, BatchReport, BatchStatus, BatchView, Caps, NewBatch, Phase, ProcessingOptions,
    Retried, TrackingOptions,
};
pub use bundle::{
    BlockAck, BlockManifest, BlockOutcome, BundleReply, DocumentAck, DocumentEntry, DocumentOutcome, Manifest,
};
pub use digest::Digest;
pub use document::{BatchPage, Document, DocumentPage, DocumentState, ErrorPage};
pub use object::Object;
pub use problem::{ErrorType, Problem, codes};
pub use search::{SearchHit, SearchQuery, SearchReply};
pub use token::{NewToken, UploadToken};
pub use usage::{Quota, Usage};
pub use verify::{Damaged, DocumentsChecked, EmbeddingsChecked, Missed, ProbesAnswered, VerifyPage, VerifyQuery};
pub use webhook::{Delivery, DeliveryPage, DeliveryState, WebhookEvent, WebhookSecret};

/// The name of the first part of a bundle.
pub const MANIFEST_PART: &str = "manifest";
