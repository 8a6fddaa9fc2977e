//! Where webhooks may go: to addresses of the public internet, unless the operator says otherwise. Whoever creates a batch
//! chooses where this server sends requests, and must not reach through it what only this server can.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Bytes of a webhook's address.
const MAX_URL: usize = 2048;

/// Which addresses are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    Public,
    /// Private ones, too: for tests, and for networks of one's own.
    All,
}

impl Targets {
    /// What is wrong with an address, as far as it tells by itself; what its name resolves to is looked at when it is used.
    pub fn check(self, url: &str) -> Result<(), String> {
        if url.len() > MAX_URL {
            return Err(format!("must have {MAX_URL} characters at most"));
        }
        let uri: Uri = url.parse().map_err(|error| format!("is no address: {error}"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("must begin with https:// or http://".into());
        }
        let host = uri.host().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        if host.is_empty() {
            return Err("names no host".into());
        }
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        let private = host == "localhost" || host.ends_with(".localhost") || literal.is_some_and(|ip| !self.allow(ip));
        match private && self == Targets::Public {
            true => Err(format!("leads to {host:?}, {REFUSED}")),
            false => Ok(()),
        }
    }

    fn allow(self, ip: IpAddr) -> bool {
        self == Targets::All || is_public(ip)
    }
}

const REFUSED: &str = "which is no address of the public internet; webhooks go to those only (an operator may allow others by \
     --allow-private-webhooks)";

/// Resolves names as usual, and refuses those that lead anywhere private. The connection is made to the addresses that were
/// looked at, so that a name cannot lead elsewhere a moment later.
#[derive(Debug)]
pub struct Guard(pub Targets);

impl Resolver for Guard {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let addresses = DefaultResolver::default().resolve(uri, config, timeout)?;
        match addresses.iter().find(|address| !self.0.allow(address.ip())) {
            Some(address) => Err(ureq::Error::Other(format!("it leads to {}, {REFUSED}", address.ip()).into())),
            None => Ok(addresses),
        }
    }
}

/// Whether anyone on the internet could reach this address (IANA's special-purpose registries).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match (a, b, c) {
        // This network, loopback, multicast, reserved, broadcast.
        (0 | 127 | 224.., _, _) => true,
        // Carriers, protocol assignments, the old 6to4 relays, benchmarks.
        (100, 64..=127, _) | (192, 0, 0) | (192, 88, 99) | (198, 18 | 19, _) => true,
        _ => ip.is_private() || ip.is_link_local() || ip.is_documentation(),
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let v4 = |high: u16, low: u16| is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match (a, b) {
        // An IPv4 address in another dress leads where that leads: mapped, NAT64, 6to4.
        (0, 0) if [c, d, e, f] == [0, 0, 0, 0xffff] => v4(g, h),
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => v4(g, h),
        (0x2002, _) => v4(b, c),
        // Protocol assignments with Teredo, documentation, and SRv6's.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => false,
        // Global unicast; all else is local, multicast or nobody's.
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_in_every_dress() {
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in [
            "1.1.1.1",
            "100.63.0.1",
            "172.32.0.1",
            "223.255.255.1",
            "192.0.1.1",
            "2606:4700::1111",
            "2a00::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn addresses_are_looked_at_before_they_are_used() {
        for wrong in [
            "ftp://x",
            "x",
            "",
            "/hook",
            "https://",
            "http://a b",
            "https:///x",
            &format!("http://x/{}", "y".repeat(3000)),
        ] {
            assert!(Targets::All.check(wrong).is_err(), "{wrong}");
        }
        for private in [
            "http://localhost/x",
            "https://a.localhost.",
            "http://127.0.0.1:80",
            "http://[::1]/",
            "http://user@10.0.0.1/",
        ] {
            assert!(Targets::Public.check(private).unwrap_err().contains("public internet"), "{private}");
            assert_eq!(Targets::All.check(private), Ok(()));
        }
        assert_eq!(Targets::Public.check("https://your-server.com/webhook"), Ok(()));
    }
}
