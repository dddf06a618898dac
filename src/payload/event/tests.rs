use super::*;
use crate::payload::reader::MAX_FIELDS;
use crate::payload::{Opaque, Relayed};

fn event(text: &str, attachments: &[&'static [u8]]) -> RawEvent {
    let attachments = attachments.iter().copied().map(Bytes::from_static);
    RawEvent::new(text.to_owned(), 0, attachments.collect(), None).expect("a name")
}

#[test]
fn ids_are_strings_or_integers() {
    let event = event(
        r#"["e",{"a":"x","b":42,"c":1.5,"d":null,"e":"\u0041\n","f":-7,"g":[],"h":1e3,"i":7.0,"j":1e300}]"#,
        &[],
    );
    let payload = event.payload().expect("a payload");
    let id = |name| payload.id(name).map(|id| id.into_owned());
    assert_eq!(id("a").as_deref(), Some("x"));
    assert_eq!(id("b").as_deref(), Some("42"));
    assert_eq!(id("e").as_deref(), Some("A\n"));
    assert_eq!(id("f").as_deref(), Some("-7"));
    assert_eq!(id("h").as_deref(), Some("1000"));
    assert_eq!(id("i").as_deref(), Some("7"));
    for none in ["c", "d", "g", "j", "missing"] {
        assert_eq!(id(none), None, "{none}");
    }
}

#[test]
fn what_is_no_event_with_an_object_is_told_apart() {
    let problem = |text: &str| event(text, &[]).payload().err();
    for text in [
        r#"["e"]"#,
        r#"["e",null]"#,
        r#"["e","x"]"#,
        r#"["e",[{}]]"#,
        r#"["e",7,{}]"#,
        r#"["e",true]"#,
        r#"["e",1e999]"#,
    ] {
        assert_eq!(problem(text), Some(Malformed::NotAnObject), "{text}");
    }
    for text in [
        r#"["e",{}"#,
        r#"["e",{"a"}]"#,
        r#"["e",{}]x"#,
        r#"["e",{"a":1,}]"#,
    ] {
        assert_eq!(problem(text), Some(Malformed::NotAnEvent), "{text}");
    }
    assert_eq!(problem(r#"["e",{}]"#), None);
}

#[test]
fn placeholders_that_would_break_a_receiver_are_refused() {
    for number in ["\"splice\"", "-1", "1", "999", "0.5", "null", "[0]", "1e0"] {
        let text = format!(r#"["e",{{"a":{{"_placeholder":true,"num":{number}}}}}]"#);
        assert_eq!(
            event(&text, &[b"x"]).payload().err(),
            Some(Malformed::BadAttachment),
            "{text}"
        );
    }
    let twice = r#"["e",{"a":{"_placeholder":true,"num":0},"b":{"_placeholder":true,"num":0}}]"#;
    assert_eq!(
        event(twice, &[b"x"]).payload().err(),
        Some(Malformed::BadAttachment)
    );
    let escaped = r#"["e",{"a":{"_place\u0068older":true,"num":7}}]"#;
    assert_eq!(
        event(escaped, &[b"x"]).payload().err(),
        Some(Malformed::BadAttachment)
    );
    let deep = format!(
        r#"["e",{{"a":{}{{"_placeholder":true,"num":0}}{}}}]"#,
        "[".repeat(99),
        "]".repeat(99)
    );
    assert_eq!(
        event(&deep, &[b"x"]).payload().err(),
        Some(Malformed::BadAttachment)
    );
}

#[test]
fn attachments_are_found_wherever_they_are_and_the_rest_stays_as_it_was() {
    let event = event(
        r#"["e",{"t":{"k":  1.0},"b":{"num":1,"_placeholder":true},"n":{"x":[1e2,{"_placeholder":true,"num":0}]}}]"#,
        &[b"zero", b"one"],
    );
    let payload = event.payload().expect("a payload");
    let relayed = Relayed::new(&payload);
    let mut sizes = Vec::new();
    for name in ["t", "b", "n"] {
        payload
            .get(name)
            .expect("a field")
            .attachment_sizes(&mut sizes);
    }
    assert_eq!(sizes, [3, 4]);
    assert_eq!(
        payload.get("t").and_then(Opaque::json),
        Some(r#"{"k":  1.0}"#)
    );
    assert!(payload.get("b").expect("a field").json().is_none());
    assert_eq!(
        relayed.frames().as_slice(),
        [event.text().len() + 256, 3, 4]
    );
}

#[test]
fn an_event_has_so_many_fields_and_no_more() {
    let fields = |count: usize| {
        let fields: Vec<String> = (0..count).map(|n| format!(r#""f{n}":0"#)).collect();
        format!("{{{}}}", fields.join(","))
    };
    let of = |object: &str| event(&format!(r#"["e",{object}]"#), &[]).payload().err();
    assert_eq!(of(&fields(MAX_FIELDS)), None);
    assert_eq!(of(&fields(MAX_FIELDS + 1)), Some(Malformed::TooManyFields));
    assert!(Payload::of_object(&fields(MAX_FIELDS + 1)).is_err());
    // What is not looked into may have as many as it likes.
    let within = format!(
        r#"{{"content":{},"list":[{}0]}}"#,
        fields(5000),
        "0,".repeat(5000)
    );
    assert_eq!(of(&within), None);
}

#[test]
fn beside_an_attachment_there_are_so_many_members_and_no_more() {
    let beside = |count: usize| {
        let items = "0,".repeat(count);
        let text = format!(r#"["e",{{"a":[{items}{{"_placeholder":true,"num":0}}]}}]"#);
        event(&text, &[b"x"]).payload().err()
    };
    assert_eq!(beside(3900), None);
    assert_eq!(beside(4100), Some(Malformed::BadAttachment));
}

#[test]
fn a_list_is_read_up_to_its_bound() {
    let event = event(r#"["e",{"a":["x","\u0041"],"b":[1],"c":"x","d":[]}]"#, &[]);
    let payload = event.payload().expect("a payload");
    assert_eq!(
        payload.texts("a", 2),
        Some(vec!["x".to_owned(), "A".to_owned()])
    );
    assert_eq!(payload.texts("a", 1), None);
    assert_eq!(payload.texts("b", 2), None);
    assert_eq!(payload.texts("c", 2), None);
    assert_eq!(payload.texts("d", 0), Some(Vec::new()));
}

#[test]
fn text_reads_as_an_attachment_only_where_an_object_says_so() {
    let event = event(
        r#"["e",{"a":"\u0041_placeholder","b":[{"c":{"_place\u0068older":true}}],"d":{"_placeholders":1},"e":1.5}]"#,
        &[],
    );
    let payload = event.payload().expect("a payload");
    let reads = ["a", "b", "d", "e"].map(|name| payload.get(name).unwrap().reads_as_attachment());
    assert_eq!(reads, [false, true, false, false]);
}
