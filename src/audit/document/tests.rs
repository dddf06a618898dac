use std::{net::IpAddr, sync::Arc};

use super::*;
use crate::audit::line::Line;
use crate::audit::text::RoomName;
use crate::audit::{
    AuditText, Encoded, Event, FileChunk, Label, MessageSent, Record, Seq, Source, Target,
};
use crate::model::{Dialect, DisconnectReason};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A `UUIDv7` of 2023-11-14T22:13:20.123Z.
const ID: Uuid = Uuid::from_u128(0x018b_cfe5_687b_7001_8000_0000_0000_0001);

fn full(event: Event) -> Record {
    let source = Source {
        user: Some("alice".into()),
        username: Some("Alice".into()),
        session_id: Some(Uuid::from_u128(7)),
        ip: Some(IpAddr::from([192, 0, 2, 1])),
        user_agent: Some(AuditText::new("agent")),
        node: "n1".into(),
        encoded: Encoded::default(),
    };
    Record::with_id(ID, &Arc::new(source), Some(Dialect::Direct), event)
}

fn bare(event: Event) -> Record {
    let source = Source {
        node: "n1".into(),
        ..Source::nobody()
    };
    Record::with_id(ID, &Arc::new(source), None, event)
}

/// The spool of an earlier version is read by a later one: these bytes must not change. Each becomes the line
/// that the record has now, and that becomes the same document.
#[test]
fn the_bytes_of_a_document_are_those_of_earlier_spools_and_of_mongodb() {
    let samples = [
        (
            bare(Event::SocketConnect),
            "9c000000055f6964001000000004018bcfe5687b70018000000000000001026576656e7454797065\
             000f000000534f434b45545f434f4e4e45435400026c6576656c0005000000696e666f00026e6f64\
             6500030000006e31000364657461696c7300050000000008737563636573730001026d6573736167\
             65000a000000436f6e6e65637465640009637265617465644174007b68e5cf8b01000000",
        ),
        (
            full(Event::SocketDisconnect {
                reason: DisconnectReason::SlowConsumer,
            }),
            "42010000055f6964001000000004018bcfe5687b70018000000000000001026576656e7454797065\
             0012000000534f434b45545f444953434f4e4e45435400026c6576656c0005000000696e666f0002\
             6469616c65637400070000006469726563740002757365720006000000616c696365000275736572\
             6e616d650006000000416c696365000573657373696f6e4964001000000004000000000000000000\
             0000000000000702697041646472657373000a0000003139322e302e322e31000275736572416765\
             6e7400060000006167656e7400026e6f646500030000006e31000364657461696c73001f00000002\
             726561736f6e000e000000736c6f7720636f6e73756d6572000008737563636573730001026d6573\
             73616765000d000000446973636f6e6e65637465640009637265617465644174007b68e5cf8b0100\
             0000",
        ),
        (
            full(Event::MessageSent(MessageSent {
                target: Target::Session(RoomName::new("s1")),
                message_id: Some(AuditText::new("m1")),
                message_type: Some(Label::TEXT),
                seq: Seq::from_json("7"),
                bytes: 256,
            })),
            "7b010000055f6964001000000004018bcfe5687b70018000000000000001026576656e7454797065\
             000d0000004d4553534147455f53454e5400026c6576656c0005000000696e666f00026469616c65\
             637400070000006469726563740002757365720006000000616c6963650002757365726e616d6500\
             06000000416c696365000573657373696f6e49640010000000040000000000000000000000000000\
             000702697041646472657373000a0000003139322e302e322e310002757365724167656e74000600\
             00006167656e7400026e6f646500030000006e31000364657461696c73005a000000127365710007\
             00000000000000026d6573736167655479706500050000007465787400026d657373616765496400\
             030000006d310002726f6f6d4e616d65000300000073310012627974657300000100000000000000\
             08737563636573730001026d65737361676500100000004d6573736167652072656c617965640009\
             637265617465644174007b68e5cf8b01000000",
        ),
        (
            full(Event::FileUpload(FileChunk {
                recipient: AuditText::new("bob"),
                message_id: Some(AuditText::new("m1")),
                chunk_number: Some(0),
                total_chunks: Some(3),
                file_size: Some(3_000),
                mime_type: Label::new("image/png"),
                bytes: 1_000,
            })),
            "b0010000055f6964001000000004018bcfe5687b70018000000000000001026576656e7454797065\
             000c00000046494c455f55504c4f414400026c6576656c0005000000696e666f00026469616c6563\
             7400070000006469726563740002757365720006000000616c6963650002757365726e616d650006\
             000000416c696365000573657373696f6e4964001000000004000000000000000000000000000000\
             0702697041646472657373000a0000003139322e302e322e310002757365724167656e7400060000\
             006167656e7400026e6f646500030000006e31000364657461696c73008d00000002726563697069\
             656e740004000000626f6200026d657373616765496400030000006d3100126368756e6b4e756d62\
             657200000000000000000012746f74616c4368756e6b730003000000000000001266696c6553697a\
             6500b80b000000000000026d696d6554797065000a000000696d6167652f706e6700126279746573\
             00e8030000000000000008737563636573730001026d657373616765001300000046696c65206368\
             756e6b2072656c617965640009637265617465644174007b68e5cf8b01000000",
        ),
    ];
    for (record, expected) in samples {
        let mut line = Vec::new();
        line::push(&mut line, &record);
        let fields = Fields::read(&line).unwrap();
        let document = document(&fields).unwrap();
        assert_eq!(hex(document.as_bytes()), expected);
        let converted = to_line(document.as_bytes()).unwrap();
        assert_eq!(converted, line);
        assert_eq!(Line::new(&converted).unwrap().id(), Some(ID));
    }
}
