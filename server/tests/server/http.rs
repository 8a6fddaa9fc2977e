//! The protocol around the bundle: keys, caps, encodings, ranges, origins, the page.

use crate::support::*;
use cloudindex_wire::{Batch, BatchPage, codes};
use flate2::{Compression, write::GzEncoder};
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn keys_are_asked_for() {
    let server = Server::start();
    let wrong = [("Authorization", "Bearer nope"), ("Authorization", "Basic dGVzdC1rZXk="), ("Authorization", "")];
    for header in wrong {
        let reply = server.send("GET", "/v1/batches", &[header], b"");
        reply.problem(401, codes::UNAUTHORIZED);
        assert!(reply.header("www-authenticate").starts_with("Bearer"));
    }
    // Also after a body that nobody wants.
    let reply = server.send("POST", "/v1/batches/x/documents", &[wrong[0]], &noise(1, 9 << 20));
    reply.problem(401, codes::UNAUTHORIZED);
    assert_eq!(server.send("GET", "/healthz", &[("Authorization", "none")], b"").body, b"ok\n");
}

#[test]
fn the_first_start_makes_a_key() {
    let data = directory();
    let server = Server::on(data.clone(), &[]);
    assert!(!data.join("api-key").exists(), "keys were given");
    drop(server);
    let key = || {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_cloudindex-server"))
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        let key = std::fs::read_to_string(data.join("api-key")).unwrap();
        child.kill().unwrap();
        let log = child.wait_with_output().unwrap().stderr;
        let log = String::from_utf8_lossy(&log);
        assert!(log.contains(data.join("api-key").to_str().unwrap()) && !log.contains(key.trim()), "{log}");
        key
    };
    std::fs::create_dir_all(&data).unwrap();
    let first = key();
    assert_eq!(first, key());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(data.join("api-key").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::remove_dir_all(data).unwrap();
}

#[test]
fn batches_are_made_once_and_listed() {
    let mut server = Server::start();
    let create = |server: &Server, key: &str, body: &str| {
        server.send("POST", "/v1/batches", &[("Idempotency-Key", key)], body.as_bytes())
    };
    let body = r#"{"name":"n","limits":{"maxFileSize":7}}"#;
    let first = create(&server, "k", body);
    assert_eq!(first.status, 201);
    let made: Batch = first.json();
    assert_eq!(first.header("location"), format!("/v1/batches/{}", made.id));
    assert_eq!((made.limits.max_file_size, made.caps.digest.as_str()), (Some(7), "blake3"));
    let again = create(&server, "k", body);
    assert_eq!((again.status, again.json::<Batch>().id), (200, made.id.clone()));
    create(&server, "k", "{}").problem(422, codes::INVALID_REQUEST);
    server.with_key("other-key", |server| assert_eq!(create(server, "k", "{}").status, 201));
    let second = server.batch_with("");
    let page: BatchPage = server.get("/v1/batches?limit=1").json();
    assert_eq!(page.batches[0].id, second.id);
    let page: BatchPage = server.get(&format!("/v1/batches?limit=1&cursor={}", page.next.unwrap())).json();
    assert_eq!((page.batches[0].id.clone(), page.next), (made.id, None));
}

#[test]
fn wrong_requests_are_named() {
    let server = Server::start();
    let batch = server.batch().id;
    let says = |reply: Reply, words: &str| {
        let problem = reply.problem(400, codes::INVALID_REQUEST);
        assert!(problem.detail.contains(words), "{words}: {}", problem.detail);
    };
    says(server.post("/v1/batches", r#"{"nmae":1}"#), "nmae");
    says(server.post("/v1/batches", r#"{"limits":{"maxFiles":1}}"#), "maxFiles");
    says(server.post("/v1/batches", r#"{"metadata":[]}"#), "metadata");
    says(server.post("/v1/batches", r#"{"tracking":{"webhookUrl":"ftp://x"}}"#), "webhookUrl");
    says(server.post("/v1/batches", r#"{"processing":{"chunkSize":0}}"#), "chunkSize");
    says(server.get("/v1/batches?limit=x"), "limit");
    says(server.get("/v1/batches?cursor=x"), "cursor");
    says(server.get(&format!("/v1/batches/{batch}/documents?cursor=xyz")), "cursor");
    server.get("/v1/batches/nope").problem(404, codes::BATCH_NOT_FOUND);
    server.get("/v1/nothing").problem(404, codes::NOT_FOUND);
    server.get("/").problem(404, codes::NOT_FOUND);
    server.send("DELETE", "/v1/batches", &[], b"").problem(405, codes::INVALID_REQUEST);
    server.bundle_reply("nope", Some(&[]), &[&noise(1, 5 << 20)]).problem(404, codes::BATCH_NOT_FOUND);
    let path = format!("/v1/batches/{batch}/documents");
    server.post(&path, "{}").problem(415, codes::INVALID_REQUEST);
    let send = |body: &[u8]| server.send("POST", &path, &[("Content-Type", &multipart())], body);
    let manifest = |text: &str| {
        let mut body = Vec::new();
        part(&mut body, "manifest", text.as_bytes());
        [body, format!("--{BOUNDARY}--").into_bytes()].concat()
    };
    says(send(&manifest(r#"{"documents":[],"extra":1}"#)), "extra");
    says(send(&manifest(r#"{"documents":[{"path":"x","size":0,"blocks":[],"sise":1}]}"#)), "sise");
    says(send(&manifest("{")), "manifest");
    says(send(&manifest(r#"{"documents":[{"path":"x","size":1,"blocks":[["abc",1]]}]}"#)), "digest");
    says(send(&bundle(None, &[b"x"])), "manifest");
    says(send(format!("--{BOUNDARY}--").as_bytes()), "manifest");
    says(send(&bundle(Some(&[]), &[b"x"])[..200]), "boundary");
    let mut body = Vec::new();
    part(&mut body, "manifest", br#"{"documents":[]}"#);
    part(&mut body, "file", b"x");
    says(send(&[body, format!("--{BOUNDARY}--").into_bytes()].concat()), "file");
}

#[test]
fn caps_hold_and_are_told() {
    let server = Server::with(&["--max-bundle-bytes", "100000", "--max-block-bytes", "5000", "--max-documents", "2"]);
    let batch = server.batch();
    assert_eq!((batch.caps.bundle_bytes, batch.caps.block_bytes, batch.caps.bundle_documents), (100_000, 5_000, 2));
    // Content-Length is known.
    let problem = server.bundle_reply(&batch.id, None, &[&noise(1, 200_000)]).problem(413, codes::BUNDLE_TOO_LARGE);
    assert!(problem.detail.contains("100000"));
    // It is not: chunked. Blocks that came whole are kept.
    let blocks: Vec<_> = (0..30).map(|i| noise(i, 4_000)).collect();
    let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    let mut body = Vec::new();
    for piece in bundle(None, &blocks).chunks(1000) {
        write!(body, "{:x}\r\n", piece.len()).unwrap();
        body.extend_from_slice(piece);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    let mut socket = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST /v1/batches/{}/blocks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        batch.id,
        multipart()
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&body).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("bundle_too_large"), "{answer}");
    let reply = server.bundle(&batch.id, &[document("x", &blocks)], &[]);
    let cloudindex_wire::DocumentOutcome::Incomplete { missing } = &reply.documents[0].outcome else {
        panic!("{reply:?}")
    };
    assert!(missing.len() > 3 && missing.len() < 10, "{}", missing.len());
    // A block over the cap spoils only itself.
    let large = noise(99, 5_001);
    let reply = server.bundle_reply(&batch.id, None, &[&large, b"small"]);
    let reply: cloudindex_wire::BundleReply = reply.json();
    assert!(
        matches!(&reply.blocks[0].outcome, cloudindex_wire::BlockOutcome::Rejected { error } if error.code == codes::BLOCK_TOO_LARGE)
    );
    assert!(matches!(reply.blocks[1].outcome, cloudindex_wire::BlockOutcome::Stored));
    let three = [document("a", &[]), document("b", &[]), document("c", &[])];
    server.bundle_reply(&batch.id, Some(&three), &[]).problem(413, codes::BUNDLE_TOO_LARGE);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn gzip_is_taken_and_its_bombs_are_not() {
    let server = Server::start();
    let batch = server.batch();
    let text = "words and words ".repeat(100_000).into_bytes();
    let path = format!("/v1/batches/{}/documents", batch.id);
    let kind = multipart();
    let headers = [("Content-Type", kind.as_str()), ("Content-Encoding", "gzip")];
    let body = gzip(&bundle(Some(&[document("x", &[&text])]), &[&text]));
    let reply = server.send("POST", &path, &headers, &body);
    assert_eq!(reply.status, 200);
    let reply: cloudindex_wire::BundleReply = reply.json();
    let cloudindex_wire::DocumentOutcome::Committed { id } = &reply.documents[0].outcome else { panic!("{reply:?}") };
    assert!(server.content(id) == text);
    // Zeros: 1,000 times smaller on the wire, refused by what they become.
    let bomb = gzip(&bundle(Some(&[]), &[&vec![0; 40 << 20]]));
    assert!(bomb.len() < 1 << 20);
    server.send("POST", &path, &headers, &bomb).problem(413, codes::BUNDLE_TOO_LARGE);
    server.send("POST", &path, &headers, &body[..body.len() - 9]).problem(400, codes::INVALID_REQUEST);
    server.send("POST", &path, &headers, b"no gzip").problem(400, codes::INVALID_REQUEST);
    let headers = [headers[0], ("Content-Encoding", "br")];
    assert_eq!(server.send("POST", &path, &headers, &body).header("accept-encoding"), "gzip");
}

#[test]
fn ranges_come_as_asked() {
    let server = Server::start();
    let batch = server.batch();
    let blocks: Vec<_> = (0..700u64).map(|i| noise(i, 1000 + i as usize)).collect();
    let large = noise(7, 900_000);
    let mut blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    blocks.push(&large);
    let whole = blocks.concat();
    let reply = server.bundle(&batch.id, &[document("x", &blocks)], &blocks);
    let cloudindex_wire::DocumentOutcome::Committed { id } = &reply.documents[0].outcome else { panic!("{reply:?}") };
    let path = format!("/v1/documents/{id}/content");
    let all = server.get(&path);
    assert!(all.body == whole);
    assert_eq!((all.header("accept-ranges"), all.header("content-type")), ("bytes", "text/plain"));
    assert_eq!(all.header("x-content-type-options"), "nosniff");
    let etag = all.header("etag").to_owned();
    let size = whole.len();
    for (from, to) in [(0, 1), (999, 1002), (5_000, 700_000), (size - 1, size), (0, size), (size - 900_001, size - 10)]
    {
        let reply =
            server.send("GET", &path, &[("Range", &format!("bytes={from}-{}", to - 1)), ("If-Range", &etag)], b"");
        assert_eq!(reply.status, 206);
        assert_eq!(reply.header("content-range"), format!("bytes {from}-{}/{size}", to - 1));
        assert!(reply.body == whole[from..to], "{from}..{to}");
    }
    assert!(server.send("GET", &path, &[("Range", "bytes=-5")], b"").body == whole[size - 5..]);
    let other = server.send("GET", &path, &[("Range", "bytes=0-0"), ("If-Range", "\"other\"")], b"");
    assert_eq!((other.status, other.body.len()), (200, size));
    let none = server.send("GET", &path, &[("Range", &format!("bytes={size}-"))], b"");
    none.problem(416, codes::INVALID_REQUEST);
    assert_eq!(none.header("content-range"), format!("bytes */{size}"));
    let same = server.send("GET", &path, &[("If-None-Match", &format!("\"x\", {etag}"))], b"");
    assert_eq!((same.status, same.body.len()), (304, 0));
    let head = server.send("HEAD", &path, &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, size.to_string().as_str()));
}

#[test]
fn pages_elsewhere_may_call_if_allowed() {
    let server = Server::with(&["--allow-origin", "https://app.example"]);
    let preflight = |origin: &str| {
        let headers = [
            ("Origin", origin),
            ("Authorization", ""),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "authorization,content-type,content-encoding,idempotency-key"),
        ];
        server.send("OPTIONS", "/v1/batches", &headers, b"")
    };
    let good = preflight("https://app.example");
    assert_eq!(good.status, 200);
    assert_eq!(good.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(good.header("access-control-max-age"), "7200");
    assert!(good.header("access-control-allow-headers").contains("idempotency-key"));
    assert_eq!(preflight("https://evil.example").header("access-control-allow-origin"), "");
    let reply = server.send("GET", "/v1/batches", &[("Origin", "https://app.example"), ("Authorization", "x")], b"");
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (401, "https://app.example"));
    assert!(reply.header("access-control-expose-headers").contains("retry-after"));
}

#[test]
fn the_page_is_served_with_its_key_on_this_machine() {
    let page = directory();
    std::fs::write(page.join("index.html"), "<p>hello").unwrap();
    for (name, kind) in
        [("a.js", "text/javascript"), ("a.wasm", "application/wasm"), ("a.css", "text/css"), ("a.svg", "image/svg+xml")]
    {
        std::fs::write(page.join(name), kind).unwrap();
    }
    let server = Server::with(&["--page", page.to_str().unwrap(), "--allow-origin", "*"]);
    let index = server.get("/");
    assert_eq!(
        (index.status, index.header("content-type"), index.body.as_slice()),
        (200, "text/html", b"<p>hello".as_slice())
    );
    assert_eq!(index.header("cache-control"), "no-cache");
    assert!(!index.header("etag").is_empty() || !index.header("last-modified").is_empty());
    for name in ["a.js", "a.wasm", "a.css", "a.svg"] {
        let reply = server.get(&format!("/{name}"));
        assert_eq!(reply.header("content-type").as_bytes(), reply.body);
    }
    assert_eq!(server.get("/missing.js").status, 404);
    assert_eq!(server.get("/../Cargo.toml").status, 404);
    let config = server.send("GET", "/page/config.json", &[("Origin", "https://evil.example")], b"");
    assert_eq!(config.json::<serde_json::Value>(), serde_json::json!({ "apiKey": KEY, "baseUrl": "" }));
    assert_eq!(config.header("access-control-allow-origin"), "", "no other origin may read the key");
    server.send("GET", "/page/config.json", &[("Host", "evil.example")], b"").problem(404, codes::NOT_FOUND);
    drop(server);
    let open = Server::with(&["--page", page.to_str().unwrap(), "--listen", "0.0.0.0:0"]);
    let port = open.address().rsplit(':').next().unwrap().to_owned();
    let mut socket = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    socket.write_all(b"GET /page/config.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    std::fs::remove_dir_all(page).unwrap();
}
