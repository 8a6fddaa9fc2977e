//! The state machine.
use crate::{Action, Config, Input, Now, Progress};

/// The state machine.
pub struct Engine {
    _config: Config,
}

impl Engine {
    pub fn new(config: Config, _seed: u64) -> Self {
        Engine { _config: config }
    }
    pub fn handle(&mut self, _input: Input, _now: Now) {}
    pub fn poll(&mut self) -> Option<Action> {
        None
    }
    pub fn wake_at(&self) -> Option<Now> {
        None
    }
    pub fn progress(&self) -> Progress {
        Progress::default()
    }
}
