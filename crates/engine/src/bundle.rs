//! What is ready to go, and how much of it goes into the next request.

use crate::io::{BlockKey, FileId, Now};
use std::collections::VecDeque;

/// The content of one bundle.
#[derive(Debug, PartialEq)]
pub(crate) struct Load {
    pub what: What,
    pub purpose: Purpose,
    /// A document's index is 0.
    pub keys: Vec<BlockKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Documents to commit.
    Documents,
    /// Blocks of large files.
    Blocks,
}

/// Whether bytes go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// No bytes: what is there already needs none, and the answer names what is not.
    Ask,
    /// The bytes that are held here go with it.
    Send,
}

impl Load {
    /// The files it speaks for, some of them more than once.
    pub fn files(&self) -> impl Iterator<Item = FileId> {
        self.keys.iter().map(|key| key.file)
    }

    pub fn remove(&mut self, file: FileId) {
        self.keys.retain(|key| key.file != file);
    }

    /// Leaves one half and gives the other; `None` for what can't be divided.
    pub fn halve(&mut self) -> Option<Load> {
        let half = self.keys.len() / 2;
        (half > 0).then(|| Load { keys: self.keys.split_off(half), ..*self })
    }
}

/// When and how much to take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// A bundle that holds this many bytes is worth a request.
    pub target: u64,
    /// No bundle of more than one item goes over this.
    pub cap: u64,
    /// Nor over this of bytes that are held in memory, of which a body is a copy.
    pub held: u64,
    pub documents: usize,
    /// ms that an incomplete bundle waits for company, and one whose bytes are in files.
    pub linger: u64,
    pub patience: u64,
    pub more: More,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    /// Files are being read: company may come.
    Coming,
    /// What is here is all there is for now.
    Nothing,
}

/// One kind of ready things, in order.
#[derive(Debug, Default)]
struct Line {
    /// Each with its bytes, those of them that are held in memory, and since when it is here.
    items: VecDeque<(BlockKey, u64, u64, Now)>,
    bytes: u64,
    held: u64,
}

impl Line {
    /// When the line's next bundle may go.
    fn due(&self, terms: Terms) -> Now {
        let Some((.., since)) = self.items.front() else { return Now::NEVER };
        let full = self.fills(terms) || self.items.len() >= terms.documents;
        // Bytes in memory keep others from being read while they wait.
        let linger = if self.held * 2 < self.bytes { terms.patience } else { terms.linger };
        if full || terms.more == More::Nothing { Now(0) } else { since.after(linger) }
    }

    /// What waits fills a request.
    fn fills(&self, terms: Terms) -> bool {
        self.bytes >= terms.target || self.held >= terms.held
    }

    fn take(&mut self, terms: Terms) -> Vec<BlockKey> {
        let most = terms.target.min(terms.cap);
        let (mut taken, mut bytes, mut held) = (Vec::new(), 0, 0);
        while let Some((item, size, holds, _)) = self.items.front() {
            let over = bytes + size > most || held + holds > terms.held || taken.len() >= terms.documents;
            if !taken.is_empty() && over {
                break;
            }
            bytes += size;
            held += holds;
            taken.push(*item);
            self.items.pop_front();
        }
        self.bytes -= bytes;
        self.held -= held;
        taken
    }

    fn remove(&mut self, file: FileId) {
        self.items.retain(|(key, bytes, held, _)| {
            let stays = key.file != file;
            if !stays {
                self.bytes -= bytes;
                self.held -= held;
            }
            stays
        });
    }
}

/// Everything that is ready and in no request.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    lines: [Line; 4],
    /// The line that goes first when several are due: they take turns, so that none starves.
    turn: usize,
}

/// What the lines hold.
const LINES: [(What, Purpose); 4] = [
    (What::Documents, Purpose::Ask),
    (What::Documents, Purpose::Send),
    (What::Blocks, Purpose::Ask),
    (What::Blocks, Purpose::Send),
];

/// Questions about blocks go by so many: their bytes wait here for the answer.
const ASKED_BLOCKS: usize = 16;

impl Ready {
    /// So many bytes wait, of which `held` are in memory.
    pub fn push(&mut self, (what, purpose): (What, Purpose), key: BlockKey, bytes: u64, held: u64, now: Now) {
        let line = &mut self.lines[what as usize * 2 + purpose as usize];
        let held = if purpose == Purpose::Ask { 0 } else { held };
        line.bytes += bytes;
        line.held += held;
        line.items.push_back((key, bytes, held, now));
    }

    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.items.is_empty())
    }

    /// What waits to be sent fills a request.
    pub fn fills(&self, terms: Terms) -> bool {
        self.lines.iter().zip(LINES).any(|(line, (_, purpose))| purpose == Purpose::Send && line.fills(terms))
    }

    /// When [`Ready::take`] will give something.
    pub fn due(&self, terms: Terms) -> Now {
        self.lines.iter().zip(LINES).fold(Now::NEVER, |due, (line, kind)| due.min(line.due(terms.of(kind))))
    }

    /// The next bundle, if one is due.
    pub fn take(&mut self, terms: Terms, now: Now) -> Option<Load> {
        for _ in LINES {
            let (line, (what, purpose)) = (&mut self.lines[self.turn], LINES[self.turn]);
            self.turn = (self.turn + 1) % LINES.len();
            let terms = terms.of((what, purpose));
            if line.due(terms) <= now {
                return Some(Load { what, purpose, keys: line.take(terms) });
            }
        }
        None
    }

    /// Takes a file's document and blocks out.
    pub fn remove(&mut self, file: FileId) {
        self.lines.iter_mut().for_each(|line| line.remove(file));
    }

    pub fn clear(&mut self) {
        *self = Ready::default();
    }
}

impl Terms {
    /// For one kind.
    fn of(mut self, kind: (What, Purpose)) -> Terms {
        if kind.1 == Purpose::Ask {
            // Bytes wait for the answer, so that a question does not wait long.
            self.patience = self.linger;
            if kind.0 == What::Blocks {
                self.documents = ASKED_BLOCKS;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn document(file: FileId) -> BlockKey {
        BlockKey { file, index: 0 }
    }

    proptest! {
        #[test]
        fn caps_hold_order_stays_and_nothing_is_lost(
            sizes in prop::collection::vec(1u64..100, 1..200),
            target in 1u64..300,
            cap in 1u64..300,
            documents in 1usize..20,
        ) {
            let mut ready = Ready::default();
            for (file, size) in sizes.iter().enumerate() {
                ready.push(LINES[1], document(file as FileId), *size, *size, Now(file as u64));
            }
            let terms = Terms { target, cap, held: cap, documents, linger: 10, patience: 10, more: More::Nothing };
            let mut seen = Vec::new();
            while let Some(load) = ready.take(terms, Now(0)) {
                let files: Vec<FileId> = load.files().collect();
                let bytes: u64 = files.iter().map(|file| sizes[*file as usize]).sum();
                prop_assert!(!files.is_empty() && files.len() <= documents);
                prop_assert!(files.len() == 1 || bytes <= target.min(cap));
                seen.extend(files);
            }
            prop_assert!(seen.iter().copied().eq(0..sizes.len() as FileId));
        }
    }

    #[test]
    fn an_incomplete_bundle_waits_for_company_but_not_long() {
        let (what, purpose) = LINES[1];
        let documents = |id| Some(Load { what, purpose, keys: vec![document(id)] });
        let mut ready = Ready::default();
        let terms =
            Terms { target: 100, cap: 100, held: 100, documents: 10, linger: 60, patience: 60, more: More::Coming };
        ready.push(LINES[1], document(0), 10, 10, Now(5));
        assert_eq!(ready.take(terms, Now(64)), None);
        assert_eq!(ready.due(terms), Now(65));
        assert_eq!(ready.take(terms, Now(65)), documents(0));
        ready.push(LINES[1], document(1), 100, 100, Now(70));
        assert_eq!(ready.take(terms, Now(70)), documents(1));
    }

    #[test]
    fn all_kinds_take_turns() {
        let mut ready = Ready::default();
        let terms = Terms { target: 10, cap: 10, held: 10, documents: 10, linger: 0, patience: 0, more: More::Coming };
        for index in 0..2 {
            for kind in LINES {
                ready.push(kind, BlockKey { file: 9, index }, 10, 0, Now(0));
            }
        }
        let kinds: Vec<_> =
            std::iter::from_fn(|| ready.take(terms, Now(0))).map(|load| (load.what, load.purpose)).collect();
        assert_eq!(kinds, [LINES, LINES].concat());
    }
}
