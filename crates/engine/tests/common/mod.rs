//! A shell that reads at once, and leaves every request to the test.

// Each test program uses some of it.
#![allow(dead_code)]

use cloudindex_engine::config::Ask;
use cloudindex_engine::*;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

pub const KIB: usize = 1024;

/// Cuts files of a few kB, so that tests stay small.
pub fn config() -> Config {
    Config {
        cut: CutSizes { small_file: KIB, min: 256, average: KIB, max: 4 * KIB },
        max_buffer: 256 * KIB as u64,
        bundle_bytes: 16 * KIB as u64,
        // Most tests are about what is sent; those about questions ask.
        ask: Ask::Never,
        token: Some("key".into()),
        ..Config::default()
    }
}

pub struct Rig {
    pub engine: Engine,
    pub now: u64,
    pub files: Vec<Vec<u8>>,
    cutters: HashMap<FileId, (Cutter, u64)>,
    /// Requests that nobody answered yet, oldest first.
    pub sent: Vec<(AttemptId, Request)>,
    pub states: HashMap<FileId, FileState>,
    pub errors: HashMap<FileId, Failure>,
    pub groups: Vec<GroupChange>,
    pub answers: Vec<(CallId, Result<String, Failure>)>,
    pub phase: Phase,
    pub progress: Progress,
    pub refreshes: usize,
    pub walk: Vec<&'static str>,
    /// What the walk was told of folders.
    pub folders: Vec<Recall>,
    pub aborted: Vec<AttemptId>,
    /// Digests that the server holds, and bytes of blocks that were sent to it.
    pub held: HashSet<String>,
    pub taken: u64,
    /// What was written to the journal, and whether this page has it.
    pub journal: Vec<Vec<u8>>,
    pub has_journal: bool,
    pub left: Option<Leave>,
    /// Files that were opened, in order.
    pub reads: Vec<FileId>,
    /// Size and time are known of files that are found.
    pub times: Option<u64>,
}

impl Rig {
    pub fn new(config: Config) -> Self {
        let mut rig = Rig {
            engine: Engine::new(config, 1),
            now: 0,
            files: Vec::new(),
            cutters: HashMap::new(),
            sent: Vec::new(),
            states: HashMap::new(),
            errors: HashMap::new(),
            groups: Vec::new(),
            answers: Vec::new(),
            phase: Phase::Idle,
            progress: Progress::default(),
            refreshes: 0,
            walk: Vec::new(),
            folders: Vec::new(),
            aborted: Vec::new(),
            held: HashSet::new(),
            taken: 0,
            journal: Vec::new(),
            has_journal: false,
            left: None,
            reads: Vec::new(),
            times: None,
        };
        rig.perform();
        rig
    }

    /// Files `0`, `1`, … of these contents, all at once.
    pub fn drop_files(&mut self, contents: &[Vec<u8>]) {
        let first = self.files.len();
        self.files.extend_from_slice(contents);
        let found = |n: usize| Found {
            path: format!("f/{n}"),
            size: self.times.map(|_| self.files[n].len() as u64),
            last_modified: self.times,
            ..Found::default()
        };
        let found = (first..self.files.len()).map(found).collect();
        self.input(Input::Found(found));
        self.input(Input::IntakeEnded);
    }

    pub fn input(&mut self, input: Input) {
        self.engine.handle(input, Now(self.now));
        self.perform();
    }

    /// Lets time pass, waking the engine whenever it wants.
    pub fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        while let Some(at) = self.engine.wake_at().filter(|at| at.0 <= end) {
            self.now = at.0.max(self.now);
            self.input(Input::Wake);
        }
        self.now = end;
    }

    /// Answers the oldest request.
    pub fn reply(&mut self, status: u16, body: &str) {
        self.reply_with(status, None, body);
    }

    pub fn reply_with(&mut self, status: u16, retry_after: Option<&str>, body: &str) {
        let (attempt, _) = self.sent.remove(0);
        let reply = Reply { status, retry_after: retry_after.map(str::to_owned), body: body.as_bytes().to_vec() };
        self.input(Input::Reply { attempt, reply });
    }

    pub fn no_reply(&mut self) {
        let (attempt, _) = self.sent.remove(0);
        self.input(Input::NoReply { attempt, reason: "reset".into() });
    }

    /// Answers the oldest request as a good server does, and says what it was.
    pub fn serve(&mut self) -> String {
        let request = self.sent[0].1.clone();
        let body = self.good_answer(&request);
        self.reply(200, &body);
        request.url
    }

    /// Answers until nothing is asked any more; gives the addresses.
    pub fn serve_all(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            if self.sent.is_empty() {
                self.pass(200);
            }
            if self.sent.is_empty() {
                return seen;
            }
            seen.push(self.serve());
        }
    }

    fn perform(&mut self) {
        while let Some(action) = self.engine.poll() {
            match action {
                Action::Read { file, up_to } => self.read(file, up_to),
                Action::StopReading(file) => drop(self.cutters.remove(&file)),
                Action::Size(files) => {
                    for file in files {
                        let size = self.files[file as usize].len() as u64;
                        let sized = Input::Sized { file, size, last_modified: self.times };
                        self.engine.handle(sized, Now(self.now));
                    }
                }
                Action::Send { attempt, request } => self.sent.push((attempt, request)),
                Action::Abort(attempt) => {
                    self.aborted.push(attempt);
                    self.sent.retain(|(id, _)| *id != attempt);
                }
                Action::RefreshToken => self.refreshes += 1,
                Action::PauseWalk => self.walk.push("pause"),
                Action::ResumeWalk => self.walk.push("resume"),
                Action::Folder(recall) => self.folders.push(recall),
                Action::Answer { call, result } => self.answers.push((call, result)),
                Action::Forget { .. } => {}
                Action::OpenJournal | Action::ForgetRoots => {}
                Action::Record(record) => self.journal.push(record),
                Action::Rewrite(record) => self.journal = record.into_iter().collect(),
                Action::CloseJournal(leave) => {
                    (self.has_journal, self.left) = (false, Some(leave));
                }
                Action::Emit(update) => self.update(*update),
            }
        }
    }

    /// The journal that this page asked for.
    pub fn open_journal(&mut self) {
        self.has_journal = true;
        self.input(Input::JournalOpened(self.journal.clone()));
    }

    fn update(&mut self, update: Update) {
        assert!(update.progress.percent >= self.progress.percent, "percent fell");
        self.phase = update.phase;
        self.progress = update.progress;
        self.groups.extend(update.groups);
        for change in update.files {
            self.states.insert(change.id, change.state);
            if let Some(error) = change.error {
                self.errors.insert(change.id, error);
            }
        }
    }

    fn read(&mut self, file: FileId, up_to: u64) {
        let sizes = config().cut;
        if !self.cutters.contains_key(&file) {
            self.reads.push(file);
        }
        let (mut cutter, from) = self.cutters.remove(&file).unwrap_or_else(|| (Cutter::new(sizes), 0));
        let bytes = &self.files[file as usize];
        let to = (up_to as usize).min(bytes.len());
        let mut blocks = Vec::new();
        cutter.push(&bytes[from as usize..to], |block, _| blocks.push(block));
        let ended = (to as u64) < up_to;
        let size = (to > sizes.small_file).then_some(bytes.len() as u64);
        if ended {
            cutter.finish(|block, _| blocks.push(block));
        } else {
            self.cutters.insert(file, (cutter, to as u64));
        }
        let input = Input::Cut { file, blocks, read: to as u64, size, ended };
        self.engine.handle(input, Now(self.now));
    }

    fn good_answer(&mut self, request: &Request) -> String {
        let (manifest, parts) = (manifest(request), digests(request));
        let asked = |name: &str| manifest.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let name = |block: &Value| block[0].as_str().unwrap().to_owned();
        if request.url.ends_with("/documents") {
            self.taken += parts.iter().map(|digest| length(&asked("documents"), digest)).sum::<u64>();
            self.held.extend(parts);
            let acks: Vec<Value> = asked("documents")
                .iter()
                .map(|document| {
                    let path = &document["path"];
                    let blocks = document["blocks"].as_array().unwrap();
                    let missing: Vec<String> =
                        blocks.iter().map(name).filter(|digest| !self.held.contains(digest)).collect();
                    match missing.is_empty() {
                        true => {
                            json!({"path": path, "status": "committed", "id": format!("d-{}", path.as_str().unwrap())})
                        }
                        false => json!({"path": path, "status": "incomplete", "missing": missing}),
                    }
                })
                .collect();
            json!({ "documents": acks }).to_string()
        } else if request.url.ends_with("/blocks") {
            let ack = |digest: String, status: &str| json!({"digest": digest, "status": status});
            let status = |digest: &String| if self.held.contains(digest) { "duplicate" } else { "missing" };
            let mut acks: Vec<Value> = asked("blocks").iter().map(name).map(|d| ack(d.clone(), status(&d))).collect();
            acks.extend(parts.iter().map(|digest| ack(digest.clone(), "stored")));
            self.held.extend(parts);
            json!({ "blocks": acks }).to_string()
        } else {
            BATCH.to_owned()
        }
    }

    pub fn all(&self, state: FileState) -> bool {
        self.states.len() == self.files.len() && self.states.values().all(|s| *s == state)
    }
}

pub const BATCH: &str = r#"{"id":"b","limits":{},"caps":{"bundleBytes":1000000,"blockBytes":1000000,"bundleDocuments":1000,"digest":"blake3"},
    "batchId":"b","status":"open","totalFiles":0,"processedFiles":0,"failedFiles":0,"progressPercentage":0,
    "startedAt":null,"estimatedCompletion":null,"bytes":0}"#;

fn text(request: &Request) -> String {
    let pieces = request.body.iter().filter_map(|segment| match segment {
        Segment::Bytes(bytes) => Some(String::from_utf8_lossy(bytes)),
        Segment::Block(_) => None,
    });
    pieces.collect()
}

/// The paths in a bundle's manifest.
pub fn paths(request: &Request) -> Vec<String> {
    text(request).split(r#"{"path":""#).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

/// The names of a bundle's block parts.
pub fn digests(request: &Request) -> Vec<String> {
    let names = text(request);
    let names = names.split(r#"name=""#).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()));
    names.filter(|name| name != "manifest").collect()
}

/// A bundle's manifest; null if it has none.
pub fn manifest(request: &Request) -> Value {
    let text = text(request);
    let json = text.split_once("application/json\r\n\r\n").and_then(|(_, rest)| rest.split_once("\r\n--"));
    json.map_or(Value::Null, |(json, _)| serde_json::from_str(json).unwrap())
}

fn length(documents: &[Value], digest: &str) -> u64 {
    let blocks = documents.iter().flat_map(|document| document["blocks"].as_array().unwrap());
    blocks.filter(|block| block[0] == digest).map(|block| block[1].as_u64().unwrap()).next().unwrap_or(0)
}

pub fn small(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| vec![n as u8; 10 + n]).collect()
}

pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 24) as u8
    };
    (0..len).map(|_| next(&mut state)).collect()
}
