//! Files that the user set aside, one by one: neither read nor sent until they are taken up again.

use super::{Engine, Walk};
use crate::asking::Asking;
use crate::files::{Awaits, Facts};
use crate::io::{FileId, FileState, Now};

impl Engine {
    /// What is not stored yet waits; what is on its way is called off, as if it were removed.
    pub(super) fn set_aside(&mut self, ids: &[FileId], now: Now) {
        for id in ids.iter().copied() {
            if !self.is_there(id, FileState::Paused) {
                continue;
            }
            self.call_back(id);
            if let Some(work) = self.files.row_mut(id).and_then(|row| row.work.take()) {
                self.release(id, &work, now);
            }
            self.files.wait(id, Awaits::User);
            if let Some(row) = self.files.row_mut(id) {
                row.state = FileState::Paused;
            }
            self.updates.file(&mut self.files, id);
        }
        self.clear_queue();
    }

    /// From the beginning, for it may have changed meanwhile; blocks that had arrived are not sent again.
    pub(super) fn take_up(&mut self, ids: &[FileId], now: Now) {
        self.early.retain(|(id, to)| !ids.contains(id) || *to == FileState::Cancelled);
        if !self.wants_link() {
            self.be_patient(now);
        }
        for id in ids.iter().copied() {
            if self.files.waited(id, Awaits::User) {
                self.asking = Asking::default();
                self.anew(id, now);
            }
        }
    }

    pub(super) fn take_up_all(&mut self, now: Now) {
        self.early.retain(|(_, to)| *to == FileState::Cancelled);
        if self.files.awaiting(Awaits::User) > 0 {
            self.take_up(&self.files.live(), now);
        }
    }

    /// The row as it was when it was found, but for what was shown of it.
    pub(super) fn anew(&mut self, id: FileId, now: Now) {
        let Some(row) = self.files.row_mut(id) else { return };
        if let Some(size) = std::mem::replace(&mut row.size, None.into()).get() {
            self.tally.unsized_(size);
            self.accepted.1 = self.accepted.1.saturating_sub(size);
        }
        row.state = FileState::Waiting;
        row.facts = Facts::Loose;
        self.updates.file(&mut self.files, id);
        // A new document of the file would be the one that is taken away.
        if self.transport.discards(id) {
            self.files.wait(id, Awaits::Discard);
        } else {
            self.requeue(id, now);
        }
    }

    /// Nothing else is left to do.
    pub(super) fn is_all_aside(&self) -> bool {
        let aside = self.files.awaiting(Awaits::User) as u64;
        aside > 0 && self.walk == Walk::Ended && self.tally.at_rest() + aside == self.tally.found_so_far()
    }
}
