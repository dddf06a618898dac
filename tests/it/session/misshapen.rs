//! Every field of every event, in every wrong shape, from everybody: each is refused by its name.

use super::stage::{Refused, SENDERS, Stage, assert_refused};

/// An event as it should be, but that carol is to send it.
struct Form {
    event: &'static str,
    fields: &'static [(&'static str, &'static str)],
    /// Which fields must not be what.
    wrong: &'static [(&'static str, &'static [&'static str])],
}

/// Stands for a string of 129 bytes, one of 4097, one of 65537, and for no field at all.
const LONG: &str = "<129>";
const LONGER: &str = "<4097>";
const TOO_LONG: &str = "<65537>";
const MISSING: &str = "";

const NO_ID: &[&str] = &[
    MISSING,
    "null",
    "\"\"",
    "true",
    "1.5",
    "1e300",
    "12345678901234567890123",
    "{}",
    "[]",
    "{\"$gt\":\"\"}",
    "[\"room\"]",
    "\"\\ud800\"",
    "\"a\\nb\"",
    "\"a\\u0000b\"",
    "\"\\u001b[31m\"",
    "\"\\u009b\"",
    "\"\\u007f\"",
    LONG,
];
const NO_SESSION: &[&str] = &[
    MISSING,
    "null",
    "\"\"",
    "true",
    "1.5",
    "1e300",
    "12345678901234567890123",
    "{}",
    "[]",
    "{\"$gt\":\"\"}",
    "[\"room\"]",
    "\"\\ud800\"",
    "\"a\\nb\"",
    "\"a\\u0000b\"",
    "\":\"",
    "\":room\"",
    "\"::key\"",
    "\"a\\nb:key\"",
    LONG,
    TOO_LONG,
];
const NO_OPTIONAL_ID: &[&str] = &[
    "true",
    "1.5",
    "12345678901234567890123",
    "{}",
    "[]",
    "{\"$gt\":\"\"}",
    "[\"a\"]",
    "\"\\ud800\"",
    "\"a\\nb\"",
    "\"a\\u0000b\"",
    "\"\\u009b\"",
    LONG,
];
const NO_KIND: &[&str] = &[
    "true",
    "{}",
    "[]",
    "{\"$gt\":\"\"}",
    "[\"a\"]",
    "\"\\ud800\"",
    LONGER,
];
const NO_LABEL: &[&str] = &[
    "true",
    "7",
    "{}",
    "[]",
    "{\"$gt\":\"\"}",
    "[\"a\"]",
    "\"\\ud800\"",
    LONG,
];

#[rustfmt::skip]
const FORMS: &[Form] = &[
    Form {
        event: "join-session",
        fields: &[
            ("sessionId", "\"room:key\""), ("userId", "\"carol\""), ("displayName", "\"Carol\""),
            ("publicKey", "\"changed\""), ("isCreator", "false"), ("authKey", "\"key\""),
        ],
        wrong: &[
            ("sessionId", NO_SESSION),
            ("userId", NO_ID),
            ("userId", &["\"all\"", "\"\\u0061ll\""]),
            ("displayName", NO_LABEL),
            ("publicKey", &["true", "7", "[]", "[\"key\"]", TOO_LONG]),
            ("isCreator", &["\"true\"", "\"\"", "1", "0", "{}", "[]"]),
            ("authKey", &["true", "1.5", "{}", "[]", "{\"$ne\":null}", "\"\\ud800\"", TOO_LONG]),
        ],
    },
    Form {
        event: "leave-session",
        fields: &[("sessionId", "\"room\""), ("userId", "\"carol\"")],
        wrong: &[("sessionId", NO_SESSION), ("userId", NO_ID)],
    },
    Form {
        event: "save-public-key",
        fields: &[
            ("sessionId", "\"room\""), ("userId", "\"carol\""), ("publicKey", "\"changed\""),
            ("displayName", "\"Changed\""),
        ],
        wrong: &[
            ("sessionId", NO_SESSION), ("userId", NO_ID), ("displayName", NO_LABEL),
            ("publicKey", &[MISSING, "null", "\"\"", "true", "7", "[]", "[\"key\"]", TOO_LONG]),
        ],
    },
    Form {
        event: "get-public-keys",
        fields: &[("sessionId", "\"room\""), ("userId", "\"carol\"")],
        wrong: &[("sessionId", NO_SESSION), ("userId", NO_ID)],
    },
    Form {
        event: "set-session-key",
        fields: &[("sessionId", "\"room\""), ("encryptedKeys", "{\"bob\":\"changed\"}")],
        wrong: &[
            ("sessionId", NO_SESSION),
            ("encryptedKeys", &[MISSING, "null", "\"\"", "\"{}\"", "true", "7", "[]", "[{}]"]),
        ],
    },
    Form {
        event: "send-message",
        fields: &[
            ("sessionId", "\"room\""), ("from", "\"carol\""), ("to", "\"bob\""), ("encrypted", "\"c\""),
            ("originalContent", "\"o\""), ("type", "\"text\""), ("clientMessageId", "\"id\""),
        ],
        wrong: &[
            ("sessionId", NO_SESSION), ("from", NO_ID), ("to", NO_OPTIONAL_ID), ("type", NO_KIND),
            ("encrypted", &[MISSING, "null", "\"\""]),
            ("clientMessageId", &["true", "{}", "[]", "[\"a\"]", "\"\\ud800\"", LONG]),
        ],
    },
    Form {
        event: "file-downloaded",
        fields: &[
            ("sessionId", "\"room\""), ("downloadedBy", "\"Carol\""), ("senderId", "\"bob\""),
            ("fileName", "\"f\""), ("timestamp", "1"),
        ],
        wrong: &[
            ("sessionId", NO_SESSION), ("senderId", NO_ID),
            ("downloadedBy", &[MISSING, "null", "\"\"", "true", "1.5", "{}", "[]", "\"\\ud800\"", LONG]),
            ("fileName", &[MISSING, "null", "\"\"", LONGER]),
            ("timestamp", &["{}", "[]", LONGER]),
        ],
    },
    Form {
        event: "typing",
        fields: &[("sessionId", "\"room\""), ("userId", "\"carol\""), ("displayName", "\"Carol\"")],
        wrong: &[("sessionId", NO_SESSION), ("userId", NO_ID), ("displayName", NO_LABEL)],
    },
    Form {
        event: "stopped-typing",
        fields: &[("sessionId", "\"room\""), ("userId", "\"carol\""), ("displayName", "\"Carol\"")],
        wrong: &[("sessionId", NO_SESSION), ("userId", NO_ID), ("displayName", NO_LABEL)],
    },
];

impl Form {
    /// The payload with one field changed.
    fn with(&self, field: &str, value: &str) -> String {
        let text = |(name, right): &(&str, &str)| {
            let value = if *name == field { value } else { right };
            (!value.is_empty()).then(|| format!("\"{name}\":{value}"))
        };
        let fields: Vec<_> = self.fields.iter().filter_map(text).collect();
        format!("{{{}}}", fields.join(","))
    }
}

fn spelt_out(value: &str) -> String {
    let length = value
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    match length {
        Some(length) => format!("\"{}\"", "x".repeat(length.parse().unwrap())),
        None => value.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_of_the_wrong_shape_is_refused_by_its_name() {
    let mut stage = Stage::set(&[]).await;
    let mut cases = 0;
    for form in FORMS {
        for (field, values) in form.wrong {
            for value in *values {
                // A guest may not send that much.
                let senders = if *value == TOO_LONG {
                    &SENDERS[1..]
                } else {
                    &SENDERS[..]
                };
                let argument = form.with(field, &spelt_out(value));
                println!("{} {argument:.300}", form.event);
                for sender in senders {
                    let answer = stage.ask(*sender, form.event, &argument, &[]).await;
                    assert_refused(&answer, form.event, Refused::Field(field));
                    cases += 1;
                }
                stage.unharmed(&argument).await;
            }
        }
    }
    println!("{cases} cases");
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_that_is_no_object_is_refused() {
    let mut stage = Stage::set(&[]).await;
    let payloads = [
        MISSING,
        "null",
        "\"room\"",
        "7",
        "true",
        "[]",
        "[{\"sessionId\":\"room\"}]",
    ];
    for form in FORMS {
        for payload in payloads {
            println!("{} {payload}", form.event);
            for sender in SENDERS {
                let answer = stage.ask(sender, form.event, payload, &[]).await;
                assert_refused(&answer, form.event, Refused::Payload);
            }
            stage.unharmed(payload).await;
        }
    }
    stage.strike();
}

/// What stands in for the names of fields does not count as them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_a_prototype_are_no_fields() {
    let mut stage = Stage::set(&[]).await;
    for form in FORMS {
        let whole = form.with(MISSING, MISSING);
        for name in ["__proto__", "constructor", "prototype"] {
            let argument = format!(r#"{{"{name}":{whole}}}"#);
            for sender in SENDERS {
                let answer = stage.ask(sender, form.event, &argument, &[]).await;
                // Whichever field is looked at first is missing.
                assert!(!answer.succeeded(), "{} {argument}: {answer:?}", form.event);
                let message = &answer.ack.get("error")["message"];
                let named = form
                    .fields
                    .iter()
                    .any(|(field, _)| *message == format!("Missing or invalid {field}"));
                assert!(named, "{message}");
            }
            stage.unharmed(&argument).await;
        }
    }
    stage.strike();
}

/// From those who are no member, what would be right from carol is refused, whether there is such a session or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_members_may_send_and_others_do_not_learn_what_exists() {
    let mut stage = Stage::set(&[]).await;
    for form in FORMS.iter().filter(|form| form.event != "join-session") {
        for sender in &SENDERS[..2] {
            for session in [
                "\"room\"",
                "\"room:key\"",
                "\"nowhere\"",
                "\"nowhere:key\"",
                "\"another\"",
            ] {
                let argument = form.with("sessionId", session);
                println!("{sender:?} {} {argument}", form.event);
                let answer = stage.ask(*sender, form.event, &argument, &[]).await;
                let own = format!("{sender:?}") == "NonMember" && session == "\"another\"";
                // These two do not say who sends them.
                if own && ["set-session-key", "file-downloaded"].contains(&form.event) {
                    continue;
                }
                assert_refused(&answer, form.event, Refused::NotAMember);
            }
        }
        stage.unharmed(form.event).await;
    }
    stage.strike();
}
