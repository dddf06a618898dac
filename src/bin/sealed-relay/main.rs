//! The command line: reads the configuration, runs one command and turns its result into an exit
//! code: 0 for success, 1 for a failed command, 2 for a wrong command line or configuration.

mod audit;
mod health;
mod output;
mod token;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use output::{NotWritten, message, print};
use sealed_relay::{Config, Problem, Problems, SecretOrigin, Sources, jwt_secret};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

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

impl From<NotWritten> for Failure {
    fn from(error: NotWritten) -> Self {
        Self::Command(error.into())
    }
}

fn main() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    let command = command.unwrap_or(Command::Serve);
    let checking = matches!(command, Command::CheckConfig);
    match run(command, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Config(problems)) => {
            let count = problems.len();
            message(format_args!(
                "Problems with the configuration ({count}):\n{problems}"
            ));
            ExitCode::from(if checking { 1 } else { 2 })
        }
        Err(Failure::Command(error)) => {
            let not_written = error.downcast_ref::<NotWritten>();
            if not_written.is_some_and(NotWritten::reader_is_gone) {
                return ExitCode::SUCCESS;
            }
            message(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, file: Option<PathBuf>) -> Result<(), Failure> {
    let sources = Sources::from_process(file);
    let load = || Config::load(&sources);
    match command {
        Command::Serve => serve(load()?, &Config::ignored(&sources))?,
        Command::Token(args) => {
            let (token, origin) = token::mint(&args, &load()?)?;
            if let SecretOrigin::Created(_) = origin {
                message(origin);
            }
            print(&token)?;
        }
        Command::CheckConfig => {
            load()?;
            Config::ignored(&sources).iter().for_each(message);
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

/// Runs the server until a signal stops it.
fn serve(config: Config, ignored: &[Problem]) -> anyhow::Result<()> {
    let runtime = Runtime::new().context("cannot start the runtime")?;
    survive_file_size_limit(&runtime).context("cannot receive signals")?;
    let _log = sealed_relay::init_logging(&config).context("cannot start the log")?;
    for variable in ignored {
        tracing::warn!("{variable}");
    }
    let secret = match config.needs_jwt_secret() {
        true => {
            let (secret, origin) = jwt_secret(&config)?;
            tracing::info!("{origin}");
            Some(secret)
        }
        false => None,
    };
    let served = runtime.block_on(sealed_relay::run(config, secret));
    // Only tasks of disconnected clients are left, or what hangs.
    runtime.shutdown_background();
    Ok(served?)
}

/// Has a file that may not grow further (`RLIMIT_FSIZE`) be an error, as a full disk is, instead of the
/// end of the process.
fn survive_file_size_limit(runtime: &Runtime) -> std::io::Result<()> {
    let _entered = runtime.enter();
    // Once it was installed, the handler stays.
    signal(SignalKind::from_raw(libc::SIGXFSZ)).map(drop)
}
