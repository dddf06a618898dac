//! The command line: reads the configuration, runs one command and turns its result into an exit
//! code: 0 for success, 1 for a failed command, 2 for a wrong command line or configuration; 3 when `check-token`
//! cannot decide.

mod admin_token;
mod audit;
mod check_token;
mod health;
mod import;
mod output;
mod token;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use output::{NotWritten, message, print};
use sealed_relay::{Config, Problems, Sources, jwt_secret};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

const WRONG_CONFIGURATION: u8 = 2;
/// Whether a token is good cannot be said.
const UNDECIDED: u8 = 3;

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
    /// Make a token for the admin routes: it is printed once, and below it the line for admin_tokens
    AdminToken(admin_token::Args),
    /// Say whether the server would accept a token, and if not, why
    CheckToken(check_token::Args),
    /// Check the configuration and the data folder without starting
    CheckConfig {
        /// Fail (1) if there is anything to warn of
        #[arg(long)]
        strict: bool,
    },
    /// Print the configuration in effect, secrets redacted
    PrintConfig,
    /// Print the description of all routes (OpenAPI)
    Openapi,
    /// Print the description of the events of the dialects that are served (AsyncAPI)
    Asyncapi,
    /// Have a running server store users, conversations and participants, a line of JSON each
    Import(import::Args),
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
    /// What it needs of the configuration cannot be used: 2.
    Unusable(anyhow::Error),
    Command(anyhow::Error),
    /// A start that failed, or that has no right configuration; the log says why.
    Logged(ExitCode),
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
    let checking = matches!(command, Command::CheckConfig { .. });
    match run(command, config) {
        Ok(code) => code,
        Err(Failure::Logged(code)) => code,
        Err(Failure::Config(problems)) => {
            let count = problems.len();
            message(format_args!(
                "Problems with the configuration ({count}):\n{problems}"
            ));
            ExitCode::from(if checking { 1 } else { WRONG_CONFIGURATION })
        }
        Err(Failure::Unusable(error)) => {
            message(format_args!("{error:#}"));
            ExitCode::from(WRONG_CONFIGURATION)
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

fn run(command: Command, file: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let sources = Sources::from_process(file);
    let load = || Config::load(&sources);
    match command {
        Command::Serve => serve(&sources)?,
        Command::Token(args) => print(&token::mint(&args, &load()?)?)?,
        Command::AdminToken(args) => {
            let made = admin_token::made(&args).map_err(Failure::Unusable)?;
            print(&made)?;
        }
        Command::CheckToken(args) => {
            let checked = check_token::check(&args, &load()?);
            let report = checked.map_err(Failure::Unusable)?;
            print(&check_token::printed(&report, &args)?)?;
            return Ok(match report.accepted {
                true => ExitCode::SUCCESS,
                false if report.is_undecided() => ExitCode::from(UNDECIDED),
                false => ExitCode::FAILURE,
            });
        }
        Command::CheckConfig { strict } => {
            Config::check(&sources)?;
            let warnings = Config::warnings(&sources);
            warnings.iter().for_each(message);
            if strict && !warnings.is_empty() {
                return Ok(ExitCode::FAILURE);
            }
            print("ok")?;
        }
        Command::PrintConfig => print(load()?.to_toml().trim_end())?,
        Command::Openapi => print(&sealed_relay::openapi())?,
        Command::Asyncapi => print(&sealed_relay::asyncapi(&load()?))?,
        Command::Import(args) => {
            return Ok(match import::import(&args)? {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            });
        }
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
    Ok(ExitCode::SUCCESS)
}

/// Runs the server until a signal stops it. What prevents a start is said once, in the form of the log.
fn serve(sources: &Sources) -> Result<(), Failure> {
    let runtime = Runtime::new().context("cannot start the runtime")?;
    survive_file_size_limit(&runtime).context("cannot receive signals")?;
    let loaded = Config::load(sources);
    let usable = || Config::usable(sources);
    let for_log = loaded.as_ref().map_or_else(|_| usable(), Config::clone);
    let _log = sealed_relay::init_logging(&for_log).context("cannot start the log")?;
    for warning in Config::warnings(sources) {
        tracing::warn!("{warning}");
    }
    let config = loaded.map_err(|problems| {
        for problem in problems.iter() {
            tracing::error!("{problem}");
        }
        Failure::Logged(ExitCode::from(WRONG_CONFIGURATION))
    })?;
    let served = serve_with(&runtime, config, sources.file.clone());
    // Only tasks of disconnected clients are left, or what hangs. They end with the process: one that asks for the time
    // while the runtime is shut down panics.
    std::mem::forget(runtime);
    served.map_err(|error| {
        tracing::error!("{error:#}");
        Failure::Logged(ExitCode::FAILURE)
    })
}

fn serve_with(runtime: &Runtime, config: Config, file: Option<PathBuf>) -> anyhow::Result<()> {
    let secret = match config.needs_jwt_secret() {
        true => {
            let (secret, origin) = jwt_secret(&config)?;
            tracing::info!("{origin}");
            Some(secret)
        }
        false => None,
    };
    let sources = Box::new(move || Sources::from_process(file.clone()));
    Ok(runtime.block_on(sealed_relay::run(config, secret, sources))?)
}

/// Has a file that may not grow further (`RLIMIT_FSIZE`) be an error, as a full disk is, instead of the
/// end of the process.
fn survive_file_size_limit(runtime: &Runtime) -> std::io::Result<()> {
    let _entered = runtime.enter();
    // Once it was installed, the handler stays.
    signal(SignalKind::from_raw(libc::SIGXFSZ)).map(drop)
}
