//! Virtual time: what happens, in order; things of one instant in the order in which they were asked for.

use crate::server::Wire;
use cloudindex_engine::{AttemptId, FileId, Reply};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

/// Something that happens at a moment.
#[derive(Debug)]
pub enum Event {
    /// The walk comes to its next slice of files.
    Walk(usize),
    /// The open stream of a file has another chunk.
    Chunk {
        file: FileId,
        stream: u64,
    },
    /// The browser tells a size.
    Size(FileId),
    /// The application answers a request for a token.
    Token,
    /// The shell's one timer.
    Timer(u64),
    /// The scenario's n-th doing of the user.
    User(usize),
    /// The shell has packed a body, or can't.
    Packed {
        attempt: AttemptId,
        wire: Box<Wire>,
    },
    /// A request is at the server, whole or cut.
    Arrive(Rc<Exchange>),
    /// The next page is opened.
    Open,
    /// What becomes of the journal is told.
    Journal(crate::journal::Word, u32),
    /// The server has worked on it; `epoch` is the run of the server that took it in.
    Serve {
        exchange: Rc<Exchange>,
        epoch: u32,
    },
    /// An answer is at the shell; `acked` are the paths of documents that it acks.
    Deliver {
        attempt: AttemptId,
        reply: Reply,
        acked: Vec<String>,
    },
    /// The shell learns that none will come.
    Break(AttemptId),
    /// The scenario's n-th outage begins.
    Down(usize),
    Up,
    /// The server drops blocks that no document holds.
    Collect,
    /// Tokens given so far are taken back, for good.
    Revoke,
}

impl Event {
    /// It comes to nothing when the page is gone that it was meant for.
    fn is_of_a_page(&self) -> bool {
        match self {
            Event::Walk(_) | Event::Chunk { .. } | Event::Size(_) | Event::Token | Event::Timer(_) => true,
            Event::Packed { .. } | Event::Deliver { .. } | Event::Break(_) | Event::Journal(..) => true,
            Event::User(_) | Event::Open | Event::Arrive(_) | Event::Serve { .. } => false,
            Event::Down(_) | Event::Up | Event::Collect | Event::Revoke => false,
        }
    }
}

/// One delivery of a request: the first, or the echo of it.
#[derive(Debug)]
pub struct Exchange {
    /// The page that sent it.
    pub page: usize,
    pub attempt: AttemptId,
    pub wire: Wire,
    pub fault: Option<crate::network::Fault>,
    pub copy: Copy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy {
    First,
    /// Delivered once more; its answer goes nowhere.
    Echo,
}

#[derive(Debug, Default)]
pub struct Queue {
    now: u64,
    sequence: u64,
    heap: BinaryHeap<Entry>,
    page: usize,
}

#[derive(Debug)]
struct Entry {
    at: u64,
    sequence: u64,
    page: usize,
    event: Event,
}

impl Queue {
    /// Milliseconds since the world began.
    pub fn now(&self) -> u64 {
        self.now
    }

    pub fn at(&mut self, at: u64, event: Event) {
        self.sequence += 1;
        self.heap.push(Entry { at: at.max(self.now), sequence: self.sequence, page: self.page, event });
    }

    pub fn after(&mut self, millis: u64, event: Event) {
        self.at(self.now + millis, event);
    }

    pub fn pop(&mut self) -> Option<Event> {
        loop {
            let entry = self.heap.pop()?;
            if entry.page == self.page || !entry.event.is_of_a_page() {
                self.now = entry.at;
                return Some(entry.event);
            }
        }
    }

    /// The page is gone; from now on things happen to the next one.
    pub fn turn_page(&mut self) {
        self.page += 1;
    }

    /// Nothing is to come but timers.
    pub fn is_quiet(&self) -> bool {
        let is_stale = |entry: &Entry| entry.page != self.page && entry.event.is_of_a_page();
        self.heap.iter().all(|entry| matches!(entry.event, Event::Timer(_)) || is_stale(entry))
    }
}

impl Ord for Entry {
    /// The heap gives its greatest: the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}
