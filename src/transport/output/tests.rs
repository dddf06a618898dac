use proptest::prelude::*;

use super::*;

/// What waits, as bytes.
fn bytes(chunks: &Chunks) -> Vec<u8> {
    let mut all = Chunks::default();
    all.append(chunks.copied());
    let mut bytes = Vec::new();
    while !all.is_empty() {
        let count = all.slices().iter().map(|slice| slice.len()).sum();
        all.advance(count, |part| bytes.extend_from_slice(part));
    }
    bytes
}

impl Chunks {
    fn copied(&self) -> Self {
        Self {
            parts: self.parts.clone(),
            tail: self.tail.clone(),
            len: self.len,
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(usize),
    Frame(usize),
    Advance(usize),
    Append(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = || prop_oneof![0usize..300, LARGE - 2..LARGE + 2, 60_000usize..70_000];
    let step = prop_oneof![
        size().prop_map(Step::Put),
        size().prop_map(Step::Frame),
        size().prop_map(Step::Advance),
        (size(), size()).prop_map(|(one, other)| Step::Append(one, other)),
    ];
    prop::collection::vec(step, 1..24)
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}

fn frame(size: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    put_frame_head(&mut frame, FINAL_TEXT, false, size);
    frame.extend(content(size));
    frame
}

fn put_frame(chunks: &mut Chunks, size: usize) {
    chunks.put_frame(FINAL_TEXT, &content(size), || content(size).into());
}

proptest! {
    #[test]
    fn what_is_put_in_comes_out_in_its_order_and_once(steps in steps()) {
        let (mut chunks, mut expected) = (Chunks::default(), Vec::new());
        for step in steps {
            match step {
                Step::Put(size) => {
                    chunks.put(&content(size));
                    expected.extend(content(size));
                }
                Step::Frame(size) => {
                    put_frame(&mut chunks, size);
                    expected.extend(frame(size));
                }
                Step::Advance(size) => {
                    let count = size.min(expected.len());
                    let mut seen = Vec::new();
                    chunks.advance(count, |part| seen.extend_from_slice(part));
                    prop_assert!(seen == expected[..count]);
                    expected.drain(..count);
                }
                Step::Append(one, other) => {
                    let mut later = Chunks::default();
                    later.put(&content(one));
                    put_frame(&mut later, other);
                    chunks.append(later);
                    expected.extend(content(one));
                    expected.extend(frame(other));
                }
            }
            prop_assert_eq!(chunks.len(), expected.len());
            prop_assert_eq!(chunks.is_empty(), expected.is_empty());
        }
        prop_assert!(bytes(&chunks) == expected);
    }
}

#[test]
fn what_is_large_is_not_copied() {
    let large = Bytes::from(content(LARGE));
    let mut chunks = Chunks::default();
    chunks.put_frame(FINAL_TEXT, &large, || large.clone());
    chunks.put(b"behind");
    let slices = chunks.slices();
    let [_, payload, behind] = &slices[..] else {
        panic!("the head, the payload, what is behind")
    };
    assert_eq!(payload.as_ptr(), large.as_ptr());
    assert_eq!(&behind[..], b"behind");
}
