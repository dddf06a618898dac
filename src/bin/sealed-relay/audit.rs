//! `audit export`: prints records from the store, for archives and other programs. It can read while
//! a server runs; records that still wait in the server's spool are not included.

use std::io::{BufWriter, Write};

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use sealed_relay::{AuditRecords, Config, StoredRecord, parse_time};
use tokio::runtime::Runtime;

use crate::output::NotWritten;

/// The commands of `audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print records to standard output, oldest first
    Export(Export),
}

/// Which records, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// From this time on: 2026-01-31 (UTC), 2026-01-31T12:00:00Z, or seconds or milliseconds since 1970
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Timestamp>,

    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
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
    /// A header and one line per record, as in RFC 4180; a cell that would be a formula begins with '
    Csv,
}

/// Prints the records.
///
/// # Errors
/// When the store cannot be read, or standard output cannot be written.
pub(crate) fn export(export: &Export, config: &Config) -> anyhow::Result<()> {
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let from = export.from.map(Timestamp::as_millisecond);
    let before = export.to.map(Timestamp::as_millisecond);
    let records = runtime
        .block_on(AuditRecords::open(config, from, before))
        .context("cannot open the audit")?;
    let out = BufWriter::new(std::io::stdout().lock());
    match export.format {
        Format::Jsonl => export_jsonl(records, out),
        Format::Csv => export_csv(records, out),
    }
}

fn export_jsonl(records: AuditRecords, mut out: impl Write) -> anyhow::Result<()> {
    for record in records {
        let record = record.context(NOT_READ)?;
        serde_json::to_writer(&mut out, &record).map_err(NotWritten::from)?;
        out.write_all(b"\n").map_err(NotWritten::from)?;
    }
    Ok(out.flush().map_err(NotWritten::from)?)
}

fn export_csv(records: AuditRecords, out: impl Write) -> anyhow::Result<()> {
    let mut out = csv::Writer::from_writer(out);
    out.write_record(COLUMNS).map_err(NotWritten::from)?;
    for record in records {
        let record = columns(&record.context(NOT_READ)?).map(cell);
        out.write_record(record).map_err(NotWritten::from)?;
    }
    Ok(out.flush().map_err(NotWritten::from)?)
}

/// A cell that no spreadsheet takes for a formula.
fn cell(text: String) -> String {
    const FORMULA: [char; 8] = [
        '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ];
    let is_formula = text.trim_start().starts_with(FORMULA) || text.starts_with(['\t', '\r', '\n']);
    match is_formula {
        true => format!("'{text}"),
        false => text,
    }
}

const NOT_READ: &str = "cannot read the audit";

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_begins_as_a_formula_is_text() {
        for text in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\u{a0}@x",
        ] {
            assert_eq!(cell(text.to_owned()), format!("'{text}"));
        }
        for text in ["", "a=1", "2026-01-31", "'=1", "{\"a\":1}", "é"] {
            assert_eq!(cell(text.to_owned()), text);
        }
    }
}
