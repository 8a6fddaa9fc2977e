//! The core of `cloudindex-uploader`: everything that decides, and nothing that does.
//!
//! A deterministic state machine without clock, network, file, randomness or browser. The shell owns one loop:
//!
//! ```text
//! engine.handle(input, now);                 // something happened
//! while let Some(action) = engine.poll() {   // do what it asks for
//!     perform(action);                       // results come back as inputs
//! }
//! arm_timer(engine.wake_at());               // the one timer; when it fires: handle(Input::Wake, now)
//! ```
//!
//! The way of a file through the modules: [`io`] (found) → [`limits`] → [`plan`] (groups) → `intake` (reads, bounded memory) →
//! [`blocks`] (cut, digest) → `bundle` (what goes together) → `compression` → `transport` (attempts, link; `pace`: how much of it) → `targets` (requests, replies) →
//! `progress` → [`Update`]. [`engine`] holds them together.

pub mod blocks;
pub mod config;
pub mod engine;
pub mod error;
pub mod io;
pub mod journal;
pub mod limits;
pub mod options;
pub mod plan;
pub mod progress;

mod asking;
mod bundle;
mod compression;
mod files;
mod index;
mod intake;
mod pace;
mod parcel;
mod retry;
mod rng;
mod shared;
mod targets;
mod throughput;
mod transport;

pub use blocks::{CutSizes, Cutter};
pub use compression::{Texture, texture};
pub use config::Config;
pub use engine::Engine;
pub use error::Failure;
pub use io::*;
pub use progress::Progress;
