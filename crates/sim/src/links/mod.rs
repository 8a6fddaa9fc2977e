//! The engine on honest links: no faults but those asked for, real shared bandwidth and round trips, a page that reads fast.
//! [`play`] uploads, ms by ms; [`table`] is what `sim --links` prints.

mod server;
mod table;
mod wire;

pub use table::{Bound, Line, caps, lines, table};

use cloudindex_engine::{
    Action, AttemptId, Block, BlockKey, Config, Engine, FileId, Found, Input, Now, Phase, Reply, Request, Segment,
    Texture,
};
use server::Server;
use std::collections::{BTreeMap, HashMap, VecDeque};
use wire::Wire;

const KIB: u64 = 1024;
/// Bytes of a large file that the page reads in a ms.
const DISK: u64 = 1024 * KIB;
/// Files that the walk finds in a ms.
const WALK: usize = 20;

/// What is uploaded, over which link.
#[derive(Debug, Clone)]
pub struct Course {
    /// Bytes a ms, from which ms on; the first from 0.
    pub rates: Vec<(u64, f64)>,
    /// ms.
    pub round_trip: u64,
    pub files: Vec<u64>,
    pub config: Config,
    /// The answer to the n-th request is so many ms late.
    pub late: Option<(u64, u64)>,
    /// The server answers what comes in while it has so many requests by 503, with or without `Retry-After`.
    pub busy_at: Option<(usize, Option<&'static str>)>,
}

/// How it went.
#[derive(Debug, Default)]
pub struct Run {
    pub millis: u64,
    pub file_bytes: u64,
    /// When the first request left, and the first that carried bytes of files.
    pub first_request: u64,
    pub first_bytes: u64,
    /// Of every answered bundle with blocks in it: when it left, how long it took, its bytes.
    pub requests: Vec<(u64, u64, u64)>,
    pub most_at_once: usize,
    pub most_bytes: u64,
    pub refused: usize,
    /// Bytes carried so far, at the end of each ms.
    pub carried: Vec<f64>,
}

impl Course {
    pub fn new(mbit: f64, round_trip: u64, files: Vec<u64>) -> Self {
        let config = Config { token: Some("key".into()), ..Config::default() };
        Course { rates: vec![(0, mbit * 125.0)], round_trip, files, config, late: None, busy_at: None }
    }

    fn rate(&self, now: u64) -> f64 {
        self.rates.iter().rev().find(|(from, _)| *from <= now).map_or(0.0, |(_, rate)| *rate)
    }
}

impl Run {
    /// Of the requests that left in this time: the middle of how long they took, and of their bytes.
    pub fn medians(&self, from: u64, to: u64) -> (u64, u64) {
        let of = |part: fn(&(u64, u64, u64)) -> u64| {
            let mut all: Vec<u64> =
                self.requests.iter().filter(|(sent, ..)| (from..to).contains(sent)).map(part).collect();
            all.sort_unstable();
            all.get(all.len() / 2).copied().unwrap_or(0)
        };
        (of(|(_, took, _)| *took), of(|(.., bytes)| *bytes))
    }

    /// Bytes a ms that the link carried between these moments.
    pub fn carried(&self, from: u64, to: u64) -> f64 {
        (self.carried[to as usize] - self.carried[from as usize]) / (to - from) as f64
    }

    /// When this share of everything had been carried.
    pub fn at(&self, share: f64) -> u64 {
        let all = self.carried.last().copied().unwrap_or(0.0);
        self.carried.partition_point(|carried| *carried < all * share) as u64
    }
}

/// A file that the page reads.
#[derive(Debug, Default)]
struct Stream {
    read: u64,
    granted: u64,
    blocks: u32,
    cut: u64,
}

struct World<'a> {
    course: &'a Course,
    now: u64,
    engine: Engine,
    server: Server,
    wire: Wire,
    walked: usize,
    walks: bool,
    streams: BTreeMap<FileId, Stream>,
    flying: HashMap<AttemptId, Flight>,
    /// What the server will take in, and what the page will hear, by the ms.
    arrivals: VecDeque<(u64, AttemptId)>,
    replies: BTreeMap<(u64, AttemptId), Reply>,
    phase: Phase,
    run: Run,
}

struct Flight {
    request: Request,
    sent: u64,
    bytes: u64,
    late: u64,
}

/// Uploads everything; panics when that takes more than a day.
pub fn play(course: &Course) -> Run {
    let mut world = World {
        course,
        now: 0,
        engine: Engine::new(course.config.clone(), 1),
        server: Server::default(),
        wire: Wire::new(course.round_trip),
        walked: 0,
        walks: true,
        streams: BTreeMap::new(),
        flying: HashMap::new(),
        arrivals: VecDeque::new(),
        replies: BTreeMap::new(),
        phase: Phase::Idle,
        run: Run { file_bytes: course.files.iter().sum(), first_request: u64::MAX, ..Run::default() },
    };
    while world.phase != Phase::Complete {
        world.tick();
        assert!(world.now < 86_400_000, "there is no end to it");
    }
    world.run.millis = world.now;
    world.run
}

impl World<'_> {
    fn tick(&mut self) {
        self.walk();
        self.read();
        while let Some(entry) = self.replies.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let ((_, attempt), reply) = entry.remove_entry();
            self.hear(attempt, reply);
        }
        if self.engine.wake_at().is_some_and(|at| at.0 <= self.now) {
            self.feed(Input::Wake);
        }
        let way = self.course.round_trip.div_ceil(2);
        for attempt in self.wire.tick(self.course.rate(self.now)) {
            self.arrivals.push_back((self.now + way, AttemptId(attempt)));
        }
        while let Some((_, attempt)) = self.arrivals.pop_front_if(|(at, _)| *at <= self.now) {
            self.serve(attempt, way);
        }
        self.run.carried.push(self.wire.carried);
        self.now += 1;
    }

    fn walk(&mut self) {
        if !self.walks {
            return;
        }
        let until = (self.walked + WALK).min(self.course.files.len());
        let found = |n: usize| Found { path: format!("folder-{}/file-{n}.html", n / 100), ..Found::default() };
        let found: Vec<Found> = (self.walked..until).map(found).collect();
        self.walked = until;
        self.feed(Input::Found(found));
        if until == self.course.files.len() {
            self.walks = false;
            self.feed(Input::IntakeEnded);
        }
    }

    /// Every open file comes on: a small one to its end.
    fn read(&mut self) {
        let cut = self.course.config.cut;
        for file in self.streams.keys().copied().collect::<Vec<_>>() {
            let size = self.course.files[file as usize];
            let Some(stream) = self.streams.get_mut(&file) else { continue };
            let to = size.min(stream.granted).min(stream.read + DISK);
            let ended = to == size && stream.granted > size;
            if to == stream.read && !ended {
                continue;
            }
            stream.read = to;
            let mut blocks = Vec::new();
            // A block is certain when as much as the greatest lies behind its beginning.
            while size > 0 && (to - stream.cut >= cut.max as u64 || (ended && stream.cut < size)) {
                let key = BlockKey { file, index: stream.blocks };
                let len = block_len(key, size, size - stream.cut, cut.small_file as u64);
                blocks.push(Block { digest: server::digest(key), len, texture: Texture::Dense });
                stream.cut += u64::from(len);
                stream.blocks += 1;
            }
            if ended {
                self.streams.remove(&file);
            }
            let told = (to > cut.small_file as u64).then_some(size);
            self.feed(Input::Cut { file, blocks, read: to, size: told, ended });
        }
    }

    fn hear(&mut self, attempt: AttemptId, reply: Reply) {
        let Some(flight) = self.flying.remove(&attempt) else { return };
        let brings = flight.request.body.iter().any(|segment| matches!(segment, Segment::Block(_)));
        if reply.status < 300 && brings {
            self.run.requests.push((flight.sent, self.now - flight.sent, flight.bytes));
        }
        self.run.refused += usize::from(reply.status >= 500);
        self.feed(Input::Reply { attempt, reply });
    }

    /// The whole request is there; it waits 2 ms for the server.
    fn serve(&mut self, attempt: AttemptId, way: u64) {
        let Some(flight) = self.flying.get(&attempt) else { return };
        let reply = match self.course.busy_at {
            Some((most, after)) if self.flying.len() > most => {
                Reply { status: 503, retry_after: after.map(str::to_owned), body: Vec::new() }
            }
            _ => self.server.serve(&flight.request),
        };
        self.replies.insert((self.now + 2 + way + flight.late, attempt), reply);
    }

    fn feed(&mut self, input: Input) {
        self.engine.handle(input, Now(self.now));
        while let Some(action) = self.engine.poll() {
            match action {
                Action::Read { file, up_to } => self.streams.entry(file).or_default().granted = up_to,
                Action::Send { attempt, request } => self.send(attempt, request),
                Action::Abort(attempt) => drop(self.flying.remove(&attempt)),
                Action::PauseWalk => self.walks = false,
                Action::ResumeWalk => self.walks = self.walked < self.course.files.len(),
                Action::Emit(update) => self.phase = update.phase,
                _ => {}
            }
        }
    }

    fn send(&mut self, attempt: AttemptId, request: Request) {
        let cut = self.course.config.cut.small_file as u64;
        let bytes = request.body.iter().map(|segment| match segment {
            Segment::Bytes(bytes) => bytes.len() as u64,
            Segment::Block(key) => {
                u64::from(block_len(*key, self.course.files[key.file as usize], u64::from(u32::MAX), cut))
            }
        });
        let bytes = bytes.sum();
        let run = &mut self.run;
        run.first_request = run.first_request.min(self.now);
        if run.first_bytes == 0 && request.body.iter().any(|segment| matches!(segment, Segment::Block(_))) {
            run.first_bytes = self.now;
        }
        self.wire.send(attempt.0, bytes);
        let late = self.course.late.filter(|(number, _)| *number == attempt.0).map_or(0, |(_, late)| late);
        self.flying.insert(attempt, Flight { request, sent: self.now, bytes, late });
        run.most_at_once = run.most_at_once.max(self.flying.len());
        run.most_bytes = run.most_bytes.max(self.flying.values().map(|flight| flight.bytes).sum());
    }
}

/// A small file is one block; those of a large one differ, and are 1 MiB in the middle.
fn block_len(key: BlockKey, size: u64, rest: u64, small_file: u64) -> u32 {
    let len = if size <= small_file { size } else { (256 + u64::from(key.index) * 577 % 1536) * KIB };
    len.min(rest) as u32
}
