//! Messages with every kind of content, as they are made up.

use std::fmt::Write as _;

use bytes::Bytes;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::conversation::{SHAPES, Shape};
use test_support::json_text::{SPACES, json, placeholder, with_attachments};

/// A value as it is sent, with its attachments.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub text: String,
    pub attachments: Vec<Bytes>,
}

impl Content {
    pub(super) fn text(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            attachments: Vec::new(),
        }
    }

    /// As JSON has it that cannot hold bytes.
    pub(super) fn as_numbers(&self) -> String {
        let mut text = self.text.clone();
        for (number, bytes) in self.attachments.iter().enumerate() {
            let mut array = String::from("[");
            for (index, byte) in bytes.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                write!(array, "{comma}{byte}").unwrap();
            }
            array.push(']');
            text = text.replace(&placeholder(number), &array);
        }
        text
    }
}

/// How a message is sent.
#[derive(Debug, Clone)]
pub(super) enum Way {
    Socket,
    Rest(Shape),
}

/// A message, and what it is changed to.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub way: Way,
    pub content: Content,
    /// Only `chat` has it.
    pub media: Option<String>,
    pub edited: Option<Content>,
    pub space: &'static str,
}

/// Anything but `null` and an empty string.
pub(super) fn content() -> impl Strategy<Value = String> {
    json().prop_map(|json| match &*json {
        "null" | "\"\"" => format!("[{json}]"),
        _ => json,
    })
}

pub(super) fn any_content() -> impl Strategy<Value = Content> {
    let plain = content().prop_map(|text| Content::text(&text));
    let binary = with_attachments().prop_map(|(shape, bytes)| {
        let mut text = shape;
        for number in 0..bytes.len() {
            text = text.replace(&format!("@{number}@"), &placeholder(number));
        }
        // One of them, or all in a list.
        let text = match text.split_once('|') {
            Some(_) => format!("[{}]", text.replace('|', ",")),
            None => text,
        };
        Content {
            text,
            attachments: bytes.into_iter().map(Bytes::from).collect(),
        }
    });
    prop_oneof![3 => plain, 2 => binary]
}

pub(super) fn message() -> impl Strategy<Value = Message> {
    let ways = prop_oneof![
        3 => Just(Way::Socket),
        2 => select(&SHAPES[..]).prop_map(Way::Rest),
    ];
    let parts = (
        ways,
        any_content(),
        content(),
        option::of(json()),
        option::of(any_content()),
        select(SPACES),
    );
    parts.prop_map(|(way, chosen, plain, media, edited, space)| {
        let over_socket = matches!(way, Way::Socket);
        let is_chat = matches!(way, Way::Rest(Shape::Chat));
        let fits = |chosen: &Content| over_socket || chosen.attachments.is_empty();
        Message {
            content: if over_socket {
                chosen
            } else {
                Content::text(&plain)
            },
            media: media.filter(|media| is_chat && media != "null" && media != "\"\""),
            edited: edited.filter(fits),
            way,
            space,
        }
    })
}
