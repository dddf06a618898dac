//! `/socket.io/NAME`: the published client for browsers, from a folder of the operator, as Socket.IO's own server has
//! it. The files are read at the start and when the settings are reloaded; what is asked for never leads to the file
//! system.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::error::unknown_route;
use super::path::PathParameters;
use crate::app::App;
use crate::config::Config;
use crate::config::client_files::{NoFile, PROGRAM, find};

/// What is served, if the folder has it; nothing else is.
const NAMES: [&str; 8] = [
    PROGRAM,
    "socket.io.js.map",
    "socket.io.min.js",
    "socket.io.min.js.map",
    "socket.io.esm.min.js",
    "socket.io.esm.min.js.map",
    "socket.io.msgpack.min.js",
    "socket.io.msgpack.min.js.map",
];

const TYPE: &str = "text/javascript; charset=utf-8";
const KEPT: &str = "public, max-age=3600";

/// The files, by their names. Cheap to clone; two are equal that are answered alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientFiles(Arc<BTreeMap<&'static str, File>>);

#[derive(Debug, PartialEq, Eq)]
struct File {
    content: Bytes,
    tag: HeaderValue,
}

impl ClientFiles {
    /// Reads what the folder of the settings has, if they name one.
    ///
    /// # Errors
    /// The client itself cannot be read. What else cannot be served is logged.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, NoFile> {
        config.client_files.as_deref().map(Self::read).transpose()
    }

    fn read(folder: &Path) -> Result<Self, NoFile> {
        let mut files = BTreeMap::new();
        for name in NAMES {
            match read(folder, name) {
                Ok(file) => {
                    files.insert(name, file);
                }
                Err(error) if name == PROGRAM => return Err(error),
                Err(NoFile::Missing) => {}
                Err(error) => tracing::warn!(name, %error, "a file of client_files is not served"),
            }
        }
        Ok(Self(Arc::new(files)))
    }

    fn answer(&self, name: &str, headers: &HeaderMap) -> Response {
        let Some(file) = self.0.get(name) else {
            return unknown_route();
        };
        let tag = (ETAG, file.tag.clone());
        let kept = (CACHE_CONTROL, HeaderValue::from_static(KEPT));
        if has(headers, &file.tag) {
            return (StatusCode::NOT_MODIFIED, [tag, kept]).into_response();
        }
        let kind = (CONTENT_TYPE, HeaderValue::from_static(TYPE));
        ([kind, tag, kept], file.content.clone()).into_response()
    }
}

fn read(folder: &Path, name: &str) -> Result<File, NoFile> {
    let content = Bytes::from(fs::read(find(folder, name)?)?);
    let hash = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &content));
    let tag = HeaderValue::from_str(&format!("\"{hash}\""));
    // Base64 is always text of a header.
    let tag = tag.map_err(|error| NoFile::Unreadable(std::io::Error::other(error)))?;
    Ok(File { content, tag })
}

/// Whether who asks has the file of this tag already (RFC 9110, section 13.1.2).
fn has(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let given = headers.get_all(IF_NONE_MATCH).iter();
    let given = given.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    given.map(<[u8]>::trim_ascii).any(|one| {
        let strong = one.strip_prefix(b"W/").unwrap_or(one);
        one == b"*" || strong == tag.as_bytes()
    })
}

/// The route.
pub(super) fn routes(files: ClientFiles) -> Router<Arc<App>> {
    let serve = move |PathParameters(name): PathParameters<String>, headers: HeaderMap| {
        let answer = files.answer(&name, &headers);
        async move { answer }
    };
    Router::new().route("/socket.io/{name}", get(serve))
}
