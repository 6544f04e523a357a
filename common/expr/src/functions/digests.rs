//! Checksums and digests of bytes.

use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::arguments::{bytes, integer, string};
use super::encodings::hex_digits;
use super::{BYTES, INT, plain};
use crate::function::Function;
use crate::{Type, Value};

pub static FUNCTIONS: &[Function] = &[
    plain(
        &["md5"],
        (1, 1),
        "md5(binary)",
        &[BYTES],
        |_| Type::String,
        |_, a| Ok(digest::<Md5>(bytes(&a[0])?)),
    ),
    plain(
        &["sha1", "sha"],
        (1, 1),
        "sha1(binary)",
        &[BYTES],
        |_| Type::String,
        |_, a| Ok(digest::<Sha1>(bytes(&a[0])?)),
    ),
    plain(
        &["sha2"],
        (2, 2),
        "sha2(binary, bits)",
        &[BYTES, INT],
        |_| Type::String,
        |_, a| {
            let bytes = bytes(&a[0])?;
            Ok(match integer(&a[1])? {
                224 => digest::<Sha224>(bytes),
                0 | 256 => digest::<Sha256>(bytes),
                384 => digest::<Sha384>(bytes),
                512 => digest::<Sha512>(bytes),
                _ => Value::Null,
            })
        },
    ),
    plain(
        &["crc32"],
        (1, 1),
        "crc32(binary)",
        &[BYTES],
        |_| Type::BigInt,
        |_, a| Ok(Value::Integer(crc32fast::hash(bytes(&a[0])?).into())),
    ),
];

fn digest<'a, D: Digest>(bytes: &[u8]) -> Value<'a> {
    string(hex_digits(&D::digest(bytes), b"0123456789abcdef"))
}
