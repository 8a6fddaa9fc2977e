//! Reading and slicing: what arrives is the file, no more is read than was granted, and a small file is never asked its size.

use crate::rig::{Rig, eval, file, noise, number, resolve, run, sleep};
use cloudindex_engine::{BlockKey, Config, Input, blocks::digest};
use cloudindex_uploader::cutting::Cutting;
use cloudindex_uploader::js;
use cloudindex_uploader::ports::{Bytes, ToHost, ToPage};
use cloudindex_uploader::store::Store;
use js_sys::{Array, Function, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

const MIB: usize = 1024 * 1024;

/// The host's side of reading, without an engine.
struct Reader {
    rig: Rig,
    cutting: Cutting,
    store: Store,
}

impl Reader {
    /// With these files as rows 0, 1, …
    async fn of(files: &[&JsValue]) -> Self {
        let mut rig = Rig::new();
        let list: Array = files.iter().copied().cloned().collect();
        assert_eq!(rig.walk(&list).await.len(), files.len());
        let cut = Config::default().cut;
        rig.tell(ToPage::Hello { small_file: cut.small_file as u64 });
        Reader { rig, cutting: Cutting::new(cut), store: Store::default() }
    }

    fn grant(&mut self, file: u32, up_to: u64) {
        let stream = self.cutting.stream(file);
        self.rig.tell(ToPage::Read { file, stream, up_to });
    }

    async fn bytes(&mut self) -> Bytes {
        match self.rig.next().await {
            ToHost::Bytes(bytes) => bytes,
            other => panic!("{other:?}"),
        }
    }

    /// Reads row 0 with grants of `step` bytes and checks all that the engine would be told. Gives the number of messages.
    async fn check(&mut self, expected: &[u8], step: u64) -> u32 {
        let (mut granted, mut messages, mut known) = (step, 0, None);
        let mut found = Vec::new();
        self.grant(0, granted);
        let read = loop {
            let bytes = self.bytes().await;
            messages += 1;
            let Some(Input::Cut { blocks, read, size, ended, .. }) = self.cutting.take(bytes, &self.store) else {
                panic!("the stream is stale");
            };
            known = known.or(size);
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
        assert_eq!(known, (expected.len() > MIB).then_some(read), "only a large file is asked its size");

        let mut rest = expected;
        for (index, block) in (0..).zip(&found) {
            let (bytes, later) = rest.split_at(block.len as usize);
            assert_eq!(block.digest, digest(bytes));
            let key = BlockKey { file: 0, index };
            assert_eq!(self.store.len(key), Some(block.len));
            let pieces = Array::new();
            assert!(self.store.give(key, &pieces).is_some());
            let kept: Vec<u8> = pieces.iter().flat_map(|piece| Uint8Array::new(&piece).to_vec()).collect();
            assert!(kept == bytes, "block {index} is kept as it was");
            rest = later;
        }
        assert!(rest.is_empty());
        assert_eq!(self.store.bytes(), expected.len() as u64);
        self.store.forget(0, 0..found.len() as u32);
        assert_eq!(self.store.bytes(), 0);
        messages
    }
}

#[wasm_bindgen_test]
async fn a_small_file_is_one_message_and_one_block() {
    for length in [1, 4096, 65_536, 65_537, 300_000, MIB - 1, MIB] {
        let bytes = noise(length, 1);
        let mut reader = Reader::of(&[&file(&bytes, "small")]).await;
        assert_eq!(reader.check(&bytes, u64::MAX / 4).await, 1, "{length} bytes");
    }
}

#[wasm_bindgen_test]
async fn an_empty_file_has_no_blocks() {
    let mut reader = Reader::of(&[&file(&[], "empty")]).await;
    assert_eq!(reader.check(&[], 1).await, 1);
}

#[wasm_bindgen_test]
async fn a_large_file_is_cut_as_it_streams() {
    for (length, step) in [(MIB + 1, 1), (MIB + 1, u64::MAX / 4), (20_000_000, 3_000_000), (20_000_000, u64::MAX / 4)] {
        let bytes = noise(length, 2);
        let mut reader = Reader::of(&[&file(&bytes, "large")]).await;
        let messages = reader.check(&bytes, step).await;
        assert!(messages as usize <= 2 + 2 * length / MIB || step == 1, "{messages} messages");
    }
}

#[wasm_bindgen_test]
async fn a_file_as_long_as_the_grant_still_ends() {
    let bytes = noise(2 * MIB, 3);
    let mut reader = Reader::of(&[&file(&bytes, "exact")]).await;
    reader.grant(0, bytes.len() as u64);
    while !reader.bytes().await.ended {}
}

#[wasm_bindgen_test]
async fn no_more_is_read_than_was_granted() {
    let bytes = noise(20_000_000, 4);
    let mut reader = Reader::of(&[&file(&bytes, "held back")]).await;
    let (mut read, mut largest) = (0, 0);
    for granted in [1, 2_000_000, 2_000_001, 9_000_000] {
        reader.grant(0, granted);
        while let Some(message) = reader.rig.inbox.within(300).await {
            let Some(ToHost::Bytes(Bytes { chunks, .. })) = ToHost::parse(&message) else { panic!("{message:?}") };
            for chunk in &chunks {
                read += u64::from(chunk.length());
                largest = largest.max(u64::from(chunk.length()));
            }
        }
        assert!(read >= granted, "{read} of {granted}");
        assert!(read < granted + largest, "{read} read, {granted} granted, chunks of {largest}");
    }
}

#[wasm_bindgen_test]
async fn a_small_files_size_is_never_looked_at() {
    let spied = eval(
        "(() => {
            const file = new File(['some text'], 'spied');
            file.looks = 0;
            for (const fact of ['size', 'lastModified']) Object.defineProperty(file, fact, { get() { file.looks++; return 9; } });
            return file;
        })()",
    );
    let mut reader = Reader::of(&[&spied]).await;
    reader.grant(0, 1 << 20);
    assert!(reader.bytes().await.ended);
    assert_eq!(number(&spied, "looks"), 0.0);
}

#[wasm_bindgen_test]
async fn a_stopped_stream_is_cancelled_and_a_new_one_begins_at_the_start() {
    let bytes = noise(8_000_000, 5);
    let mut reader = Reader::of(&[&file(&bytes, "stopped")]).await;
    reader.grant(0, 2_000_000);
    let stale = reader.bytes().await;
    reader.cutting.stop(0);
    reader.rig.tell(ToPage::Stop(0));
    reader.grant(0, 1);
    assert!(reader.cutting.take(stale, &reader.store).is_none(), "what the old stream sent is known to be stale");
    // Whatever of the old stream is still on its way comes first.
    let current = reader.cutting.stream(0);
    while reader.bytes().await.stream != current {}
    sleep(100).await;
    assert!(reader.rig.inbox.within(100).await.is_none(), "the old stream reads no more");

    reader.cutting.stop(0);
    reader.rig.tell(ToPage::Stop(0));
    reader.check(&bytes, 2_000_000).await;
}

/// An object that looks like a file, and streams what `pull` gives.
fn pretender(pull: &str) -> JsValue {
    eval(&format!(
        "{{ name: 'pretender', arrayBuffer() {{}}, slice: () => new Blob(), stream: () => new ReadableStream({{ pull(c) {{ {pull} }} }}) }}"
    ))
}

#[wasm_bindgen_test]
async fn a_file_that_the_browser_cannot_read_says_why() {
    let gone = pretender("c.error(new DOMException('the disk is gone', 'NotReadableError'))");
    let text = pretender("c.enqueue('text'); c.close()");
    let locked = eval("{ name: 'locked', arrayBuffer() {}, stream() { throw new Error('no stream') } }");
    let mut reader = Reader::of(&[&gone, &text, &locked]).await;
    let reasons =
        ["NotReadableError: the disk is gone", "TypeError: the file's stream gave no bytes", "Error: no stream"];
    for (row, expected) in (0..).zip(reasons) {
        reader.grant(row, 1);
        match reader.rig.next().await {
            ToHost::Unreadable { file, reason, .. } => assert_eq!((file, reason.as_str()), (row, expected)),
            other => panic!("{other:?}"),
        }
    }
}

#[wasm_bindgen_test]
async fn a_large_file_that_is_written_to_while_it_streams_does_not_end() {
    let overwrite = eval(
        "async (folder) => {
            const writable = await (await folder.getFileHandle('changing')).createWritable({ keepExistingData: true });
            await writable.write({ type: 'write', position: 0, data: new Uint8Array(8_000_000).fill(2) });
            await writable.close();
        }",
    );
    let make = "(async () => {
        const folder = await navigator.storage.getDirectory();
        const handle = await folder.getFileHandle('changing', { create: true });
        const writable = await handle.createWritable();
        await writable.write(new Uint8Array(8_000_000).fill(1));
        await writable.close();
        return handle.getFile();
    })()";
    for written_to in [false, true] {
        let mut reader = Reader::of(&[&run(make).await]).await;
        reader.grant(0, 2_000_000);
        let mut message = ToHost::Bytes(reader.bytes().await);
        if written_to {
            let overwrite: Function = overwrite.clone().unchecked_into();
            let folder = run("navigator.storage.getDirectory()").await;
            resolve(&overwrite.call1(&JsValue::NULL, &folder).expect("a promise")).await.expect("it is written");
        }
        reader.grant(0, u64::MAX / 4);
        while matches!(message, ToHost::Bytes(Bytes { ended: false, .. })) {
            message = reader.rig.next().await;
        }
        match message {
            ToHost::Bytes(_) => assert!(!written_to),
            ToHost::Unreadable { reason, .. } => assert!(written_to && reason.starts_with("it changed"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[wasm_bindgen_test]
async fn a_chunk_that_is_part_of_a_larger_buffer_is_sent_alone() {
    let mut reader =
        Reader::of(&[&pretender("c.enqueue(new Uint8Array([1, 2, 3, 4]).subarray(1, 3)); c.close()")]).await;
    reader.check(&[2, 3], 1).await;
}

#[wasm_bindgen_test]
async fn sizes_are_asked_when_the_page_is_idle() {
    let files: Vec<JsValue> = (0..50).map(|length| file(&noise(length, 6), "sized")).collect();
    let mut reader = Reader::of(&files.iter().collect::<Vec<_>>()).await;
    reader.rig.tell(ToPage::Size((0..50).collect()));
    let mut sizes = Vec::new();
    while sizes.len() < 50 {
        match reader.rig.next().await {
            ToHost::Sized(some) => sizes.extend(some),
            other => panic!("{other:?}"),
        }
    }
    assert!(sizes.iter().all(|(file, size, time)| u64::from(*file) == *size && time.is_some_and(|time| time > 0)));
}

#[wasm_bindgen_test]
async fn many_small_files_at_once_arrive_whole() {
    let files: Vec<Vec<u8>> = (0..200).map(|n| noise(4096, n)).collect();
    let rows: Vec<JsValue> = files.iter().map(|bytes| file(bytes, "one of many")).collect();
    let mut reader = Reader::of(&rows.iter().collect::<Vec<_>>()).await;
    (0..200).for_each(|row| reader.grant(row, 1 << 20));
    for _ in 0..200 {
        let bytes = reader.bytes().await;
        let Some(Input::Cut { file, blocks, ended, .. }) = reader.cutting.take(bytes, &reader.store) else { panic!() };
        assert!(ended);
        assert_eq!(blocks[0].digest, digest(&files[file as usize]));
    }
}

#[wasm_bindgen_test]
async fn nothing_is_sent_after_close() {
    let mut reader = Reader::of(&[&file(&noise(8_000_000, 7), "closed")]).await;
    reader.grant(0, 1);
    reader.bytes().await;
    reader.rig.intake.close();
    reader.grant(0, 8_000_000);
    assert!(reader.rig.inbox.within(200).await.is_none());
    let late = resolve(&reader.rig.intake.add(file(&[1], "late"))).await;
    assert!(late.is_ok_and(|value| value.is_undefined()), "a closed intake takes nothing and does not complain");
    assert!(js::text(&JsValue::NULL, "anything").is_none());
}
