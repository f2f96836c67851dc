//! One case: what is known of it, in sum and step by step.

use std::collections::BTreeMap;

use engine::Command;
use engine::event::{CaseStep, StageCause, Stands, Trade};
use engine::liquidation::{Outcome, Stage};
use instruments::{Amount, Asset, Price, Timestamp, Underlying};
use ledger::AccountId;

use super::layers::{Layers, sum};

/// A case.
pub struct CaseStory {
    /// Whose it is.
    pub account: AccountId,
    /// The risk group whose layer of the fund pays.
    pub group: Underlying,
    /// The command that opened it.
    pub sequence: u64,
    /// When it opened.
    pub opened: Timestamp,
    /// How the account stood then.
    pub opening: Stands,
    /// What the account had then, the largest first.
    pub holdings: Vec<Holding>,
    /// The stages it has been in, in order.
    pub stages: Vec<Visit>,
    /// What each layer did.
    pub layers: Layers,
    /// Who else has a part in it, by part: at mark, and what they were paid in US dollars.
    pub parts: BTreeMap<(Part, AccountId), (Amount, Amount)>,
    /// When and how it ended, and how the account stood then.
    pub closed: Option<(Timestamp, Outcome, Stands)>,
    /// Everything that happened, if it is told in full.
    pub entries: Vec<Entry>,
}

/// Something that an account had when its case opened.
pub struct Holding {
    /// An instrument or an asset.
    pub name: String,
    /// How much of it, signed.
    pub size: Amount,
    /// What that is counted in.
    pub unit: Asset,
    /// When lots last changed; nothing for an asset.
    pub since: Option<Timestamp>,
    /// The mark then.
    pub mark_then: Option<Price>,
    /// The mark, or the index of an asset.
    pub mark: Price,
    /// What it stands for in US dollars, signed.
    pub worth: Amount,
    /// What it has gained since its lots last changed, in US dollars.
    pub gain: Option<Amount>,
}

/// A time in a stage.
pub struct Visit {
    /// The stage.
    pub stage: Stage,
    /// Since when.
    pub since: Timestamp,
    /// Why; the first because the case opened.
    pub cause: Option<StageCause>,
}

/// What part somebody has in the case of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Took a slice in an auction.
    Bidder,
    /// Took one as the backstop vault.
    Vault,
    /// Took over what was worth less than nothing.
    TakenOver,
    /// Gave up lots.
    Deleveraged,
    /// Gave up profit.
    Cut,
}

impl Part {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bidder => "bidder",
            Self::Vault => "vault",
            Self::TakenOver => "took over",
            Self::Deleveraged => "deleveraged",
            Self::Cut => "cut",
        }
    }
}

/// Something that happened.
pub struct Entry {
    /// The command in which it did.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
pub enum What {
    /// A step of the case.
    Step(CaseStep),
    /// A trade of an order of its own.
    Trade {
        /// The trade.
        trade: Trade,
        /// The mark then.
        mark: Price,
        /// What it lost against it, in US dollars; negative is a gain.
        loss: Amount,
    },
}

impl CaseStory {
    /// A case that opens.
    pub(super) fn opened(
        account: AccountId,
        group: Underlying,
        command: &Command,
        opening: Stands,
        holdings: Vec<Holding>,
    ) -> Self {
        Self {
            account,
            group,
            sequence: command.sequence,
            opened: command.time,
            opening,
            holdings,
            stages: vec![Visit { stage: Stage::Book, since: command.time, cause: None }],
            layers: Layers::default(),
            parts: BTreeMap::new(),
            closed: None,
            entries: Vec::new(),
        }
    }

    pub(super) fn follow(&mut self, time: Timestamp, step: &CaseStep) {
        match *step {
            CaseStep::Stage { stage, cause, .. } => {
                self.stages.push(Visit { stage, since: time, cause: Some(cause) });
            }
            CaseStep::Closed { outcome, stands } => self.closed = Some((time, outcome, stands)),
            _ => {}
        }
    }

    /// Somebody took something at mark and was paid something, or paid it if negative.
    pub(super) fn take_part(&mut self, who: AccountId, part: Part, at_mark: Amount, paid: Amount) {
        let known = self.parts.entry((part, who)).or_default();
        *known = (sum([known.0, at_mark]), sum([known.1, paid]));
    }

    /// What maintenance margin exceeded equity by when it opened.
    pub fn shortfall(&self) -> Amount {
        sum([self.opening.maintenance, -self.opening.equity])
    }

    /// The furthest stage that it has been in.
    pub fn furthest(&self) -> Stage {
        self.stages.iter().map(|visit| visit.stage).max().unwrap_or(Stage::Book)
    }

    /// How it ended, in a word.
    pub fn outcome(&self) -> String {
        let ended = self.closed.as_ref();
        ended.map_or_else(
            || "open".to_owned(),
            |(_, outcome, _)| crate::commands::run::word(outcome),
        )
    }

    /// What its account was worth at mark when it ended.
    pub fn kept(&self) -> Option<Amount> {
        self.closed.as_ref().map(|(_, _, stands)| stands.value)
    }

    /// Who took what was sold, as `2, 3 (vault)`.
    pub fn takers(&self) -> String {
        let took = self.parts.keys().filter(|(part, _)| *part < Part::Deleveraged);
        let words = took.map(|(part, who)| match part {
            Part::Vault => format!("{} (vault)", who.number()),
            _ => who.number().to_string(),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}
