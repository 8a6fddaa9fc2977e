//! The browser's side: walks, opens streams, cuts, keeps blocks, composes bodies. Like the real shell it decides nothing.

use crate::queue::{Event, Queue};
use crate::rng::Rng;
use crate::scenario::{End, Scenario, Starts};
use crate::server::Wire;
use cloudindex_engine::{Block, BlockKey, Cutter, FileId, Found, Input, Request, Segment};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

#[derive(Debug)]
pub struct Shell<'a> {
    scenario: &'a Scenario,
    rng: Rng,
    /// The source of each file found, by its id.
    pub rows: Vec<usize>,
    walks: Vec<Walking>,
    walking: Pace,
    streams: BTreeMap<FileId, Stream<'a>>,
    opened: Vec<u32>,
    last_stream: u64,
    sizes: VecDeque<FileId>,
    store: BTreeMap<BlockKey, Kept>,
    /// Bytes in `store`, and those of them that are in memory.
    stored: u64,
    held: u64,
}

/// A block, and how many of its bytes are in memory: none of a large file's, which stay in the file.
#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    held: u64,
}

/// The blocks in a request.
#[derive(Debug, Default)]
pub struct Blocks {
    pub keys: Vec<BlockKey>,
    pub bytes: u64,
    /// Those of them that are copied from memory.
    pub held: u64,
}

#[derive(Debug)]
struct Walking {
    left: Range<usize>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waits,
    Walks,
    /// Stands until the engine says go.
    Held,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Go,
    Stop,
}

/// An open file.
#[derive(Debug)]
struct Stream<'a> {
    number: u64,
    content: &'a [u8],
    at: usize,
    granted: u64,
    fails_at: Option<usize>,
    cutter: Cutter,
    blocks: u32,
    /// Bytes that the cutter gave out.
    cut: u64,
    /// A chunk is on its way.
    busy: bool,
    size_told: bool,
}

impl Stream<'_> {
    /// Bytes that it holds, and may come to hold by what was granted.
    fn weight(&self, small_file: usize) -> u64 {
        // Of a large file what was read stays in the file.
        let kept = if self.content.len() > small_file { self.at as u64 } else { self.cut };
        (self.at as u64).max(self.granted) - kept
    }
}

impl<'a> Shell<'a> {
    pub fn new(scenario: &'a Scenario, queue: &mut Queue) -> Self {
        let mut walks = Vec::new();
        for (index, walk) in scenario.walks.iter().enumerate() {
            if let Starts::At(at) = walk.starts {
                queue.after(at, Event::Walk(index));
            }
            walks.push(Walking { left: walk.sources.clone(), stage: Stage::Waits });
        }
        Shell {
            scenario,
            rng: Rng::new(scenario.seed, "shell"),
            rows: Vec::new(),
            walks,
            walking: Pace::Go,
            streams: BTreeMap::new(),
            opened: vec![0; scenario.sources.len()],
            last_stream: 0,
            sizes: VecDeque::new(),
            store: BTreeMap::new(),
            stored: 0,
            held: 0,
        }
    }

    /// Everything so far is complete: the user may add more.
    pub fn completed(&mut self, queue: &mut Queue) {
        for (index, walk) in self.walks.iter_mut().enumerate() {
            if let (Stage::Waits, Starts::Complete(after)) = (walk.stage, self.scenario.walks[index].starts) {
                walk.stage = Stage::Walks;
                queue.after(after, Event::Walk(index));
            }
        }
    }

    /// The next slice of a walk; the walk's end is an input by itself.
    pub fn walk(&mut self, index: usize, queue: &mut Queue) -> Option<Input> {
        let (walk, ways) = (&mut self.walks[index], &self.scenario.walks[index]);
        if walk.left.is_empty() {
            walk.stage = Stage::Over;
            // Walks that have not begun are no part of "all that was added so far".
            let walking = |walk: &Walking| matches!(walk.stage, Stage::Walks | Stage::Held);
            return (!self.walks.iter().any(walking)).then_some(Input::IntakeEnded);
        }
        walk.stage = if self.walking == Pace::Go { Stage::Walks } else { Stage::Held };
        if walk.stage == Stage::Held {
            return None;
        }
        let count = self.rng.size(1..=ways.slice).min(walk.left.len());
        let slice = walk.left.start..walk.left.start + count;
        walk.left.start += count;
        queue.after(self.rng.within(0..=ways.pace), Event::Walk(index));
        self.rows.extend(slice.clone());
        let now = queue.now();
        let found: Vec<Found> = slice.map(|source| self.scenario.sources[source].found(1, now)).collect();
        Some(Input::Found(found))
    }

    pub fn pause_walk(&mut self) {
        self.walking = Pace::Stop;
    }

    pub fn resume_walk(&mut self, queue: &mut Queue) {
        self.walking = Pace::Go;
        for (index, walk) in self.walks.iter_mut().enumerate() {
            if walk.stage == Stage::Held {
                walk.stage = Stage::Walks;
                queue.after(0, Event::Walk(index));
            }
        }
    }

    /// Files that the user may still add are none, and no walk is under way.
    pub fn has_walked(&self) -> bool {
        self.walks.iter().all(|walk| walk.stage == Stage::Over)
    }

    pub fn size(&mut self, files: &[FileId], queue: &mut Queue) {
        for file in files {
            self.sizes.push_back(*file);
            queue.after(self.rng.within(1..=200), Event::Size(*file));
        }
    }

    pub fn sized(&mut self, file: FileId, now: u64) -> Input {
        let (source, opened) = (self.source(file), 1 + self.opened[file as usize]);
        let size = source.content(opened, now).len() as u64;
        Input::Sized { file, size, last_modified: Some(source.time(opened, now)) }
    }

    /// Opens the file or goes on with it; tells how often it was opened, when it is.
    pub fn read(&mut self, file: FileId, up_to: u64, queue: &mut Queue) -> Option<u32> {
        let mut openings = None;
        if !self.streams.contains_key(&file) {
            self.last_stream += 1;
            let opened = &mut self.opened[file as usize];
            *opened += 1;
            openings = Some(*opened);
            let source = &self.scenario.sources[self.rows[file as usize]];
            let stream = Stream {
                number: self.last_stream,
                content: source.content(*opened, queue.now()),
                at: 0,
                granted: 0,
                fails_at: source.fails_at(*opened),
                cutter: Cutter::new(self.scenario.config.cut),
                blocks: 0,
                cut: 0,
                busy: false,
                size_told: false,
            };
            self.streams.insert(file, stream);
        }
        let pace = self.rng.within(0..=self.scenario.shell.pace);
        let stream = self.streams.get_mut(&file)?;
        stream.granted = stream.granted.max(up_to);
        if !stream.busy && (stream.at as u64) < stream.granted {
            stream.busy = true;
            queue.after(pace, Event::Chunk { file, stream: stream.number });
        }
        openings
    }

    /// The bytes that are kept under this key.
    pub fn block(&self, key: BlockKey) -> Option<&[u8]> {
        self.store.get(&key).map(|kept| &kept.bytes[..])
    }

    pub fn stop_reading(&mut self, file: FileId) {
        self.streams.remove(&file);
    }

    /// The stream has its next chunk; stale streams have none.
    pub fn chunk(&mut self, file: FileId, number: u64, queue: &mut Queue) -> Option<Input> {
        let ways = &self.scenario.shell;
        let want = self.rng.size(1..=ways.chunk);
        let pace = self.rng.within(0..=ways.pace);
        let stream = self.streams.get_mut(&file).filter(|stream| stream.number == number)?;
        stream.busy = false;
        if stream.fails_at.is_some_and(|at| stream.at >= at) {
            self.streams.remove(&file);
            return Some(Input::Unreadable { file, reason: "NotReadableError".into() });
        }
        let until = stream.content.len().min(stream.fails_at.unwrap_or(usize::MAX)).min(stream.at + want);
        let bytes = &stream.content[stream.at..until];
        let alone = bytes.is_empty();
        stream.at = until;
        let ended = until == stream.content.len() && (alone || ways.end == End::WithLastChunk);

        let mut blocks = Vec::new();
        let (store, stored, held) = (&mut self.store, &mut self.stored, &mut self.held);
        let is_large = stream.content.len() > self.scenario.config.cut.small_file;
        let mut index = stream.blocks;
        let mut keep = |block: Block, bytes: &[u8]| {
            let kept = Kept { bytes: bytes.to_vec(), held: if is_large { 0 } else { bytes.len() as u64 } };
            *stored += bytes.len() as u64;
            *held += kept.held;
            if let Some(old) = store.insert(BlockKey { file, index }, kept) {
                *stored -= old.bytes.len() as u64;
                *held -= old.held;
            }
            index += 1;
            blocks.push(block);
        };
        stream.cutter.push(bytes, &mut keep);
        if ended {
            stream.cutter.finish(&mut keep);
        }
        stream.blocks = index;
        stream.cut += blocks.iter().map(|block| u64::from(block.len)).sum::<u64>();
        let read = stream.at as u64;
        let large = read > self.scenario.config.cut.small_file as u64;
        let size = (large && !stream.size_told).then_some(stream.content.len() as u64);
        stream.size_told |= large;
        if ended {
            self.streams.remove(&file);
        } else if read < stream.granted {
            stream.busy = true;
            queue.after(pace, Event::Chunk { file, stream: number });
        }
        Some(Input::Cut { file, blocks, read, size, ended })
    }

    pub fn forget(&mut self, file: FileId, blocks: Range<u32>) {
        for index in blocks {
            if let Some(kept) = self.store.remove(&BlockKey { file, index }) {
                self.stored -= kept.bytes.len() as u64;
                self.held -= kept.held;
            }
        }
    }

    /// Puts a request together as it goes over the wire.
    pub fn compose(&self, request: Request) -> Result<(Wire, Blocks), String> {
        let base = self.scenario.config.base_url.trim_end_matches('/');
        let path =
            request.url.strip_prefix(base).ok_or_else(|| format!("{} is not of {base}", request.url))?.to_owned();
        let (mut body, mut blocks) = (Vec::new(), Blocks::default());
        for segment in &request.body {
            match segment {
                Segment::Bytes(bytes) => body.extend_from_slice(bytes),
                Segment::Block(key) => {
                    let kept = self.store.get(key).ok_or_else(|| format!("{key:?} is sent, but not in the store"))?;
                    blocks.bytes += kept.bytes.len() as u64;
                    blocks.held += kept.held;
                    blocks.keys.push(*key);
                    body.extend_from_slice(&kept.bytes);
                }
            }
        }
        let Request { method, headers, encoding, .. } = request;
        Ok((Wire { method, path, headers, body, encoding, packed: None }, blocks))
    }

    /// Bytes that are held now, or may be without another word of the engine.
    pub fn weight(&self) -> u64 {
        let small_file = self.scenario.config.cut.small_file;
        self.held + self.streams.values().map(|stream| stream.weight(small_file)).sum::<u64>()
    }

    /// The file's stream is open, or blocks of it are kept.
    pub fn holds(&self, file: FileId) -> bool {
        let key = |index| BlockKey { file, index };
        self.streams.contains_key(&file) || self.store.range(key(0)..=key(u32::MAX)).next().is_some()
    }

    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }

    pub fn stored(&self) -> u64 {
        self.stored
    }

    fn source(&self, file: FileId) -> &'a crate::sources::Source {
        &self.scenario.sources[self.rows[file as usize]]
    }
}
