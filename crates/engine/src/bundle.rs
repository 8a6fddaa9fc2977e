//! What is ready to go, and how much of it goes into the next request.

use crate::io::{BlockKey, FileId, Now};
use std::collections::VecDeque;

/// The content of one bundle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Load {
    /// Documents to commit, with their blocks where they are small.
    Documents(Vec<FileId>),
    /// Blocks of large files.
    Blocks(Vec<BlockKey>),
}

impl Load {
    /// The files it speaks for, some of them more than once.
    pub fn files(&self) -> Box<dyn Iterator<Item = FileId> + '_> {
        match self {
            Load::Documents(files) => Box::new(files.iter().copied()),
            Load::Blocks(keys) => Box::new(keys.iter().map(|key| key.file)),
        }
    }

    pub fn holds(&self, file: FileId) -> bool {
        self.files().any(|id| id == file)
    }

    pub fn is_empty(&self) -> bool {
        self.files().next().is_none()
    }

    pub fn remove(&mut self, file: FileId) {
        match self {
            Load::Documents(files) => files.retain(|id| *id != file),
            Load::Blocks(keys) => keys.retain(|key| key.file != file),
        }
    }

    /// Two halves; `None` for what can't be divided.
    pub fn halve(self) -> Option<(Load, Load)> {
        match self {
            Load::Documents(mut files) if files.len() > 1 => {
                let rest = files.split_off(files.len() / 2);
                Some((Load::Documents(files), Load::Documents(rest)))
            }
            Load::Blocks(mut keys) if keys.len() > 1 => {
                let rest = keys.split_off(keys.len() / 2);
                Some((Load::Blocks(keys), Load::Blocks(rest)))
            }
            _ => None,
        }
    }
}

/// When and how much to take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// A bundle that holds this many bytes is worth a request.
    pub target: u64,
    /// No bundle of more than one item goes over this.
    pub cap: u64,
    pub documents: usize,
    /// ms that an incomplete bundle waits for company.
    pub linger: u64,
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
    items: VecDeque<(T, u64, Now)>,
    bytes: u64,
}

impl<T: Copy> Line<T> {
    fn push(&mut self, item: T, bytes: u64, now: Now) {
        self.bytes += bytes;
        self.items.push_back((item, bytes, now));
    }

    /// When the line's next bundle may go; `None`: nothing is there.
    fn due(&self, terms: Terms) -> Option<Now> {
        let (_, _, since) = self.items.front()?;
        let full = self.bytes >= terms.target || self.items.len() >= terms.documents;
        Some(if full || terms.more == More::Nothing { Now(0) } else { since.after(terms.linger) })
    }

    fn take(&mut self, terms: Terms) -> Vec<T> {
        let most = terms.target.min(terms.cap);
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some((item, size, _)) = self.items.front() {
            if !taken.is_empty() && (bytes + size > most || taken.len() >= terms.documents) {
                break;
            }
            bytes += size;
            taken.push(*item);
            self.items.pop_front();
        }
        self.bytes -= bytes;
        taken
    }

    fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.items.retain(|(item, _, _)| keep(item));
        self.bytes = self.items.iter().map(|(_, bytes, _)| bytes).sum();
    }
}

/// Everything that is ready and in no request.
#[derive(Debug)]
pub(crate) struct Ready {
    documents: Line<FileId>,
    blocks: Line<BlockKey>,
    /// Which line goes first when both are due: they take turns, so that neither starves.
    turn: Turn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Documents,
    Blocks,
}

impl Ready {
    pub fn new() -> Self {
        Ready {
            documents: Line { items: VecDeque::new(), bytes: 0 },
            blocks: Line { items: VecDeque::new(), bytes: 0 },
            turn: Turn::Documents,
        }
    }

    pub fn document(&mut self, file: FileId, bytes: u64, now: Now) {
        self.documents.push(file, bytes, now);
    }

    pub fn block(&mut self, key: BlockKey, bytes: u64, now: Now) {
        self.blocks.push(key, bytes, now);
    }

    pub fn is_empty(&self) -> bool {
        self.documents.items.is_empty() && self.blocks.items.is_empty()
    }

    /// When [`Ready::take`] will give something.
    pub fn due(&self, terms: Terms) -> Option<Now> {
        [self.documents.due(terms), self.blocks.due(terms)].into_iter().flatten().min()
    }

    /// The next bundle, if one is due.
    pub fn take(&mut self, terms: Terms, now: Now) -> Option<Load> {
        let documents = self.documents.due(terms).is_some_and(|due| due <= now);
        let blocks = self.blocks.due(terms).is_some_and(|due| due <= now);
        if documents && (self.turn == Turn::Documents || !blocks) {
            self.turn = Turn::Blocks;
            Some(Load::Documents(self.documents.take(terms)))
        } else if blocks {
            self.turn = Turn::Documents;
            Some(Load::Blocks(self.blocks.take(terms)))
        } else {
            None
        }
    }

    /// Takes a file's document and blocks out.
    pub fn remove(&mut self, file: FileId) {
        self.documents.retain(|id| *id != file);
        self.blocks.retain(|key| key.file != file);
    }

    pub fn clear(&mut self) {
        self.documents.retain(|_| false);
        self.blocks.retain(|_| false);
    }
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
                ready.document(file as FileId, *size, Now(file as u64));
            }
            let terms = Terms { target, cap, documents, linger: 10, more: More::Nothing };
            let mut seen = Vec::new();
            while let Some(load) = ready.take(terms, Now(0)) {
                let Load::Documents(files) = load else { panic!("no blocks were put in") };
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
        let mut ready = Ready::new();
        let terms = Terms { target: 100, cap: 100, documents: 10, linger: 60, more: More::Coming };
        ready.document(0, 10, Now(5));
        assert_eq!(ready.take(terms, Now(64)), None);
        assert_eq!(ready.due(terms), Some(Now(65)));
        assert_eq!(ready.take(terms, Now(65)), Some(Load::Documents(vec![0])));
        ready.document(1, 100, Now(70));
        assert_eq!(ready.take(terms, Now(70)), Some(Load::Documents(vec![1])));
    }

    #[test]
    fn documents_and_blocks_take_turns() {
        let mut ready = Ready::new();
        let terms = Terms { target: 10, cap: 10, documents: 10, linger: 0, more: More::Coming };
        for index in 0..3 {
            ready.document(index, 10, Now(0));
            ready.block(BlockKey { file: 9, index }, 10, Now(0));
        }
        let kinds: Vec<bool> =
            std::iter::from_fn(|| ready.take(terms, Now(0))).map(|load| matches!(load, Load::Documents(_))).collect();
        assert_eq!(kinds, [true, false, true, false, true, false]);
    }
}
