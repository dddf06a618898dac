//! The way to a collector: over HTTP with the relay's own client, or gRPC. It says what it could not send once a minute,
//! and must not log what a collector says beyond a line.

use std::fs;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use opentelemetry_otlp::{WithHttpConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Handle;

use super::lost::Lost;
use super::queue::Waiting;
use super::variables::{Protocol, Variables};

/// How much of an answer is read.
const ANSWER_BYTES: usize = 65_536;
/// The longest text of an error that is logged.
const ERROR_CHARS: usize = 200;

/// What sends spans.
#[derive(Debug)]
pub(super) struct Collector {
    exporter: opentelemetry_otlp::SpanExporter,
    waiting: Waiting,
    lost: Lost,
}

impl Collector {
    /// What sends to the collector of these variables.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn new(variables: &Variables, waiting: Waiting) -> Result<Self, String> {
        let certificate = variables.of_exporter("CERTIFICATE").map(fs::read);
        let certificate = certificate
            .transpose()
            .map_err(|error| format!("OTEL_EXPORTER_OTLP_CERTIFICATE cannot be read: {error}"))?;
        let exporter = match variables.protocol()? {
            Protocol::Grpc => {
                let mut tls = ClientTlsConfig::new().with_enabled_roots();
                if let Some(pem) = certificate {
                    tls = tls.ca_certificate(Certificate::from_pem(pem));
                }
                let builder = opentelemetry_otlp::SpanExporter::builder().with_tonic();
                builder.with_tls_config(tls).build()
            }
            Protocol::Http => {
                let client = Http::new(variables.timeout(), certificate.as_deref());
                let client = client.map_err(|error| error.without_url().to_string())?;
                let builder = opentelemetry_otlp::SpanExporter::builder().with_http();
                builder.with_http_client(client).build()
            }
        };
        Ok(Self {
            exporter: exporter.map_err(|error| shortened(&error.to_string()))?,
            waiting,
            lost: Lost::default(),
        })
    }

    fn note_lost(&self, spans: usize, error: &dyn std::error::Error) {
        self.lost.add(spans as u64, |spans| {
            let error = shortened(&error.to_string());
            tracing::warn!(spans, error, "spans could not be sent to the collector");
        });
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(ERROR_CHARS).collect()
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.waiting.left(spans);
        let sent = self.exporter.export(batch).await;
        if let Err(error) = &sent {
            self.note_lost(spans, error);
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Sends from the runtime, whichever thread it is asked by.
#[derive(Debug)]
struct Http {
    client: reqwest::Client,
    runtime: Handle,
}

impl Http {
    fn new(timeout: Duration, certificate: Option<&[u8]>) -> reqwest::Result<Self> {
        let mut client = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = certificate {
            client = client.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
        }
        Ok(Self {
            client: client.build()?,
            runtime: Handle::current(),
        })
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sending = self
            .runtime
            .spawn(async move { send(&client, request).await });
        Ok(sending.await?.map_err(reqwest::Error::without_url)?)
    }
}

async fn send(
    client: &reqwest::Client,
    request: Request<Bytes>,
) -> reqwest::Result<Response<Bytes>> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES
        && let Some(chunk) = answer.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body.into());
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}
