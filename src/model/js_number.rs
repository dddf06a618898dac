//! Numbers as JavaScript writes them, for which clients and servers take them when they make text of one.

use serde_json::Number;

use crate::payload;

/// What `String(number)` is. Integers are taken as they are, however large.
pub(crate) fn text(number: &Number) -> String {
    let float = match number.as_f64() {
        Some(float) if number.is_f64() => float,
        _ => return number.to_string(),
    };
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let written = format!("{float:e}");
        return match written.split_once("e-") {
            Some(_) => written,
            None => written.replace('e', "e+"),
        };
    }
    // Of nothing, the sign is not written.
    (float + 0.0).to_string()
}

/// Such a text, of a number that is an integer and exact.
pub(crate) fn integer(number: &Number) -> Option<String> {
    payload::integer(&number.to_string()).map(|integer| integer.to_string())
}

/// The integer that a text is as JavaScript writes it, if it is exact.
pub(crate) fn parse_exact(text: &str) -> Option<i64> {
    const MAX_SAFE: u64 = (1 << 53) - 1;
    let may_be = text.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    let number = text.parse::<i64>().ok().filter(|_| may_be)?;
    let is_safe = number.unsigned_abs() <= MAX_SAFE;
    (is_safe && number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).expect("a number")
    }

    #[test]
    fn numbers_are_written_as_by_javascript() {
        for (json, written) in [
            ("7", "7"),
            ("-7", "-7"),
            ("7.0", "7"),
            ("-0.0", "0"),
            ("0.5", "0.5"),
            ("1e2", "100"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("-1.5e300", "-1.5e+300"),
            ("1e-6", "0.000001"),
            ("1.5e-7", "1.5e-7"),
            ("123456789012345680", "123456789012345680"),
        ] {
            assert_eq!(text(&number(json)), written, "{json}");
        }
    }

    #[test]
    fn an_id_is_an_integer_however_it_is_written() {
        for (json, id) in [
            ("7", Some("7")),
            ("7.0", Some("7")),
            ("1e2", Some("100")),
            ("-0.0", Some("0")),
            ("9007199254740993", Some("9007199254740993")),
            ("7.5", None),
            ("1e20", None),
            ("18446744073709551615", None),
        ] {
            assert_eq!(integer(&number(json)).as_deref(), id, "{json}");
        }
    }
}
