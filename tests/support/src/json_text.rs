//! Random JSON as text, in all the ways of writing it that a parser or a printer may not keep, but that published
//! clients can read.

use std::fmt::Write as _;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Numbers, strings and words that a parser or printer of JSON likes to rewrite.
const NUMBERS: &[&str] = &[
    "1e21",
    "1.0",
    "-0",
    "-0.0",
    "0.10",
    "12345678901234567890123",
    "1E5",
    "1e-7",
    "1E+02",
    "100000000000000000000.0",
    "3.0000000000000000000001",
    "9007199254740993",
    "-1e-400",
    "5e-324",
    "0",
    "7",
];
const PIECES: &[&str] = &[
    "a",
    "B",
    " ",
    "\\u0041",
    "\\/",
    "/",
    "\\n",
    "\\t",
    "\\\"",
    "\\\\",
    "\\u0000",
    "\\u001F",
    "\\ud83d\\ude00",
    "\\uD83D\\uDE00",
    "é",
    "e\u{301}",
    "漢",
    "😀",
    "\u{2028}",
    "\u{feff}",
    "\u{7f}",
    "{",
    "]",
    "42[",
    ",",
    "_placeholder",
    "</script>",
    "\\u00e9",
];
const NAMES: &[&str] = &[
    "a",
    "b",
    "z",
    "\\u0061",
    "",
    " ",
    "é",
    "senderId",
    "recipientId",
    "toJSON",
    "0",
];
/// White space that may stand between two tokens, mostly none.
pub const SPACES: &[&str] = &["", "", "", "", " ", "\n", "\t", "\r\n", "   "];

/// A JSON string.
pub fn text() -> impl Strategy<Value = String> {
    vec(select(PIECES), 0..8).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// Any JSON text.
pub fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(NUMBERS).prop_map(str::to_owned),
        text(),
        select(&["true", "false", "null", "{}", "[]"][..]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let items = vec((select(SPACES), inner.clone(), select(SPACES)), 0..6);
        let entries = vec((select(SPACES), select(NAMES), select(SPACES), inner), 0..6);
        prop_oneof![
            items.prop_map(|items| {
                let items: Vec<_> = items
                    .into_iter()
                    .map(|(a, item, b)| format!("{a}{item}{b}"))
                    .collect();
                format!("[{}]", items.join(","))
            }),
            entries.prop_map(|entries| {
                let entry = |(a, name, b, value)| format!("{a}\"{name}\"{b}:{a}{value}{b}");
                let entries: Vec<_> = entries.into_iter().map(entry).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

/// JSON that a required field may be: neither empty nor what counts as missing.
pub fn required() -> impl Strategy<Value = String> {
    json().prop_map(|json| match json.as_str() {
        "null" | "false" | "0" | "-0" | "-0.0" | "\"\"" => format!("[{json}]"),
        _ => json,
    })
}

/// A value with attachments in it: its JSON text, where `@n@` stands for attachment n.
pub fn with_attachments() -> impl Strategy<Value = (String, Vec<Vec<u8>>)> {
    let bytes = vec(any::<u8>(), 1..300);
    let shape = select(
        &[
            "@0@",
            "@1@|@0@",
            "[@0@,@1@]|{\"deep\":[{\"er\":@2@,\"n\":1.0}]}",
            "[[[[@2@]]],\"\\u0041\",@0@]|@1@",
            "{\"b\":@1@,\"a\":@3@}|[@0@,1e2,@2@]",
        ][..],
    );
    (shape, vec(bytes, 4)).prop_map(|(shape, mut bytes)| {
        bytes.truncate(shape.matches('@').count() / 2);
        (shape.to_owned(), bytes)
    })
}

/// The text with every placeholder replaced by the bytes it stands for, as hex.
pub fn resolved(text: &str, attachments: &[Bytes]) -> String {
    let mut resolved = text.to_owned();
    for (number, bytes) in attachments.iter().enumerate() {
        let mut hex = String::from("<");
        for byte in bytes {
            write!(hex, "{byte:02x}").unwrap();
        }
        hex.push('>');
        resolved = resolved.replace(&placeholder(number), &hex);
    }
    resolved
}

/// What stands in the text for the attachment with this number.
pub fn placeholder(number: usize) -> String {
    format!("{{\"_placeholder\":true,\"num\":{number}}}")
}
