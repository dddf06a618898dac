//! `health`: the health check of the container. It sends one HTTP request over a plain socket, so
//! that the image needs no other program.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use http::Uri;
use sealed_relay::{Config, Host, ProxyProtocol};

/// The longest that connecting, writing and reading may each take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The longest status line that is read.
const MAX_STATUS_LINE_BYTES: u64 = 256;

/// The arguments of `health`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address to ask; /health of the server on this machine when not given
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<Uri>,
}

/// The address of `/health` of the server on this machine.
///
/// # Errors
/// When the configured port is 0, so that the real one is not known.
pub(crate) fn local_url(config: &Config) -> anyhow::Result<Uri> {
    let is_plain = config.tls_cert_file.is_none() && config.proxy_protocol == ProxyProtocol::Off;
    let (host, port) = match &config.internal_listen {
        // Clients' address is not for requests of this kind.
        Some(internal) if !is_plain => (&internal.host, internal.port),
        None if !is_plain => bail!(
            "clients' address speaks TLS, or wants a PROXY header: set internal_listen, which is asked then"
        ),
        _ => (&config.host, config.port),
    };
    ensure!(
        port != 0,
        "the port is 0, any free one: name the address with --url"
    );
    let host = match host {
        Host::Address(IpAddr::V4(host)) if host.is_unspecified() => "127.0.0.1".to_owned(),
        Host::Address(IpAddr::V6(host)) if host.is_unspecified() => "[::1]".to_owned(),
        Host::Address(IpAddr::V6(host)) => format!("[{host}]"),
        host => host.to_string(),
    };
    let url = format!("http://{host}:{port}/health");
    url.parse().context("cannot make the address of /health")
}

/// Succeeds when the server answers 200.
///
/// # Errors
/// When it cannot be reached in time, or answers anything else.
pub(crate) fn ask(url: &Uri) -> anyhow::Result<()> {
    ensure!(
        url.scheme_str() == Some("http"),
        "{url} does not start with http://"
    );
    let authority = url
        .authority()
        .with_context(|| format!("{url} has no host"))?;
    let host = authority.host().trim_matches(['[', ']']);
    let port = authority.port_u16().unwrap_or(80);
    let mut stream = connect(host, port).with_context(|| format!("cannot reach {url}"))?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    )
    .with_context(|| format!("cannot ask {url}"))?;
    let line = status_line(stream).with_context(|| format!("no answer from {url}"))?;
    match line.split(' ').nth(1) {
        Some("200") if line.starts_with("HTTP/1.") => Ok(()),
        _ => bail!("{url} answered {:?}", line.trim_end()),
    }
}

fn connect(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let mut failure = std::io::ErrorKind::NotFound.into();
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(TIMEOUT))?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn status_line(stream: TcpStream) -> std::io::Result<String> {
    let mut line = String::new();
    let mut limited = BufReader::new(std::io::Read::take(stream, MAX_STATUS_LINE_BYTES));
    limited.read_line(&mut line)?;
    Ok(line)
}
