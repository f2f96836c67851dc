//! Accounts of a demo with money and keys, for those who want more than one.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use engine::Event;
use engine::command::{Action, OpenAccount, TransferRef, TransferRequest};
use instruments::{Amount, SCALE};
use ledger::{AccountId, TransferId};
use node::Handle;
use risk::MarginModel;
use server::Server;
use server::auth::{KeyInfo, Scopes};

use crate::failure::Failure;

/// What each is given, in whole units.
const MONEY: [(&str, i64); 3] = [("USDC", 10_000_000), ("BTC", 100), ("ETH", 1_000)];
/// Deposits of the demo itself are below, those of operators above.
const DEPOSITS_FROM: u64 = (1 << 47) + (1 << 46);
const SCOPES: &str = "account:read_write trade:read_write wallet:read_write mainaccount";

/// Sees to it that there are so many accounts with keys, and writes these to a file, a line of JSON each.
/// Those of an earlier start are kept.
pub fn fund(server: &Server, count: u32, file: &Path) -> Result<(), Failure> {
    let authority = server.authority();
    let known = authority.keys()?;
    let mut text = String::new();
    for number in 1..=count {
        let name = format!("demo-{number}");
        let is_it = |key: &&KeyInfo| key.name == name && key.revoked_ms.is_none();
        let kept = known.iter().find(is_it);
        let secret = kept.map(|key| authority.reveal(&key.client_id)).transpose()?.flatten();
        let (key, secret) = match (kept, secret) {
            (Some(key), Some(secret)) => (key.clone(), secret),
            _ => {
                let account = open(&server.handle())?;
                let scopes: Scopes = SCOPES.parse().expect("the scopes are well formed");
                let made = authority.create(account, &name, &scopes, server::host_ms())?;
                (made.key, made.client_secret)
            }
        };
        let line = serde_json::json!({
            "client_id": key.client_id,
            "client_secret": secret,
            "account": key.account.number(),
        });
        text += &format!("{line}\n");
    }
    write(file, &text)
}

/// Opens an account and gives it money.
fn open(handle: &Handle) -> Result<AccountId, Failure> {
    let open = OpenAccount { owner: None, margin_model: MarginModel::Portfolio };
    let events = done(handle, Action::OpenAccount(open))?;
    let opened = events.iter().find_map(|event| match event {
        Event::AccountOpened { account, .. } => Some(*account),
        _ => None,
    });
    let account = opened.ok_or_else(|| Failure::Usage("no account was opened".to_owned()))?;
    for (place, (asset, whole)) in (0..).zip(MONEY) {
        let id = DEPOSITS_FROM + u64::from(account.number()) * MONEY.len() as u64 + place;
        let id = TransferId::new(id);
        let asset = asset.parse().expect("these are assets");
        let amount = Amount::from_units(i128::from(whole) * i128::from(SCALE));
        done(handle, Action::AnnounceDeposit(TransferRequest { id, account, asset, amount }))?;
        done(handle, Action::CreditDeposit(TransferRef { id, account }))?;
    }
    Ok(account)
}

fn done(handle: &Handle, action: Action) -> Result<Vec<Event>, Failure> {
    let failure = |why: String| Failure::Usage(format!("an account of the demo: {why}"));
    let ticket = handle.submit(action).map_err(|error| failure(error.to_string()))?;
    let answer = ticket.wait().map_err(|error| failure(error.to_string()))?;
    let refused = answer.events.iter().find_map(|event| match event {
        Event::Rejected(rejected) => Some(rejected.reason.to_string()),
        _ => None,
    });
    refused.map_or(Ok(answer.events), |why| Err(failure(why)))
}

/// Nobody else may read it.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let path = || file.display().to_string();
    let failure = |source| Failure::Create { path: path(), source };
    let part = file.with_extension("part");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut out = options.open(&part).map_err(failure)?;
    out.write_all(text.as_bytes()).map_err(failure)?;
    std::fs::rename(&part, file).map_err(failure)
}
