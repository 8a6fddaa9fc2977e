//! A real server: what the browser's own fetch sends is what the server then gives back.

use crate::rig::{Inbox, Rig, eval, file, noise, resolve};
use cloudindex_uploader::{host, js};
use js_sys::{Array, Function, Uint8Array};
use std::collections::BTreeMap;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::MessageChannel;

#[wasm_bindgen_test]
async fn files_arrive_on_a_real_server() {
    let (Some(url), Some(key)) = (option_env!("CLOUDINDEX_TEST_URL"), option_env!("CLOUDINDEX_TEST_KEY")) else {
        panic!("no server: run `npm test`, which starts one and sets CLOUDINDEX_TEST_URL and CLOUDINDEX_TEST_KEY")
    };
    let (rig, channel) = (Rig::new(), MessageChannel::new().expect("a channel"));
    let mut inbox = Inbox::new(&channel.port1());
    let options = format!(r#"{{"baseUrl":"{url}","apiKey":"{key}","batch":{{"name":"tests/web.rs"}}}}"#);
    host(&options, channel.port2(), Some(rig.port.clone()), vec![], None).unwrap_or_else(|error| panic!("{error:?}"));

    let contents: Vec<(String, Vec<u8>)> = [0, 1, 4096, 1 << 20, (1 << 20) + 1, 6_000_000]
        .into_iter()
        .map(|length| (format!("{length} \"bytes\" ü🦀.bin"), noise(length, length as u32)))
        .chain((0..300).map(|n| (format!("many/{n}.txt"), noise(4096, n))))
        .collect();
    let list: Array = contents.iter().map(|(name, bytes)| file(bytes, name)).collect();
    let added = rig.intake.add(list.into());
    let mut documents = BTreeMap::new();
    loop {
        let message = inbox.next().await;
        let Some("update") = js::text(&message, "t").as_deref() else { continue };
        let update = js::get(&message, "update");
        for change in Array::from(&js::get(&update, "files")).iter() {
            if let (Some(id), Some(document)) = (js::count(&js::get(&change, "id")), js::text(&change, "documentId")) {
                documents.insert(id as usize, document);
            }
            assert!(js::get(&change, "error").is_undefined(), "{:?}", js::get(&change, "error"));
        }
        if js::text(&update, "phase").as_deref() == Some("complete") {
            break;
        }
    }
    assert!(resolve(&added).await.is_ok());
    assert_eq!(documents.len(), contents.len());

    let content: Function = eval(
        "(url, key) => fetch(url, { headers: { Authorization: `Bearer ${key}` } }).then((answer) => answer.arrayBuffer())",
    )
    .unchecked_into();
    for (row, (name, bytes)) in contents.iter().enumerate() {
        let at = format!("{url}/v1/documents/{}/content", documents[&row]);
        let answer = content.call2(&JsValue::NULL, &at.into(), &key.into()).expect("a promise");
        let kept = Uint8Array::new(&resolve(&answer).await.unwrap_or_else(|error| panic!("{error:?}"))).to_vec();
        assert!(&kept == bytes, "{name}: {} bytes came back of {}", kept.len(), bytes.len());
    }
    rig.intake.close();
}
