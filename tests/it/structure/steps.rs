//! The steps of the document: each is a function in a file, written as `` `file.rs:function` ``, with the path below
//! `src`.

use proc_macro2::{TokenStream, TokenTree};

use super::tree::Files;

/// The headings of the ways that are described step by step.
const WAYS: [&str; 3] = ["A connection", "An event", "An audit record"];
/// A way with fewer steps would say nothing.
const MIN_STEPS: usize = 5;

/// The steps that name no function of the sources.
pub(super) fn wrong<'a>(document: &'a str, files: &Files) -> Vec<&'a str> {
    let exists = |step: &&str| {
        step.split_once(':').is_some_and(|(file, function)| {
            // A method may be written with its type.
            let function = function.rsplit("::").next().unwrap_or_default();
            files
                .get(file)
                .is_some_and(|text| defines(text.parse().expect("a Rust source"), function))
        })
    };
    steps(document).filter(|step| !exists(step)).collect()
}

/// The headings that are missing, or have too few steps below them.
pub(super) fn short(document: &str) -> Vec<&'static str> {
    let is_short = |way: &&str| {
        section(document, way).is_none_or(|section| steps(&section).count() < MIN_STEPS)
    };
    WAYS.into_iter().filter(is_short).collect()
}

/// What stands below the heading, up to the next one.
fn section(document: &str, heading: &str) -> Option<String> {
    let is_heading = |line: &str| line.starts_with('#');
    let mut lines = document
        .lines()
        .skip_while(|line| !is_heading(line) || line.trim_start_matches(['#', ' ']) != heading);
    lines.next()?;
    let lines: Vec<&str> = lines.take_while(|line| !is_heading(line)).collect();
    Some(lines.join("\n"))
}

fn steps(document: &str) -> impl Iterator<Item = &str> {
    let code = document
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    code.filter(|code| code.contains(".rs:"))
}

fn defines(tokens: TokenStream, function: &str) -> bool {
    let mut is_named_next = false;
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => {
            let is_named = is_named_next && word == function;
            is_named_next = word == "fn";
            is_named
        }
        TokenTree::Group(group) => defines(group.stream(), function),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
