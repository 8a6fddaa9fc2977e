//! `metadata` and `groupBy`: what they say is told; what they throw fails that file alone.

use crate::rig::{Intake, Rig, describe, eval, paths, set};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::MessageChannel;

#[wasm_bindgen_test]
async fn what_the_hooks_say_is_told() {
    let mut rig =
        Rig::with("{ metadata: (file) => ({ name: file.name, tags: ['a'] }), groupBy: (file) => file.name.length }");
    let found = rig.walk(&eval("[new File([], 'one'), new File([], 'three')]")).await;
    assert_eq!(found[0].metadata.as_deref(), Some(r#"{"name":"one","tags":["a"]}"#));
    assert_eq!(found[0].group.as_deref(), Some("3"));
    assert_eq!(found[1].group.as_deref(), Some("5"));

    let mut rig = Rig::with("{ metadata: () => undefined, groupBy: () => null }");
    let found = rig.walk(&eval("[new File([], 'one')]")).await;
    assert_eq!((&found[0].metadata, &found[0].group), (&None, &None));
}

#[wasm_bindgen_test]
async fn a_hook_that_fails_fails_its_file_alone() {
    let hooks = "{ metadata: (file) => ({
        throws: () => { throw new RangeError('no such row'); }, promise: async () => ({}), text: () => 'text', list: () => [],
        circle: () => { const c = {}; c.c = c; return c; }, big: () => ({ n: 1n }),
    }[file.name] ?? (() => ({ ok: true })))() }";
    let mut rig = Rig::with(hooks);
    let names = "['good', 'throws', 'promise', 'text', 'list', 'circle', 'big', 'fine']";
    let found = rig.walk(&eval(&format!("{names}.map((name) => new File([], name))"))).await;
    assert_eq!(paths(&found), ["good", "throws", "promise", "text", "list", "circle", "big", "fine"]);
    let reasons = [
        None,
        Some("metadata(file) threw RangeError: no such row"),
        Some("gave a promise"),
        Some("must give an object"),
        Some("must give an object"),
        Some("JSON of metadata(file) threw TypeError"),
        Some("JSON of metadata(file) threw TypeError"),
        None,
    ];
    for (file, expected) in found.iter().zip(reasons) {
        match expected {
            None => assert!(file.unreadable.is_none() && file.metadata.is_some(), "{file:?}"),
            Some(reason) => assert!(file.unreadable.as_ref().is_some_and(|text| text.contains(reason)), "{file:?}"),
        }
    }

    let mut rig = Rig::with("{ groupBy: (file) => { if (file.name === 'b') throw 'just text'; return {}; } }");
    let found = rig.walk(&eval("[new File([], 'a'), new File([], 'b')]")).await;
    assert!(found[0].unreadable.as_ref().is_some_and(|text| text.contains("must give a text")));
    assert_eq!(found[1].unreadable.as_deref(), Some("groupBy(file) threw just text"));
}

#[wasm_bindgen_test]
async fn a_found_hook_that_throws_does_not_stop_the_walk() {
    let mut rig = Rig::with("{}");
    set(&rig.shown, "push", &eval("() => { throw new Error('the app broke'); }"));
    assert_eq!(rig.walk(&eval("[new File([], 'a'), new File([], 'b')]")).await.len(), 2);
}

#[wasm_bindgen_test]
fn hooks_must_be_functions() {
    for (hooks, message) in [
        ("{}", "found(first, files, paths) must be given"),
        ("undefined", "found(first, files, paths) must be given"),
        ("{ found() {}, metadata: 7 }", "metadata must be a function"),
        ("{ found() {}, groupBy: 'type' }", "groupBy must be a function"),
    ] {
        let port = MessageChannel::new().expect("a channel").port1();
        let error: JsValue = Intake::new(port, eval(hooks)).err().expect(hooks);
        assert_eq!(describe(&error), format!("TypeError: {message}"));
    }
}
