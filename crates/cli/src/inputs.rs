//! From arguments to a market, accounts and rules.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;

use instruments::{Amount, Asset, Instrument, Timestamp};
use marketdata::{Snapshot, read_history, read_market, read_orders, read_portfolio, sample};
use risk::{
    Account, CurveInputs, EpochInputs, History, Margin, MarginModel, Methodology, RiskError,
    Valuation,
};

use crate::arguments::{DataArguments, RuleArguments};
use crate::escape::printable_lines;
use crate::failure::Failure;
use crate::progress::WatchedRead;

/// Everything that a margin depends on but the rules.
pub struct Data {
    /// The market with its option quotes.
    pub snapshot: Snapshot,
    /// The accounts, in the order of the portfolio file.
    pub accounts: Vec<Account>,
    /// Daily closes.
    pub history: Option<History>,
    /// What all accounts hold of each asset.
    pub venue_balances: BTreeMap<Asset, Amount>,
    /// Where the history comes from, for errors about it.
    history_name: String,
}

/// Rules to margin accounts by.
pub struct Rules {
    /// The methodology.
    pub methodology: Methodology,
    /// The margin model.
    pub model: MarginModel,
}

/// A history that ends longer than this before the market is worth a warning.
const STALE_DAYS: i64 = 7;

/// A warning on standard error.
pub fn warn(message: &str) {
    // Nothing can be done about a standard error that is closed.
    let _ = writeln!(std::io::stderr(), "warning: {}", printable_lines(message));
}

/// Opens a file for reading, with progress if it takes long.
pub fn open(path: &str) -> Result<WatchedRead<File>, Failure> {
    let failure = |source| Failure::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(failure)?;
    let length = file.metadata().map_err(failure)?.len();
    Ok(WatchedRead::of(file, path, length))
}

/// Reads the market file, or makes the sample market.
pub fn snapshot(arguments: &DataArguments) -> Result<Snapshot, Failure> {
    let Some(path) = &arguments.market else {
        let snapshot = sample::snapshot();
        return match arguments.at {
            Some(at) if at < snapshot.market.time => Err(Failure::Usage(format!(
                "the sample market is of {}, later than {at}; leave out --at or give --market",
                snapshot.market.time
            ))),
            _ => Ok(snapshot),
        };
    };
    let snapshot = read_market(path, open(path)?, arguments.at)?;
    if snapshot.left_out > 0 {
        let count = snapshot.left_out;
        warn(&format!("{path}: {count} options left out: without a mark or a listing convention"));
    }
    Ok(snapshot)
}

impl Data {
    /// Reads every file that is named; the sample stands in for what is not.
    pub fn load(arguments: &DataArguments) -> Result<Self, Failure> {
        if arguments.market.is_some() && arguments.portfolio.is_none() {
            return Err(Failure::Usage(
                "--market needs --portfolio: the sample portfolio holds what the sample market \
                 lists; give both or neither"
                    .to_owned(),
            ));
        }
        let snapshot = snapshot(arguments)?;
        let market = &snapshot.market;
        let mut accounts = match &arguments.portfolio {
            Some(path) => read_portfolio(path, open(path)?, market)?,
            None => sample::portfolio(market)?,
        };
        if let Some(path) = &arguments.orders {
            accounts = read_orders(path, open(path)?, market, accounts)?;
        }
        let data = Self::with_history(arguments, snapshot)?;
        let venue_balances = venue_balances(&accounts)?;
        Ok(Self { accounts, venue_balances, ..data })
    }

    /// Reads market and history alone.
    pub fn without_accounts(arguments: &DataArguments) -> Result<Self, Failure> {
        let snapshot = snapshot(arguments)?;
        Self::with_history(arguments, snapshot)
    }

    fn with_history(arguments: &DataArguments, snapshot: Snapshot) -> Result<Self, Failure> {
        let history = match &arguments.history {
            Some(path) => Some(read_history(path, open(path)?)?),
            None if arguments.market.is_none() => Some(sample::history()),
            None => None,
        };
        let history_name = arguments.history.clone().unwrap_or_else(|| "the history".to_owned());
        let (accounts, venue_balances) = (vec![], BTreeMap::new());
        Ok(Self { snapshot, accounts, history, venue_balances, history_name })
    }

    /// The account of a name; the only one needs no name.
    pub fn account(&self, name: Option<&str>) -> Result<&Account, Failure> {
        let names: Vec<&str> = self.accounts.iter().map(|account| &*account.name).collect();
        let names = names.join(", ");
        match (name, &self.accounts[..]) {
            (None, [only]) => Ok(only),
            (None, _) => Err(Failure::Usage(format!(
                "the portfolio has several accounts: name one with --account ({names})"
            ))),
            (Some(name), accounts) => {
                accounts.iter().find(|account| account.name == name).ok_or_else(|| {
                    Failure::Usage(format!("no account `{name}`: the portfolio has {names}"))
                })
            }
        }
    }

    /// What epochs and position rules are opened with.
    pub fn epoch_inputs(&self) -> EpochInputs<'_> {
        EpochInputs {
            market: &self.snapshot.market,
            history: self.history.as_ref(),
            venue_balances: &self.venue_balances,
        }
    }

    /// What health curves are drawn with.
    pub fn curve_inputs<'a>(&'a self, rules: &'a Rules) -> CurveInputs<'a> {
        CurveInputs {
            methodology: &rules.methodology,
            model: rules.model,
            market: &self.snapshot.market,
            history: self.history.as_ref(),
            venue_balances: &self.venue_balances,
        }
    }

    /// Opens a methodology for every instrument of the accounts and some more.
    pub fn open(
        &self,
        methodology: &Methodology,
        more: &[Instrument],
    ) -> Result<Valuation, Failure> {
        let own = self.accounts.iter().flat_map(Account::instruments);
        self.open_for(methodology, own.chain(more.iter().copied()).collect())
    }

    fn open_for(
        &self,
        methodology: &Methodology,
        mut instruments: Vec<Instrument>,
    ) -> Result<Valuation, Failure> {
        instruments.sort_unstable();
        instruments.dedup();
        let valuation = Valuation::open(methodology, self.epoch_inputs(), &instruments)
            .map_err(|source| self.opening_failure(methodology, source))?;
        self.warn_of_stale_history(&valuation);
        Ok(valuation)
    }

    fn opening_failure(&self, methodology: &Methodology, source: RiskError) -> Failure {
        let context = match source {
            RiskError::NoHistory(_) | RiskError::ShortHistory { .. } => {
                format!("{}:1", self.history_name)
            }
            _ => format!("methodology `{}`", methodology.name()),
        };
        Failure::Risk { context, source }
    }

    /// Opens a methodology for every account that it can be opened for, and says of each account
    /// why it can't.
    ///
    /// # Errors
    /// The reason, if it can be opened for no account at all.
    pub fn open_each(
        &self,
        methodology: &Methodology,
    ) -> Result<(Valuation, Vec<Option<Failure>>), Failure> {
        let whole = match self.open(methodology, &[]) {
            Ok(valuation) => return Ok((valuation, self.accounts.iter().map(|_| None).collect())),
            Err(failure) => failure,
        };
        let refusal = |instruments: &[Instrument]| {
            Valuation::open(methodology, self.epoch_inputs(), instruments).err()
        };
        if refusal(&[]).is_some() {
            return Err(whole);
        }
        let mut able = vec![];
        let reasons = self.accounts.iter().map(|account| {
            let instruments = account.instruments();
            let reason = refusal(&instruments);
            if reason.is_none() {
                able.extend(instruments);
            }
            reason.map(Failure::risk(format!("account `{}`", account.name)))
        });
        let reasons: Vec<Option<Failure>> = reasons.collect();
        let valuation = self.open_for(methodology, able)?;
        Ok((valuation, reasons))
    }

    /// Margin of one account.
    pub fn margin(
        &self,
        valuation: &Valuation,
        account: &Account,
        model: MarginModel,
    ) -> Result<Margin, Failure> {
        valuation
            .margin(&self.snapshot.market, account, model)
            .map_err(Failure::risk(format!("account `{}`", account.name)))
    }

    /// Says if the history ends long before the market's time.
    fn warn_of_stale_history(&self, valuation: &Valuation) {
        let Valuation::Scenario(epoch) = valuation else { return };
        let Some(last) = epoch.ranges().last_day() else { return };
        let days = self.snapshot.market.time.since(last) / Timestamp::DAY;
        if days > STALE_DAYS {
            warn(&format!(
                "{}: its last day with every underlying of the methodology is {}, {days} days \
                 before the market; scenarios know nothing of the days since",
                self.history_name,
                last.to_string().split('T').next().unwrap_or_default(),
            ));
        }
    }

    /// Says what portfolio margin can't do without a history.
    pub fn warn_without_history(&self, methodology: &Methodology) {
        if self.history.is_none() && methodology.scenario_rules().is_ok() {
            warn(
                "no --history: every underlying stands alone without offsets, and coins are no \
                 collateral until --history is given",
            );
        }
    }
}

/// Holdings of all accounts by asset, debts left out.
fn venue_balances(accounts: &[Account]) -> Result<BTreeMap<Asset, Amount>, Failure> {
    let mut totals: BTreeMap<Asset, Amount> = BTreeMap::new();
    for (asset, amount) in accounts.iter().flat_map(|account| &account.balances) {
        if *amount > Amount::ZERO {
            let total = totals.entry(*asset).or_default();
            *total = total.checked_add(*amount).ok_or_else(|| {
                let source = RiskError::AmountTooLarge(*asset);
                Failure::Risk { context: "the portfolio".to_owned(), source }
            })?;
        }
    }
    Ok(totals)
}

impl Rules {
    /// The methodology and model asked for, each by the other where one is not given.
    pub fn load(arguments: &RuleArguments) -> Result<Self, Failure> {
        let model: Option<MarginModel> = arguments.model.map(Into::into);
        let name = arguments.methodology.as_deref().unwrap_or(match model {
            None | Some(MarginModel::Portfolio) => "core",
            Some(MarginModel::Cross | MarginModel::Isolated) => "standard",
        });
        let methodology = methodology(name)?;
        let is_portfolio = methodology.is_portfolio();
        let model = model.unwrap_or(match is_portfolio {
            true => MarginModel::Portfolio,
            false => MarginModel::Cross,
        });
        if is_portfolio != (model == MarginModel::Portfolio) {
            let (name, kind, model) = (methodology.name(), methodology.kind(), model.name());
            return Err(Failure::Usage(format!(
                "methodology `{name}` is of kind `{kind}` and has no model `{model}`; kinds \
                 `scenario` and `grid` are for portfolio, kind `position` for cross and isolated"
            )));
        }
        Ok(Self { methodology, model })
    }
}

/// A methodology by name, or else from a file.
pub fn methodology(name: &str) -> Result<Methodology, Failure> {
    match Methodology::built_in(name) {
        Some(methodology) => Ok(methodology),
        None => parse_methodology(name, &methodology_text(name)?),
    }
}

/// Most bytes that a methodology file may have.
const METHODOLOGY_BYTES_MAX: u64 = 1_000_000;

/// The text of a built-in methodology or of a file.
pub fn methodology_text(name: &str) -> Result<String, Failure> {
    use std::io::Read;
    if let Some(text) = Methodology::built_in_text(name) {
        return Ok(text.to_owned());
    }
    let failure = |source| Failure::Open { path: name.to_owned(), source };
    let file = File::open(name).map_err(|source| {
        if name.contains(['/', '.']) {
            return failure(source);
        }
        let known = Methodology::built_in_names().join(", ");
        Failure::Usage(format!("no methodology or file `{name}`: built in are {known}"))
    })?;
    let mut bytes = Vec::new();
    file.take(METHODOLOGY_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failure)?;
    let wrong = |line, message: String| {
        let (path, example) = (name.to_owned(), Methodology::example("scenario"));
        Failure::Methodology { path, line, message, example }
    };
    if bytes.len() as u64 > METHODOLOGY_BYTES_MAX {
        return Err(wrong(1, format!("the file is larger than {METHODOLOGY_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|&&byte| byte == b'\n').count() + 1;
        wrong(line, "the line is not UTF-8 text".to_owned())
    })
}

/// Reads a methodology's text.
pub fn parse_methodology(path: &str, text: &str) -> Result<Methodology, Failure> {
    Methodology::parse(text).map_err(|error| Failure::Methodology {
        path: path.to_owned(),
        line: error.line.unwrap_or(1),
        message: error.message,
        example: error.example,
    })
}
