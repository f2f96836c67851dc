//! `plimsoll keys`: who may log in to a venue.

mod accounts;

use std::path::Path;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use instruments::Timestamp;
use ledger::AccountId;
use server::auth::{KeyFile, KeyInfo, Scopes};

use super::Answer;
use crate::arguments::Output;
use crate::document::{Cell, Document, Table};
use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  plimsoll keys create venue --account 0 --name bot
  plimsoll keys create venue --account 3 --name risk-desk --scope \"account:read trade:read\"
  plimsoll keys list venue
  plimsoll keys revoke venue 7Hk2mPqR

Works beside a running venue, which follows within a second. Secrets are sealed under DIR/master.key, which
the first key makes, or under the 64 hexadecimal digits in PLIMSOLL_MASTER_KEY. docs/keys.md says more.";

const SCOPES: &str = "\
Scopes:
  account:…      positions, margin, settings
  trade:…        orders and trades
  wallet:…       deposits, withdrawals, transfers
  block_trade:…  block trades
  custody:…      custody
                 each with read, read_write or none; what is left out is none
  mainaccount    may act on the account's subaccounts
  ip:ADDRESS     from that address only
  expires:N      access tokens last N seconds";

/// Keys: make, list and revoke what clients log in with
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct KeysArguments {
    #[command(subcommand)]
    action: Action,
    /// Write JSON; the same as --output json
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key; its secret is shown this once
    #[command(after_help = SCOPES)]
    Create {
        /// The venue's data folder
        #[arg(value_name = "DIR")]
        folder: String,
        /// The account that it is for, by its number
        #[arg(long, value_name = "N")]
        account: u32,
        /// What you call it
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// What it is good for, in words set apart by blanks
        #[arg(
            long,
            value_name = "SCOPES",
            default_value = "account:read_write trade:read_write wallet:read"
        )]
        scope: Scopes,
    },
    /// Every key, revoked ones too; never a secret
    List {
        /// The venue's data folder
        #[arg(value_name = "DIR")]
        folder: String,
    },
    /// Revoke a key for good; its sessions end within a second
    Revoke {
        /// The venue's data folder
        #[arg(value_name = "DIR")]
        folder: String,
        /// The key
        #[arg(value_name = "CLIENT_ID")]
        client_id: String,
    },
}

/// Does what was asked for.
pub fn run(arguments: &KeysArguments, output: Output) -> Result<Answer, Failure> {
    let output = if arguments.json { Output::Json } else { output };
    match &arguments.action {
        Action::Create { folder, account, name, scope } => {
            let (account, keys) = (AccountId::new(*account), keys(folder)?);
            let made = keys.create(account, name, scope, now_ms()).map_err(failure)?;
            let mut fields = fields(&made.key);
            fields.insert(1, ("client secret", Cell::Text(made.client_secret)));
            let note = accounts::note(folder, account);
            if let (Some(note), true) = (&note, output != Output::Table) {
                fields.push(("note", Cell::text(note)));
            }
            let mut answer = answer("key", fields, output);
            if output == Output::Table {
                answer.text.extend_from_slice(b"\nKeep the secret now: it is not shown again.\n");
                answer
                    .text
                    .extend(note.into_iter().flat_map(|note| format!("{note}\n").into_bytes()));
            }
            Ok(answer)
        }
        Action::List { folder } => {
            let keys = keys(folder)?.list().map_err(failure)?;
            let mut document = Document { main: Some("keys"), ..Document::default() };
            document.table("keys", table(&keys));
            Ok(Answer::of(&document, output))
        }
        Action::Revoke { folder, client_id } => {
            let revoked = keys(folder)?.revoke(client_id, now_ms()).map_err(failure)?;
            Ok(answer("key", fields(&revoked), output))
        }
    }
}

/// Keys, one in each row.
pub fn table(keys: &[KeyInfo]) -> Table {
    let mut table = Table::of(&["client id", "name", "account", "scope", "created", "revoked"]);
    for key in keys {
        table.rows.push(fields(key).into_iter().map(|(_, cell)| cell).collect());
    }
    table
}

/// A path that is wrong is no venue without keys.
fn keys(folder: &str) -> Result<KeyFile, Failure> {
    let path = Path::new(folder);
    if path.is_dir() {
        return Ok(KeyFile::of(path));
    }
    Err(Failure::Usage(format!(
        "{folder}: there is no such folder; name the venue's data folder, or make it first"
    )))
}

fn answer(section: &str, fields: Vec<(&'static str, Cell)>, output: Output) -> Answer {
    let mut document = Document::default();
    document.fields(section, fields);
    Answer::of(&document, output)
}

fn fields(key: &KeyInfo) -> Vec<(&'static str, Cell)> {
    let time = |milliseconds| Cell::text(Timestamp::from_milliseconds(milliseconds));
    vec![
        ("client id", Cell::text(&key.client_id)),
        ("name", Cell::text(&key.name)),
        ("account", Cell::Count(u64::from(key.account.number()))),
        ("scope", Cell::text(&key.scopes)),
        ("created", time(key.created_ms)),
        ("revoked", key.revoked_ms.map_or(Cell::Missing, time)),
    ]
}

fn failure(error: server::auth::AuthError) -> Failure {
    Failure::Usage(error.to_string())
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
