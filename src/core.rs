//! The engine, as the side around it drives it: an input a method. What it then wants done, its [`Hands`] are told before the
//! method returns; they must not call it meanwhile.

use crate::hands::Hands;
use crate::options::{Files, Options, split};
use crate::{cutting, known};
use cloudindex_engine::{AttemptId, Config, Engine, FileId, Input, Method, Now, Reply};
use wasm_bindgen::prelude::*;

/// A running engine.
#[wasm_bindgen]
pub struct Core {
    engine: Engine,
    hands: Hands,
    small_file: u32,
    in_file: u32,
}

#[wasm_bindgen]
impl Core {
    /// `epoch`: ms since 1970 where the clock of `hands` is 0; `seed`: the engine's only randomness. Wrong options: throws the
    /// JSON of a Failure.
    #[wasm_bindgen(constructor)]
    pub fn new(options: Options, hands: Hands, epoch: f64, seed: f64) -> Result<Core, String> {
        let config = Config { epoch: epoch as u64, ..options.config()? };
        let (small_file, in_file) = (config.cut.small_file as u32, config.in_file as u32);
        Ok(Core { small_file, in_file, engine: Engine::new(config, seed as u64), hands })
    }

    /// Up to so many bytes a file is read whole, and is one block.
    #[wasm_bindgen(js_name = smallFile)]
    #[must_use]
    pub fn small_file(&self) -> u32 {
        self.small_file
    }

    /// From so many bytes on they stay in the file until they are sent.
    #[wasm_bindgen(js_name = inFile)]
    #[must_use]
    pub fn in_file(&self) -> u32 {
        self.in_file
    }

    /// What needs no more than a file, an attempt or a text; false if the word is none of them.
    pub fn say(&mut self, word: &str, id: f64, text: String) -> bool {
        let file = id as FileId;
        self.feed(match word {
            "wake" => Input::Wake,
            "walked" => Input::IntakeEnded,
            "folder" => Input::Folder(text),
            "unreadable" => Input::Unreadable { file, reason: text },
            "noReply" => Input::NoReply { attempt: AttemptId(id as u64), reason: text },
            "token" => Input::Token(Ok(text)),
            "noToken" => Input::Token(Err(text)),
            "pause" => Input::Pause,
            "resume" => Input::Resume,
            "cancel" => Input::Cancel,
            "discard" => Input::Discard,
            "online" => Input::Online,
            "offline" => Input::Offline,
            "journalBusy" => Input::JournalBusy,
            "status" => Input::Status(text),
            "journalLost" => Input::JournalLost { reason: text },
            _ => return false,
        });
        true
    }

    pub fn found(&mut self, files: Files) {
        self.feed(Input::Found(files.0));
    }

    pub fn opened(&mut self, file: FileId, size: f64, last_modified: f64, media_type: String) {
        let (size, last_modified) = (size as u64, last_modified as u64);
        self.feed(Input::Opened { file, size, last_modified, media_type });
    }

    pub fn sized(&mut self, file: FileId, size: f64, last_modified: f64) {
        self.feed(Input::Sized { file, size: size as u64, last_modified: known(last_modified) });
    }

    /// `names`: of the blocks, as [`Cutting`](cutting::Cutting) gives them; `size`: NaN if it is not told.
    pub fn cut(&mut self, file: FileId, names: &[u8], read: f64, size: f64, ended: bool) {
        self.feed(Input::Cut { file, blocks: cutting::read(names), read: read as u64, size: known(size), ended });
    }

    pub fn reply(&mut self, attempt: f64, status: u16, retry_after: Option<String>, body: Vec<u8>) {
        self.feed(Input::Reply { attempt: AttemptId(attempt as u64), reply: Reply { status, retry_after, body } });
    }

    /// `bytes`: NaN if packing can't be done.
    pub fn packed(&mut self, attempt: f64, bytes: f64) {
        self.feed(Input::Packed { attempt: AttemptId(attempt as u64), bytes: known(bytes) });
    }

    /// What is to be done with these files; false if the word is none of that.
    pub fn files(&mut self, word: &str, files: Vec<FileId>) -> bool {
        self.feed(match word {
            "retry" => Input::Retry(files),
            "pause" => Input::SetAside(files),
            "resume" => Input::TakeUp(files),
            "remove" => Input::Remove(files),
            _ => return false,
        });
        true
    }

    /// False if there is no such method.
    pub fn call(&mut self, call: u32, method: &str, path: String, body: Option<String>) -> bool {
        let methods = [Method::Get, Method::Post, Method::Delete];
        let Some(method) = methods.into_iter().find(|known| known.as_str() == method) else { return false };
        self.feed(Input::Call { call, method, path, body });
        true
    }

    /// Records one after the other, and the length of each.
    #[wasm_bindgen(js_name = journalOpened)]
    pub fn journal_opened(&mut self, records: &[u8], lengths: &[u32]) {
        self.feed(Input::JournalOpened(split(records, lengths).into_iter().map(<[u8]>::to_vec).collect()));
    }

    /// When to say "wake" if nothing else happens before, on the clock of the hands; Infinity: never.
    #[wasm_bindgen(js_name = wakeAt)]
    #[must_use]
    pub fn wake_at(&self) -> f64 {
        self.engine.wake_at().map_or(f64::INFINITY, |at| at.0 as f64)
    }

    #[inline(never)]
    fn feed(&mut self, input: Input) {
        self.engine.handle(input, Now(self.hands.now() as u64));
        while let Some(action) = self.engine.poll() {
            self.hands.perform(action);
        }
    }
}
