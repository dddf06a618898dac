//! How a client of Socket.IO 2 is told that it is not let in: by the message alone, where later ones take an object. It must
//! not know why.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::packet::Packet;

/// What the packet of a refusal begins with.
const REFUSED: &[u8] = b"44";

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
}

/// The packet as such a client reads it.
pub(super) fn of_v3(packet: Packet) -> Packet {
    let Packet::Text(text) = &packet else {
        return packet;
    };
    let refusal = text.strip_prefix(REFUSED);
    let refusal = refusal.and_then(|it| serde_json::from_slice::<Refusal<'_>>(it).ok());
    match refusal {
        Some(Refusal { message }) => {
            Packet::Text([REFUSED, message.get().as_bytes()].concat().into())
        }
        None => packet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_its_message_and_nothing_else_changes() {
        let text = |text: &'static str| Packet::Text(text.into());
        let refused = text(r#"44{"message":"Invalid token"}"#);
        assert_eq!(of_v3(refused), text(r#"44"Invalid token""#));
        for other in [r#"42["a",{"message":"x"}]"#, "44", r#"44"x""#, "40"] {
            assert_eq!(of_v3(text(other)), text(other));
        }
        let bytes = Packet::Binary("44{}".into());
        assert_eq!(of_v3(bytes.clone()), bytes);
    }
}
