//! How far the upload is. Only acks move it.

use serde::Serialize;

/// What percent and time left are counted in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Some sizes are not known yet.
    #[default]
    Files,
    Bytes,
}

/// A snapshot; every field is kept, none is recomputed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Files found so far.
    pub total: u64,
    /// Files that the server holds.
    pub completed: u64,
    /// Files that failed or were refused.
    pub failed: u64,
    /// Bytes acked.
    pub bytes: u64,
    /// Bytes of the files whose size is known; all of them when `basis` is `bytes`.
    pub total_bytes: u64,
    pub bytes_per_second: f64,
    /// `None` (absent) until there is something to measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<f64>,
    /// 0 to 100, never falling, also while more files are found.
    pub percent: f64,
    pub basis: Basis,
}
