//! Credit is never more than there is, also where orders bring as much of a collateral as counts at most,
//! where legs net that hardly move, and where charges on size rise faster than size.

use ledger::AccountId;

use super::venue::Venue;

/// Worth six tenths of what it is on, so that those who sell it are paid much.
const CALL: &str = "BTC_USDC-27MAR26-20000-C";
const PERPETUAL: &str = "BTC_USDC-PERPETUAL";
const FUTURE: &str = "BTC_USDC-27MAR26";
const MANY: &str =
    r#""lots_max":1000000000,"position_max":1000000000,"open_interest_max":10000000000"#;

fn act(venue: &mut Venue, action: &str) {
    let events = venue.act(action);
    assert!(!format!("{events:?}").contains("rejected"), "{action}: {events:#?}");
}

fn order(venue: &mut Venue, account: u32, id: &str, side: &str, lots: i64, price: &str) {
    let events = venue.limit(account, id, side, lots, price);
    assert!(!format!("{events:?}").contains("rejected"), "{events:#?}");
}

/// Methodology `core` with something else in it.
fn core_with(old: &str, new: &str) -> String {
    let core = risk::Methodology::built_in_text("core").unwrap();
    assert!(core.contains(old));
    core.replace(old, new)
}

/// The same where 20,000 dollars of USDC count at most.
fn capped() -> String {
    let core = risk::Methodology::built_in_text("core").unwrap();
    let (before, coin) = core.split_at(core.find("name = \"USDC\"").unwrap());
    let capped = coin.replacen("collateral_max_usd = 1.0e9", "collateral_max_usd = 2.0e4", 1);
    assert_ne!(coin, capped);
    format!("{before}{capped}")
}

/// A venue with a methodology, contracts that settle in USDC and two accounts with many US dollars.
fn venue(methodology: &str, dollars: &str) -> Venue {
    let mut venue = Venue::new();
    let now = 1_770_000_000_000_i64;
    let text = serde_json::to_string(methodology).unwrap();
    let sources = |asset: &str| {
        let rules = r#"{"sources_min":1,"age_max_ms":86400000,"fresh_ms":86400000}"#;
        let sources = r#"[{"source":1,"weight":1}]"#;
        format!(r#""set_sources":{{"asset":"{asset}","rules":{rules},"sources":{sources}}}"#)
    };
    let curve = r#"{"flat":{"volatility_ppb":500000000}}"#;
    let expiry =
        format!(r#"{{"expiry":"2026-03-27T08:00:00Z","forward":"50000","volatility":{curve}}}"#);
    let list = |name: &str, tick: &str| {
        format!(r#""list_instrument":{{"instrument":"{name}","terms":{{"tick":"{tick}",{MANY}}}}}"#)
    };
    for action in [
        r#""add_asset":{"asset":"USDC"}"#.to_owned(),
        sources("USDC"),
        sources("BTC"),
        format!(r#""report_price":{{"asset":"USDC","source":1,"price":"1","observed":{now}}}"#),
        format!(r#""set_surface":{{"underlying":"BTC","expiries":[{expiry}]}}"#),
        list(CALL, "5"),
        list(PERPETUAL, "5"),
        list(FUTURE, "0.5"),
        list("BTC-27MAR26", "0.5"),
        format!(r#""set_methodology":{{"text":{text},"notice_ends":{}}}"#, now + 3_600_000),
    ] {
        act(&mut venue, &action);
    }
    venue.pass(3_700_000);
    act(&mut venue, r#""open_epoch":{}"#);
    for account in [0, 1] {
        venue.deposit(account, "USD", dollars);
    }
    venue
}

/// Account 0 takes one side of each trade, and account 1 the other.
fn trade(venue: &mut Venue, trades: [(&str, &str); 2], lots: i64, price: &str) {
    for (id, side) in trades {
        let other = if side == "buy" { "sell" } else { "buy" };
        order(venue, 0, id, side, lots, price);
        order(venue, 1, id, other, lots, price);
    }
}

#[test]
fn it_knows_how_much_collateral_counts() {
    let mut kept = [0; 2];
    for stablecoins in ["10", "2000", "4500"] {
        for lots in 1..=30 {
            let mut venue = venue(&capped(), "5000000");
            for account in [0, 1] {
                venue.deposit(account, "USDC", stablecoins);
            }
            let trades = [(0, "sell"), (1, "buy")];
            for (account, side) in trades {
                for price in ["30800", "31000", "31200"] {
                    order(&mut venue, account, CALL, side, lots, price);
                    let audit = venue.state.audit_credits();
                    audit.unwrap_or_else(|error| panic!("{stablecoins}, {lots}: {error}"));
                    let credit = venue.state.credit_of(AccountId::new(0));
                    kept[usize::from(credit.is_some())] += 1;
                }
            }
        }
    }
    assert!(kept.iter().all(|count| *count > 10), "{kept:?}");
}

#[test]
fn it_counts_what_orders_may_realise_of_legs_that_net() {
    let mut venue = venue(&capped(), "1000000");
    trade(&mut venue, [(PERPETUAL, "sell"), (FUTURE, "buy")], 450, "50000");
    for account in [0, 1] {
        venue.deposit(account, "USDC", "4000");
    }
    venue.walk(50_000.0, 2_000.0);
    act(&mut venue, r#""open_epoch":{}"#);
    act(&mut venue, r#""review":{"from":0,"count":2}"#);
    for lots in [1, 225, 224] {
        order(&mut venue, 0, PERPETUAL, "buy", lots, "1980");
        venue.state.audit_credits().unwrap();
    }
}

#[test]
fn it_moves_with_what_orders_may_realise_of_legs_that_net() {
    let text = core_with("wrong_way_correlation = 1.0", "wrong_way_correlation = 0.0");
    let mut venue = venue(&text, "1984000");
    venue.walk(50_000.0, 400.0);
    act(&mut venue, r#""open_epoch":{}"#);
    trade(&mut venue, [("BTC-PERPETUAL", "buy"), ("BTC-27MAR26", "sell")], 1000, "400");
    venue.walk(400.0, 50_000.0);
    act(&mut venue, r#""open_epoch":{}"#);
    order(&mut venue, 0, "BTC-PERPETUAL", "sell", 1000, "50400");
    venue.walk(50_000.0, 50_100.0);
    venue.state.audit_credits().unwrap();
}

#[test]
fn it_knows_charges_that_rise_faster_than_size() {
    let thin = core_with("volume_usd = 2.0e10", "volume_usd = 1.0e6");
    let mut venue = venue(&thin, "20000000000");
    for account in [0, 1] {
        venue.deposit(account, "USDC", "1000000");
    }
    order(&mut venue, 0, PERPETUAL, "sell", 2_000_000, "50000");
    order(&mut venue, 1, PERPETUAL, "buy", 2_000_000, "50000");
    // A review finds what there is.
    venue.pass(60_000);
    venue.walk(50_000.0, 50_300.0);
    venue.state.audit_credits().unwrap();
    act(&mut venue, r#""open_epoch":{}"#);
    venue.state.audit_credits().unwrap();
}
