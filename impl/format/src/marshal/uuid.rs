//! UUIDs as text.

use core::fmt::Write as _;

/// Digits in front of which a dash stands, counted in bytes.
const DASHES: [usize; 4] = [4, 6, 8, 10];

/// A UUID of 16 bytes as 32 hexadecimal digits in five groups.
#[must_use]
pub fn uuid_text(uuid: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in uuid.iter().enumerate() {
        if DASHES.contains(&index) {
            text.push('-');
        }
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}
