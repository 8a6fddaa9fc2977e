//! What the engine's hands report, and how it comes to the loop.

use crate::driver::Driver;
use crate::reading::Outcome;
use cloudindex_engine::{FileId, Input};
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;

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
