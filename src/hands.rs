//! What the engine wants done: an action a method of a JavaScript object (`js/host/host.ts`).

use crate::plain;
use cloudindex_engine::{Action, Encoding, Leave, Recall, Request, Segment};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    pub type Hands;

    /// Milliseconds that never fall.
    #[wasm_bindgen(method)]
    pub fn now(this: &Hands) -> f64;
    #[wasm_bindgen(method)]
    fn size(this: &Hands, file: u32);
    #[wasm_bindgen(method)]
    fn read(this: &Hands, file: u32, up_to: f64);
    #[wasm_bindgen(method)]
    fn stop(this: &Hands, file: u32);
    #[wasm_bindgen(method)]
    fn forget(this: &Hands, file: u32, from: u32, to: u32);
    /// The next part of the body that is sent next: bytes, or a block that is kept. Bytes must be copied: they are the wasm's.
    #[wasm_bindgen(method)]
    fn bytes(this: &Hands, bytes: &[u8]);
    #[wasm_bindgen(method)]
    fn block(this: &Hands, file: u32, index: u32);
    #[wasm_bindgen(method)]
    fn header(this: &Hands, name: &str, value: &str);
    /// Sends the parts and headers that were told.
    #[wasm_bindgen(method)]
    fn send(this: &Hands, attempt: f64, method: &str, url: &str, packed: bool);
    #[wasm_bindgen(method)]
    fn abort(this: &Hands, attempt: f64);
    #[wasm_bindgen(method)]
    fn refresh(this: &Hands);
    #[wasm_bindgen(method)]
    fn walk(this: &Hands, on: bool);
    #[wasm_bindgen(method)]
    fn folder(this: &Hands, known: bool);
    #[wasm_bindgen(method, js_name = openJournal)]
    fn open_journal(this: &Hands);
    #[wasm_bindgen(method)]
    fn record(this: &Hands, record: &[u8]);
    /// Empty: nothing is to be left.
    #[wasm_bindgen(method)]
    fn rewrite(this: &Hands, record: &[u8]);
    #[wasm_bindgen(method, js_name = forgetRoots)]
    fn forget_roots(this: &Hands);
    #[wasm_bindgen(method, js_name = closeJournal)]
    fn close_journal(this: &Hands, done: bool);
    /// The body of the answer, or the JSON of a Failure.
    #[wasm_bindgen(method)]
    fn answer(this: &Hands, call: u32, is_body: bool, text: &str);
    /// JSON, without the numbers that are none of whole ones; `seconds_left` is NaN if it is not known.
    #[wasm_bindgen(method)]
    fn update(this: &Hands, json: &str, bytes_per_second: f64, seconds_left: f64, percent: f64);
}

impl Hands {
    pub(crate) fn perform(&self, action: Action) {
        match action {
            Action::Size(files) => files.into_iter().for_each(|file| self.size(file)),
            Action::Read { file, up_to } => self.read(file, up_to as f64),
            Action::StopReading(file) => self.stop(file),
            Action::Forget { file, blocks } => self.forget(file, blocks.start, blocks.end),
            Action::Send { attempt, request } => self.send_request(attempt.0 as f64, &request),
            Action::Abort(attempt) => self.abort(attempt.0 as f64),
            Action::RefreshToken => self.refresh(),
            Action::PauseWalk => self.walk(false),
            Action::ResumeWalk => self.walk(true),
            Action::Folder(recall) => self.folder(recall == Recall::Known),
            Action::OpenJournal => self.open_journal(),
            Action::Record(record) => self.record(&record),
            Action::Rewrite(record) => self.rewrite(record.as_deref().unwrap_or_default()),
            Action::ForgetRoots => self.forget_roots(),
            Action::CloseJournal(leave) => self.close_journal(leave == Leave::Nothing),
            Action::Answer { call, result } => match result {
                Ok(body) => self.answer(call, true, &body),
                Err(failure) => self.answer(call, false, &plain::failure(&failure)),
            },
            Action::Emit(update) => {
                let progress = &update.progress;
                let left = progress.seconds_left.unwrap_or(f64::NAN);
                self.update(&plain::update(&update), progress.bytes_per_second, left, progress.percent);
            }
        }
    }

    fn send_request(&self, attempt: f64, request: &Request) {
        for segment in &request.body {
            match segment {
                Segment::Bytes(bytes) => self.bytes(bytes),
                Segment::Block(key) => self.block(key.file, key.index),
            }
        }
        for (name, value) in &request.headers {
            self.header(name, value);
        }
        self.send(attempt, request.method.as_str(), &request.url, request.encoding == Encoding::Gzip);
    }
}
