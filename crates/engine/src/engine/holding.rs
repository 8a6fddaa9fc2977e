//! Which blocks are where: held here, asked for, on their way in another file, stored there.

use super::Engine;
use super::replies::Next;
use crate::bundle::{Load, Purpose, What};
use crate::config::Ask;
use crate::error::{Failure, codes};
use crate::files::{Again, BlockState, Bytes, Source, Stream, Takes, Turn, Work};
use crate::index::Index;
use crate::io::{Action, BlockKey, FileId, FileState, Now};
use crate::parcel::{Errand, Parcel, Past};
use crate::shared::{Claim, name};
use crate::targets::cloudindex::{BLOCK_ENTRY, block_cost, document_cost};
use cloudindex_wire::{Digest, text::fill};

/// Readings of one file before it is given up: a server that loses blocks again and again, or a wire that garbles them.
const ROUNDS: u8 = 3;
/// Most documents, and most blocks of a large file, that go unasked between two that are asked.
const DOCUMENTS_UNASKED: u32 = 1000;
const BLOCKS_UNASKED: u32 = 64;

impl Engine {
    /// New blocks: what the server has is dropped, what is on its way already waits, the rest of a large file is asked for or
    /// sent. (A small file's block goes with its document.)
    pub(super) fn queue_blocks(&mut self, id: FileId, first: u32, is_large: bool, now: Now) {
        for index in first.. {
            let key = BlockKey { file: id, index };
            let Some(block) = self.files.block(key) else { break };
            let lacked = self.files.work(id).and_then(|work| work.again.as_ref()).map(|again| &again.missing);
            let lacked = lacked.map(|missing| missing.has(name(&block.digest)));
            if lacked == Some(false) {
                self.stored(key, now);
                continue;
            }
            match self.shared.claim(&block.digest, key) {
                Claim::Stored => self.mark_stored(key, now),
                Claim::Waits => self.set_state(key, BlockState::Waits),
                Claim::Owner if is_large => {
                    let may_ask = self.config.ask == Ask::WhileItPays && lacked.is_none();
                    let asks = self.files.work_mut(id).is_some_and(|work| may_ask && work.asking.asks());
                    let (bytes, purpose) = match asks {
                        true => (BLOCK_ENTRY, Purpose::Ask),
                        false => (block_cost(block.len), Purpose::Send),
                    };
                    self.queue_block(key, bytes, purpose, now);
                }
                Claim::Owner => {}
            }
        }
    }

    /// The file is read: its document is asked for, or goes.
    pub(super) fn queue_read(&mut self, id: FileId, now: Now) {
        let Some(work) = self.files.work(id) else { return };
        let brings = work.inline().next().is_some() && work.again.is_none();
        let is_small = work.read <= self.config.cut.small_file as u64;
        let ask = self.config.ask == Ask::WhileItPays && brings && is_small && self.asking.asks();
        self.queue_document(id, if ask { Purpose::Ask } else { Purpose::Send }, now);
    }

    /// The document goes as soon as the server holds the blocks of a large file, and those that others bring.
    pub(super) fn queue_document(&mut self, id: FileId, purpose: Purpose, now: Now) {
        let (Some(row), Some(work)) = (self.files.row(id), self.files.work(id)) else { return };
        if work.stream != Stream::Ended {
            return;
        }
        let is_small = work.read <= self.config.cut.small_file as u64 && !work.states.contains(&BlockState::Waits);
        if is_small || work.is_whole() {
            let inline = work.inline_bytes();
            let held = if work.bytes == Bytes::Held { inline } else { 0 };
            let cost = document_cost(
                row,
                self.files.media_type(row),
                work.blocks.len(),
                if purpose == Purpose::Ask { 0 } else { inline },
            );
            let turn = self.files.work_mut(id).map(|work| std::mem::replace(&mut work.turn, Turn::Taken));
            if turn == Some(Turn::ToCome) {
                self.ready.push((What::Documents, purpose), BlockKey { file: id, index: 0 }, cost, held, now);
            }
        }
    }

    pub(super) fn queue_if_whole(&mut self, id: FileId, now: Now) {
        if self.files.work(id).is_some_and(|work| work.is_whole()) {
            self.queue_document(id, Purpose::Send, now);
        }
    }

    /// The server holds this block: neither its bytes nor those of its likes are needed any more.
    pub(super) fn stored(&mut self, key: BlockKey, now: Now) {
        let Some(block) = self.files.block(key) else { return };
        self.mark_stored(key, now);
        self.share(&block.digest, now);
    }

    /// Those that waited for this block have it.
    pub(super) fn share(&mut self, digest: &Digest, now: Now) {
        for key in self.shared.stored(digest) {
            self.mark_stored(key, now);
            self.queue_if_whole(key.file, now);
        }
    }

    fn mark_stored(&mut self, key: BlockKey, now: Now) {
        let Some(block) = self.files.block(key) else { return };
        let Some(work) = self.files.work_mut(key.file) else { return };
        let Some(state) = work.states.get_mut(key.index as usize) else { return };
        if *state == BlockState::Stored {
            return;
        }
        *state = BlockState::Stored;
        let before = work.takes();
        work.stored += 1;
        work.acked += u64::from(block.len);
        work.forgotten += u64::from(block.len);
        let (after, acked) = (work.takes(), work.acked);
        self.intake.rebook(before, after);
        self.act(Action::Forget { file: key.file, blocks: key.index..key.index + 1 });
        self.count_acked(key.file, acked, now);
    }

    pub(super) fn is_held(&self, key: BlockKey) -> bool {
        let states = self.files.work(key.file).map(|work| &work.states);
        states.and_then(|states| states.get(key.index as usize)) == Some(&BlockState::Held)
    }

    fn set_state(&mut self, key: BlockKey, to: BlockState) {
        if let Some(state) = self.files.work_mut(key.file).and_then(|work| work.states.get_mut(key.index as usize)) {
            *state = to;
        }
    }

    /// Progress counts what goes beyond what it has counted of this file.
    pub(super) fn count_acked(&mut self, id: FileId, acked: u64, now: Now) {
        let Some(row) = self.files.row_mut(id) else { return };
        let more = acked.saturating_sub(row.counted);
        if more == 0 {
            return;
        }
        row.counted = acked;
        if let Some(size) = row.size.get().filter(|size| *size > 0) {
            // 100 is for what is committed.
            row.percent = row.percent.max((acked.saturating_mul(100) / size).min(99) as u8);
        }
        self.tally.acked(more, now);
        self.updates.file(&mut self.files, id);
    }

    /// The answer to a question about blocks.
    pub(super) fn block_found(&mut self, key: BlockKey) {
        if let Some(work) = self.files.work_mut(key.file) {
            work.asking.hit();
        }
    }

    pub(super) fn block_missing(&mut self, key: BlockKey) {
        if let Some(work) = self.files.work_mut(key.file) {
            work.asking.miss(BLOCKS_UNASKED);
        }
    }

    /// What was asked for and is missing goes: by a request of its own that remembers how often this was tried, or in the
    /// next bundle.
    pub(super) fn send_missing(&mut self, past: Past, what: What, keys: Vec<BlockKey>, now: Now) {
        // Also breaks that it shared with others are remembered, or it might break them for ever.
        if past.tried > 0 || past.shared > 0 {
            return self.send_in_parts(past, Load { what, purpose: Purpose::Send, keys }, now);
        }
        for key in keys {
            if what == What::Documents {
                if let Some(work) = self.files.work_mut(key.file) {
                    work.turn = Turn::ToCome;
                }
                self.queue_document(key.file, Purpose::Send, now);
            } else {
                let bytes = self.files.block(key).map_or(0, |block| block_cost(block.len));
                self.queue_block(key, bytes, Purpose::Send, now);
            }
        }
    }

    /// What fitted into a question need not fit into a bundle.
    fn send_in_parts(&mut self, past: Past, mut load: Load, now: Now) {
        if load.keys.is_empty() {
            return;
        }
        let fits = self.weigh(&load).0 <= self.bundle_bytes && self.held(&load) <= self.held_bytes;
        let rest = if fits { None } else { load.halve() };
        let Some(rest) = rest else {
            let past = Past { ready_at: now, ..past };
            return self.transport.requeue(Parcel { errand: Errand::Bundle(load), past });
        };
        self.send_in_parts(past, load, now);
        self.send_in_parts(past, rest, now);
    }

    /// The server has all of a document whose bytes were here to be sent.
    pub(super) fn document_found(&mut self, id: FileId) {
        if self.files.work(id).is_some_and(|work| work.inline().next().is_some()) {
            self.asking.hit();
        }
    }

    /// The server lacks blocks of a document. If they are here it can go now; else the file is read for them.
    pub(super) fn lacks(&mut self, id: FileId, missing: Vec<Digest>, purpose: Purpose, now: Now) -> Next {
        for digest in &missing {
            self.shared.lost(digest);
        }
        let Some(work) = self.files.work(id) else { return Next::Done };
        let held = |digest: &Digest| {
            let mut blocks = work.blocks.iter().zip(&work.states);
            blocks.any(|(block, state)| block.digest == *digest && *state == BlockState::Held)
        };
        if purpose == Purpose::Send || work.stream != Stream::Ended || !missing.iter().all(held) {
            self.read_again(id, missing, now);
            return Next::Done;
        }
        let mut waits = false;
        for key in self.files.keys(id) {
            if let Some(block) = self.files.block(key)
                && self.is_held(key)
                && !missing.contains(&block.digest)
            {
                self.stored(key, now);
            }
        }
        self.asking.miss(DOCUMENTS_UNASKED);
        // Its likes may have been asked for in the same breath: one of them brings it.
        for key in self.files.keys(id) {
            if let Some(block) = self.files.block(key)
                && self.is_held(key)
                && self.shared.claim(&block.digest, key) == Claim::Waits
            {
                self.set_state(key, BlockState::Waits);
                waits = true;
            }
        }
        if waits && let Some(work) = self.files.work_mut(id) {
            work.turn = Turn::ToCome;
        }
        if waits { Next::Done } else { Next::Send }
    }

    /// This document is refused for good. The server may refuse its likes as well: they ask together, not one after the other.
    pub(super) fn disband(&mut self, id: FileId, now: Now) {
        for key in self.files.keys(id) {
            let Some(block) = self.files.block(key) else { break };
            for other in self.shared.disband(&block.digest) {
                self.take_place(other, now);
            }
        }
    }

    /// The file is read, once more or at last, for the blocks that the server lacks alone.
    fn read_again(&mut self, id: FileId, missing: Vec<Digest>, now: Now) {
        let Some(work) = self.files.work_mut(id) else { return };
        let (source, rounds) = match work.stream {
            Stream::Closed => (Source::Journal, work.rounds),
            Stream::Open | Stream::Ended => (Source::Reading, work.rounds + 1),
        };
        if rounds > ROUNDS {
            let path = self.files.path(id);
            let words = fill(
                "the server lost blocks of “@” # times: try again, or tell its operator",
                &[path],
                &[u64::from(rounds)],
            );
            self.fail(id, Failure::system(codes::TEMPORARY_ERROR, words, true), now);
            return;
        }
        let fresh = Work { rounds, deadline: work.deadline, ..Work::default() };
        let old = std::mem::replace(work, fresh);
        self.release(id, &old, now);
        let mut lacked = Index::default();
        for digest in &missing {
            lacked.insert(name(digest), 0);
        }
        if let Some(row) = self.files.row_mut(id) {
            row.state = FileState::Reading;
            if let Some(work) = &mut row.work {
                work.again = Some(Again { known: old.blocks, missing: lacked, source });
            }
        }
        self.updates.file(&mut self.files, id);
        self.intake.push_first(id);
    }

    /// Gives back what a file's work holds: its stream, its bytes, its share of memory, its place among those of its blocks.
    pub(super) fn release(&mut self, id: FileId, work: &Work, now: Now) {
        if work.stream == Stream::Open {
            self.act(Action::StopReading(id));
            self.intake.closed(id);
        }
        let is_held = |state: &BlockState| matches!(state, BlockState::Held | BlockState::Waits);
        if work.states.iter().any(is_held) {
            self.act(Action::Forget { file: id, blocks: 0..work.blocks.len() as u32 });
        }
        self.intake.rebook(work.takes(), Takes::default());
        for ((index, block), state) in (0u32..).zip(&work.blocks).zip(&work.states) {
            if is_held(state)
                && let Some(next) = self.shared.release(&block.digest, BlockKey { file: id, index })
            {
                self.take_place(next, now);
            }
        }
    }

    /// This block's like will not be sent: it goes itself.
    fn take_place(&mut self, key: BlockKey, now: Now) {
        self.set_state(key, BlockState::Held);
        let (Some(block), Some(work)) = (self.files.block(key), self.files.work(key.file)) else { return };
        // Of the one before nobody knows how far it came.
        let purpose = match self.config.ask {
            Ask::WhileItPays => Purpose::Ask,
            Ask::Never => Purpose::Send,
        };
        if work.read <= self.config.cut.small_file as u64 {
            self.queue_document(key.file, purpose, now);
        } else {
            let bytes = if purpose == Purpose::Ask { BLOCK_ENTRY } else { block_cost(block.len) };
            self.queue_block(key, bytes, purpose, now);
        }
    }

    fn queue_block(&mut self, key: BlockKey, bytes: u64, purpose: Purpose, now: Now) {
        let held = bytes - self.files.block_in_file(key).min(bytes);
        self.ready.push((What::Blocks, purpose), key, bytes, held, now);
    }
}
