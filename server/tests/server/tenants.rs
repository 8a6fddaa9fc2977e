//! Two tenants with the same paths and contents: nothing of one is seen, counted or changed by the other.

use crate::support::receiver::Receiver;
use crate::support::*;
use cloudindex_wire::{
    BatchPage, BlockOutcome, Delivery, DeliveryPage, DeliveryState, DocumentOutcome, Phase, UploadToken, codes,
};
use serde_json::{Value, json};

const OTHER: &str = "other-key";
const SAME: [(&str, &[u8]); 3] =
    [("a/car.txt", b"a fast car, red"), ("b.md", b"# Ships\n\nThe vessel is quick."), ("broken.pdf", b"%PDF-1.4 no")];

fn files() -> Vec<(&'static str, Vec<u8>)> {
    SAME.iter().map(|(path, bytes)| (*path, bytes.to_vec())).collect()
}

/// What a tenant has, after the same work as the other's.
struct Mine {
    batch: String,
    document: String,
    delivery: String,
    token: String,
}

/// A batch by an idempotency key, files, one of which breaks its reader and one that is rejected, its end, and webhooks for it.
fn work(server: &Server, webhook: &str) -> Mine {
    let body = json!({ "name": "same", "limits": { "maxFileSize": 1000 }, "tracking": { "webhookUrl": webhook } });
    let made = server.send("POST", "/v1/batches", &[("Idempotency-Key", "the same key")], body.to_string().as_bytes());
    assert_eq!(made.status, 201, "the other's key made no batch here: {}", String::from_utf8_lossy(&made.body));
    let batch = made.json::<cloudindex_wire::Batch>().id;
    server.upload(&batch, &files());
    server.bundle(&batch, &[document("large", &[&noise(1, 1001)])], &[]);
    let token = server.post("/v1/tokens", &json!({ "batchId": batch }).to_string()).json::<UploadToken>().token;
    assert_eq!(server.post(&format!("/v1/batches/{batch}/complete"), "").status, 200);
    let status = server.until(&batch, |status| status.status == Phase::Completed);
    assert_eq!((status.total_files, status.processed_files, status.failed_files), (4, 2, 2));
    let document = server.documents(&batch).remove(0).id;
    let delivery = delivered(server, &batch).remove(0).id;
    Mine { batch, document, delivery, token }
}

/// The deliveries of a batch that has ended, once there is nothing more to be sent.
fn delivered(server: &Server, batch: &str) -> Vec<Delivery> {
    loop {
        let page: DeliveryPage = server.get(&format!("/v1/batches/{batch}/deliveries")).json();
        if page.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered) {
            return page.deliveries;
        }
    }
}

/// All that a tenant can read, but for the speed, which is the whole server's.
fn all(server: &Server, mine: &Mine) -> Vec<(String, Value)> {
    let Mine { batch, document, .. } = mine;
    let mut all = Vec::new();
    for path in [
        "/v1/batches".to_owned(),
        "/v1/webhooks/secret".into(),
        "/v1/usage".into(),
        format!("/v1/batches/{batch}"),
        format!("/v1/batches/{batch}/documents"),
        format!("/v1/batches/{batch}/errors"),
        format!("/v1/batches/{batch}/deliveries"),
        format!("/v1/documents/{document}"),
    ] {
        let mut json: Value = server.get(&path).json();
        if let Some(fields) = json.as_object_mut() {
            fields.retain(|name, _| name != "documentsPerSecond" && name != "bytesPerSecond");
        }
        all.push((path, json));
    }
    for query in ["car", "vessel", "automobile"] {
        all.push((query.into(), server.post("/v1/search", &json!({ "query": query }).to_string()).json()));
    }
    all.push(("content".into(), String::from_utf8(server.content(document)).unwrap().into()));
    all.push(("event".into(), server.events(batch, None).next().unwrap().id.into()));
    all
}

/// Every call that names something, with `{batch}`, `{document}` and `{delivery}` for what it names.
const ABOUT: &[(&str, &str, &str)] = &[
    ("GET", "/v1/batches/{batch}", ""),
    ("GET", "/v1/batches/{batch}/errors", ""),
    ("GET", "/v1/batches/{batch}/events", ""),
    ("POST", "/v1/batches/{batch}/retry", ""),
    ("POST", "/v1/batches/{batch}/documents", "bundle"),
    ("GET", "/v1/batches/{batch}/documents", ""),
    ("POST", "/v1/batches/{batch}/blocks", "bundle"),
    ("POST", "/v1/batches/{batch}/complete", ""),
    ("POST", "/v1/batches/{batch}/cancel", ""),
    ("POST", "/v1/batches/{batch}/verify", ""),
    ("GET", "/v1/batches/{batch}/deliveries", ""),
    ("POST", "/v1/batches/{batch}/deliveries/{delivery}/resend", ""),
    ("GET", "/v1/documents/{document}", ""),
    ("DELETE", "/v1/documents/{document}", ""),
    ("GET", "/v1/documents/{document}/content", ""),
    ("POST", "/v1/documents/{document}/retry", ""),
    ("POST", "/v1/tokens", r#"{"batchId":"{batch}"}"#),
    ("POST", "/v1/search", r#"{"query":"car","batchId":"{batch}"}"#),
];
/// Calls that name nothing: they are about the caller's own.
const OWN: &[(&str, &str)] = &[
    ("POST", "/v1/batches"),
    ("GET", "/v1/batches"),
    ("GET", "/v1/usage"),
    ("GET", "/v1/webhooks/secret"),
    ("POST", "/v1/webhooks/secret"),
];

/// The answer to a call about these.
fn call(server: &Server, (method, path, body): (&str, &str, &str), about: &Mine) -> Reply {
    let named = |text: &str| {
        let text = text.replace("{batch}", &about.batch).replace("{document}", &about.document);
        text.replace("{delivery}", &about.delivery)
    };
    match body {
        "bundle" => {
            let documents = [document("b.md", &[b"of the other"])];
            let body = bundle(path.ends_with("/documents").then_some(&documents), &[b"of the other"]);
            server.send(method, &named(path), &[("Content-Type", &multipart())], &body)
        }
        body => server.send(method, &named(path), &[("Content-Type", "application/json")], named(body).as_bytes()),
    }
}

#[test]
fn what_is_anothers_is_answered_as_what_is_nobodys() {
    let mut server = Server::with(&["--allow-private-webhooks"]);
    let receiver = Receiver::start();
    let mine = work(&server, &receiver.url);
    let theirs = server.with_key(OTHER, |other| work(other, &receiver.url));
    let before = all(&server, &mine);
    let nobodys = || Mine {
        batch: format!("{}x", &mine.batch[..mine.batch.len() - 1]),
        document: format!("{}x", &mine.document[..mine.document.len() - 1]),
        delivery: format!("{}x", &mine.delivery[..mine.delivery.len() - 1]),
        token: String::new(),
    };
    server.with_key(OTHER, |other| {
        for what in ABOUT {
            let (theirs, none) = (call(other, *what, &mine), call(other, *what, &nobodys()));
            assert_eq!(theirs.status, 404, "{what:?}: {}", String::from_utf8_lossy(&theirs.body));
            let text = |reply: &Reply, about: &Mine| {
                let text = String::from_utf8(reply.body.clone()).unwrap();
                text.replace(&about.batch, "B").replace(&about.document, "D").replace(&about.delivery, "W")
            };
            assert_eq!((none.status, text(&none, &nobodys())), (404, text(&theirs, &mine)), "{what:?}");
        }
        // What is one's own does not lead to another's either.
        let path = format!("/v1/batches/{}/deliveries/{}/resend", theirs.batch, mine.delivery);
        other.post(&path, "").problem(404, codes::NOT_FOUND);
    });
    // A token is its tenant's, too.
    server.with_key(&theirs.token, |page| {
        for what in ABOUT {
            assert_eq!(call(page, *what, &mine).status, 403, "{what:?}");
        }
    });
    assert_eq!(all(&server, &mine), before);
}

#[test]
fn every_call_is_looked_at() {
    // Each route is described: there is no other way into the router.
    let server = Server::start();
    let contract: Value = server.get("/openapi.json").json();
    let routes: Vec<&String> = contract["paths"].as_object().unwrap().keys().collect();
    assert!(routes.len() > 15, "{routes:?}");
    let known = |route: &str| {
        let route =
            route.replace("/batches/{id}", "/batches/{batch}").replace("/documents/{id}", "/documents/{document}");
        ABOUT.iter().any(|(_, path, _)| *path == route) || OWN.iter().any(|(_, path)| *path == route)
    };
    let tenantless = ["/healthz", "/metrics", "/openapi.json"];
    let left_out: Vec<_> =
        routes.iter().filter(|route| !known(route) && !tenantless.contains(&route.as_str())).collect();
    assert!(left_out.is_empty(), "put these into ABOUT or OWN: {left_out:?}");
}

#[test]
fn the_same_work_of_another_changes_nothing() {
    let mut server = Server::with(&["--allow-private-webhooks"]);
    let receiver = Receiver::start();
    let mine = work(&server, &receiver.url);
    let before = all(&server, &mine);
    let secret = server.get("/v1/webhooks/secret").json::<Value>();
    server.with_key(OTHER, |other| {
        let listed: BatchPage = other.get("/v1/batches").json();
        assert!(listed.batches.is_empty());
        let theirs = work(other, &receiver.url);
        assert!(theirs.batch != mine.batch && theirs.document != mine.document);
        assert_ne!(other.get("/v1/webhooks/secret").json::<Value>(), secret);
        // All that changes or ends something.
        for (method, path) in OWN {
            other.send(method, path, &[], b"");
        }
        for what in ABOUT {
            let reply = call(other, *what, &theirs);
            assert!(reply.status < 500, "{what:?}");
        }
        let documents = other.documents(&theirs.batch);
        assert!(!documents.iter().any(|document| document.id == theirs.document), "it was deleted");
        delivered(other, &theirs.batch);
    });
    assert_eq!(all(&server, &mine), before);
}

#[test]
fn blocks_of_another_are_missing_and_outlive_it() {
    let mut server = Server::start();
    let (batch, files) = (server.batch().id, files());
    server.upload(&batch, &files);
    let blocks: Vec<&[u8]> = files.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    let documents: Vec<_> = files.iter().map(|(path, bytes)| document(path, &[bytes])).collect();
    let theirs = server.with_key(OTHER, |other| {
        let batch = other.batch().id;
        let reply = other.bundle(&batch, &documents, &[]);
        for (ack, block) in reply.documents.iter().zip(&blocks) {
            assert!(
                matches!(&ack.outcome, DocumentOutcome::Incomplete { missing } if *missing == [name(block)]),
                "{ack:?}"
            );
        }
        let asked: Vec<_> = blocks.iter().map(|block| (name(block), block.len())).collect();
        let mut body = Vec::new();
        part(&mut body, "manifest", json!({ "blocks": asked }).to_string().as_bytes());
        body.extend_from_slice(&bundle(None, &blocks));
        let path = format!("/v1/batches/{batch}/blocks");
        let reply: cloudindex_wire::BundleReply =
            other.send("POST", &path, &[("Content-Type", &multipart())], &body).json();
        let (told, stored) = reply.blocks.split_at(blocks.len());
        assert!(told.iter().all(|ack| matches!(ack.outcome, BlockOutcome::Missing)), "{told:?}");
        assert!(stored.iter().all(|ack| matches!(ack.outcome, BlockOutcome::Stored)), "{stored:?}");
        other.bundle(&batch, &documents, &[]);
        other.settled(&batch);
        batch
    });
    server.settled(&batch);
    for document in server.documents(&batch) {
        assert_eq!(server.send("DELETE", &format!("/v1/documents/{}", document.id), &[], b"").status, 204);
    }
    assert_eq!(server.found(json!({ "query": "car" })), [""; 0]);
    server.with_key(OTHER, |other| {
        let documents = other.documents(&theirs);
        assert_eq!(documents.len(), 3);
        for (document, (_, bytes)) in documents.iter().zip(&files) {
            assert_eq!(other.content(&document.id), *bytes);
        }
        assert_eq!(other.found(json!({ "query": "car", "limit": 1 })), ["a/car.txt"]);
        assert_eq!(other.status(&theirs).status.processed_files, 2);
    });
}

#[test]
fn a_search_finds_ones_own_however_much_others_have() {
    let mut server = Server::start();
    // More chunks than are looked at, each a better answer.
    let crowd = server.batch_with(r#"{"processing":{"chunkSize":24}}"#).id;
    let text = "a fast car, a quick car.\n\n".repeat(1500).into_bytes();
    server.upload(&crowd, &[("a/crowd.txt", text)]);
    server.settled(&crowd);
    assert!(server.documents(&crowd)[0].chunks > 1024);
    server.with_key(OTHER, |other| {
        let batch = other.batch().id;
        let entry = cloudindex_wire::DocumentEntry {
            metadata: Some(serde_json::value::RawValue::from_string(r#"{"team":"x"}"#.into()).unwrap()),
            ..document("a/own.txt", &[b"Once there was a car on the road, and a dog."])
        };
        other.bundle(&batch, &[entry], &[b"Once there was a car on the road, and a dog."]);
        other.settled(&batch);
        for query in [
            json!({ "query": "car" }),
            // By meaning alone.
            json!({ "query": "automobile" }),
            json!({ "query": "fast car" }),
            json!({ "query": "car", "pathPrefix": "a/" }),
            json!({ "query": "automobile", "pathPrefix": "a/" }),
            json!({ "query": "car", "type": "text/plain" }),
            json!({ "query": "car", "metadata": { "team": "x" } }),
            json!({ "query": "automobile", "batchId": batch }),
        ] {
            assert_eq!(other.found(query.clone()), ["a/own.txt"], "{query}");
        }
        other
            .post("/v1/search", &json!({ "query": "car", "batchId": crowd }).to_string())
            .problem(404, codes::BATCH_NOT_FOUND);
    });
    assert_eq!(server.found(json!({ "query": "dog" })).iter().filter(|path| *path == "a/own.txt").count(), 0);
}
