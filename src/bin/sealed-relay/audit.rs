//! `audit export`: prints records from the store, for archives and other programs. It can read while
//! a server runs; records that still wait in the server's spool are not included.

use std::io::{BufWriter, Write};

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sealed_relay::audit::{Order, Query, ReadLimit, Reader, StoredRecord};
use sealed_relay::config::Config;
use sealed_relay::server::audit_reader;
use tokio::runtime::Runtime;

/// The commands of `audit`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print records to standard output, oldest first
    Export(Export),
}

/// Which records, and how.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// From this time on: 2026-01-31 (UTC) or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,

    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<Timestamp>,

    /// How to write them
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object per line
    Jsonl,
    /// A header and one line per record, as in RFC 4180
    Csv,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let wrong = || "neither a date like 2026-01-31 nor a time like 2026-01-31T12:00:00Z".to_owned();
    match text.parse::<Date>() {
        Ok(date) if text.len() == "2026-01-31".len() => {
            let midnight = date.to_zoned(TimeZone::UTC).map_err(|_| wrong())?;
            Ok(midnight.timestamp())
        }
        _ => text.parse().map_err(|_| wrong()),
    }
}

/// Prints the records.
///
/// # Errors
/// When the store cannot be read, or standard output cannot be written.
pub fn export(export: &Export, config: &Config) -> anyhow::Result<()> {
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let reader = runtime
        .block_on(audit_reader(config))
        .context("cannot open the audit")?;
    let query = Query {
        from: export.from.map(Timestamp::as_millisecond),
        to: export.to.map(|to| to.as_millisecond() - 1),
        order: Order::OldestFirst,
        limit: ReadLimit::LARGEST,
        ..Query::default()
    };
    let out = BufWriter::new(std::io::stdout().lock());
    match export.format {
        Format::Jsonl => export_jsonl(&*reader, query, out),
        Format::Csv => export_csv(&*reader, query, out),
    }
}

fn export_jsonl(reader: &dyn Reader, query: Query, mut out: impl Write) -> anyhow::Result<()> {
    each(reader, query, |record| {
        serde_json::to_writer(&mut out, record)?;
        Ok(out.write_all(b"\n")?)
    })?;
    out.flush().context(NOT_WRITTEN)
}

fn export_csv(reader: &dyn Reader, query: Query, out: impl Write) -> anyhow::Result<()> {
    let mut out = csv::Writer::from_writer(out);
    out.write_record(COLUMNS).context(NOT_WRITTEN)?;
    each(reader, query, |record| {
        Ok(out.write_record(columns(record))?)
    })?;
    out.flush().context(NOT_WRITTEN)
}

const NOT_WRITTEN: &str = "cannot write to standard output";

/// Passes each record to `write`, reading page by page.
fn each(
    reader: &dyn Reader,
    mut query: Query,
    mut write: impl FnMut(&StoredRecord) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    loop {
        let page = reader.read(&query).context("cannot read the audit")?;
        for record in &page.records {
            write(record).context(NOT_WRITTEN)?;
        }
        query.after = page.records.last().map(|record| record.id);
        if !page.more {
            return Ok(());
        }
    }
}

/// The fields of a record; `details` is JSON.
const COLUMNS: [&str; 14] = [
    "_id",
    "createdAt",
    "eventType",
    "level",
    "success",
    "message",
    "dialect",
    "user",
    "username",
    "sessionId",
    "ipAddress",
    "userAgent",
    "node",
    "details",
];

fn columns(record: &StoredRecord) -> [String; COLUMNS.len()] {
    let optional = |field: &Option<String>| field.clone().unwrap_or_default();
    [
        record.id.to_string(),
        record.created_at.clone(),
        record.event_type.clone(),
        record.level.clone(),
        record.success.to_string(),
        record.message.clone(),
        optional(&record.dialect),
        optional(&record.user),
        optional(&record.username),
        optional(&record.session_id),
        optional(&record.ip_address),
        optional(&record.user_agent),
        record.node.clone(),
        record.details.get().to_owned(),
    ]
}
