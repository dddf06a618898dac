//! `import`: sends the lines of a file to a server, which stores them, and shows how far it is. What a line says is for the
//! server to judge.

mod report;
mod source;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response, Url};
use tokio::runtime::Builder;

use crate::Failure;
use report::Report;

/// Where a server takes imports.
const PATH: &str = "api/admin/import";
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What is imported, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The lines: JSON objects, one a line; - reads standard input
    file: PathBuf,

    /// Address of the server, such as https://relay.example.com, or of its internal listener
    #[arg(long, value_name = "URL")]
    url: Url,

    /// File with the token of an administrator, with the scope provision
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,

    /// File with certificates (PEM) to trust beside those of the system
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Only try it: nothing is changed
    #[arg(long)]
    dry_run: bool,
}

/// Imports a file. `false`: some lines are not stored.
///
/// # Errors
/// The command line or the token is of no use, the server cannot be reached, or it ends the import early.
pub(crate) fn import(args: &Args) -> Result<bool, Failure> {
    let (client, url, token) = prepared(args).map_err(Failure::Unusable)?;
    let lines = source::open(&args.file).map_err(Failure::Unusable)?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    runtime.block_on(async {
        let body = reqwest::Body::wrap(source::body(lines)?);
        let request = client.post(url.clone()).body(body);
        let request = request
            .header(AUTHORIZATION, token)
            .header(CONTENT_TYPE, "application/x-ndjson");
        let sent = request.send().await;
        let answer = sent.with_context(|| format!("cannot reach {url}"))?;
        match answer.status() {
            StatusCode::OK => Ok(read(answer).await?),
            status => Err(refused(status, answer).await),
        }
    })
}

fn prepared(args: &Args) -> anyhow::Result<(Client, Url, HeaderValue)> {
    let mut url = args.url.clone();
    ensure!(
        matches!(url.scheme(), "http" | "https"),
        "--url must begin with http:// or https://"
    );
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}/{PATH}"));
    url.set_query(args.dry_run.then_some("dryRun=true"));
    url.set_fragment(None);
    let mut client = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .http1_only()
        .user_agent(concat!("sealed-relay/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = &args.ca_file {
        let trusted = Certificate::from_pem_bundle(&file(path)?);
        let trusted = trusted.with_context(|| format!("{} has no certificate", path.display()))?;
        client = client.tls_certs_merge(trusted);
    }
    Ok((client.build()?, url, token(&args.token_file)?))
}

fn file(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn token(path: &Path) -> anyhow::Result<HeaderValue> {
    let wrong = || anyhow!("{} has no token", path.display());
    let text = String::from_utf8(file(path)?).map_err(|_| wrong())?;
    let token = text.lines().next().unwrap_or_default().trim();
    ensure!(!token.is_empty(), wrong());
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Shows what is answered, to its last line.
async fn read(mut answer: Response) -> anyhow::Result<bool> {
    let mut report = Report::default();
    loop {
        let part = answer.chunk().await.with_context(|| report.cut_off())?;
        let Some(part) = part else {
            break;
        };
        report.add(&part)?;
    }
    report.end()
}

/// Why a server imports nothing.
async fn refused(status: StatusCode, answer: Response) -> Failure {
    // Whatever it says is shown; if it is lost, the status still says something.
    let said = answer.text().await.unwrap_or_default();
    let said = said.chars().take(500).filter(|one| !one.is_control());
    let why = anyhow!("the server answers {status}: {}", said.collect::<String>());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::Unusable(why),
        StatusCode::NOT_FOUND => Failure::Command(why.context(
            "no imports are taken there: is an admin token set, and is this the address of the internal listener, if there is one?",
        )),
        _ => Failure::Command(why),
    }
}
