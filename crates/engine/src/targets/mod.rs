//! The servers that can be uploaded to: each file turns work into requests, and replies into acks.

pub(crate) mod cloudindex;
