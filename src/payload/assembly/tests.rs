use proptest::prelude::*;

use super::*;

fn assembly() -> Assembly {
    Assembly::new(2, 50)
}

fn text(assembly: &mut Assembly, packet: &str) -> Result<Option<RawEvent>, BadPacket> {
    assembly.text(packet.to_owned())
}

/// The name, the callback and the first argument of what is complete.
fn seen(event: &RawEvent) -> (String, Option<String>, String) {
    let argument = event.argument().unwrap().unwrap();
    (
        event.name().to_owned(),
        event.ack().map(|ack| ack.to_string()),
        argument.get().to_owned(),
    )
}

#[test]
fn an_event_of_text_is_complete_at_once() {
    for (packet, ack) in [
        (r#"42["e",{"a":1}]"#, None),
        (r#"4217["e",{"a":1}]"#, Some("17")),
        (r#"42/,17["e",{"a":1}]"#, Some("17")),
        (r#"450-["e",{"a":1}]"#, None),
        // No answer can name it.
        (r#"4299999999999999999999["e",{"a":1}]"#, None),
    ] {
        let event = text(&mut assembly(), packet).unwrap().unwrap();
        let ack = ack.map(str::to_owned);
        assert_eq!(seen(&event), ("e".into(), ack, r#"{"a":1}"#.into()));
    }
}

#[test]
fn attachments_complete_an_event() {
    let mut assembly = assembly();
    let packet = r#"452-3["e",{"a":{"_placeholder":true,"num":0}}]"#;
    assert!(text(&mut assembly, packet).unwrap().is_none());
    assert_eq!(assembly.bytes(), packet.len());
    let first = assembly.attachment(Bytes::from_static(b"12"));
    assert!(first.unwrap().is_none());
    assert_eq!(assembly.bytes(), packet.len() + 2);
    let event = assembly.attachment(Bytes::from_static(b"345"));
    let event = event.unwrap().unwrap();
    assert_eq!(event.ack(), Some(AckId::from(3)));
    assert_eq!(event.size(), packet.len() - 5 + 5);
    assert_eq!(assembly.bytes(), 0);
}

#[test]
fn what_is_asked_by_nobody_is_passed_over() {
    for packet in [
        r#"431["x"]"#,
        r#"42/other,["e"]"#,
        "42/other",
        r#"42/other,no JSON"#,
    ] {
        assert!(text(&mut assembly(), packet).unwrap().is_none(), "{packet}");
    }
    for packet in [r#"461-1["x"]"#, r#"451-/other,["e"]"#] {
        let mut assembly = assembly();
        assert!(text(&mut assembly, packet).unwrap().is_none(), "{packet}");
        let whole = assembly.attachment(Bytes::new());
        assert!(whole.unwrap().is_none());
        assert_eq!(assembly.bytes(), 0);
    }
}

#[test]
fn what_is_no_packet_is_refused() {
    for packet in [
        "",
        "4",
        "42",
        "40",
        "47[]",
        "3",
        r#"42["e"#,
        r#"42{"e":1}"#,
        "42[]",
        "42[1]",
        r#"42["\u0065"]"#,
        r#"42é["e"]"#,
        r#"42-1["e"]"#,
        r#"43["x"]"#,
        r#"45["e"]"#,
        r#"45-["e"]"#,
        r#"453-["e"]"#,
        r#"4599999999999999999999-["e"]"#,
        r#"450-["e"#,
    ] {
        let refused = text(&mut assembly(), packet);
        assert_eq!(refused.err(), Some(BadPacket), "{packet}");
    }
}

#[test]
fn what_does_not_come_in_its_place_is_refused() {
    let refused = assembly().attachment(Bytes::new());
    assert_eq!(refused.err(), Some(BadPacket));
    for (size, between) in [(46, ""), (2, r#"42["e"]"#), (2, r#"451-["e"]"#)] {
        let mut assembly = assembly();
        text(&mut assembly, r#"452-["e"]"#).unwrap();
        let refused = match between {
            "" => assembly.attachment(vec![0; size].into()).err(),
            between => text(&mut assembly, between).err(),
        };
        assert_eq!(refused, Some(BadPacket));
    }
}

#[test]
fn an_event_may_be_so_large_and_no_larger() {
    let packet = |size: usize| format!(r#"4217["e",{}]"#, "1".repeat(size - r#"["e",]"#.len()));
    let event = text(&mut assembly(), &packet(50)).unwrap().unwrap();
    assert_eq!(event.size(), 50);
    let refused = text(&mut assembly(), &packet(51));
    assert_eq!(refused.err(), Some(BadPacket));
    for (size, is_taken) in [(45, true), (46, false)] {
        let mut assembly = assembly();
        text(&mut assembly, r#"451-7["e"]"#).unwrap();
        let taken = assembly.attachment(vec![0; size].into());
        assert_eq!(taken.is_ok(), is_taken, "{size}");
        assert_eq!(assembly.bytes(), 0);
    }
}

proptest! {
    #[test]
    fn anything_is_taken_or_refused(packet in "4[2356]?[0-9]{0,3}-?(/[a-z,]{0,3})?.{0,20}") {
        let _ = assembly().text(packet);
    }
}
