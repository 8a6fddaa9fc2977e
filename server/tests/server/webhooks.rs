//! Webhooks at a real receiver: order, signatures, failures, kills, private targets, and sending again.

use crate::support::receiver::{Answer, Call, Receiver};
use crate::support::*;
use cloudindex_wire::{Delivery, DeliveryPage, DeliveryState, ErrorType, Phase, WebhookSecret, codes};
use standardwebhooks::Webhook;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const FLAGS: [&str; 3] = ["--allow-private-webhooks", "--webhook-wait", "20"];

fn batch_for(server: &Server, url: &str) -> String {
    server.batch_with(&format!(r#"{{"processing":{{"chunkSize":200}},"tracking":{{"webhookUrl":"{url}"}}}}"#)).id
}

fn deliveries(server: &Server, batch: &str) -> Vec<Delivery> {
    server.get(&format!("/v1/batches/{batch}/deliveries?limit=1000")).json::<DeliveryPage>().deliveries
}

/// The deliveries once they are so: a receiver knows of a call before the server knows that it was taken.
#[track_caller]
fn until(server: &Server, batch: &str, so: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
    let begun = Instant::now();
    loop {
        let all = deliveries(server, batch);
        if so(&all) {
            return all;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{all:?}");
    }
}

fn all_delivered(all: &[Delivery]) -> bool {
    all.iter().all(|delivery| delivery.state == DeliveryState::Delivered)
}

fn secret(server: &Server) -> Webhook {
    Webhook::new(&server.get("/v1/webhooks/secret").json::<WebhookSecret>().secret).unwrap()
}

fn complete(server: &Server, batch: &str) {
    assert_eq!(server.post(&format!("/v1/batches/{batch}/complete"), "").status, 200);
}

#[test]
fn events_come_in_order_and_signed() {
    let mut server = Server::with(&FLAGS);
    let receiver = Receiver::start();
    let batch = batch_for(&server, &receiver.url);
    server.upload(&batch, &[("a", b"a".to_vec()), ("b.pdf", b"%PDF-1.4 no".to_vec())]);
    let first = receiver.next();
    complete(&server, &batch);
    let mut calls = vec![first];
    calls.extend(receiver.until(|event| event.status == Phase::Completed));
    let webhook = secret(&server);
    for call in &calls {
        webhook.verify(&call.body, &call.headers).unwrap();
        assert!(webhook.verify(&[&call.body[..], b" "].concat(), &call.headers).is_err());
        assert_eq!(call.headers["content-type"], "application/json");
        let fields: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&call.body).unwrap();
        let fields: Vec<&str> = fields.keys().map(String::as_str).collect();
        assert_eq!(fields, ["batchId", "completedFiles", "errors", "status", "totalFiles"]);
    }
    assert_eq!((calls[0].event().status, &calls[0].event().batch_id), (Phase::Open, &batch));
    let last = calls[calls.len() - 1].event();
    assert_eq!(
        (last.completed_files, last.total_files, last.errors.len()),
        (2, 2, 1),
        "failed files are done with, too"
    );
    let error = &last.errors[0];
    assert_eq!((error.error_type, error.code.as_str()), (ErrorType::Validation, codes::INVALID_FILE));
    assert_eq!(error.path.as_deref(), Some("b.pdf"));

    // The record of it.
    let all = until(&server, &batch, all_delivered);
    let (ids, sent): (Vec<&str>, Vec<&str>) =
        (all.iter().map(|delivery| delivery.id.as_str()).collect(), calls.iter().map(Call::id).collect());
    assert_eq!(ids, sent);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for (delivery, call) in all.iter().zip(&calls) {
        assert_eq!(delivery.event.get().as_bytes(), call.body);
        assert_eq!((delivery.attempts, delivery.response_status, &delivery.error), (1, Some(200), &None));
        assert!(delivery.attempted_at.is_some() && delivery.next_attempt_at.is_none());
    }
    let page: DeliveryPage = server.get(&format!("/v1/batches/{batch}/deliveries?limit=1")).json();
    let path = format!("/v1/batches/{batch}/deliveries?cursor={}", page.next.unwrap());
    assert_eq!(server.get(&path).json::<DeliveryPage>().deliveries[0].id, ids[1]);

    // Sent again, by the same id, and signed with the old secret and the new.
    let newer = server.post("/v1/webhooks/secret", "");
    assert_eq!(newer.header("cache-control"), "no-store");
    let newer = Webhook::new(&newer.json::<WebhookSecret>().secret).unwrap();
    let path = format!("/v1/batches/{batch}/deliveries/{}/resend", ids[0]);
    assert_eq!(server.post(&path, "").status, 202);
    let again = receiver.next();
    assert_eq!((again.id(), &again.body), (ids[0], &calls[0].body));
    for good in [&webhook, &newer, &secret(&server)] {
        good.verify(&again.body, &again.headers).unwrap();
    }
    until(&server, &batch, all_delivered);

    server.post(&format!("/v1/batches/{batch}/deliveries/nope/resend"), "").problem(404, codes::NOT_FOUND);
    server.get("/v1/batches/nope/deliveries").problem(404, codes::BATCH_NOT_FOUND);
    server.with_key("other-key", |other| {
        other.post(&path, "").problem(404, codes::NOT_FOUND);
        other.get(&format!("/v1/batches/{batch}/deliveries")).problem(404, codes::BATCH_NOT_FOUND);
        assert!(secret(other).verify(&again.body, &again.headers).is_err(), "each tenant has its own secret");
    });
    let figures = String::from_utf8(server.get("/metrics").body).unwrap();
    assert!(figures.contains("cloudindex_webhook_attempts_total{outcome=\"delivered\"}"));
}

#[test]
fn what_is_not_taken_comes_again_and_nothing_overtakes_it() {
    let server = Server::with(&FLAGS);
    let receiver = Receiver::with(|number| match number {
        0..=2 => Answer::Status([500, 404, 429][number]),
        // The second event: the receiver wants no more of it.
        4 => Answer::Status(410),
        _ => Answer::Status(200),
    });
    let batch = batch_for(&server, &receiver.url);
    server.upload(&batch, &[("a", b"a".to_vec())]);
    let first = receiver.next();
    complete(&server, &batch);
    let mut calls = vec![first];
    calls.extend((0..4).map(|_| receiver.next()));
    let secret = secret(&server);
    for (number, pair) in calls[..4].windows(2).enumerate() {
        assert_eq!((pair[0].id(), &pair[0].body), (pair[1].id(), &pair[1].body));
        // By chance up to a half less than 20, 80, 320 ms.
        let least = Duration::from_millis(10 * 4u64.pow(number as u32));
        assert!(pair[1].at - pair[0].at >= least, "{number}");
        secret.verify(&pair[1].body, &pair[1].headers).unwrap();
    }
    assert_eq!(calls[0].event().status, Phase::Open);
    assert_eq!(calls[4].event().status, Phase::Completed);
    let all = until(&server, &batch, |all| all.len() == 2 && all.iter().all(|one| one.state != DeliveryState::Waiting));
    assert_eq!((all[0].state, all[0].attempts), (DeliveryState::Delivered, 4));
    assert_eq!((all[1].state, all[1].attempts, all[1].response_status), (DeliveryState::Failed, 1, Some(410)));
    assert!(all[1].error.as_ref().unwrap().contains("410"));
    assert_eq!(server.post(&format!("/v1/batches/{batch}/deliveries/{}/resend", all[1].id), "").status, 202);
    assert_eq!(receiver.next().id(), all[1].id);
    until(&server, &batch, all_delivered);
}

#[test]
fn a_receiver_that_hangs_or_floods_holds_up_nobody() {
    let server = Server::with(&FLAGS);
    let hanging = Receiver::with(|_| Answer::Never);
    let head = Receiver::with(|number| if number == 0 { Answer::EndlessHead } else { Answer::Status(200) });
    let body = Receiver::with(|_| Answer::EndlessBody);
    let good = Receiver::start();
    let batches = [&hanging, &head, &body, &good].map(|receiver| batch_for(&server, &receiver.url));
    // All are sent to before any of the rest is done.
    for (number, batch) in batches.iter().enumerate() {
        server.upload(batch, &[("a", noise_text(number))]);
    }
    hanging.next();
    for batch in &batches {
        server.upload(batch, &[("b", b"more".to_vec())]);
        complete(&server, batch);
        let status = server.until(batch, |status| status.status == Phase::Completed);
        assert_eq!((status.processed_files, status.total_files), (2, 2));
    }
    good.until(|event| event.status == Phase::Completed);
    body.until(|event| event.status == Phase::Completed);
    head.until(|event| event.status == Phase::Completed);
    let flooded = until(&server, &batches[1], all_delivered);
    assert_eq!(flooded[0].attempts, 2, "a head without end is no answer");
    let waiting = deliveries(&server, &batches[0]);
    assert_eq!((waiting[0].state, waiting[0].attempts), (DeliveryState::Waiting, 0));
    assert!(hanging.is_idle(), "one at a time");
    assert!(server.terminate().success(), "nor does it keep the server from ending");
}

fn noise_text(seed: usize) -> Vec<u8> {
    format!("Some text {seed}.").into_bytes()
}

#[test]
fn private_targets_are_refused() {
    let server = Server::with(&FLAGS[1..]);
    let receiver = Receiver::start();
    let port = receiver.port();
    for host in ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let body = format!(r#"{{"tracking":{{"webhookUrl":"http://{host}:{port}/webhook"}}}}"#);
        let problem = server.post("/v1/batches", &body).problem(400, codes::INVALID_REQUEST);
        assert!(problem.detail.contains("tracking.webhookUrl leads to"), "{}", problem.detail);
    }
    // Names whose address only resolving them tells.
    for host in ["2130706433", "127.1", "0x7f000001"] {
        let batch = batch_for(&server, &format!("http://{host}:{port}/webhook"));
        server.upload(&batch, &[("a", b"a".to_vec())]);
        server.settled(&batch);
        let refused = until(&server, &batch, |all| all.first().is_some_and(|one| one.attempts > 0)).remove(0);
        let error = refused.error.unwrap();
        assert!(error.contains("it leads to 127.0.0.1"), "{host}: {error}");
        assert_eq!(refused.response_status, None);
    }
    assert!(receiver.is_idle());
}

#[test]
fn redirects_are_not_followed() {
    let server = Server::with(&FLAGS);
    let inner = Receiver::start();
    let to = inner.url.clone();
    let outer = Receiver::with(move |_| Answer::Redirect(to.clone()));
    let batch = batch_for(&server, &outer.url);
    server.upload(&batch, &[("a", b"a".to_vec())]);
    let refused = until(&server, &batch, |all| all.first().is_some_and(|one| one.attempts > 0)).remove(0);
    assert_eq!(refused.response_status, Some(307));
    assert!(refused.error.unwrap().contains("redirects are not followed"));
    assert!(inner.is_idle());
}

/// Kills of the server, one a few webhooks.
const KILLS: usize = 8;

#[test]
fn no_event_is_lost_or_out_of_order_whenever_the_server_dies() {
    // Some are refused, so that waits and repetitions are under way, too.
    let receiver = Receiver::with(|number| Answer::Status(if number % 4 == 1 { 503 } else { 200 }));
    let mut server = Server::with(&FLAGS);
    let batch = batch_for(&server, &receiver.url);
    let names: Vec<String> = (0..240).map(|number| format!("{number}")).collect();
    let text = |number: usize| format!("Text {number}. {}", "It has sentences to be cut. ".repeat(220)).into_bytes();
    let all: Vec<(&str, Vec<u8>)> = names.iter().enumerate().map(|(i, name)| (name.as_str(), text(i))).collect();
    server.upload(&batch, &all);
    complete(&server, &batch);
    let (mut calls, mut acknowledged) = (Vec::new(), Vec::new());
    for kill in 0..KILLS {
        // Amid an attempt: it was received, and the answer is on its way.
        calls.extend((0..=kill % 2).map(|_| receiver.next()));
        let data = server.keep();
        acknowledged.push((Instant::now(), written(&data)));
        server = Server::on(data, &FLAGS);
    }
    server.until(&batch, |status| status.status == Phase::Completed);
    while calls.last().is_none_or(|call: &Call| call.event().status != Phase::Completed) {
        calls.push(receiver.next());
    }
    let made = until(&server, &batch, all_delivered);
    // As they came, without immediate repetitions: those that were made, in order.
    let mut ids: Vec<&str> = calls.iter().map(Call::id).collect();
    ids.dedup();
    assert_eq!(ids, made.iter().map(|delivery| delivery.id.as_str()).collect::<Vec<_>>());
    for call in &calls {
        let delivery = made.iter().find(|delivery| delivery.id == call.id()).unwrap();
        assert_eq!(call.body, delivery.event.get().as_bytes());
    }
    for (killed, delivered) in acknowledged {
        let again = calls.iter().find(|call| call.at > killed && delivered.contains(call.id()));
        assert!(again.is_none(), "what was written down as acknowledged comes again: {again:?}");
    }
    // No state is told twice, and each goes on from the one before.
    let stages: Vec<u64> = made.iter().map(|delivery| stage(delivery.event.get())).collect();
    assert!(stages.is_sorted_by(|a, b| a < b) && stages.len() >= 5, "{stages:?}");
    let refused = calls.len() / 4 + 1;
    assert!(calls.len() <= made.len() + KILLS + refused, "{} calls for {} events", calls.len(), made.len());
}

/// Tenths that are done.
fn stage(event: &str) -> u64 {
    let event: cloudindex_wire::WebhookEvent = serde_json::from_str(event).unwrap();
    let tenths = event.completed_files * 10 / event.total_files;
    if event.status == Phase::Completed { 11 } else { tenths }
}

/// What the batch was told to be and the last event go together, whenever the server died; tells what was acknowledged.
fn written(data: &std::path::Path) -> BTreeSet<String> {
    let c = rusqlite::Connection::open(data.join("records.sqlite")).unwrap();
    let told: i64 = c.query_row("SELECT told FROM batches", [], |row| row.get(0)).unwrap();
    let last: String =
        c.query_row("SELECT body FROM deliveries ORDER BY seq DESC LIMIT 1", [], |row| row.get(0)).unwrap();
    let expected = if told == 200 { 11 } else { told - 100 };
    assert_eq!(stage(&last) as i64, expected);
    let mut select = c.prepare("SELECT id FROM deliveries WHERE state = 1").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}
