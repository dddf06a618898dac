//! The replies and pushes of Redis, RESP2 and RESP3, as frames. Knows no more of them than where each ends and which are
//! messages of pub/sub.

use std::io::BufRead;

/// Reads the next reply or push, as it came. `None`: the connection has ended.
pub fn read_frame(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut frame = Vec::new();
    let mut open = 1_usize;
    while open > 0 {
        open -= 1;
        let start = frame.len();
        if from.read_until(b'\n', &mut frame).ok()? == 0 {
            return None;
        }
        let line = &frame[start..];
        let kind = *line.first()?;
        // A null has the length -1.
        let length = || {
            let text = std::str::from_utf8(line.get(1..)?).ok()?;
            Some(usize::try_from(text.trim().parse::<i64>().ok()?).ok())
        };
        match kind {
            b'$' | b'!' | b'=' => {
                if let Some(length) = length()? {
                    let end = frame.len();
                    frame.resize(end + length + 2, 0);
                    from.read_exact(&mut frame[end..]).ok()?;
                }
            }
            b'*' | b'~' | b'>' => open += length()?.unwrap_or(0),
            b'%' => open += 2 * length()?.unwrap_or(0),
            // It stands before what it is about.
            b'|' => open += 2 * length()?.unwrap_or(0) + 1,
            _ => {}
        }
    }
    Some(frame)
}

/// Whether a frame is a message that was published, no reply and no news of a subscription.
pub fn is_message(frame: &[u8]) -> bool {
    const KINDS: [&[u8]; 3] = [
        b"$7\r\nmessage\r\n",
        b"$8\r\nsmessage\r\n",
        b"$8\r\npmessage\r\n",
    ];
    let is_push = frame.starts_with(b">") || frame.starts_with(b"*");
    let rest = frame.iter().position(|byte| *byte == b'\n');
    let rest = rest.map_or(&frame[..0], |end| &frame[end + 1..]);
    is_push && KINDS.iter().any(|kind| rest.starts_with(kind))
}
