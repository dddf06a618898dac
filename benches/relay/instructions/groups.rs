//! To which part of the relay an instruction belongs: by the file that it was compiled from, and where that is the standard
//! library, by the first crate that the function's name mentions.

/// What the table tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Group {
    Audit,
    Encoding,
    Library,
    Transport,
    Dialects,
    Own,
    Http,
    Tokens,
    Tungstenite,
    Tokio,
    Rest,
}

/// Crates outside the project, by the start of their names.
const CRATES: &[(&str, Group)] = &[
    ("rusqlite", Group::Audit),
    ("libsqlite3", Group::Audit),
    ("crc32fast", Group::Audit),
    ("bson", Group::Encoding),
    ("serde", Group::Encoding),
    ("erased_serde", Group::Encoding),
    ("itoa", Group::Encoding),
    ("ryu", Group::Encoding),
    ("zmij", Group::Encoding),
    ("memchr", Group::Encoding),
    ("socketioxide_parser_common", Group::Encoding),
    ("socketioxide", Group::Library),
    ("engineioxide", Group::Library),
    ("tungstenite", Group::Tungstenite),
    ("tokio_tungstenite", Group::Tungstenite),
    ("hyper", Group::Http),
    ("httparse", Group::Http),
    ("http", Group::Http),
    ("axum", Group::Http),
    ("tower", Group::Http),
    ("matchit", Group::Http),
    ("jsonwebtoken", Group::Tokens),
    ("aws_lc", Group::Tokens),
    ("base64", Group::Tokens),
    ("tokio", Group::Tokio),
    ("mio", Group::Tokio),
];

/// Folders of the project's `src`.
const FOLDERS: &[(&str, Group)] = &[
    ("audit", Group::Audit),
    ("payload", Group::Encoding),
    ("transport", Group::Transport),
    ("engine_io", Group::Transport),
    ("dialects", Group::Dialects),
    ("http", Group::Http),
    ("auth", Group::Tokens),
];

/// Crates whose work is that of whoever calls them.
const SHARED: &[&str] = &[
    "core",
    "alloc",
    "std",
    "hashbrown",
    "tikv_jemalloc",
    "bytes",
    "smallvec",
    "parking_lot",
    "lock_api",
    "dashmap",
    "futures",
    "once_cell",
    "compiler_builtins",
];

impl Group {
    pub(super) const ALL: [Self; 11] = [
        Self::Audit,
        Self::Encoding,
        Self::Library,
        Self::Transport,
        Self::Dialects,
        Self::Own,
        Self::Http,
        Self::Tokens,
        Self::Tungstenite,
        Self::Tokio,
        Self::Rest,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Audit => "audit and SQLite, with the encoding of records",
            Self::Encoding => "other parsing and encoding (serde, memchr, `src/payload`)",
            Self::Library => "socketioxide and engineioxide",
            Self::Transport => "own transport (`src/transport`, `src/engine_io`)",
            Self::Dialects => "own dialects (`src/dialects`)",
            Self::Own => "the rest of `src`",
            Self::Http => "HTTP (hyper, axum, tower, `src/http`)",
            Self::Tokens => "tokens (jsonwebtoken, AWS-LC, `src/auth`)",
            Self::Tungstenite => "tungstenite",
            Self::Tokio => "tokio and mio",
            Self::Rest => "other crates, and what nobody is known to have called",
        }
    }

    /// `None` for what is shared by all, such as the allocator.
    pub(super) fn of(file: &str, function: &str) -> Option<Self> {
        if file.ends_with("sqlite3.c") {
            return Some(Self::Audit);
        }
        if let Some((_, path)) = file.split_once("/registry/src/") {
            // index…/tokio-1.54.1/src/…
            let package = path.split('/').nth(1).unwrap_or_default();
            return Self::of_crate(&package.replace('-', "_"));
        }
        if let Some((_, path)) = file.split_once("vendor/") {
            return Self::of_crate(path.split('/').next().unwrap_or_default());
        }
        if let Some(path) = own_path(file) {
            return of_module(path.split(['/', '.']).next().unwrap_or_default());
        }
        of_name(function)
    }

    fn of_crate(name: &str) -> Option<Self> {
        let known = CRATES.iter().find(|(start, _)| name.starts_with(start));
        match known {
            Some((_, group)) => Some(*group),
            None if is_shared(name) => None,
            None => Some(Self::Rest),
        }
    }
}

/// Below `src` of the project; other files of Rust are those of the standard library.
fn own_path(file: &str) -> Option<&str> {
    let is_own = file.ends_with(".rs") && !file.starts_with("/rust");
    file.strip_prefix("src/")
        .or_else(|| file.rsplit_once("/src/").map(|(_, path)| path))
        .filter(|_| is_own)
}

/// Of an entry of `src`. `None`: it is shared.
fn of_module(entry: &str) -> Option<Group> {
    if entry == "json" {
        return None;
    }
    let known = FOLDERS.iter().find(|(name, _)| *name == entry);
    Some(known.map_or(Group::Own, |(_, group)| *group))
}

fn is_shared(name: &str) -> bool {
    SHARED.iter().any(|shared| name.starts_with(shared))
}

/// `<alloc::vec::Vec<tokio::…> as core::…>::…` is tokio's.
fn of_name(function: &str) -> Option<Group> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    let paths = function.split(|letter| !is_word(letter));
    let mut crates = paths.filter_map(|path| path.split_once("::"));
    let first = crates.find(|(name, _)| !name.is_empty() && !is_shared(name))?;
    match first {
        ("sealed_relay", path) => of_module(path.split("::").next().unwrap_or_default()),
        (name, _) => Group::of_crate(name),
    }
}
