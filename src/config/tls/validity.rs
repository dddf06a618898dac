//! When a certificate expires: the one thing that is read of it here. What it is worth is for those who connect.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
/// In front of the serial number there may be a version, with this tag.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's time, in seconds since 1970 (RFC 5280, section 4.1). `None`: it is no certificate.
pub(super) fn end_of(certificate: &[u8]) -> Option<u64> {
    let (content, _) = value(certificate, SEQUENCE)?;
    let (mut fields, _) = value(content, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = after(fields)?;
    }
    // The serial number, the algorithm and who has signed it.
    for _ in 0..3 {
        fields = after(fields)?;
    }
    let (validity, _) = value(fields, SEQUENCE)?;
    time(after(validity)?)
}

/// A value with this tag, and what is behind it.
fn value(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    (bytes.first() == Some(&tag))
        .then(|| split(bytes))
        .flatten()
}

/// What is behind the first value.
fn after(bytes: &[u8]) -> Option<&[u8]> {
    Some(split(bytes)?.1)
}

/// The content of the first value, and what is behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    const LONG: u8 = 0x80;
    let (&first, rest) = bytes.get(1..)?.split_first()?;
    let (length, rest) = match first.checked_sub(LONG) {
        None => (usize::from(first), rest),
        Some(digits @ 1..=4) => {
            let (digits, rest) = rest.split_at_checked(digits.into())?;
            let length = digits
                .iter()
                .fold(0, |length, &digit| length << 8 | usize::from(digit));
            (length, rest)
        }
        Some(_) => return None,
    };
    rest.split_at_checked(length)
}

fn time(bytes: &[u8]) -> Option<u64> {
    let (text, _) = split(bytes)?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match *bytes.first()? {
        // Of a year only the last two digits are said, of which 50 is in 1950.
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", &text).ok()?;
    let time: Timestamp = time.to_zoned(TimeZone::UTC).ok()?.timestamp();
    // What ended before 1970 is over as well.
    Some(u64::try_from(time.as_second()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value with a tag and its length.
    fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        let head = match length {
            0..0x80 => vec![tag, length],
            _ => vec![tag, 0x81, length],
        };
        [&head[..], content].concat()
    }

    fn certificate(version: bool, end: &[u8]) -> Vec<u8> {
        let version = match version {
            true => tagged(VERSION, &[2, 1, 2]),
            false => Vec::new(),
        };
        let issuer = tagged(SEQUENCE, &[0; 150]);
        let begin = tagged(UTC_TIME, b"200101000000Z");
        let validity = tagged(SEQUENCE, &[&begin[..], end].concat());
        let fields = [
            &version[..],
            &[2, 1, 7],
            &[0x30, 0],
            &issuer[..],
            &validity[..],
        ]
        .concat();
        tagged(SEQUENCE, &tagged(SEQUENCE, &fields))
    }

    #[test]
    fn the_end_is_read_in_both_forms() {
        for (end, expected) in [
            (tagged(UTC_TIME, b"300102030405Z"), 1_893_553_445),
            (tagged(GENERALIZED_TIME, b"20300102030405Z"), 1_893_553_445),
            (tagged(UTC_TIME, b"700101000001Z"), 1),
            (tagged(UTC_TIME, b"500101000000Z"), 0),
        ] {
            for version in [true, false] {
                assert_eq!(end_of(&certificate(version, &end)), Some(expected));
            }
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let end = tagged(UTC_TIME, b"300102030405Z");
        let whole = certificate(true, &end);
        for length in 0..whole.len() {
            assert_eq!(end_of(&whole[..length]), None, "{length}");
        }
        for end in [&b"300102030405"[..], b"301302030405Z", b"", b"\xff"] {
            assert_eq!(end_of(&certificate(true, &tagged(UTC_TIME, end))), None);
        }
        assert_eq!(end_of(&[0x30, 0x85, 1, 1, 1, 1, 1]), None);
        assert_eq!(end_of(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
