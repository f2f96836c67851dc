//! What can go wrong, and the exit code that says so.

use std::io;

/// Exit code of a check that failed.
pub const CHECK_FAILED: u8 = 1;
/// Exit code of inputs or arguments that can't be used.
pub const BAD_INPUT: u8 = 2;

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A check that the user asked for failed.
    #[error("{0}")]
    Check(String),
    /// A data file is wrong.
    #[error(transparent)]
    File(#[from] marketdata::FileError),
    /// A line of a script is no command.
    #[error("{path}:{line}:{column}: {message}")]
    Script {
        /// The path as given.
        path: String,
        /// The line, from one.
        line: u64,
        /// The column in characters, from one.
        column: usize,
        /// What is wrong, and what to do.
        message: String,
    },
    /// A vector file can't be used.
    #[error("{source} (read as set `{set}`)")]
    Vectors {
        /// The set that was asked for.
        set: &'static str,
        /// What is wrong with which file.
        source: conformance::VectorError,
    },
    /// A file can't be opened.
    #[error("{path}: cannot be opened: {source}; check the path and that you may read it")]
    Open {
        /// The path as given.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A journal can't be read or replayed.
    #[error("{path}: {source}")]
    Journal {
        /// The folder as given.
        path: String,
        /// What is wrong, and where.
        source: Box<node::NodeError>,
    },
    /// A methodology file is wrong.
    #[error("{path}:{line}: {message}; `plimsoll methodology show {example}` shows a valid file")]
    Methodology {
        /// The path as given.
        path: String,
        /// The line, from one.
        line: usize,
        /// What is wrong.
        message: String,
        /// A methodology that ships and is of the same kind.
        example: &'static str,
    },
    /// Arguments that don't fit together or name what does not exist.
    #[error("{0}")]
    Usage(String),
    /// Market, history, portfolio and methodology don't fit together.
    #[error("{context}: {source}{}", remedy(source))]
    Risk {
        /// The account or file that it happened with.
        context: String,
        /// What is missing.
        source: risk::RiskError,
    },
    /// A file can't be written.
    #[error("{path}: cannot be written: {source}; check the path and that you may write there")]
    Create {
        /// The path.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// Keys can't be read or made.
    #[error(transparent)]
    Auth(#[from] server::auth::AuthError),
    /// A venue can't be served.
    #[error(transparent)]
    Serve(#[from] server::ServeError),
    /// A venue can't be backed up, restored or upgraded.
    #[error(transparent)]
    Backup(#[from] server::backup::BackupError),
    /// A venue's history can't be read or made.
    #[error(transparent)]
    History(#[from] server::history::HistoryError),
    /// Standard output can't be written to.
    #[error("writing the answer failed: {0}; check where the output goes")]
    Write(io::Error),
}

/// What to do about a methodology that ships: its file can't be edited.
fn remedy(source: &risk::RiskError) -> String {
    let (risk::RiskError::UnknownUnderlying { methodology: name, .. }
    | risk::RiskError::UnknownAsset { methodology: name, .. }) = source
    else {
        return String::new();
    };
    match risk::Methodology::built_in_text(name) {
        Some(_) => format!(
            "; copy the built-in one with `plimsoll methodology show {name}` and pass the copy to \
             --methodology"
        ),
        None => String::new(),
    }
}

impl Failure {
    /// The process's exit code.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Check(_) => CHECK_FAILED,
            _ => BAD_INPUT,
        }
    }

    /// A risk error of an account or file.
    pub fn risk(context: impl Into<String>) -> impl FnOnce(risk::RiskError) -> Self {
        let context = context.into();
        move |source| Self::Risk { context, source }
    }
}
