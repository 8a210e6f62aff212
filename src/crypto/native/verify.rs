//! Ed25519 verify (RFC 8032) by AWS-LC, for Node.js.
//!
//! As strict as libsodium: AWS-LC refuses an S that is not below L and points that are not canonical, and points of small
//! order are refused here. Nothing is secret, so nothing needs to take constant time.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use hex_literal::hex;
use napi_derive::napi;

/// A point of the curve, encoded: y, least byte first, and the sign of x in the highest bit.
type Point = [u8; 32];

const SIGN_OF_X: u8 = 0x80;

/// The y of the eight points of small order: 0, 1, -1, and two of order 8.
const SMALL_ORDER_Y: [Point; 5] = [
    hex!("0000000000000000000000000000000000000000000000000000000000000000"),
    hex!("0100000000000000000000000000000000000000000000000000000000000000"),
    hex!("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    hex!("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    hex!("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
];

/// Whether `signature` (64 bytes) is the key's (32 bytes) signature of `message`; false for other lengths.
#[napi]
pub fn verify(signature: &[u8], message: &[u8], public_key: &[u8]) -> bool {
    let (Some((r, _)), Ok(key)) = (signature.split_first_chunk(), public_key.try_into()) else {
        return false;
    };
    !is_of_small_order(key)
        && !is_of_small_order(r)
        && UnparsedPublicKey::new(&ED25519, key)
            .verify(message, signature)
            .is_ok()
}

/// For points that are canonical; AWS-LC refuses all others.
fn is_of_small_order(point: &Point) -> bool {
    let mut y = *point;
    y[31] &= !SIGN_OF_X;
    SMALL_ORDER_Y.contains(&y)
}
