//! What a run amounts to, in numbers that add up.

/// What a run amounts to.
#[derive(Debug, Default, Clone, Copy)]
pub struct Figures {
    pub sends: u64,
    /// Bodies that travelled packed.
    pub packed: u64,
    /// Bytes of all bodies, as they travelled.
    pub wire_bytes: u64,
    pub losses: u64,
    pub body_bytes: u64,
    pub committed: u64,
    pub failed: u64,
    /// Pages that died in the middle of an upload, and those that were closed; each was followed by another.
    pub crashes: u64,
    pub returns: u64,
    /// Bytes of files that pages were told stored, and that did not travel for it.
    pub saved: u64,
    pub virtual_ms: u64,
    pub steps: u64,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, more: Figures) {
        let Figures {
            sends,
            packed,
            wire_bytes,
            losses,
            body_bytes,
            committed,
            failed,
            crashes,
            returns,
            saved,
            virtual_ms,
            steps,
        } = more;
        self.sends += sends;
        self.packed += packed;
        self.wire_bytes += wire_bytes;
        self.losses += losses;
        self.body_bytes += body_bytes;
        self.committed += committed;
        self.failed += failed;
        self.crashes += crashes;
        self.returns += returns;
        self.saved += saved;
        self.virtual_ms += virtual_ms;
        self.steps += steps;
    }
}
