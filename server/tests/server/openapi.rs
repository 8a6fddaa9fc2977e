//! The description of the calls (`GET /openapi.json`): that it is of this server, and that it is checked at all. That answers
//! fit it is seen to by all tests (`support/contract.rs`), and by schemathesis (`npm run contract`).

use crate::support::*;
use cloudindex_wire::codes;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn the_description_is_served_without_a_key_to_pages_elsewhere_too() {
    let server = Server::with(&["--allow-origin", "https://app.example"]);
    let headers = [("Authorization", ""), ("Origin", "https://app.example")];
    let reply = server.send("GET", "/openapi.json", &headers, b"");
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    assert_eq!(reply.header("access-control-allow-origin"), "https://app.example");
    let description: Value = reply.json();
    assert_eq!(description["openapi"], "3.1.0");
    assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(description, *contract::DESCRIPTION);
    assert!(reply.body.len() < 100_000, "{} bytes", reply.body.len());
}

#[test]
fn what_is_described_is_there_and_no_other_method_of_it() {
    let server = Server::start();
    let paths = contract::DESCRIPTION["paths"].as_object().unwrap();
    for (path, calls) in paths {
        let here = path.replace("{id}", "nothing").replace("{delivery}", "nothing");
        let methods: BTreeSet<String> = calls.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        for method in &methods {
            let reply = server.send(method, &here, &[], b"");
            let detail = String::from_utf8_lossy(&reply.body);
            assert!(
                reply.status != 405 && !detail.contains("there is nothing at"),
                "{method} {path}: {}",
                reply.status
            );
            let guarded = calls[method.to_ascii_lowercase()].get("security").is_some();
            let stranger = server.send(method, &here, &[("Authorization", "")], b"");
            assert_eq!(stranger.status == 401, guarded, "{method} {path}: {}", stranger.status);
            if path.contains('{') {
                server.send(method, &here.replace("nothing", "%FF"), &[], b"").problem(400, codes::INVALID_REQUEST);
            }
        }
        // What is offered is told with the refusal of what is not.
        let reply = server.send("PATCH", &here, &[], b"");
        reply.problem(405, codes::INVALID_REQUEST);
        let offered: BTreeSet<String> = reply.header("allow").split(',').map(str::to_owned).collect();
        let head = methods.contains("GET").then(|| "HEAD".to_owned());
        assert_eq!(offered, methods.iter().cloned().chain(head).collect(), "{path}");
    }
    server.get("/v1/nothing").problem(404, codes::NOT_FOUND);
    server.get("/nothing").problem(404, codes::NOT_FOUND);
}

#[test]
fn references_lead_somewhere_and_all_is_referred_to_and_names_are_given_once() {
    fn places<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| places(member, found));
            }
            Value::Array(values) => values.iter().for_each(|value| places(value, found)),
            _ => {}
        }
    }
    let description = &*contract::DESCRIPTION;
    let mut found = BTreeSet::new();
    places(description, &mut found);
    let kinds = ["schemas", "responses"].iter().flat_map(|kind| {
        let names = description["components"][kind].as_object().unwrap().keys();
        names.map(move |name| format!("#/components/{kind}/{name}"))
    });
    let kept: BTreeSet<String> = kinds.collect();
    assert!(kept.len() > 40, "{kept:?}");
    assert_eq!(kept.iter().map(String::as_str).collect::<BTreeSet<_>>(), found);
    let calls = description["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let names: Vec<&str> = calls.map(|call| call["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}

#[test]
fn an_answer_that_is_not_as_described_is_noticed() {
    let server = Server::start();
    let batch = server.batch();
    let path = format!("/v1/batches/{}", batch.id);
    let wrong = |change: &dyn Fn(&mut Reply)| {
        let mut reply = server.get(&path);
        change(&mut reply);
        contract::complaint("GET", &path, &reply).unwrap_or_default()
    };
    let member = |name: &'static str, value: Value| {
        move |reply: &mut Reply| {
            let mut body: Value = reply.json();
            body[name] = value.clone();
            reply.body = serde_json::to_vec(&body).unwrap();
        }
    };
    assert_eq!(wrong(&|_| {}), "");
    for (change, told) in [
        (&member("status", json!("shut")) as &dyn Fn(&mut Reply), "/status"),
        (&member("bytes", json!(-1)), "/bytes"),
        (&member("startedAt", json!("yesterday")), "/startedAt"),
        (&member("shoeSize", json!(43)), "shoeSize"),
        (&|reply| reply.status = 418, "418"),
        (&|reply| reply.body = b"{}".to_vec(), "required"),
        (&|reply| drop(reply.headers.insert("content-type", "text/html".parse().unwrap())), "text/html"),
    ] {
        let complaint = wrong(change);
        assert!(complaint.contains(told), "{told}: {complaint:?}");
    }
}

#[test]
fn an_empty_cursor_begins_at_the_first_row_of_every_list() {
    let server = Server::start();
    let batch = server.batch().id;
    let lists = ["documents", "errors", "deliveries"].map(|list| format!("/v1/batches/{batch}/{list}"));
    for list in lists.iter().chain([&"/v1/batches".to_owned()]) {
        assert_eq!(server.get(&format!("{list}?cursor=")).body, server.get(list).body, "{list}");
    }
}

#[test]
fn a_batch_is_made_of_nothing_or_null_but_not_of_blanks() {
    let server = Server::start();
    for nothing in ["", "null", " null\n", "{}"] {
        server.batch_with(nothing);
    }
    server.post("/v1/batches", " \t").problem(400, codes::INVALID_REQUEST);
}

#[test]
fn what_is_no_call_is_refused_and_the_connection_is_good_for_the_next() {
    let server = Server::start();
    let length = 4 << 20;
    for (method, path, status) in
        [("PATCH", "/v1/batches", 405), ("POST", "/healthz", 405), ("POST", "/v1/x", 404), ("POST", "/x", 404)]
    {
        let mut socket = TcpStream::connect(server.address()).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {length}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(&noise(1, length)).unwrap();
        socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answers = String::new();
        socket.read_to_string(&mut answers).unwrap();
        assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path}: {answers}");
        assert!(answers.ends_with("\r\n\r\nok\n"), "{method} {path}: {answers}");
    }
}

#[test]
fn a_list_is_no_object_though_it_has_the_values_of_all_fields() {
    let server = Server::start();
    let batch = server.batch().id;
    let refused = |reply: Reply| reply.problem(400, codes::INVALID_REQUEST);
    refused(server.post("/v1/batches", "[null,null,null,null,null,null]"));
    for part in [r#"{"processing":[7]}"#, r#"{"limits":[1,2,3]}"#, r#"{"tracking":[null]}"#] {
        refused(server.post("/v1/batches", part));
    }
    refused(server.post("/v1/tokens", &json!([batch, 60]).to_string()));
    refused(server.post("/v1/tokens", &json!({ "batchId": batch, "limits": [1, 2, 3] }).to_string()));
    refused(server.post("/v1/search", r#"["x",null,null,null,null,null]"#));
    for call in ["documents", "blocks"] {
        let wrong = [r"[[]]", r#"{"documents":[["a",0,"",null,null,[]]]}"#];
        for manifest in if call == "blocks" { &wrong[..1] } else { &wrong } {
            let mut body = Vec::new();
            part(&mut body, "manifest", manifest.as_bytes());
            body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
            let path = format!("/v1/batches/{batch}/{call}");
            let problem = refused(server.send("POST", &path, &[("Content-Type", &multipart())], &body));
            assert!(problem.detail.contains("manifest") && problem.detail.contains("object"), "{}", problem.detail);
        }
    }
}
