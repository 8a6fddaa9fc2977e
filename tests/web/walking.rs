//! Walking: every kind of source, whole and by its paths, and no entry that can't be read stops the rest.

use crate::rig::{Rig, ToHost, ToPage, call, describe, eval, get, paths, resolve, run, set, sleep, sorted, text};
use cloudindex_engine::{Found, Recall};
use js_sys::{Array, Date};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

/// An entry tree from nested objects: text is a file, an object a folder, null can't be read.
const ENTRIES: &str = "function entry(name, content) {
    if (content === null || typeof content === 'string') return {
        isFile: true, isDirectory: false, name,
        file: (ok, failed) => content === null
            ? failed(new DOMException('it may not be read', 'NotReadableError'))
            : ok(new File([content], name)),
        getMetadata: (ok, failed) => content === null || content === 'odd'
            ? failed(new DOMException('no', 'NotReadableError'))
            : ok({ size: content.length, modificationTime: new Date(1700000000123) }),
    };
    const children = Object.entries(content).map(([name, content]) => entry(name, content));
    return {
        isFile: false, isDirectory: true, name,
        createReader: () => ({ readEntries: (ok, failed) => content.locked
            ? failed(new DOMException('it may not be listed', 'NotReadableError'))
            : ok(children.splice(0, 100)) }),
    };
}";

fn entry(name: &str, content: &str) -> JsValue {
    eval(&format!("(() => {{ {ENTRIES}; return entry('{name}', {content}); }})()"))
}

/// A folder in the origin's private file system, from nested objects.
async fn folder(name: &str, content: &str) -> JsValue {
    run(&format!(
        "(async () => {{
            async function fill(folder, content) {{
                for (const [name, inner] of Object.entries(content)) {{
                    if (typeof inner === 'object') {{ await fill(await folder.getDirectoryHandle(name, {{ create: true }}), inner); continue; }}
                    const writable = await (await folder.getFileHandle(name, {{ create: true }})).createWritable();
                    await writable.write(inner);
                    await writable.close();
                }}
                return folder;
            }}
            const root = await navigator.storage.getDirectory();
            await root.removeEntry('{name}', {{ recursive: true }}).catch(() => {{}});
            return fill(await root.getDirectoryHandle('{name}', {{ create: true }}), {content});
        }})()"
    ))
    .await
}

#[wasm_bindgen_test]
async fn a_directory_handle_is_walked_to_its_depth() {
    let tree = "{ 'a.txt': 'a', sub: { 'b.txt': 'bb', deep: { 'c.txt': 'ccc' } }, empty: {}, 'empty.txt': '' }";
    let root = folder("tree", tree).await;
    let found = Rig::new().walk(&root).await;
    assert_eq!(sorted(&found), ["tree/a.txt", "tree/empty.txt", "tree/sub/b.txt", "tree/sub/deep/c.txt"]);
    let deep = found.iter().find(|file| file.path.ends_with("c.txt")).expect("c.txt");
    assert_eq!((deep.size, deep.media_type.as_str()), (Some(3), "text/plain"), "a handle's facts cost nothing");
    assert!(deep.last_modified.is_some_and(|time| time > 1_600_000_000_000));

    let handle = run("navigator.storage.getDirectory().then((root) => root.getDirectoryHandle('tree')).then((tree) => tree.getFileHandle('a.txt'))").await;
    assert_eq!(paths(&Rig::new().walk(&handle).await), ["a.txt"]);
}

#[wasm_bindgen_test]
async fn many_files_of_a_handle_come_in_slices_and_in_rows() {
    let root = folder("many", "Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`${n}.txt`, `${n}`]))").await;
    let mut rig = Rig::new();
    let found = rig.walk(&root).await;
    assert_eq!(found.len(), 500);
    // The application sees the same rows.
    let mut next = 0;
    for slice in rig.shown.iter() {
        let slice: Array = slice.unchecked_into();
        assert_eq!(slice.get(0).as_f64(), Some(f64::from(next)));
        let (files, shown): (Array, Array) = (slice.get(1).unchecked_into(), slice.get(2).unchecked_into());
        for (file, path) in files.iter().zip(shown.iter()) {
            let row = &found[next as usize];
            assert_eq!(path.as_string().as_ref(), Some(&row.path));
            assert!(row.path.ends_with(&text(&file, "name").expect("a name")));
            next += 1;
        }
    }
    assert_eq!(next, 500);
    assert!(rig.shown.length() < 250, "{} slices", rig.shown.length());
}

#[wasm_bindgen_test]
async fn an_entry_is_read_until_it_gives_nothing() {
    let root = entry("root", "Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`f${n}`, `${n}`]))");
    let found = Rig::new().walk(&root).await;
    assert_eq!(found.len(), 250);
    assert!(
        found.iter().all(|file| file.path.starts_with("root/f") && file.size.is_some() && file.unreadable.is_none())
    );
    assert_eq!(paths(&Rig::new().walk(&entry("single.txt", "'x'")).await), ["single.txt"]);
}

#[wasm_bindgen_test]
async fn an_unreadable_entry_does_not_stop_the_rest() {
    let root = entry(
        "root",
        "{ a: 'a', bad: null, shut: { locked: 'yes' }, '': null, sub: { worse: null, b: 'b' }, none: {} }",
    );
    let mut rig = Rig::new();
    let found = rig.walk(&root).await;
    let expected = ["root/a", "root/bad", "root/shut", "root/sub/b", "root/sub/worse", "root/\u{fffd}"];
    assert_eq!(sorted(&found), expected);
    for file in &found {
        let reason = match file.path.as_str() {
            "root/bad" | "root/sub/worse" | "root/\u{fffd}" => Some("NotReadableError: it may not be read"),
            "root/shut" => Some("NotReadableError: it may not be listed"),
            _ => None,
        };
        assert_eq!(file.unreadable.as_deref(), reason, "{}", file.path);
    }
    let nulls: usize = rig
        .shown
        .iter()
        .map(|slice| Array::from(&Array::from(&slice).get(1)).iter().filter(JsValue::is_null).count())
        .sum();
    assert_eq!(nulls, 4, "the application gets null for each");
}

#[wasm_bindgen_test]
async fn a_handle_that_fails_does_not_stop_the_rest() {
    let root = eval(
        "{ kind: 'directory', name: 'root', async *values() {
            yield { kind: 'file', name: 'good', getFile: async () => new File(['x'], 'good') };
            yield { kind: 'file', name: 'bad', getFile: async () => { throw new DOMException('gone', 'NotFoundError'); } };
            yield { kind: 'directory', name: 'shut', values() { throw new DOMException('no', 'NotAllowedError'); } };
            yield { kind: 'file', name: 'odd', getFile: () => 7 };
            throw new DOMException('the disk is gone', 'NotReadableError');
        } }",
    );
    let found = Rig::new().walk(&root).await;
    assert_eq!(sorted(&found), ["root", "root/bad", "root/good", "root/odd", "root/shut"]);
    assert_eq!(found.iter().filter(|file| file.unreadable.is_some()).count(), 4);
}

/// Chromium's handles leave names out that its entries have.
#[wasm_bindgen_test]
async fn a_drop_is_listed_by_entries_and_opened_by_handles() {
    let drop = eval(&format!(
        "(() => {{
            {ENTRIES};
            const root = entry('root', {{ 'plain': 'by entry', 'a:b': 'by entry', 'q?dir': {{ inner: 'by entry' }}, broken: 'by entry' }});
            const handle = {{ kind: 'directory', name: 'root', async *values() {{
                yield {{ kind: 'file', name: 'plain', getFile: async () => new File(['by the handle'], 'plain') }};
                yield {{ kind: 'file', name: 'broken', getFile: async () => {{ throw new Error('never mind'); }} }};
            }} }};
            const item = {{ kind: 'file', getAsFileSystemHandle: async () => handle, webkitGetAsEntry: () => root, getAsFile: () => null }};
            const late = {{ kind: 'file', getAsFileSystemHandle: async () => {{ throw new Error('insecure'); }},
                webkitGetAsEntry: () => entry('late', 'by entry'), getAsFile: () => null }};
            const plain = {{ kind: 'file', getAsFile: () => new File(['x'], 'plain file') }};
            const nothing = {{ kind: 'file', webkitGetAsEntry: () => null, getAsFile: () => null }};
            return {{ items: [{{ kind: 'string' }}, item, late, plain, nothing], files: [] }};
        }})()"
    ));
    let found = Rig::new().walk(&drop).await;
    let expected = ["dropped item", "late", "plain file", "root/a:b", "root/broken", "root/plain", "root/q?dir/inner"];
    assert_eq!(sorted(&found), expected);
    let of = |path: &str| found.iter().find(|file| file.path == path).expect("found");
    assert_eq!(of("root/plain").size, Some("by the handle".len() as u64));
    assert!(of("root/a:b").size.is_some());
    assert!(of("dropped item").unreadable.is_some());
    assert_eq!(found.iter().filter(|file| file.unreadable.is_some()).count(), 1);
}

/// Files, and what the walk asked of folders, until it ends; `known`: how they stand.
async fn walk_known(rig: &mut Rig, root: JsValue, known: impl Fn(&str) -> bool) -> (Vec<(Found, bool)>, Vec<String>) {
    let added = rig.intake.add(root);
    let (mut found, mut folders) = (Vec::new(), Vec::new());
    loop {
        match rig.next().await {
            ToHost::Found(files) => found.extend(files.into_iter().map(|(found, file)| (found, !file.is_undefined()))),
            ToHost::Folder(path) => {
                rig.tell(ToPage::Folder(if known(&path) { Recall::Known } else { Recall::New }));
                folders.push(path);
            }
            ToHost::IntakeEnded => break,
            other => panic!("{other:?}"),
        }
    }
    resolve(&added).await.expect("the walk ends");
    (found, folders)
}

#[wasm_bindgen_test]
async fn files_of_a_known_folder_are_looked_at_and_opened_when_they_are_read() {
    let root = entry("root", "{ a: 'a', odd: 'odd', bad: null, sub: { b: 'bb', deep: { c: 'ccc' } } }");
    let mut rig = Rig::with("{ roots: true, opened: (row, file) => shown.push([row, null, file.name]) }");
    let (found, folders) = walk_known(&mut rig, root, |path| path != "root/sub").await;
    assert_eq!(folders, ["root", "root/sub", "root/sub/deep"]);
    let of = |path: &str| found.iter().position(|(file, _)| file.path == path).expect("found");
    for (path, size, is_open) in
        [("root/a", 1, false), ("root/odd", 3, true), ("root/sub/b", 2, true), ("root/sub/deep/c", 3, false)]
    {
        let (file, open) = &found[of(path)];
        assert_eq!((file.size, *open), (Some(size), is_open), "{path}");
        assert!(file.unreadable.is_none() && (*open || file.last_modified == Some(1_700_000_000_123)), "{file:?}");
    }
    assert!(found[of("root/bad")].0.unreadable.is_some());

    let row = of("root/sub/deep/c") as u32;
    // What has its file already, or is no row, is nobody's business.
    rig.tell(ToPage::Open(vec![of("root/odd") as u32, 99, row]));
    match rig.next().await {
        ToHost::Opened(id, Ok(file)) => {
            assert_eq!((id, text(&file, "name"), get(&file, "size")), (row, Some("c".into()), 3.into()));
        }
        other => panic!("{other:?}"),
    }
    let told = Array::from(&rig.shown.at(-1));
    assert_eq!((told.get(0).as_f64(), told.get(2).as_string()), (Some(f64::from(row)), Some("c".into())));
    rig.tell(ToPage::Open(vec![row]));
    assert!(rig.inbox.within(50).await.is_none(), "it is opened once");
}

#[wasm_bindgen_test]
async fn what_can_not_be_opened_now_may_be_later() {
    let root = eval(&format!("(() => {{ {ENTRIES};
        const root = entry('root', {{ a: 'a' }});
        const [file] = (() => {{ let all; root.createReader().readEntries((found) => {{ all = found; }}); return all; }})();
        const open = file.file;
        let times = 0;
        file.file = (ok, failed) => times++ ? open(ok, failed) : failed(new DOMException('busy', 'NotReadableError'));
        let given = false;
        root.createReader = () => ({{ readEntries: (ok) => ok(given ? [] : (given = true, [file])) }});
        return root; }})()"));
    let mut rig = Rig::with("{ roots: true }");
    walk_known(&mut rig, root, |_| true).await;
    rig.tell(ToPage::Open(vec![0]));
    assert!(matches!(rig.next().await, ToHost::Opened(0, Err(reason)) if reason == "NotReadableError: busy"));
    rig.tell(ToPage::Open(vec![0]));
    assert!(matches!(rig.next().await, ToHost::Opened(0, Ok(_))));
}

#[wasm_bindgen_test]
async fn who_sees_every_file_or_has_no_journal_asks_for_no_folder() {
    for hooks in [
        "{}",
        "{ roots: true, opensAll: true }",
        "{ roots: true, metadata: () => ({}) }",
        "{ roots: true, groupBy: () => 'g' }",
    ] {
        let mut rig = Rig::with(hooks);
        let (found, folders) = walk_known(&mut rig, entry("root", "{ a: 'a' }"), |_| true).await;
        assert_eq!((found[0].1, folders.len()), (true, 0), "{hooks}");
    }
}

#[wasm_bindgen_test]
async fn what_only_looks_like_a_file_fails_alone() {
    let list = eval(
        "[new File(['x'], 'good'), Object.assign(new Blob(['x']), { name: 'blob' }),
            { name: 'throws', stream() {}, arrayBuffer() {}, get size() { throw new Error('no'); } },
            { name: 'plain', stream() {}, arrayBuffer() {} }, new File(['x'], 'last')]",
    );
    let found = Rig::new().walk(&list).await;
    assert_eq!(paths(&found), ["good", "blob", "throws", "plain", "last"]);
    let unreadable: Vec<bool> = found.iter().map(|file| file.unreadable.is_some()).collect();
    // The second is handed on, and refused by the host.
    assert_eq!(unreadable, [false, false, true, true, false], "{found:?}");
}

#[wasm_bindgen_test]
async fn a_handle_that_can_not_be_kept_is_walked() {
    let list =
        eval("[{ kind: 'file', name: 'odd', getFile: async () => new File(['x'], 'odd') }, new File(['x'], 'good')]");
    assert_eq!(paths(&Rig::with("{ roots: true }").walk(&list).await), ["odd", "good"]);
}

#[wasm_bindgen_test]
async fn a_closed_intake_ends_a_walk_that_asked_for_a_folder() {
    let mut rig = Rig::with("{ roots: true }");
    let added = rig.intake.add(entry("root", "{ a: 'a' }"));
    assert!(matches!(rig.next().await, ToHost::Folder(path) if path == "root"));
    rig.intake.close();
    assert!(resolve(&added).await.is_ok());
}

#[wasm_bindgen_test]
async fn lists_of_files_are_taken_in_order() {
    let three = "['a', 'b', 'c'].map((name) => new File([name], name))";
    let transfer =
        format!("(() => {{ const d = new DataTransfer(); {three}.forEach((f) => d.items.add(f)); return d; }})()");
    let sources = [
        three.to_owned(),
        format!("new Set({three})"),
        format!("(function* () {{ yield* {three}; }})()"),
        format!("(async function* () {{ for (const f of {three}) {{ await 0; yield f; }} }})()"),
        transfer.clone(),
        format!("{transfer}.files"),
        format!("{transfer}.items"),
        format!("{{ items: [], files: {three} }}"),
        "['a', 'b', 'c'].map((name) => ({ kind: 'file', name, getFile: async () => new File([name], name) }))"
            .to_owned(),
    ];
    for source in sources {
        let found = Rig::new().walk(&eval(&source)).await;
        assert_eq!(paths(&found), ["a", "b", "c"], "{source}");
    }
    assert_eq!(paths(&Rig::new().walk(&eval("new File(['x'], 'one')")).await), ["one"]);
    assert!(Rig::new().walk(&eval("[]")).await.is_empty());
}

#[wasm_bindgen_test]
async fn a_list_that_is_emptied_later_was_taken() {
    // Short ones are copied as arrays, long ones as forms.
    for count in [1000, 3000] {
        let input = eval(&format!(
            "(() => {{
                const d = new DataTransfer();
                for (let n = 0; n < {count}; n++) d.items.add(new File(['x'], `${{n}}`));
                const input = document.createElement('input');
                input.type = 'file'; input.multiple = true; input.files = d.files;
                return input;
            }})()"
        ));
        let mut rig = Rig::new();
        let added = rig.intake.add(get(&input, "files"));
        set(&input, "value", &"".into());
        let mut found = Vec::new();
        while let ToHost::Found(files) = rig.next().await {
            found.extend(files.into_iter().map(|(found, _)| found.path));
        }
        assert!(resolve(&added).await.is_ok());
        let expected: Vec<String> = (0..count).map(|n| n.to_string()).collect();
        assert_eq!(found, expected);
    }
}

#[wasm_bindgen_test]
async fn names_and_paths_are_kept_as_they_are() {
    let names = "['with space', 'ümläut', '日本', '🦀', 'quote\"\\'', 'new\\nline', '..', 'x'.repeat(255)]";
    let found = Rig::new().walk(&eval(&format!("{names}.map((name) => new File([], name))"))).await;
    let expected: Vec<String> = Array::from(&eval(names)).iter().filter_map(|name| name.as_string()).collect();
    assert_eq!(paths(&found), expected);

    let chosen =
        "[Object.defineProperty(new File(['x'], 'c.txt'), 'webkitRelativePath', { value: 'chosen/sub/c.txt' })]";
    assert_eq!(paths(&Rig::new().walk(&eval(chosen)).await), ["chosen/sub/c.txt"]);
}

#[wasm_bindgen_test]
async fn the_walk_waits_while_the_engine_has_enough() {
    let mut rig = Rig::new();
    let source = eval(
        "(() => {
            const source = { pulled: 0, async *[Symbol.asyncIterator]() {
                for (; source.pulled < 2000; ) { yield new File(['x'], `${source.pulled++}`); await new Promise((r) => setTimeout(r)); }
            } };
            return source;
        })()",
    );
    let pulled = |source: &JsValue| get(source, "pulled").as_f64().expect("a number");
    rig.tell(ToPage::PauseWalk);
    sleep(20).await;
    let added = rig.intake.add(source.clone());
    sleep(100).await;
    assert!(pulled(&source) <= 2.0, "{} pulled while paused", pulled(&source));
    assert!(rig.inbox.within(50).await.is_none());
    rig.tell(ToPage::ResumeWalk);
    assert!(matches!(rig.next().await, ToHost::Found(_)), "found while the walk goes on");
    assert!(pulled(&source) < 2000.0);
    rig.tell(ToPage::PauseWalk);
    sleep(50).await;
    let before = pulled(&source);
    sleep(100).await;
    assert!(pulled(&source) - before <= 1.0);
    rig.intake.close();
    assert!(resolve(&added).await.is_ok(), "closing ends a walk that waits");
}

#[wasm_bindgen_test]
async fn the_intake_ends_when_the_last_walk_does() {
    let mut rig = Rig::new();
    let slow = "(async function* () { await new Promise((r) => setTimeout(r, 100)); yield new File([], 'slow'); })()";
    let slow = rig.intake.add(eval(slow));
    let fast = rig.intake.add(eval("[new File([], 'fast')]"));
    let mut order = Vec::new();
    loop {
        match rig.next().await {
            ToHost::Found(files) => order.extend(files.into_iter().map(|(file, _)| file.path)),
            ToHost::IntakeEnded => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(order, ["fast", "slow"]);
    assert!(resolve(&slow).await.is_ok() && resolve(&fast).await.is_ok());
}

#[wasm_bindgen_test]
async fn a_wrong_source_is_refused_with_what_is_accepted() {
    for wrong in ["42", "'text'", "null", "undefined", "{}", "() => 1", "new Blob(['x'])", "{ items: 1, files: 2 }"] {
        let error = resolve(&Rig::new().intake.add(eval(wrong))).await.expect_err(wrong);
        let message = describe(&error);
        assert!(message.starts_with("TypeError: expected a FileList") && message.contains("DataTransfer"), "{message}");
    }
    let mut rig = Rig::new();
    let added = rig.intake.add(eval("[new File([], 'good'), 'bad', new File([], 'never')]"));
    match rig.next().await {
        ToHost::Found(files) => assert_eq!((files.len(), files[0].0.path.as_str()), (1, "good")),
        other => panic!("{other:?}"),
    }
    assert!(matches!(rig.next().await, ToHost::IntakeEnded));
    assert!(describe(&resolve(&added).await.expect_err("refused")).contains("bad"));

    let throwing = eval("(async function* () { throw new RangeError('the app broke'); })()");
    let error = resolve(&Rig::new().intake.add(throwing)).await.expect_err("refused");
    assert_eq!(describe(&error), "RangeError: the app broke");
}

#[wasm_bindgen_test]
async fn a_long_list_leaves_the_page_its_turns() {
    let list = eval("Array.from({ length: 20000 }, (_, n) => new File([], `${n}`))");
    let gaps = run("(async () => {
            const gaps = []; let last = performance.now(); let on = true;
            const channel = new MessageChannel();
            channel.port1.onmessage = () => {
                const now = performance.now(); gaps.push(now - last); last = now;
                if (on) setTimeout(() => channel.port2.postMessage(0));
            };
            channel.port2.postMessage(0);
            return { longest: () => { on = false; return Math.max(...gaps); } };
        })()")
    .await;
    sleep(50).await;
    let began = Date::now();
    assert_eq!(Rig::new().walk(&list).await.len(), 20_000);
    let took = Date::now() - began;
    let longest = call(&get(&gaps, "longest")).as_f64().expect("a gap");
    // Generous: the machine may be busy, and then all of it takes longer.
    assert!(longest < f64::max(200.0, took / 4.0), "a gap of {longest} ms in {took} ms");
}
