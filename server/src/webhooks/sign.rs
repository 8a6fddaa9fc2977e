//! Signatures as Standard Webhooks 1.0 says: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The value of `webhook-signature`: one signature a secret, so that receivers of the old and of the new are both content.
pub fn signatures(secrets: &[Vec<u8>], id: &str, timestamp: i64, body: &str) -> String {
    let one = |secret: &Vec<u8>| {
        // A key of any length will do.
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    secrets.iter().filter_map(one).collect::<Vec<_>>().join(" ")
}

/// A secret as people pass it on.
pub fn printed(secret: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use standardwebhooks::Webhook;

    #[test]
    fn as_the_standard_has_it() {
        // The example of the standard's own libraries.
        let secret = STANDARD.decode("C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let (id, body) = ("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", r#"{"email":"test@example.com","username":"test_user"}"#);
        let ours = signatures(std::slice::from_ref(&secret), id, 1_649_367_553, body);
        assert_eq!(ours, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
        let other = vec![1; 40];
        let both = signatures(&[other.clone(), secret.clone()], id, 1_649_367_553, body);
        assert_eq!(both.split(' ').nth(1), Some(&*ours));
        for secret in [secret, other] {
            let theirs = Webhook::new(&printed(&secret)).unwrap().sign(id, 1_649_367_553, body.as_bytes()).unwrap();
            assert!(both.split(' ').any(|signature| signature == theirs));
        }
    }
}
