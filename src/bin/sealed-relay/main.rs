//! The command line: reads the configuration, runs one command and turns its result into an exit
//! code: 0 for success, 1 for a failed command, 2 for a wrong command line or configuration.

#![allow(
    clippy::print_stderr,
    reason = "a command prints its messages to standard error"
)]

mod audit;
mod health;
mod token;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use sealed_relay::{Config, Problems, SecretOrigin, Sources, jwt_secret};

/// A Socket.IO-compatible relay server for end-to-end-encrypted messengers.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    /// Configuration file (TOML); RELAY_CONFIG when not given. Without either no file is read
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default)
    Serve,
    /// Print a token signed with the server's secret
    Token(token::Args),
    /// Check the configuration without starting
    CheckConfig,
    /// Print the configuration in effect, secrets redacted
    PrintConfig,
    /// Read the audit
    #[command(subcommand)]
    Audit(audit::Command),
    /// Ask a running server whether it is healthy
    Health(health::Args),
}

/// Why a command failed, by its exit code.
enum Failure {
    /// The configuration is wrong: 2, or 1 for the command that checks it.
    Config(Problems),
    Command(anyhow::Error),
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Config(problems)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Command(error)
    }
}

fn main() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    let command = command.unwrap_or(Command::Serve);
    let checking = matches!(command, Command::CheckConfig);
    match run(command, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Config(problems)) => {
            eprintln!("Problems with the configuration ({}):", problems.len());
            eprintln!("{problems}");
            ExitCode::from(if checking { 1 } else { 2 })
        }
        Err(Failure::Command(error)) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, file: Option<PathBuf>) -> Result<(), Failure> {
    let load = || Config::load(&Sources::from_process(file));
    match command {
        Command::Serve => serve(load()?)?,
        Command::Token(args) => {
            let (token, origin) = token::mint(&args, &load()?)?;
            if let SecretOrigin::Created(_) = origin {
                eprintln!("{origin}");
            }
            print(&token)?;
        }
        Command::CheckConfig => {
            load()?;
            print("ok")?;
        }
        Command::PrintConfig => print(load()?.to_toml().trim_end())?,
        Command::Audit(audit::Command::Export(args)) => audit::export(&args, &load()?)?,
        Command::Health(args) => {
            let url = match args.url {
                Some(url) => url,
                None => health::local_url(&load()?)?,
            };
            health::ask(&url)?;
            print("ok")?;
        }
    }
    Ok(())
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("cannot write to standard output")
}

/// Runs the server until a signal stops it.
fn serve(config: Config) -> anyhow::Result<()> {
    sealed_relay::init_logging(&config);
    let secret = match config.needs_jwt_secret() {
        true => {
            let (secret, origin) = jwt_secret(&config)?;
            tracing::info!("{origin}");
            Some(secret)
        }
        false => None,
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(sealed_relay::run(config, secret))?;
    // Only tasks of disconnected clients are left.
    runtime.shutdown_background();
    Ok(())
}
