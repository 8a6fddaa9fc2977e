//! How often may be called: a bucket for each tenant, another for its searches, and one for each address that sends unknown keys.
//!
//! Buckets have the caller's clock. (The crate `governor` can't look into one without taking from it; here an address is
//! looked at before its key is, and only a wrong key takes.)

use crate::store::Tenant;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Addresses that are remembered. When there are more, those that have done nothing of late are forgotten, then all.
const ADDRESSES: usize = 1 << 16;

/// So many a second, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    pub per_second: f64,
    pub at_once: u32,
}

impl FromStr for Allowance {
    type Err = String;

    /// `N` or `N/BURST`; without a burst it is twice what a second brings.
    fn from_str(text: &str) -> Result<Self, String> {
        let (rate, burst) = text.split_once('/').map_or((text, None), |(rate, burst)| (rate, Some(burst)));
        let per_second: Option<f64> = rate.trim().parse().ok().filter(|rate| (1e-6..=1e6).contains(rate));
        let at_once = match (burst, per_second) {
            (Some(burst), _) => burst.trim().parse().ok().filter(|burst| *burst > 0),
            (None, rate) => rate.map(|rate| (rate * 2.0).ceil() as u32),
        };
        per_second.zip(at_once).map(|(per_second, at_once)| Allowance { per_second, at_once }).ok_or_else(|| {
            format!("takes a number a second, and how many at once may come, like 50/200 or 0.5/10, not {text:?}")
        })
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.per_second, self.at_once)
    }
}

/// What a tenant may call; `None`: as often as it likes.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Allowances {
    /// All calls together.
    pub calls: Option<Allowance>,
    /// Searches, which count among the calls too.
    pub searches: Option<Allowance>,
}

/// What a call is, as far as its cost goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Call,
    Search,
}

/// A call came too early.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TooOften {
    pub kind: Kind,
    pub allowance: Allowance,
    /// Until there is room for it.
    pub wait: Duration,
}

/// Fills by the second, and is full at first.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn full(allowance: Allowance, now: Instant) -> Self {
        Bucket { left: f64::from(allowance.at_once), at: now }
    }

    /// What is in it now.
    fn fill(&mut self, allowance: Allowance, now: Instant) -> f64 {
        let more = now.saturating_duration_since(self.at).as_secs_f64() * allowance.per_second;
        self.left = (self.left + more).min(f64::from(allowance.at_once));
        self.at = now;
        self.left
    }

    /// How long until one can be taken; nothing if it can be now.
    fn wait(&mut self, allowance: Allowance, now: Instant) -> Option<Duration> {
        let lacks = 1.0 - self.fill(allowance, now);
        (lacks > 0.0).then(|| Duration::from_secs_f64(lacks / allowance.per_second))
    }
}

/// All buckets.
#[derive(Debug, Default)]
pub struct Throttle {
    tenants: HashMap<Tenant, Allowances>,
    calls: Mutex<HashMap<(Tenant, Kind), Bucket>>,
    /// Unknown keys of one address; `None`: as many as it likes.
    guesses: Option<Allowance>,
    guessers: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Throttle {
    pub fn new(tenants: HashMap<Tenant, Allowances>, guesses: Option<Allowance>) -> Self {
        Throttle { tenants, guesses, ..Throttle::default() }
    }

    /// Counts a call of a tenant's, unless it came too early.
    pub fn call(&self, tenant: Tenant, kind: Kind, now: Instant) -> Result<(), TooOften> {
        let Some(allowances) = self.tenants.get(&tenant) else { return Ok(()) };
        let searches = allowances.searches.filter(|_| kind == Kind::Search);
        let limits = [(Kind::Call, allowances.calls), (Kind::Search, searches)];
        let limits = limits.into_iter().filter_map(|(kind, allowance)| Some((kind, allowance?)));
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, allowance) in limits.clone() {
            let bucket = calls.entry((tenant, kind)).or_insert_with(|| Bucket::full(allowance, now));
            if let Some(wait) = bucket.wait(allowance, now) {
                return Err(TooOften { kind, allowance, wait });
            }
        }
        // What is refused takes nothing.
        for (kind, _) in limits {
            if let Some(bucket) = calls.get_mut(&(tenant, kind)) {
                bucket.left -= 1.0;
            }
        }
        Ok(())
    }

    /// How long an address must wait before a key of it is looked at; nothing if it need not.
    pub fn guesser(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let allowance = self.guesses?;
        let mut guessers = self.guessers.lock().unwrap_or_else(PoisonError::into_inner);
        guessers.get_mut(&network(address)).and_then(|bucket| bucket.wait(allowance, now))
    }

    /// Counts an unknown key.
    pub fn guessed(&self, address: IpAddr, now: Instant) {
        let Some(allowance) = self.guesses else { return };
        // Who comes from this machine is a proxy, and has many behind it.
        if address.to_canonical().is_loopback() {
            return;
        }
        let mut guessers = self.guessers.lock().unwrap_or_else(PoisonError::into_inner);
        if guessers.len() >= ADDRESSES {
            guessers.retain(|_, bucket| bucket.fill(allowance, now) < f64::from(allowance.at_once));
        }
        if guessers.len() >= ADDRESSES {
            guessers.clear();
        }
        let bucket = guessers.entry(network(address)).or_insert_with(|| Bucket::full(allowance, now));
        bucket.left = (bucket.fill(allowance, now) - 1.0).max(0.0);
    }
}

/// What one caller has: an address, or with IPv6 the network of one household.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Tenant = Tenant(1);

    fn allowance(text: &str) -> Option<Allowance> {
        text.parse().ok()
    }

    #[test]
    fn a_bucket_empties_at_once_and_fills_by_the_second() {
        let (start, tenths) = (Instant::now(), |n: u64| Duration::from_millis(n * 100));
        let of_one = Allowances { calls: allowance("2/3"), searches: allowance("1/1") };
        let throttle = Throttle::new(HashMap::from([(ONE, of_one)]), None);
        let call = |kind, at| throttle.call(ONE, kind, start + at).map_err(|often| (often.kind, often.wait));
        for _ in 0..3 {
            assert_eq!(call(Kind::Call, tenths(0)), Ok(()));
        }
        assert_eq!(call(Kind::Call, tenths(0)), Err((Kind::Call, tenths(5))));
        assert_eq!(call(Kind::Search, tenths(2)), Err((Kind::Call, tenths(3))), "a search is a call");
        // What is refused takes nothing.
        assert_eq!(call(Kind::Search, tenths(5)), Ok(()));
        assert_eq!(call(Kind::Search, tenths(10)), Err((Kind::Search, tenths(5))));
        // No more comes together than may come at once; and time does not run back.
        for _ in 0..3 {
            assert_eq!(call(Kind::Call, tenths(1000)), Ok(()));
        }
        assert!(call(Kind::Call, tenths(1000)).is_err() && call(Kind::Call, tenths(900)).is_err());
        // Another tenant has its own, or none.
        assert_eq!(throttle.call(Tenant(2), Kind::Search, start), Ok(()));
    }

    #[test]
    fn guessers_wait_and_their_neighbours_do_not() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let throttle = Throttle::new(HashMap::new(), allowance("1/2"));
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        throttle.guessed(one, start);
        assert_eq!(throttle.guesser(one, start), None);
        for _ in 0..9 {
            throttle.guessed(one, start);
        }
        assert_eq!((throttle.guesser(one, start), throttle.guesser(other, start)), (Some(second), None));
        assert!(throttle.guesser(address("::ffff:192.0.2.1"), start).is_some(), "the same address");
        assert_eq!(throttle.guesser(one, start + second), None);
        for _ in 0..9 {
            throttle.guessed(address("2001:db8::1"), start);
            throttle.guessed(address("127.0.0.1"), start);
            throttle.guessed(address("::ffff:127.0.0.1"), start);
        }
        assert!(throttle.guesser(address("2001:db8::2"), start).is_some(), "of the same network");
        assert_eq!(throttle.guesser(address("2001:db8:0:1::1"), start), None);
        for proxy in ["127.0.0.1", "::ffff:127.0.0.1"] {
            assert_eq!(throttle.guesser(address(proxy), start), None, "{proxy}");
        }
        // However many there are.
        for number in 0..(ADDRESSES as u32 + 10) {
            throttle.guessed(IpAddr::V4(number.into()), start);
        }
        assert!(throttle.guessers.lock().unwrap().len() <= ADDRESSES);
    }

    #[test]
    fn allowances_are_read() {
        let read = |text: &str| text.parse::<Allowance>().map(|one| (one.per_second, one.at_once));
        assert_eq!(read("50/200"), Ok((50.0, 200)));
        assert_eq!((read("0.01"), read("7")), (Ok((0.01, 1)), Ok((7.0, 14))));
        for wrong in ["", "x", "0", "-1", "inf", "nan", "1/", "1/0", "1/x", "1/2/3", "1/-1", "1e99"] {
            assert!(read(wrong).unwrap_err().contains("50/200"), "{wrong}");
        }
        assert_eq!("0.5/3".parse::<Allowance>().unwrap().to_string(), "0.5/3");
    }
}
