//! What many steps of a case have, so that they can stand in columns.

use engine::InstrumentId;
use engine::event::{CaseStep, Stands};
use instruments::{Amount, Asset, Price};
use ledger::AccountId;

/// What a step has of it.
#[derive(Default)]
pub struct Figures {
    /// How the account stood.
    pub stands: Option<Stands>,
    /// Who else has a part in it.
    pub counterparty: Option<AccountId>,
    /// An instrument, and signed lots of it.
    pub lots: Option<(InstrumentId, i64)>,
    /// The mark.
    pub mark: Option<Price>,
    /// The asset that it is about.
    pub asset: Option<Asset>,
    /// Its amount: the loss that an order expects and what owner or fund pay a taker in US dollars, else
    /// in cash or the asset.
    pub amount: Option<Amount>,
}

/// The figures of a step.
pub fn figures(step: &CaseStep) -> Figures {
    let none = Figures::default();
    match step {
        CaseStep::Opened { stands, .. }
        | CaseStep::Stage { stands, .. }
        | CaseStep::Closed { stands, .. } => Figures { stands: Some(*stands), ..none },
        CaseStep::Paused { asset } => Figures { asset: Some(*asset), ..none },
        CaseStep::Resumed {} => none,
        CaseStep::Order { stands, instrument, side, lots, mark, expected_loss, .. } => {
            let lots = if *side == book::Side::Buy { *lots } else { -lots };
            Figures {
                stands: Some(*stands),
                lots: Some((*instrument, lots)),
                mark: Some(*mark),
                amount: Some(*expected_loss),
                ..none
            }
        }
        CaseStep::Bid { bidder, held, .. } | CaseStep::BidEnded { bidder, held, .. } => {
            Figures { counterparty: Some(*bidder), amount: Some(*held), ..none }
        }
        CaseStep::Sold { stands, taker, paid, .. } => Figures {
            stands: Some(*stands),
            counterparty: Some(*taker),
            amount: Some(*paid),
            ..none
        },
        CaseStep::TakenOver { stands, taker, deficit, premium, .. } => Figures {
            stands: Some(*stands),
            counterparty: Some(*taker),
            amount: deficit.checked_add(*premium),
            ..none
        },
        CaseStep::Leg { taker, instrument, lots, mark } => Figures {
            counterparty: Some(*taker),
            lots: Some((*instrument, *lots)),
            mark: Some(*mark),
            ..none
        },
        CaseStep::Coin { taker, asset, amount } => Figures {
            counterparty: Some(*taker),
            asset: Some(*asset),
            amount: Some(*amount),
            ..none
        },
        CaseStep::Fee { amount } => Figures { amount: Some(*amount), ..none },
        CaseStep::FundPaid { own, shared, .. } => {
            Figures { amount: own.checked_add(*shared), ..none }
        }
        CaseStep::Deleveraged { counterparty, instrument, lots, mark, cost } => Figures {
            counterparty: Some(*counterparty),
            lots: Some((*instrument, *lots)),
            mark: Some(*mark),
            amount: Some(*cost),
            ..none
        },
        CaseStep::Cut { counterparty, amount, .. } => {
            Figures { counterparty: Some(*counterparty), amount: Some(*amount), ..none }
        }
        CaseStep::Outstanding { asset, amount } => {
            Figures { asset: Some(*asset), amount: Some(*amount), ..none }
        }
    }
}
