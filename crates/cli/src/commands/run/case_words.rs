//! What happened in a liquidation case, in words.

use book::Side;
use engine::event::{CaseEvent, CaseStep, StageCause, Stands, Taker};
use engine::liquidation::Stage;

use super::command_words::shown;
use super::names::Names;
use super::word;
use crate::figures::{dollars, exact, grouped, share};

/// One line about a step.
pub fn case_words(event: &CaseEvent, names: &Names) -> String {
    format!("{} of {}: {}", event.case, event.account, step_words(&event.what, names))
}

/// A step, without whose it is.
pub fn step_words(step: &CaseStep, names: &Names) -> String {
    let cash = |amount: instruments::Amount| names.cash(amount);
    match step {
        CaseStep::Opened { stands, group } => {
            format!("opens, {}, risk group {group}", stands_words(stands))
        }
        CaseStep::Stage { stage, cause, stands } => {
            let (stage, cause) = (stage_words(*stage), cause_words(*cause));
            format!("goes on to {stage}: {cause}; {}", stands_words(stands))
        }
        CaseStep::Paused { asset } => format!("waits for the index of {asset}"),
        CaseStep::Resumed {} => "goes on".to_owned(),
        CaseStep::Order {
            order,
            instrument,
            side,
            lots,
            limit,
            mark,
            allowed_loss,
            expected_loss,
            ..
        } => {
            let verb = if *side == Side::Buy { "buys" } else { "sells" };
            let what = names.size_of(*instrument, *lots);
            let [limit, mark] = [*limit, *mark].map(shown);
            let [allowed, expected] = [*allowed_loss, *expected_loss].map(dollars);
            format!(
                "order {order} {verb} {what}, limit {limit} at a mark of {mark}; it may lose \
                 {allowed} USD, and loses {expected} at the prices in the book"
            )
        }
        CaseStep::Fee { amount } => format!("pays the fund a fee of {}", cash(*amount)),
        CaseStep::FundPaid { group, own, shared, unpaid } => {
            let unpaid = match unpaid.units() {
                0 => String::new(),
                _ => format!("; {} is not there", cash(*unpaid)),
            };
            let (own, shared) = (cash(*own), cash(*shared));
            format!("the fund pays {own} from the layer of {group} and {shared} shared{unpaid}")
        }
        CaseStep::Deleveraged { counterparty, instrument, lots, mark, cost } => {
            let asset = names.instrument(*instrument).map(|known| known.settlement_asset());
            let asset = asset.map(|asset| format!(" {asset}")).unwrap_or_default();
            let (what, cost) = (names.size_of(*instrument, *lots), exact(cost.units()));
            let mark = shown(*mark);
            format!("{counterparty} gives up {what} at {mark}, which costs it {cost}{asset}")
        }
        CaseStep::Cut { counterparty, profit, amount } => {
            let (amount, profit) = (cash(*amount), cash(*profit));
            format!("{counterparty} is cut by {amount} of its profit of {profit}")
        }
        CaseStep::Outstanding { asset, amount } => {
            format!("{} {asset} stays uncovered", exact(amount.units()))
        }
        CaseStep::Closed { outcome, stands } => {
            format!("ends, {}; {}", word(outcome), stands_words(stands))
        }
        other => auction_words(other, names),
    }
}

/// What bidders and takers do.
fn auction_words(step: &CaseStep, names: &Names) -> String {
    let whole = |share: u32| self::share(u64::from(share) * 1_000_000_000);
    match step {
        CaseStep::Bid { bidder, share_ppb, least_ppb, limit, held } => {
            let [part, least] = [*share_ppb, *least_ppb].map(whole);
            let (limit, held) = (dollars(*limit), names.cash(*held));
            format!(
                "{bidder} bids for {part} from {least} on, {limit} USD at most; {held} set aside"
            )
        }
        CaseStep::BidEnded { bidder, cause, held } => {
            format!("bid of {bidder}, {}; {} free again", word(cause), names.cash(*held))
        }
        CaseStep::Sold {
            taker, to, units, whole, discount, reserve, paid, improvement, ..
        } => {
            let who = match to {
                Taker::Bidder => taker.to_string(),
                Taker::Vault => format!("the vault, {taker},"),
            };
            let (part, kept) = (parts(*units, *whole), dollars(*improvement));
            let [discount, reserve] = [*discount, *reserve].map(share);
            let paid = dollars(*paid);
            format!(
                "{who} takes {part} at a discount of {discount}, reserve {reserve}; the owner pays \
                 {paid} USD, {kept} less than at the reserve"
            )
        }
        CaseStep::TakenOver { taker, units, whole, progress, deficit, premium, .. } => {
            let (part, progress) = (parts(*units, *whole), share(*progress));
            let [deficit, premium] = [*deficit, *premium].map(dollars);
            format!(
                "{taker} takes over {part}; the fund pays the {deficit} USD that they lack and \
                 {premium} USD, {progress} of the premium"
            )
        }
        CaseStep::Leg { taker, instrument, lots, mark } => {
            let what = names.size_of(*instrument, *lots);
            format!("{what} to {taker} at the mark of {}", shown(*mark))
        }
        CaseStep::Coin { taker, asset, amount } => {
            format!("{} {asset} to {taker}", exact(amount.units()))
        }
        // Those are said in the other function.
        other => word(other),
    }
}

/// A stage by its name.
pub const fn stage_words(stage: Stage) -> &'static str {
    match stage {
        Stage::Book => "book",
        Stage::Auction => "auction",
        Stage::Insolvent => "insolvent auction",
        Stage::Deleveraging => "deleveraging",
    }
}

/// Why a case goes on.
pub const fn cause_words(cause: StageCause) -> &'static str {
    match cause {
        StageCause::TimeUp => "time is up",
        StageCause::NoTrade => "no trade in the book heals it",
        StageCause::CloseOut => "equity is below the close-out requirement",
        StageCause::Insolvent => "it is worth less than nothing",
        StageCause::Solvent => "it is worth something again",
        StageCause::Declined => "neither bidders nor the vault took it",
        StageCause::EarlyDeleveraging => "the fund has fallen too far",
        StageCause::FundEmpty => "the fund can't pay",
    }
}

/// How an account stands.
fn stands_words(stands: &Stands) -> String {
    let [equity, maintenance, value] =
        [stands.equity, stands.maintenance, stands.value].map(dollars);
    format!("equity {equity}, maintenance margin {maintenance}, value {value}")
}

fn parts(units: u64, whole: u64) -> String {
    let [units, whole] = [units, whole].map(|count| grouped(&count.to_string()));
    format!("{units} of {whole} parts")
}
