//! Reading: what arrives is the file, no more is read than was granted, and what can't be read says why.

use crate::rig::{eval, file, noise, overwrite, resolve, sleep, stored};
use cloudindex_engine::blocks::digest;
use cloudindex_engine::{Block, BlockKey, Config, Input};
use cloudindex_uploader::hand::{Hand, Said, serve};
use cloudindex_uploader::readers::Readers;
use cloudindex_uploader::reading::{Outcome, Reader};
use cloudindex_uploader::store::{Source, Store};
use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedReceiver};
use js_sys::{Function, Uint8Array};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{MessageChannel, MessageEvent};

const MIB: usize = 1024 * 1024;

/// The engine's side of reading, without an engine.
struct Rig {
    readers: Readers,
    store: Store,
    outcomes: UnboundedReceiver<Outcome>,
}

impl Rig {
    /// With these files as rows 0, 1, …, read by this thread.
    fn of(files: &[&JsValue]) -> Self {
        let cut = Config::default().cut;
        let (sender, outcomes) = mpsc::unbounded();
        let reader = Reader::new(cut, Rc::new(move |outcome| drop(sender.unbounded_send(outcome))));
        let readers = Readers::new(&Config::default(), Hand::Here(reader));
        for file in files {
            readers.found((*file).clone().dyn_into().map(Some).map_err(|_| "it may not be read".to_owned()));
        }
        Rig { readers, store: Store::default(), outcomes }
    }

    /// The same, read by somebody behind a port.
    async fn behind_a_port(files: &[&JsValue]) -> Self {
        let channel = MessageChannel::new().expect("a channel");
        let (sender, outcomes) = mpsc::unbounded();
        let (ready, mut is_ready) = mpsc::unbounded();
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| match Said::parse(&event.data()) {
            Some(Said::Ready) => drop(ready.unbounded_send(())),
            Some(Said::Outcome(outcome)) => drop(sender.unbounded_send(outcome)),
            None => panic!("{:?}", event.data()),
        });
        channel.port1().set_onmessage(Some(heard.into_js_value().unchecked_ref()));
        serve(Config::default().cut, channel.port2());
        is_ready.next().await.expect("it says that it is there");
        let mut rig = Rig::of(files);
        rig.readers.join(Hand::There(channel.port1()));
        rig.outcomes = outcomes;
        rig
    }

    fn grant(&self, file: u32, up_to: u64) {
        self.readers.read(file, up_to).expect("it is read");
        self.readers.flush();
    }

    async fn next(&mut self) -> Vec<Input> {
        let outcome = self.outcomes.next().await.expect("an outcome");
        self.told(outcome)
    }

    /// What the engine would be told.
    fn told(&self, outcome: Outcome) -> Vec<Input> {
        match outcome {
            Outcome::Cut(cuts) => cuts.into_iter().filter_map(|cut| self.readers.take(cut, &self.store)).collect(),
            Outcome::Unreadable { file, stream, reason } => {
                self.readers.ends(file, stream).then_some(Input::Unreadable { file, reason }).into_iter().collect()
            }
        }
    }

    /// The only thing that came.
    async fn one(&mut self) -> Input {
        let mut inputs = self.next().await;
        assert_eq!(inputs.len(), 1, "{inputs:?}");
        inputs.remove(0)
    }

    /// Reads row 0 with grants of `step` bytes and checks all that the engine would be told. Gives the number of readings.
    async fn check(&mut self, expected: &[u8], step: u64) -> u32 {
        let (mut granted, mut readings) = (step, 0);
        let mut found = Vec::new();
        self.grant(0, granted);
        let read = loop {
            let Input::Cut { blocks, read, size, ended, .. } = self.one().await else { panic!("no cut") };
            readings += 1;
            assert_eq!(size, (!ended).then_some(expected.len() as u64), "of a large file it is told at once");
            assert!(read <= granted, "{read} of {granted}");
            found.extend(blocks);
            if ended {
                break read;
            }
            if read >= granted {
                granted = read + step;
                self.grant(0, granted);
            }
        };
        assert_eq!(read, expected.len() as u64);
        self.check_blocks(0, expected, &found).await;
        assert_eq!(self.store.bytes(), expected.len() as u64);
        self.store.forget(0, 0..found.len() as u32);
        assert_eq!(self.store.bytes(), 0);
        readings
    }

    /// The blocks are the file's, and a body gets their bytes.
    async fn check_blocks(&self, file: u32, expected: &[u8], found: &[Block]) {
        let mut rest = expected;
        for (index, block) in (0..).zip(found) {
            let (bytes, later) = rest.split_at(block.len as usize);
            assert_eq!(block.digest, digest(bytes));
            let key = BlockKey { file, index };
            assert_eq!(self.store.len(key), Some(block.len));
            let (part, source) = self.store.part(key).expect("it is kept").expect("a part");
            let in_file = expected.len() >= 128 * 1024;
            assert_eq!(source, if in_file { Source::File } else { Source::Memory });
            let bytes_of: Function = eval("(part) => new Response(part).arrayBuffer()").unchecked_into();
            let body = bytes_of.call1(&JsValue::NULL, &part).expect("a promise");
            let body = Uint8Array::new(&resolve(&body).await.expect("its bytes")).to_vec();
            assert!(body == bytes, "block {index} is kept as it was");
            rest = later;
        }
        assert!(rest.is_empty());
    }
}

#[wasm_bindgen_test]
fn a_file_that_was_only_looked_at_is_read_when_the_page_has_opened_it() {
    let rig = Rig::of(&[]);
    rig.readers.found(Ok(None));
    assert!(rig.readers.read(0, 100).is_ok() && rig.readers.read(0, 200).is_ok());
    assert_eq!((rig.readers.to_open(), rig.readers.to_open()), (vec![0], vec![]));
    // Called off, asked for again, and opened meanwhile.
    rig.readers.stop(0);
    assert!(rig.readers.read(0, 300).is_ok());
    assert_eq!(rig.readers.to_open(), [0]);
    let file = file(b"x", "a").unchecked_into();
    assert_eq!(rig.readers.opened(0, &file), Some(300));
    assert_eq!(rig.readers.opened(0, &file), None, "nobody waits for it any more");
    assert!(rig.readers.read(0, 100).is_ok() && rig.readers.to_open().is_empty());
    assert!(!rig.readers.not_opened(0));
    // Its size alone is a reason to open it, too.
    rig.readers.found(Ok(None));
    assert!(rig.readers.facts(1).is_none());
    assert_eq!((rig.readers.to_open(), rig.readers.opened(1, &file)), (vec![1], Some(0)));
    assert!(matches!(rig.readers.facts(1), Some(Ok((1, _)))));
    rig.readers.found(Err("gone".into()));
    assert!(matches!(rig.readers.facts(2), Some(Err(reason)) if reason == "gone"));
}

#[wasm_bindgen_test]
async fn a_small_file_is_read_at_once_and_is_one_block() {
    for length in [1, 4096, 65_536, 65_537, 300_000, MIB - 1, MIB] {
        let bytes = noise(length, 1);
        assert_eq!(Rig::of(&[&file(&bytes, "small")]).check(&bytes, 2 * MIB as u64).await, 1, "{length} bytes");
    }
}

#[wasm_bindgen_test]
async fn an_empty_file_has_no_blocks() {
    assert_eq!(Rig::of(&[&file(&[], "empty")]).check(&[], 1).await, 1);
}

#[wasm_bindgen_test]
async fn a_large_file_is_cut_as_it_is_read_and_no_more_is_read_than_was_granted() {
    for (length, step) in
        [(MIB + 1, 1 << 20), (MIB + 1, u64::MAX / 4), (20_000_000, 3_000_000), (20_000_000, u64::MAX / 4)]
    {
        let bytes = noise(length, 2);
        let readings = Rig::of(&[&file(&bytes, "large")]).check(&bytes, step).await;
        assert!(readings as usize <= 2 + length / MIB, "{readings} readings");
    }
}

#[wasm_bindgen_test]
async fn a_file_as_long_as_the_grant_still_ends() {
    let bytes = noise(2 * MIB, 3);
    let mut rig = Rig::of(&[&file(&bytes, "exact")]);
    rig.grant(0, bytes.len() as u64);
    while !matches!(rig.one().await, Input::Cut { ended: true, .. }) {}
}

#[wasm_bindgen_test]
async fn many_small_files_are_read_together_and_arrive_whole_by_whoever_reads() {
    let files: Vec<Vec<u8>> = (0..200).map(|n| noise(if n % 50 == 0 { 0 } else { 4000 + n as usize }, n)).collect();
    let rows: Vec<JsValue> = files.iter().map(|bytes| file(bytes, "one of many")).collect();
    let rows: Vec<&JsValue> = rows.iter().collect();
    for mut rig in [Rig::of(&rows), Rig::behind_a_port(&rows).await] {
        (0..200).for_each(|row| rig.readers.read(row, 1 << 20).expect("it is read"));
        rig.readers.flush();
        let (mut seen, mut readings) = (0, 0);
        while seen < 200 {
            readings += 1;
            for input in rig.next().await {
                let Input::Cut { file, blocks, ended: true, .. } = input else { panic!("{input:?}") };
                rig.check_blocks(file, &files[file as usize], &blocks).await;
                seen += 1;
            }
        }
        assert!(readings <= 4 + 4, "{readings} readings: four of 64, and the empty ones alone");
    }
}

#[wasm_bindgen_test]
async fn a_small_file_does_not_keep_what_larger_ones_brought() {
    let files: Vec<Vec<u8>> = (0..12).map(|n| noise(if n % 2 == 0 { 1000 } else { 500_000 }, n)).collect();
    let sources: Vec<JsValue> = files.iter().map(|bytes| file(bytes, "mixed")).collect();
    let rows: Vec<&JsValue> = sources.iter().collect();
    for mut rig in [Rig::of(&rows), Rig::behind_a_port(&rows).await] {
        for row in 0..12 {
            rig.readers.read(row, 1 << 20).expect("it is read");
        }
        rig.readers.flush();
        let mut seen = 0;
        while seen < 12 {
            seen += rig.next().await.len();
        }
        for file in (0..12).step_by(2) {
            let (part, _) = rig.store.part(BlockKey { file, index: 0 }).expect("it is kept").expect("a part");
            let behind = part.unchecked_into::<Uint8Array>().buffer().byte_length();
            assert!(behind <= 6 * 1000, "{behind} bytes stay for 1000");
        }
    }
}

#[wasm_bindgen_test]
async fn a_large_file_is_read_behind_a_port_as_it_is_here() {
    let bytes = noise(9_000_000, 8);
    let large = file(&bytes, "large");
    let mut rig = Rig::behind_a_port(&[&large]).await;
    rig.check(&bytes, 2_500_000).await;
}

#[wasm_bindgen_test]
async fn a_stopped_reading_brings_nothing_and_a_new_one_begins_at_the_start() {
    let bytes = noise(8_000_000, 5);
    let stopped = file(&bytes, "stopped");
    for mut rig in [Rig::of(&[&stopped]), Rig::behind_a_port(&[&stopped]).await] {
        rig.grant(0, 2_000_000);
        rig.one().await;
        rig.readers.stop(0);
        rig.grant(0, 2_000_000);
        // Whatever of the old one is still on its way comes first, and is nothing.
        let mut first = rig.next().await;
        while first.is_empty() {
            first = rig.next().await;
        }
        assert!(matches!(first[..], [Input::Cut { read, .. }] if read <= 2_000_000));
        rig.readers.stop(0);
        sleep(100).await;
        while let Ok(late) = rig.outcomes.try_recv() {
            assert!(rig.told(late).is_empty());
        }
        rig.store.forget(0, 0..10);
        rig.check(&bytes, 2_000_000).await;
    }
}

#[wasm_bindgen_test]
async fn of_files_read_together_one_that_changed_says_so_and_the_others_arrive() {
    let files = [stored("stays", 1000).await, stored("changes", 1000).await, file(&noise(1000, 9), "memory")];
    overwrite("changes").await;
    let mut rig = Rig::of(&[&files[0], &files[1], &files[2]]);
    (0..3).for_each(|row| rig.readers.read(row, 1 << 20).expect("it is read"));
    rig.readers.flush();
    let (mut read, mut reasons) = (Vec::new(), Vec::new());
    while read.len() + reasons.len() < 3 {
        for input in rig.next().await {
            match input {
                Input::Cut { file, .. } => read.push(file),
                Input::Unreadable { file, reason } => reasons.push((file, reason)),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(read, [0, 2]);
    assert!(reasons[0].0 == 1 && reasons[0].1.starts_with("NotReadableError"), "{reasons:?}");
}

#[wasm_bindgen_test]
async fn a_large_file_that_is_written_to_is_found_out() {
    for written_to in [false, true] {
        let mut rig = Rig::of(&[&stored("changing", 8_000_000).await]);
        rig.grant(0, 2_000_000);
        let mut input = rig.one().await;
        if written_to {
            overwrite("changing").await;
        }
        assert_eq!(rig.readers.look(0).await.is_err(), written_to, "when it is looked at");
        rig.grant(0, u64::MAX / 4);
        while matches!(input, Input::Cut { ended: false, .. }) {
            input = rig.one().await;
        }
        match input {
            Input::Cut { .. } => assert!(!written_to),
            Input::Unreadable { reason, .. } => {
                assert!(written_to && reason.starts_with("NotReadableError"), "{reason}")
            }
            other => panic!("{other:?}"),
        }
    }
}

#[wasm_bindgen_test]
async fn a_row_without_a_file_is_not_read() {
    let rig = Rig::of(&[&JsValue::NULL]);
    assert_eq!(rig.readers.read(0, 1), Err("it may not be read".to_owned()), "a retry hears why again");
    assert_eq!(rig.readers.read(7, 1), Err("there is no file 7".to_owned()));
    assert_eq!(rig.readers.facts(0), Some(Err("it may not be read".to_owned())));
}

#[wasm_bindgen_test]
fn what_no_reader_says_is_not_understood() {
    for odd in ["undefined", "[]", "[7]", "['1']", "[1, 2]", "[1, 0, 0, 5, true, 1, 'name', 5, null]", "[2, 1, 2]"] {
        assert!(Said::parse(&eval(odd)).is_none(), "{odd}");
    }
}
