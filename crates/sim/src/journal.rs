//! The journal as a browser keeps it: a log that outlives the page, as far as it was durable, and a lock for one page at a
//! time. Strict about who writes, and when.

use crate::queue::{Event, Queue};
use crate::rng::Rng;
use std::collections::VecDeque;

/// What the browser does with a page's journal.
#[derive(Debug, Clone)]
pub struct JournalWays {
    /// ms at most until it is read, and until a record is durable.
    pub open: u64,
    pub write: u64,
    /// ms for which another page has it.
    pub busy: Option<u64>,
    pub lost: Lost,
}

/// When it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    Never,
    /// There is none to be had.
    Opening,
    /// The n-th write is refused: the disk is full.
    AtWrite(u64),
}

/// What the engine is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Busy,
    Opened,
    Lost,
}

/// Who has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    Free,
    /// The page asked for it.
    Asked,
    Held,
    /// A write was refused, and the page does not know yet; it may have let go meanwhile.
    Failing,
    Leaving,
    /// The page knows: it writes no more, and lets it go.
    Broken,
    /// There is none, as far as this page goes.
    Lost,
}

#[derive(Debug)]
enum Op {
    Append(Vec<u8>),
    Replace(Option<Vec<u8>>),
}

#[derive(Debug)]
pub struct Journal {
    /// What is durable.
    pub records: Vec<Vec<u8>>,
    /// What will be, and when; in order.
    pending: VecDeque<(u64, Op)>,
    pub hold: Hold,
    writes: u64,
    /// How often it was asked for: what comes of an earlier time is heard by nobody.
    pub asked: u32,
    rng: Rng,
}

impl Journal {
    pub fn new(seed: u64) -> Self {
        Journal {
            records: Vec::new(),
            pending: VecDeque::new(),
            hold: Hold::Free,
            writes: 0,
            asked: 0,
            rng: Rng::new(seed, "journal"),
        }
    }

    /// The page asks for it; the answer comes as [`Word`]s.
    pub fn open(&mut self, ways: &JournalWays, queue: &mut Queue) -> Result<(), String> {
        match self.hold {
            Hold::Free => self.hold = Hold::Asked,
            // Its loss is on its way already.
            Hold::Leaving => return Ok(()),
            Hold::Asked | Hold::Held | Hold::Failing | Hold::Broken => {
                return Err("the journal is asked for twice".into());
            }
            Hold::Lost => return Err("the journal is asked for after its loss".into()),
        }
        self.asked += 1;
        let mut at = self.rng.within(0..=ways.open);
        if let Some(busy) = ways.busy {
            queue.after(at, Event::Journal(Word::Busy, self.asked));
            at += busy + 1;
        }
        queue.after(at, Event::Journal(if ways.lost == Lost::Opening { Word::Lost } else { Word::Opened }, self.asked));
        Ok(())
    }

    /// The page gets it, and what is in it. A page reads after all that it wrote itself.
    pub fn opened(&mut self) -> Vec<Vec<u8>> {
        self.hold = Hold::Held;
        self.settle(u64::MAX);
        self.records.clone()
    }

    pub fn append(&mut self, record: Vec<u8>, ways: &JournalWays, queue: &mut Queue) -> Result<(), String> {
        self.write(Op::Append(record), ways, queue)
    }

    pub fn replace(&mut self, record: Option<Vec<u8>>, ways: &JournalWays, queue: &mut Queue) -> Result<(), String> {
        self.write(Op::Replace(record), ways, queue)
    }

    fn write(&mut self, op: Op, ways: &JournalWays, queue: &mut Queue) -> Result<(), String> {
        match self.hold {
            Hold::Held => {}
            Hold::Failing => return Ok(()),
            _ => {
                return Err(format!("the journal is written to, and is {:?}", self.hold));
            }
        }
        self.writes += 1;
        if matches!(ways.lost, Lost::AtWrite(n) if n <= self.writes) {
            self.hold = Hold::Failing;
            queue.after(self.rng.within(0..=ways.write), Event::Journal(Word::Lost, self.asked));
            return Ok(());
        }
        let at = queue.now() + self.rng.within(0..=ways.write);
        let at = self.pending.back().map_or(at, |(before, _)| at.max(*before));
        self.pending.push_back((at, op));
        Ok(())
    }

    /// The page lets it go.
    pub fn close(&mut self) -> Result<(), String> {
        self.hold = match self.hold {
            Hold::Held | Hold::Broken => Hold::Free,
            // It was not had yet, and is not wanted any more.
            Hold::Asked => {
                self.asked += 1;
                Hold::Free
            }
            // Let go twice: it was asked for once more before its loss was heard.
            Hold::Failing | Hold::Leaving => Hold::Leaving,
            _ => return Err(format!("the journal is closed, and is {:?}", self.hold)),
        };
        Ok(())
    }

    /// The page learns that it is lost.
    pub fn lose(&mut self) {
        self.hold = if self.hold == Hold::Failing { Hold::Broken } else { Hold::Lost };
    }

    /// The page is gone: what was not durable is, too.
    pub fn orphan(&mut self, now: u64) {
        self.settle(now);
        self.pending.clear();
        (self.hold, self.writes) = (Hold::Free, 0);
    }

    fn settle(&mut self, now: u64) {
        while let Some((_, op)) = self.pending.pop_front_if(|(at, _)| *at <= now) {
            apply(&mut self.records, op);
        }
    }

    /// The log with all that was written, durable or not.
    pub fn written(&self) -> Vec<Vec<u8>> {
        let mut records = self.records.clone();
        for (_, op) in &self.pending {
            let op = match op {
                Op::Append(record) => Op::Append(record.clone()),
                Op::Replace(record) => Op::Replace(record.clone()),
            };
            apply(&mut records, op);
        }
        records
    }

    /// What a disk does to it.
    pub fn damage(&mut self, damage: Damage) {
        let Some(at) = self.records.len().checked_sub(1).map(|last| self.rng.size(0..=last)) else { return };
        let record = &mut self.records[at];
        let place = self.rng.size(0..=record.len().saturating_sub(1));
        match damage {
            Damage::None => {}
            Damage::Cut => record.truncate(place),
            Damage::Flip if record.is_empty() => {}
            Damage::Flip => record[place] ^= 1 << self.rng.within(0..=7),
            Damage::Drop => drop(self.records.remove(at)),
            Damage::Stray => self.records.insert(at, self.rng.bytes(place)),
        }
    }
}

/// What befalls the log while no page is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    None,
    /// A record lost its end.
    Cut,
    /// A bit is another.
    Flip,
    /// A record is gone.
    Drop,
    /// There is one of nobody's.
    Stray,
}

fn apply(records: &mut Vec<Vec<u8>>, op: Op) {
    match op {
        Op::Append(record) => records.push(record),
        Op::Replace(record) => *records = record.into_iter().collect(),
    }
}
