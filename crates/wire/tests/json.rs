//! What the page reads and writes by hand, beside serde.
use cloudindex_wire::json::{ObjectWriter, Reader, is_value};
use cloudindex_wire::{
    Batch, BatchLimits, BatchStatus, BatchView, BlockAck, BlockOutcome, BundleReply, Caps, Digest, DocumentAck,
    DocumentOutcome, Phase, Problem, codes,
};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Any text, by the reader's own means.
fn value(reader: &mut Reader) -> Option<Value> {
    let mut list = Vec::new();
    let item = &mut |reader: &mut Reader| {
        list.push(value(reader)?);
        Some(())
    };
    match reader.peek()? {
        b'"' => reader.string().map(Value::String),
        b'[' => reader.list(item).map(|()| Value::Array(list)),
        b'{' => {
            let mut object = Map::new();
            reader.object(&mut |reader, name| {
                object.insert(name.to_owned(), value(reader)?);
                Some(())
            })?;
            Some(Value::Object(object))
        }
        b't' | b'f' => reader.flag().map(Value::Bool),
        b'n' => reader.optional(|_| None::<()>)?.map_or(Some(Value::Null), |()| None),
        _ => serde_json::from_str(reader.number()?).ok(),
    }
}

fn agree(text: &[u8]) {
    let ours = Reader::read(text, value);
    let theirs: Option<Value> = serde_json::from_slice(text).ok();
    assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(text));
    if ours.is_some() {
        assert!(is_value(std::str::from_utf8(text).unwrap()));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_json_is_read_and_what_is_not_is_refused_as_by_serde(
        json in any_json(),
        pretty: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"\"\\/{}[]:,.0123456789eE+-untrfalsdcDC \n\0\xff\xc3\xa9"[..])), 0..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut text = if pretty { serde_json::to_vec_pretty(&json).unwrap() } else { serde_json::to_vec(&json).unwrap() };
        agree(&text);
        agree(&text[..end.index(text.len())]);
        for (place, byte) in changes {
            let place = place.index(text.len());
            text[place] = byte;
            agree(&text);
        }
    }

    #[test]
    fn strings_with_escapes(pieces in prop::collection::vec("[a-zé🦀\u{7f}\u{0}-\u{1f}]|\\\\[\"\\\\/bfnrtux]|\\\\u[0-9a-fA-F]{4}|\\\\uD8[0-9a-f]{2}|\\\\udc[0-9A-F]{2}", 0..8)) {
        agree(format!("\"{}\"", pieces.concat()).as_bytes());
    }

    #[test]
    fn numbers(text in "-?[0-9]{0,3}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,2})?") {
        agree(text.as_bytes());
    }

    #[test]
    fn counts(text in "-?[0-9]{1,21}(\\.0|e1)?") {
        prop_assert_eq!(Reader::read(text.as_bytes(), Reader::count), serde_json::from_str::<u64>(&text).ok());
    }

    #[test]
    fn bytes_that_are_nothing_at_all(bytes: Vec<u8>) {
        agree(&bytes);
    }

    #[test]
    fn objects_are_written_in_serdes_bytes(fields in prop::collection::vec((any::<String>(), any::<String>(), any::<u64>()), 0..5)) {
        let mut object = ObjectWriter::default();
        let mut wanted = Vec::new();
        for (name, text, count) in &fields {
            object.string(name, text);
            object.count("count", *count);
            object.json("json", "[1]");
            let (name, text) = (serde_json::to_string(name).unwrap(), serde_json::to_string(text).unwrap());
            wanted.push(format!("{name}:{text},\"count\":{count},\"json\":[1]"));
        }
        prop_assert_eq!(object.end(), format!("{{{}}}", wanted.join(",")));
    }

    #[test]
    fn replies_are_read_as_by_serde(
        acks in prop::collection::vec((any::<String>(), 0..8u8, any::<[u8; 32]>(), any::<u16>(), any::<bool>()), 0..5),
        (place, byte) in (any::<prop::sample::Index>(), any::<u8>()),
    ) {
        let mut reply = BundleReply::default();
        for (path, kind, digest, status, retryable) in acks {
            let (digest, id) = (Digest(digest), path.clone());
            let error = Problem { retryable, ..Problem::new(status, codes::INVALID_FILE, "t", path.clone()) };
            let document = |outcome| DocumentAck { path, outcome };
            let block = |outcome| BlockAck { digest, outcome };
            match kind {
                0 => reply.documents.push(document(DocumentOutcome::Committed { id })),
                1 => reply.documents.push(document(DocumentOutcome::Duplicate { id })),
                2 => reply.documents.push(document(DocumentOutcome::Incomplete { missing: vec![digest; 2] })),
                3 => reply.documents.push(document(DocumentOutcome::Rejected { error })),
                4 => reply.blocks.push(block(BlockOutcome::Stored)),
                5 => reply.blocks.push(block(BlockOutcome::Duplicate)),
                6 => reply.blocks.push(block(BlockOutcome::Missing)),
                _ => reply.blocks.push(block(BlockOutcome::Rejected { error })),
            }
        }
        let mut text = serde_json::to_vec(&reply).unwrap();
        let shown = |reply: Option<BundleReply>| format!("{reply:?}");
        prop_assert_eq!(shown(BundleReply::read(&text)), shown(Some(reply)));
        let place = place.index(text.len());
        text[place] = byte;
        // Of what serde takes, all is read alike. (Serde refuses names that come twice, and looks into what it skips less closely.)
        if let (Some(ours), Ok(theirs)) = (BundleReply::read(&text), serde_json::from_slice(&text)) {
            prop_assert_eq!(shown(Some(ours)), shown(Some(theirs)));
        }
    }
}

#[test]
fn nesting_ends_where_serdes_ends() {
    for depth in [1, 126, 127, 128, 129, 100_000] {
        let text = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(is_value(&text), serde_json::from_str::<Value>(&text).is_ok(), "{depth}");
        let text = r#"{"a":"#.repeat(depth) + "0" + &"}".repeat(depth);
        assert_eq!(is_value(&text), serde_json::from_str::<Value>(&text).is_ok(), "{depth}");
    }
}

fn batch() -> Batch {
    Batch {
        id: "b".into(),
        name: None,
        description: Some("d\"".into()),
        metadata: serde_json::value::RawValue::from_string(r#"{"status":"odd"}"#.into()).ok(),
        limits: BatchLimits { max_batch_size: Some(7), max_file_size: None, total_batch_bytes: Some(9) },
        caps: Caps {
            bundle_bytes: 1,
            block_bytes: 2,
            bundle_documents: 3,
            encodings: vec!["gzip".into()],
            digest: "blake3".into(),
        },
        status: BatchStatus {
            batch_id: "b".into(),
            status: Phase::Processing,
            total_files: 4,
            processed_files: 5,
            failed_files: 6,
            progress_percentage: 1.5,
            started_at: None,
            estimated_completion: Some("t".into()),
            bytes: 8,
        },
    }
}

#[test]
fn a_batch_is_read_by_the_page_as_the_server_wrote_it() {
    let batch = batch();
    let text = serde_json::to_string(&batch).unwrap();
    let view = BatchView {
        id: batch.id,
        limits: batch.limits,
        bundle_bytes: 1,
        block_bytes: 2,
        bundle_documents: 3,
        gzip: true,
        status: Phase::Processing,
        total_files: 4,
        processed_files: 5,
        failed_files: 6,
    };
    assert_eq!(BatchView::read(text.as_bytes()), Some(view));
    for phase in [Phase::Open, Phase::Processing, Phase::Completed, Phase::Cancelled] {
        let text = text.replace("\"processing\"", &serde_json::to_string(&phase).unwrap());
        assert_eq!(BatchView::read(text.as_bytes()).unwrap().status, phase);
    }
    for name in ["\"id\"", "\"status\":\"p", "\"totalFiles\"", "\"blockBytes\"", "\"bundleBytes\"", "\"failedFiles\""] {
        assert!(text.contains(name));
        assert_eq!(
            BatchView::read(text.replace(name, "\"other\":\"p").replace("\"p:", "0,\"q\":").as_bytes()),
            None,
            "{name}"
        );
    }
}

#[test]
fn a_problem_may_leave_out_everything() {
    for text in
        ["{}", r#"{"status":422,"code":"x","odd":[{}],"retryable":true}"#, r#"{"status":70000}"#, r#"{"title":null}"#]
    {
        assert_eq!(Problem::read(text.as_bytes()), serde_json::from_str(text).ok(), "{text}");
    }
}
