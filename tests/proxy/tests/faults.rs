//! Each fault between a client on a plain socket and a tiny server that keeps what it heard.

use cloudindex_fault_proxy::rules::Setup;
use cloudindex_fault_proxy::{Options, Proxy};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Bodies that a server heard whole, and bytes of those that broke off.
#[derive(Default)]
struct Heard {
    whole: Vec<Vec<u8>>,
    broken: Vec<usize>,
}

struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server { address: listener.local_addr().unwrap(), heard: Arc::default() };
        let heard = server.heard.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let heard = heard.clone();
                thread::spawn(move || converse(stream.unwrap(), &heard));
            }
        });
        server
    }

    fn whole(&self) -> Vec<usize> {
        self.heard.lock().unwrap().whole.iter().map(Vec::len).collect()
    }
}

/// Answers each request with the length of its body.
fn converse(stream: TcpStream, heard: &Mutex<Heard>) {
    let mut reader = BufReader::new(stream);
    while let Ok((head, length)) = head(&mut reader) {
        let mut body = Vec::new();
        reader.by_ref().take(length).read_to_end(&mut body).unwrap_or(0);
        if (body.len() as u64) < length {
            heard.lock().unwrap().broken.push(body.len());
            return;
        }
        heard.lock().unwrap().whole.push(body);
        let text = format!("{length} bytes");
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nx-of: server\r\n\r\n{text}", text.len());
        if reader.get_mut().write_all(reply.as_bytes()).is_err() || head.contains("connection: close") {
            return;
        }
    }
}

/// The lines up to the empty one, and the length that they announce.
fn head(reader: &mut BufReader<TcpStream>) -> Result<(String, u64), Error> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if head[before..].trim().is_empty() {
            break;
        }
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    Ok((head.clone(), length.map_or(0, |length| length.trim().parse().unwrap())))
}

struct World {
    server: Server,
    proxy: SocketAddr,
    control: SocketAddr,
}

impl World {
    fn new(rules: Value) -> Self {
        Self::with(json!({ "rules": rules }), 1)
    }

    fn with(setup: Value, seed: u64) -> Self {
        let server = Server::start();
        let setup: Setup = serde_json::from_value(setup).unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let routes = vec!["POST */documents".to_owned()];
        let options = Options { target: server.address, listen: any, control: any, seed, routes, setup };
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tell.send(Proxy::start(options).await.unwrap()).unwrap();
                std::future::pending::<()>().await;
            });
        });
        let Proxy { address, control } = told.recv().unwrap();
        World { server, proxy: address, control }
    }

    fn client(&self) -> Client {
        Client::to(self.proxy)
    }

    fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let (status, _, text) = Client::to(self.control).ask(method, path, body.as_bytes()).unwrap();
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client(BufReader::new(stream))
    }

    /// Status, head and body of the reply.
    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Result<(u16, String, String), Error> {
        let stream = self.0.get_mut();
        let asked = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(&[asked.as_bytes(), body].concat())?;
        let (head, length) = head(&mut self.0)?;
        let mut text = String::new();
        if self.0.by_ref().take(length).read_to_string(&mut text)? < length as usize {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok((head[9..12].parse().unwrap(), head, text))
    }

    fn post(&mut self, bytes: usize) -> Result<(u16, String, String), Error> {
        self.ask("POST", "/v1/batches/b/documents?x=1", &vec![7; bytes])
    }
}

fn reset(result: Result<(u16, String, String), Error>) {
    let error = result.expect_err("a reply came");
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error:?}");
}

fn eventually(what: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !what() {
        assert!(Instant::now() < end, "still not so");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn without_rules_everything_passes_on_one_connection() {
    let world = World::new(json!([]));
    let mut client = world.client();
    for bytes in [0, 10, 300_000] {
        let (status, head, text) = client.post(bytes).unwrap();
        assert_eq!((status, text), (200, format!("{bytes} bytes")));
        assert!(head.contains("x-of: server"));
    }
    client.ask("GET", "/else", b"").unwrap();
    assert_eq!(world.server.whole(), [0, 10, 300_000, 0]);
    let stats = world.control("GET", "/stats", "");
    assert_eq!(stats["routes"]["POST */documents"], json!({ "requests": 3, "received": 300_010, "passed": 300_010 }));
    assert_eq!(stats["routes"]["*"]["requests"], 1);
    let log = world.control("GET", "/log", "");
    assert_eq!(log[2]["path"], "/v1/batches/b/documents");
    assert_eq!((&log[2]["status"], &log[2]["passed"]), (&json!(200), &json!(300_000)));
    assert!(log[2]["begun"].as_u64() <= log[2]["ended"].as_u64(), "{log}");
}

#[test]
fn a_rule_strikes_what_it_names() {
    let rule = json!([{ "on": "POST */documents", "minBody": 100, "when": { "nth": 2 }, "fault": "reset" }]);
    let world = World::new(rule);
    world.client().post(99).unwrap();
    world.client().post(100).unwrap();
    world.client().ask("POST", "/v1/else", &[0; 100]).unwrap();
    reset(world.client().post(1000));
    world.client().post(1000).unwrap();
    assert_eq!(world.server.whole(), [99, 100, 100, 1000]);
    assert_eq!(
        world.control("GET", "/stats", "")["rules"][0],
        json!({ "matched": 3, "struck": 1, "bytes": 1000, "passed": 0 })
    );
}

#[test]
fn chance_is_the_same_for_the_same_seed() {
    let setup =
        json!({ "rules": [{ "on": "*", "when": { "chance": 0.5 }, "fault": { "status": { "status": 503 } } }] });
    let fates = |seed| {
        let world = World::with(setup.clone(), seed);
        let mut client = world.client();
        (0..40).map(|_| client.post(1).unwrap().0).collect::<Vec<_>>()
    };
    let first = fates(7);
    assert_eq!(first, fates(7));
    assert_ne!(first, fates(8));
    assert!(first.contains(&200) && first.contains(&503));
}

#[test]
fn cut_breaks_both_connections_after_so_many_bytes() {
    let world = World::new(json!([{ "on": "*", "when": { "first": 2 }, "fault": { "cut": { "after": 70_000 } } }]));
    reset(world.client().post(5_000_000));
    eventually(|| world.server.heard.lock().unwrap().broken.len() == 1);
    // What was in the kernel's hands when the reset came is lost, as on any line.
    assert!(world.server.heard.lock().unwrap().broken[0] <= 70_000);
    assert_eq!(world.control("GET", "/stats", "")["rules"][0]["passed"], 70_000);
    // A body that is shorter is heard, its reply is not.
    reset(world.client().post(10));
    world.client().post(20).unwrap();
}

#[test]
fn a_black_hole_takes_all_and_answers_nothing() {
    let world = World::new(json!([{ "on": "*", "when": { "first": 1 }, "fault": "blackhole" }]));
    let mut client = world.client();
    client.0.get_ref().set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let error = client.post(1_000_000).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error:?}");
    assert_eq!(world.server.whole(), [0; 0]);
    let stats = world.control("GET", "/stats", "");
    assert_eq!((&stats["total"]["received"], &stats["total"]["passed"]), (&json!(1_000_000), &json!(0)));
    world.client().post(1).unwrap();
}

#[test]
fn a_lost_reply_is_lost_after_the_server_gave_it() {
    let world = World::new(json!([{ "on": "*", "when": { "first": 1 }, "fault": "lostReply" }]));
    reset(world.client().post(1000));
    assert_eq!(world.server.whole(), [1000]);
    world.client().post(1).unwrap();
}

#[test]
fn a_reply_is_cut() {
    let world = World::new(json!([{ "on": "*", "when": { "first": 1 }, "fault": { "cutReply": { "after": 3 } } }]));
    reset(world.client().post(1000));
    assert_eq!(world.server.whole(), [1000]);
    assert_eq!(world.control("GET", "/log", "")[0]["status"], 200);
    world.client().post(1).unwrap();
}

#[test]
fn a_late_reply_comes() {
    let world = World::new(json!([{ "on": "*", "fault": { "lateReply": { "ms": 300 } } }]));
    let begun = Instant::now();
    assert_eq!(world.client().post(5).unwrap().2, "5 bytes");
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[test]
fn latency_adds_up_and_jitters_by_the_seed() {
    let fault = json!({ "latency": { "ms": 100, "jitter": 50 } });
    let world = World::new(
        json!([{ "on": "*", "fault": fault }, { "on": "*", "fault": fault }, { "on": "*", "when": { "nth": 2 }, "fault": "reset" }]),
    );
    let begun = Instant::now();
    world.client().post(5).unwrap();
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(100), "{took:?}");
    reset(world.client().post(5));
}

#[test]
fn a_duplicate_is_heard_twice() {
    let world = World::new(json!([{ "on": "*", "fault": "duplicate" }]));
    assert_eq!(world.client().post(200_000).unwrap().2, "200000 bytes");
    assert_eq!(world.server.whole(), [200_000, 200_000]);
    let total = &world.control("GET", "/stats", "")["total"];
    assert_eq!((&total["received"], &total["passed"]), (&json!(200_000), &json!(400_000)));
}

#[test]
fn bodies_drip_and_links_are_narrow() {
    for setup in [
        json!({ "rules": [{ "on": "*", "fault": { "drip": { "up": 100_000 } } }] }),
        json!({ "link": { "up": 100_000 } }),
    ] {
        let world = World::with(setup, 1);
        let begun = Instant::now();
        world.client().post(40_000).unwrap();
        let took = begun.elapsed();
        assert!((380..3000).contains(&took.as_millis()), "{took:?}");
    }
    // Two share one link.
    let world = World::with(json!({ "link": { "up": 100_000 } }), 1);
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| world.client().post(20_000).unwrap());
        }
    });
    assert!(begun.elapsed() >= Duration::from_millis(380));
}

#[test]
fn a_link_that_stood_still_goes_on_at_once() {
    let world = World::with(json!({ "link": { "up": 1 } }), 1);
    thread::scope(|scope| {
        let asking = scope.spawn(|| world.client().post(500_000));
        eventually(|| world.control("GET", "/stats", "")["total"]["received"] != json!(0));
        world.control("PUT", "/rules", r#"{"link":{"up":1000000}}"#);
        eventually(|| world.control("GET", "/stats", "")["total"]["passed"].as_u64().unwrap() > 50_000);
        // A piece of fifty thousand bytes is on its way now, which would take the whole day.
        world.control("PUT", "/rules", r#"{"link":{"up":1}}"#);
        world.control("PUT", "/rules", "{}");
        assert_eq!(asking.join().unwrap().unwrap().0, 200);
    });
}

#[test]
fn it_answers_by_itself_and_keeps_the_connection() {
    let status = json!({ "status": { "status": 429, "headers": { "retry-after": "2" }, "body": "slow down" } });
    let world = World::new(json!([
        { "on": "*", "when": { "first": 1 }, "fault": status },
        { "on": "*", "fault": { "maxBody": { "bytes": 1000 } } },
    ]));
    let mut client = world.client();
    let (status, head, text) = client.post(100_000).unwrap();
    assert!(head.contains("retry-after: 2"), "{head}");
    assert_eq!((status, &*text), (429, "slow down"));
    assert_eq!(client.post(1001).unwrap().0, 413);
    assert_eq!(client.post(1000).unwrap().0, 200);
    assert_eq!(world.server.whole(), [1000]);
}

#[test]
fn rules_and_target_change_while_it_runs() {
    let world = World::new(json!([{ "on": "*", "fault": "reset" }]));
    reset(world.client().post(1));
    world.control("PUT", "/rules", r#"{"rules":[]}"#);
    world.client().post(2).unwrap();

    // A port where nobody listens is a server that is down.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.control("PUT", "/target", &nobody.to_string());
    reset(world.client().post(3));
    let other = Server::start();
    world.control("PUT", "/target", &other.address.to_string());
    world.client().post(4).unwrap();
    assert_eq!((world.server.whole(), other.whole()), (vec![2], vec![4]));

    let (status, _, text) = Client::to(world.control).ask("PUT", "/rules", br#"{"rules":[{"on":"*"}]}"#).unwrap();
    assert_eq!(status, 400);
    assert!(text.contains("fault"), "{text}");
}

#[test]
fn what_happens_can_be_waited_for() {
    let world = World::new(json!([{ "on": "*", "fault": "blackhole" }]));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| world.control("GET", "/wait?rule=0&struck=2", ""));
        for _ in 0..2 {
            let mut client = world.client();
            client.0.get_ref().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            client.post(1).unwrap_err();
        }
        assert_eq!(waiting.join().unwrap()["rules"][0]["struck"], 2);
    });
}

#[test]
fn severing_ends_what_is_under_way() {
    let world = World::new(json!([{ "on": "*", "fault": "blackhole" }]));
    thread::scope(|scope| {
        let asking = scope.spawn(|| world.client().post(1));
        world.control("GET", "/wait?rule=0&struck=1", "");
        world.control("POST", "/sever", "");
        asking.join().unwrap().unwrap_err();
    });
}
