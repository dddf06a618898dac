//! Times as people write them, read alike on the command line and over REST.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The first and the last second of this century: numbers of seconds that are meant, and those of milliseconds.
const CENTURY: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// Reads a date (2026-01-31, in UTC), a time (2026-01-31T12:00:00Z, or with an offset), or seconds or milliseconds since
/// 1970. Which of both a number is, is told by its size.
///
/// # Errors
/// What to write instead; so also where a number is no time of this century.
pub fn parse_time(text: &str) -> Result<Timestamp, &'static str> {
    const WRONG: &str = "neither a date like 2026-01-31, nor a time like 2026-01-31T12:00:00Z, nor seconds or \
         milliseconds since 1970 in this century";
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        let time = match number {
            seconds if CENTURY.contains(&seconds) => Timestamp::from_second(seconds),
            millis if CENTURY.contains(&(millis / 1000)) => Timestamp::from_millisecond(millis),
            _ => return Err(WRONG),
        };
        return time.map_err(|_| WRONG);
    }
    if let Ok(date) = text.parse::<Date>()
        && text.len() == "2026-01-31".len()
    {
        let midnight = date.to_zoned(TimeZone::UTC).map_err(|_| WRONG)?;
        return Ok(midnight.timestamp());
    }
    // The + of an offset is a space in the query of an address.
    let with_plus = || {
        let (time, offset) = text.rsplit_once(' ')?;
        format!("{time}+{offset}").parse().ok()
    };
    text.parse().ok().or_else(with_plus).ok_or(WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_a_time_or_a_number_of_this_century() {
        for (text, time) in [
            ("2026-11-26", "2026-11-26T00:00:00Z"),
            (" 2026-11-26 ", "2026-11-26T00:00:00Z"),
            ("2026-11-26T10:00:00Z", "2026-11-26T10:00:00Z"),
            ("2026-11-26T10:00:00.5Z", "2026-11-26T10:00:00.5Z"),
            ("2026-11-26 10:00:00Z", "2026-11-26T10:00:00Z"),
            ("2026-11-26T10:00Z", "2026-11-26T10:00:00Z"),
            ("2026-11-26T10:00:00+01:00", "2026-11-26T09:00:00Z"),
            ("2026-11-26T10:00:00 01:00", "2026-11-26T09:00:00Z"),
            ("2026-11-26T10:00:00-01:00", "2026-11-26T11:00:00Z"),
            ("1795737600", "2026-11-27T00:00:00Z"),
            ("1795737600000", "2026-11-27T00:00:00Z"),
            ("946684800", "2000-01-01T00:00:00Z"),
            ("946684800000", "2000-01-01T00:00:00Z"),
            ("4102444799999", "2099-12-31T23:59:59.999Z"),
        ] {
            let read = parse_time(text).map(|time| time.to_string());
            assert_eq!(read.as_deref(), Ok(time), "{text}");
        }
        for wrong in [
            "",
            "yesterday",
            "0",
            "-1",
            "20261126",
            "946684799",
            "4102444800000",
            "1795737600000000",
            "1795737600.5",
            "2026-13-01",
            "2026-11-26T10:00:00",
            "26.11.2026",
            "11/26/2026",
            "{\"$gt\":\"\"}",
        ] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
