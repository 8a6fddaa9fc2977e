//! What is ready to go, and how much of it goes into the next request.

use crate::io::{BlockKey, FileId, Now};
use std::collections::VecDeque;

/// The content of one bundle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Load {
    pub items: Items,
    pub purpose: Purpose,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Items {
    /// Documents to commit.
    Documents(Vec<FileId>),
    /// Blocks of large files.
    Blocks(Vec<BlockKey>),
}

/// Whether bytes go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The bytes that are held here go with it.
    Send,
    /// No bytes: what is there already needs none, and the answer names what is not.
    Ask,
}

impl Load {
    /// The files it speaks for, some of them more than once.
    pub fn files(&self) -> Box<dyn Iterator<Item = FileId> + '_> {
        match &self.items {
            Items::Documents(files) => Box::new(files.iter().copied()),
            Items::Blocks(keys) => Box::new(keys.iter().map(|key| key.file)),
        }
    }

    pub fn holds(&self, file: FileId) -> bool {
        self.files().any(|id| id == file)
    }

    pub fn is_empty(&self) -> bool {
        self.files().next().is_none()
    }

    pub fn remove(&mut self, file: FileId) {
        match &mut self.items {
            Items::Documents(files) => files.retain(|id| *id != file),
            Items::Blocks(keys) => keys.retain(|key| key.file != file),
        }
    }

    /// Two halves; `None` for what can't be divided.
    pub fn halve(self) -> Option<(Load, Load)> {
        let purpose = self.purpose;
        let (first, second) = match self.items {
            Items::Documents(mut files) if files.len() > 1 => {
                let rest = files.split_off(files.len() / 2);
                (Items::Documents(files), Items::Documents(rest))
            }
            Items::Blocks(mut keys) if keys.len() > 1 => {
                let rest = keys.split_off(keys.len() / 2);
                (Items::Blocks(keys), Items::Blocks(rest))
            }
            _ => return None,
        };
        Some((Load { items: first, purpose }, Load { items: second, purpose }))
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
#[derive(Debug)]
struct Line<T> {
    /// Each with its bytes, those of them that are held in memory, and since when it is here.
    items: VecDeque<(T, u64, u64, Now)>,
    bytes: u64,
    held: u64,
}

impl<T: Copy> Line<T> {
    fn new() -> Self {
        Line { items: VecDeque::new(), bytes: 0, held: 0 }
    }

    fn push(&mut self, item: T, bytes: u64, held: u64, now: Now) {
        self.bytes += bytes;
        self.held += held;
        self.items.push_back((item, bytes, held, now));
    }

    /// When the line's next bundle may go; `None`: nothing is there.
    fn due(&self, terms: Terms) -> Option<Now> {
        let (.., since) = self.items.front()?;
        let full = self.fills(terms) || self.items.len() >= terms.documents;
        // Bytes in memory keep others from being read while they wait.
        let linger = if self.held * 2 < self.bytes { terms.patience } else { terms.linger };
        Some(if full || terms.more == More::Nothing { Now(0) } else { since.after(linger) })
    }

    /// What waits fills a request.
    fn fills(&self, terms: Terms) -> bool {
        self.bytes >= terms.target || self.held >= terms.held
    }

    fn take(&mut self, terms: Terms) -> Vec<T> {
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

    fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.items.retain(|(item, ..)| keep(item));
        self.bytes = self.items.iter().map(|(_, bytes, ..)| bytes).sum();
        self.held = self.items.iter().map(|(_, _, held, _)| held).sum();
    }
}

/// Everything that is ready and in no request.
#[derive(Debug)]
pub(crate) struct Ready {
    documents: Line<FileId>,
    blocks: Line<BlockKey>,
    asked_documents: Line<FileId>,
    asked_blocks: Line<BlockKey>,
    /// The line that goes first when several are due: they take turns, so that none starves.
    turn: usize,
}

/// Questions about blocks go by so many: their bytes wait here for the answer.
const ASKED_BLOCKS: usize = 16;

impl Ready {
    pub fn new() -> Self {
        Ready {
            documents: Line::new(),
            blocks: Line::new(),
            asked_documents: Line::new(),
            asked_blocks: Line::new(),
            turn: 0,
        }
    }

    /// `held` of the bytes are in memory.
    pub fn document(&mut self, file: FileId, bytes: u64, held: u64, purpose: Purpose, now: Now) {
        match purpose {
            Purpose::Send => self.documents.push(file, bytes, held, now),
            Purpose::Ask => self.asked_documents.push(file, bytes, 0, now),
        }
    }

    pub fn block(&mut self, key: BlockKey, bytes: u64, held: u64, purpose: Purpose, now: Now) {
        match purpose {
            Purpose::Send => self.blocks.push(key, bytes, held, now),
            Purpose::Ask => self.asked_blocks.push(key, bytes, 0, now),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.documents.items.is_empty()
            && self.blocks.items.is_empty()
            && self.asked_documents.items.is_empty()
            && self.asked_blocks.items.is_empty()
    }

    /// What waits to be sent fills a request.
    pub fn fills(&self, terms: Terms) -> bool {
        self.documents.fills(terms) || self.blocks.fills(terms)
    }

    /// When [`Ready::take`] will give something.
    pub fn due(&self, terms: Terms) -> Option<Now> {
        self.lines_due(terms).into_iter().flatten().min()
    }

    fn lines_due(&self, terms: Terms) -> [Option<Now>; 4] {
        [
            self.asked_documents.due(asked(terms)),
            self.documents.due(terms),
            self.asked_blocks.due(few(terms)),
            self.blocks.due(terms),
        ]
    }

    /// The next bundle, if one is due.
    pub fn take(&mut self, terms: Terms, now: Now) -> Option<Load> {
        let due = self.lines_due(terms).map(|due| due.is_some_and(|due| due <= now));
        let line = (self.turn..self.turn + due.len()).map(|line| line % due.len()).find(|line| due[*line])?;
        self.turn = (line + 1) % due.len();
        let (items, purpose) = match line {
            0 => (Items::Documents(self.asked_documents.take(terms)), Purpose::Ask),
            1 => (Items::Documents(self.documents.take(terms)), Purpose::Send),
            2 => (Items::Blocks(self.asked_blocks.take(few(terms))), Purpose::Ask),
            _ => (Items::Blocks(self.blocks.take(terms)), Purpose::Send),
        };
        Some(Load { items, purpose })
    }

    /// Takes a file's document and blocks out.
    pub fn remove(&mut self, file: FileId) {
        self.documents.retain(|id| *id != file);
        self.blocks.retain(|key| key.file != file);
        self.asked_documents.retain(|id| *id != file);
        self.asked_blocks.retain(|key| key.file != file);
    }

    pub fn clear(&mut self) {
        *self = Ready::new();
    }
}

/// Bytes wait for the answer, so that a question does not wait long.
fn asked(terms: Terms) -> Terms {
    Terms { patience: terms.linger, ..terms }
}

fn few(terms: Terms) -> Terms {
    Terms { documents: ASKED_BLOCKS, ..asked(terms) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn caps_hold_order_stays_and_nothing_is_lost(
            sizes in prop::collection::vec(1u64..100, 1..200),
            target in 1u64..300,
            cap in 1u64..300,
            documents in 1usize..20,
        ) {
            let mut ready = Ready::new();
            for (file, size) in sizes.iter().enumerate() {
                ready.document(file as FileId, *size, *size, Purpose::Send, Now(file as u64));
            }
            let terms = Terms { target, cap, held: cap, documents, linger: 10, patience: 10, more: More::Nothing };
            let mut seen = Vec::new();
            while let Some(load) = ready.take(terms, Now(0)) {
                let Items::Documents(files) = load.items else { panic!("no blocks were put in") };
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
        let documents = |id| Some(Load { items: Items::Documents(vec![id]), purpose: Purpose::Send });
        let mut ready = Ready::new();
        let terms =
            Terms { target: 100, cap: 100, held: 100, documents: 10, linger: 60, patience: 60, more: More::Coming };
        ready.document(0, 10, 10, Purpose::Send, Now(5));
        assert_eq!(ready.take(terms, Now(64)), None);
        assert_eq!(ready.due(terms), Some(Now(65)));
        assert_eq!(ready.take(terms, Now(65)), documents(0));
        ready.document(1, 100, 100, Purpose::Send, Now(70));
        assert_eq!(ready.take(terms, Now(70)), documents(1));
    }

    #[test]
    fn all_kinds_take_turns() {
        let mut ready = Ready::new();
        let terms = Terms { target: 10, cap: 10, held: 10, documents: 10, linger: 0, patience: 0, more: More::Coming };
        for index in 0..2 {
            for purpose in [Purpose::Send, Purpose::Ask] {
                ready.document(index, 10, 10, purpose, Now(0));
                ready.block(BlockKey { file: 9, index }, 10, 0, purpose, Now(0));
            }
        }
        let kinds: Vec<(bool, Purpose)> = std::iter::from_fn(|| ready.take(terms, Now(0)))
            .map(|load| (matches!(load.items, Items::Documents(_)), load.purpose))
            .collect();
        let round = [(true, Purpose::Ask), (true, Purpose::Send), (false, Purpose::Ask), (false, Purpose::Send)];
        assert_eq!(kinds, [round, round].concat());
    }
}
