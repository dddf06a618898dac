//! Reads one Rust source: the modules that it declares and the paths that it names.
//!
//! Comments and strings are no code, and items under `#[cfg(test)]` are left out. Knows nothing of files or layers.

use std::iter::Peekable;

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The segments of a path, as they are written: `["crate", "model", "NodeId"]`.
pub(super) type Path = Vec<String>;

/// What one source declares and names.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Each module that has a file of its own, by the inline modules around it and its name.
    pub modules: Vec<Path>,
    /// The module that a path is written in, below the one of the source, and the path.
    pub paths: Vec<(Path, Path)>,
    /// What a `use` brings into a module: the module, the name there, and the path.
    pub uses: Vec<(Path, String, Path)>,
}

impl Source {
    /// Reads a source; fails on what is no Rust.
    pub(super) fn read(text: &str) -> Self {
        let tokens: TokenStream = text.parse().expect("a Rust source");
        let mut source = Self::default();
        source.read_module(tokens, &[]);
        source
    }

    fn read_module(&mut self, tokens: TokenStream, module: &[String]) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if let Skipped::Everything = skip_test(&mut tokens) {
                        return;
                    }
                }
                TokenTree::Group(group) => self.read_module(group.stream(), module),
                TokenTree::Ident(word) => self.read_word(&word.to_string(), &mut tokens, module),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn read_word(&mut self, word: &str, tokens: &mut Peekable<IntoIter>, module: &[String]) {
        match word {
            "mod" => {
                if let Some(name) = next_ident(tokens) {
                    let path = joined(module, &name);
                    match next_group(tokens, Delimiter::Brace) {
                        Some(body) => self.read_module(body.stream(), &path),
                        None => self.modules.push(path),
                    }
                }
            }
            "use" => {
                let mut leaves = Vec::new();
                read_use(tokens, &mut Vec::new(), &mut leaves);
                for (path, name) in leaves {
                    self.paths.push((module.to_vec(), path.clone()));
                    self.uses.push((module.to_vec(), name, path));
                }
            }
            // A visibility names the module around, which is no import.
            "pub" => {
                next_group(tokens, Delimiter::Parenthesis);
            }
            "crate" | "super" | "self" => {
                let mut path = vec![word.to_owned()];
                while skip_separator(tokens)
                    && let Some(name) = next_ident(tokens)
                {
                    path.push(name);
                }
                if path.len() > 1 {
                    self.paths.push((module.to_vec(), path));
                }
            }
            _ => {}
        }
    }
}

/// Reads the tree behind `use`: each path in it with the name under which it is known from then on.
fn read_use(tokens: &mut Peekable<IntoIter>, prefix: &mut Path, leaves: &mut Vec<(Path, String)>) {
    skip_separator(tokens);
    if let Some(group) = next_group(tokens, Delimiter::Brace) {
        let mut inside = group.stream().into_iter().peekable();
        while inside.peek().is_some() {
            read_use(&mut inside, &mut prefix.clone(), leaves);
            skip_punct(&mut inside, ',');
        }
    } else if skip_punct(tokens, '*') {
        leaves.push((prefix.clone(), "*".to_owned()));
    } else if let Some(segment) = next_ident(tokens) {
        // `use a::{self}` names `a`.
        if segment != "self" || prefix.is_empty() {
            prefix.push(segment);
        }
        if is_separator(tokens) {
            return read_use(tokens, prefix, leaves);
        }
        let mut name = prefix.last().cloned().unwrap_or_default();
        if matches!(tokens.peek(), Some(TokenTree::Ident(word)) if word == "as") {
            tokens.next();
            name = next_ident(tokens).unwrap_or_default();
        }
        leaves.push((prefix.clone(), name));
    }
}

/// What an attribute makes of the code that it stands in.
pub(super) enum Skipped {
    /// It does not mark a test.
    Nothing,
    /// The item behind it is a test, and is skipped; its last token.
    Item(Option<TokenTree>),
    /// All of what it stands in is a test.
    Everything,
}

/// Skips the rest of an attribute behind its `#`, and the test that it marks.
pub(super) fn skip_test(tokens: &mut Peekable<IntoIter>) -> Skipped {
    let is_inner = skip_punct(tokens, '!');
    match next_group(tokens, Delimiter::Bracket).is_some_and(|it| is_test(&it)) {
        false => Skipped::Nothing,
        true if is_inner => Skipped::Everything,
        true => Skipped::Item(skip_item(tokens)),
    }
}

/// Whether this is what stands in the brackets of `#[cfg(test)]`.
fn is_test(attribute: &Group) -> bool {
    attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// Skips the item behind an attribute, with its other attributes; its last token.
fn skip_item(tokens: &mut Peekable<IntoIter>) -> Option<TokenTree> {
    while skip_punct(tokens, '#') {
        next_group(tokens, Delimiter::Bracket);
    }
    // What ends it beside a semicolon: a comma for a field or a variant, a body for most items.
    let (mut by_comma, mut by_body) = (true, true);
    let mut last = None;
    for token in tokens.by_ref() {
        let token = last.insert(token);
        match token {
            TokenTree::Ident(word) => match word.to_string().as_str() {
                "use" | "const" | "static" | "type" | "let" => (by_comma, by_body) = (false, false),
                "fn" | "impl" | "struct" | "enum" | "trait" | "mod" => {
                    (by_comma, by_body) = (false, true);
                }
                _ => {}
            },
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && by_body => break,
            TokenTree::Punct(punct) if punct.as_char() == ';' => break,
            TokenTree::Punct(punct) if punct.as_char() == ',' && by_comma => break,
            _ => {}
        }
    }
    last
}

/// The path of a module in another.
pub(super) fn joined(module: &[String], name: &str) -> Path {
    let mut path = module.to_vec();
    path.push(name.to_owned());
    path
}

pub(super) fn next_ident(tokens: &mut Peekable<IntoIter>) -> Option<String> {
    match tokens.next_if(|token| matches!(token, TokenTree::Ident(_)))? {
        TokenTree::Ident(word) => Some(word.to_string().trim_start_matches("r#").to_owned()),
        _ => None,
    }
}

pub(super) fn next_group(tokens: &mut Peekable<IntoIter>, delimiter: Delimiter) -> Option<Group> {
    let fits =
        |token: &TokenTree| matches!(token, TokenTree::Group(it) if it.delimiter() == delimiter);
    match tokens.next_if(fits)? {
        TokenTree::Group(group) => Some(group),
        _ => None,
    }
}

pub(super) fn skip_punct(tokens: &mut Peekable<IntoIter>, wanted: char) -> bool {
    let fits = |token: &TokenTree| matches!(token, TokenTree::Punct(it) if it.as_char() == wanted);
    tokens.next_if(fits).is_some()
}

fn is_separator(tokens: &mut Peekable<IntoIter>) -> bool {
    matches!(tokens.peek(), Some(TokenTree::Punct(it)) if it.as_char() == ':')
}

/// Skips `::`. A single colon is not followed by anything that a path could go on with.
fn skip_separator(tokens: &mut Peekable<IntoIter>) -> bool {
    skip_punct(tokens, ':') && skip_punct(tokens, ':')
}
