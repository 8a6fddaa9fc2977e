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
pub mod blocks;
pub mod config;
pub mod engine;
pub mod error;
pub mod io;
pub mod progress;

pub use blocks::{CutSizes, Cutter};
pub use config::Config;
pub use engine::Engine;
pub use error::Failure;
pub use io::*;
pub use progress::Progress;
