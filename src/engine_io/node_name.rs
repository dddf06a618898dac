//! The ids of sessions that poll begin with the name of this node, so a load balancer knows from each request which node has
//! the session. Neither the client's address nor a cookie would do: many clients share the one, and many keep no cookies.

use socketioxide::socket::Sid;

/// Between the name and the id. It is in neither, and clients send it back unescaped.
const SEPARATOR: char = '.';

/// The id as a client knows it, on a node of this name.
pub(super) fn before(node: &str, id: Sid) -> String {
    format!("{}{SEPARATOR}{id}", written(node))
}

/// The id of a session without the name of a node.
pub(super) fn without_name(sid: &str) -> &str {
    sid.rsplit_once(SEPARATOR).map_or(sid, |(_, own)| own)
}

/// The name of a node as it is in ids: two that are written alike are one for a balancer.
pub(crate) fn written(node: &str) -> String {
    node.chars().map(plain).collect()
}

/// What needs no escape in a query, nor in the configuration of a balancer.
fn plain(character: char) -> char {
    match character.is_ascii_alphanumeric() || character == '_' {
        true => character,
        false => '-',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_node_is_taken_off_again() {
        assert_eq!(without_name("relay-1.abc"), "abc");
        assert_eq!(without_name("abc"), "abc");
        assert_eq!(without_name("relay-1."), "");
    }

    #[test]
    fn a_name_is_written_in_characters_that_need_no_escape() {
        assert_eq!(written("één.example/\"_1"), "--n-example--_1");
    }
}
