//! What the engine's hands report, and how it comes to the loop.

use crate::driver::Driver;
use crate::readers::facts;
use crate::reading::Outcome;
use cloudindex_engine::{FileId, Input};
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;

impl Driver {
    /// What was read. File by file, for what the engine says to one may end the reading of the next.
    pub fn read(self: &Rc<Self>, outcome: Outcome) {
        match outcome {
            Outcome::Cut(cuts) => {
                self.feed_all(cuts.into_iter().filter_map(|cut| self.readers.take(cut, &self.store)));
            }
            Outcome::Unreadable { file, stream, reason } => {
                if self.readers.ends(file, stream) {
                    self.feed(Input::Unreadable { file, reason });
                }
            }
        }
    }

    /// What came of a file that the page was to open.
    pub fn opened(self: &Rc<Self>, id: FileId, file: Result<File, String>) {
        match file {
            Ok(file) => {
                let (size, last_modified) = facts(&file);
                if let Some(up_to) = self.readers.opened(id, &file).filter(|up_to| *up_to > 0) {
                    self.read_on(id, up_to);
                }
                self.feed(Input::Opened { file: id, size, last_modified, media_type: file.type_() });
                self.feed(Input::Sized { file: id, size, last_modified: Some(last_modified) });
            }
            Err(reason) => {
                if self.readers.not_opened(id) {
                    self.feed(Input::Unreadable { file: id, reason });
                }
            }
        }
    }

    /// Something of an attempt. Where no answer came, the browser may have met a file that is not what it was, and does not say
    /// so: each is looked at, and the engine hears of it before it thinks ill of the network.
    pub fn sent(self: &Rc<Self>, input: Input, files: Vec<FileId>) {
        if files.is_empty() {
            return self.feed(input);
        }
        let driver = Rc::clone(self);
        spawn_local(async move {
            for file in files {
                if let Err(reason) = driver.readers.look(file).await {
                    driver.feed(Input::Unreadable { file, reason });
                }
            }
            driver.feed(input);
        });
    }

    /// What is known already: the engine is told when it has said all that it wants.
    pub fn feed_later(self: &Rc<Self>, input: Input) {
        let driver = Rc::clone(self);
        spawn_local(async move { driver.feed(input) });
    }
}
