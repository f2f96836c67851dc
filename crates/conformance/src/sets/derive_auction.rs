//! Derive's liquidation auctions: what bids are given, what they pay, and what is left.
//!
//! A case is a sequence of bids on one account. Value and margin before a bid are inputs, since
//! `derive-pmrm2` proves margins; everything that the auction makes of them is computed by
//! `risk::waterfall::auction`. Shares are of the portfolio at the start unless said otherwise, and
//! every number counts 10⁻¹⁸. Amounts may differ by a share of value and requirement, and shares by the
//! same of one: the vectors were computed in doubles.

use instruments::Rounding;
use risk::waterfall::auction::{AuctionState, Schedule, TakeOver, slice_cost};
use risk::waterfall::{Share, WaterfallError};

use crate::json::{self, Node};
use crate::{Case, VectorError, VectorFile};

const TOLERANCE: f64 = 1e-12;
const ONE: u64 = Share::ONE.units();
/// No real amount, in 10⁻¹⁸, and little enough that a few of them fit together.
const AMOUNT_MAX: f64 = 1e36;

// The parameters of the origin's tests.
const BUFFER: Share = Share::from_ppb(200_000_000);
const FEE_RATE: Share = Share::from_ppb(20_000_000);
/// Seconds after the start and the discount there, in thousandths.
const DISCOUNTS: [(u64, u32); 3] = [(0, 20), (100, 200), (14_500, 1_000)];
/// Seconds until an insolvent account's taker is paid everything.
const INSOLVENT_SECONDS: u64 = 100;

pub(super) fn check(files: &[VectorFile]) -> Result<Vec<Case>, VectorError> {
    let mut cases = vec![];
    for file in files {
        let value = json::parse(file)?;
        for (name, sequence) in Node::top(file, &value).fields()? {
            let mut case = Case::named(&file.name, name);
            check_sequence(&sequence, &mut case)?;
            cases.push(case);
        }
    }
    Ok(cases)
}

/// What bids before this one left.
struct Auction {
    paid_in: i128,
    /// The part of the portfolio that is still there.
    left: u64,
    /// Whether all of it may be sold, whatever would restore the account.
    forced: bool,
}

fn check_sequence(sequence: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
    let forced = sequence.field("IsForce")?.boolean()?;
    let start = seconds(&sequence.field("StartTime")?)?;
    let mut auction = Auction { paid_in: 0, left: ONE, forced };
    for (number, action) in sequence.field("Actions")?.items()?.iter().enumerate() {
        let elapsed = seconds(&action.field("Time")?)?.checked_sub(start);
        let elapsed = elapsed.ok_or_else(|| action.error("the bid is before the start"))?;
        let bid = PublishedBid::read(action, format!("bid {}", number + 1), &auction)?;
        if bid.state.value < 0 {
            bid.insolvent(&mut auction, elapsed, case)?;
            continue;
        }
        if number == 0 && elapsed == 0 && !forced {
            bid.fee(&sequence.field("LiquidationFee")?, case)?;
        }
        bid.solvent(&mut auction, elapsed, case)?;
    }
    Ok(())
}

/// One bid, and what its account was before it.
struct PublishedBid<'a> {
    name: String,
    results: Node<'a>,
    wanted: u64,
    state: AuctionState,
    /// What errors of amounts are measured by.
    scale: f64,
}

impl<'a> PublishedBid<'a> {
    fn read(action: &Node<'a>, name: String, auction: &Auction) -> Result<Self, VectorError> {
        let results = action.field("Results")?;
        let value = amount(&results.field("PreMtM")?)?;
        let maintenance = value - amount(&results.field("PreMM")?)?;
        if maintenance < 0 {
            return Err(results.error("margin is above value, so that nothing is required"));
        }
        let wanted = share(&action.field("Liquidator")?.field("PercentWant")?)?;
        let state = AuctionState { equity: value, value, maintenance, paid_in: auction.paid_in };
        let scale = value.unsigned_abs() as f64 + maintenance as f64;
        Ok(Self { name, results, wanted, state, scale: scale.max(1.0) })
    }

    /// The fee is taken when the auction starts: a rate of what must be sold without a discount.
    fn fee(&self, expected: &Node<'_>, case: &mut Case) -> Result<(), VectorError> {
        let units = expected.number()? * ONE as f64;
        if !(0.0..AMOUNT_MAX).contains(&units) {
            return Err(expected.error("a fee of zero or more is needed here"));
        }
        let value = self.state.value + units as i128;
        let before = AuctionState { equity: value, value, ..self.state };
        let share = self.computed(before.restoring_share(BUFFER, Share::ZERO))?;
        let sold = self.computed(share.of(value, Rounding::Floor))?;
        let fee = self.computed(FEE_RATE.of(sold, Rounding::Floor))?;
        case.compare("LiquidationFee", units, fee as f64, self.scale, TOLERANCE);
        Ok(())
    }

    fn solvent(
        &self,
        auction: &mut Auction,
        elapsed: u64,
        case: &mut Case,
    ) -> Result<(), VectorError> {
        let points = DISCOUNTS.map(|(at, parts)| (at, Share::from_ppb(parts * 1_000_000)));
        let discount = Schedule::new(points.to_vec()).expect("it rises").at(elapsed);
        let restoring = self.computed(self.state.restoring_share(BUFFER, discount))?;
        let most = if auction.forced { Share::ONE } else { restoring };
        // What is wanted is of the start, and may be more than is left.
        let share = scaled(self.wanted, ONE, auction.left.max(1)).min(most.units());
        let for_sale = self.computed(self.state.for_sale())?;
        let cost = self.computed(slice_cost(for_sale, discount, share, ONE))?;
        let received = scaled(share, auction.left, ONE);
        let after = self.left_after(share, cost)?;
        let restoring_after = self.computed(after.restoring_share(BUFFER, discount))?;
        auction.paid_in += cost;
        auction.left -= received;
        self.compare_share("PreFMax", restoring.units(), case)?;
        self.compare("ExpectedBidPrice", cost, case)?;
        self.compare_share("FinalPercentageReceived", received, case)?;
        self.compare_share("fLiquidatedOfOriginal", share, case)?;
        self.compare_share("PostFMax", restoring_after.units(), case)?;
        self.compare("SMPayout", 0, case)?;
        self.compare_margins(&after, case)
    }

    fn insolvent(
        &self,
        auction: &mut Auction,
        elapsed: u64,
        case: &mut Case,
    ) -> Result<(), VectorError> {
        let bound = amount(&self.results.field("Lowerbound")?)?;
        let terms = TakeOver { from: 0, to: -bound };
        let received = self.wanted.min(auction.left);
        let progress = Schedule::rising(Share::ZERO, Share::ONE, INSOLVENT_SECONDS);
        let progress = self.computed(progress)?.at(elapsed);
        let payment = self.computed(terms.payment(progress, received, ONE))?;
        let after = self.left_after(scaled(received, ONE, auction.left.max(1)), 0)?;
        auction.left -= received;
        for field in ["PreFMax", "PostFMax"] {
            self.compare_share(field, 0, case)?;
        }
        self.compare_share("FinalPercentageReceived", received, case)?;
        self.compare("ExpectedBidPrice", 0, case)?;
        self.compare("SMPayout", -payment, case)?;
        self.compare_margins(&after, case)
    }

    /// The account after a share of what is for sale has gone for `cost`; the requirement shrinks with
    /// it.
    fn left_after(&self, share: u64, cost: i128) -> Result<AuctionState, VectorError> {
        let part = Share::from_units(share);
        let for_sale = self.computed(self.state.for_sale())?;
        let sold = self.computed(part.of(for_sale, Rounding::Floor))?;
        let value = self.state.value - sold + cost;
        let maintenance = self.computed(part.rest().of(self.state.maintenance, Rounding::Ceil))?;
        Ok(AuctionState { equity: value, value, maintenance, paid_in: self.state.paid_in + cost })
    }

    /// Value and margins before and after.
    fn compare_margins(&self, after: &AuctionState, case: &mut Case) -> Result<(), VectorError> {
        let before = self.computed(self.state.margin_with_buffer(BUFFER))?;
        let left = self.computed(after.margin_with_buffer(BUFFER))?;
        self.compare("PreBM", before, case)?;
        self.compare("PostMtM", after.value, case)?;
        self.compare("PostMM", after.value - after.maintenance, case)?;
        self.compare("PostBM", left, case)
    }

    fn compare(&self, field: &str, got: i128, case: &mut Case) -> Result<(), VectorError> {
        self.compare_to(field, got as f64, self.scale, case)
    }

    fn compare_share(&self, field: &str, got: u64, case: &mut Case) -> Result<(), VectorError> {
        self.compare_to(field, got as f64, ONE as f64, case)
    }

    fn compare_to(
        &self,
        field: &str,
        got: f64,
        scale: f64,
        case: &mut Case,
    ) -> Result<(), VectorError> {
        let expected = self.results.number_at(field)?;
        case.compare(format!("{} {field}", self.name), expected, got, scale, TOLERANCE);
        Ok(())
    }

    /// A figure, or an error that says whose it is.
    fn computed<T>(&self, figure: Result<T, WaterfallError>) -> Result<T, VectorError> {
        figure.map_err(|error| self.results.error(error.to_string()))
    }
}

/// A share times `by` over `of`, rounded down; at most what is representable.
fn scaled(share: u64, by: u64, of: u64) -> u64 {
    u64::try_from(u128::from(share) * u128::from(by) / u128::from(of)).unwrap_or(u64::MAX)
}

fn amount(node: &Node<'_>) -> Result<i128, VectorError> {
    let number = node.number()?;
    if number.abs() > AMOUNT_MAX {
        return Err(node.error("this is beyond any real amount"));
    }
    Ok(number as i128)
}

fn share(node: &Node<'_>) -> Result<u64, VectorError> {
    let number = node.number()?;
    if !(0.0..=ONE as f64).contains(&number) {
        return Err(node.error("a share between 0 and 10^18 is needed here"));
    }
    Ok(number as u64)
}

/// A count of seconds.
fn seconds(node: &Node<'_>) -> Result<u64, VectorError> {
    let number = node.number()?;
    if !(0.0..9e15).contains(&number) || number.fract() != 0.0 {
        return Err(node.error("a whole number of seconds is needed here"));
    }
    Ok(number as u64)
}
