//! Where orders bring as much of a collateral as counts at most, credit is still no more than there is.

use ledger::AccountId;

use super::venue::Venue;

/// Worth six tenths of what it is on, so that those who sell it are paid much.
const CALL: &str = "BTC_USDC-27MAR26-20000-C";

/// A venue where 20,000 dollars of USDC count at most, and two accounts with many US dollars.
fn venue(stablecoins: &str) -> Venue {
    let mut venue = Venue::new();
    let now = 1_770_000_000_000_i64;
    let methodology = serde_json::to_string(&capped()).unwrap();
    let curve = r#"{"flat":{"volatility_ppb":500000000}}"#;
    let expiry =
        format!(r#"{{"expiry":"2026-03-27T08:00:00Z","forward":"50500","volatility":{curve}}}"#);
    let notice = now + 3_600_000;
    for action in [
        r#""add_asset":{"asset":"USDC"}"#.to_owned(),
        r#""set_sources":{"asset":"USDC","rules":{"sources_min":1,"age_max_ms":86400000,"fresh_ms":86400000},"sources":[{"source":1,"weight":1}]}"#.to_owned(),
        format!(r#""report_price":{{"asset":"USDC","source":1,"price":"1","observed":{now}}}"#),
        format!(r#""set_surface":{{"underlying":"BTC","expiries":[{expiry}]}}"#),
        format!(r#""list_instrument":{{"instrument":"{CALL}","terms":{{"tick":"5"}}}}"#),
        format!(r#""set_methodology":{{"text":{methodology},"notice_ends":{notice}}}"#),
    ] {
        let events = venue.act(&action);
        assert!(!format!("{events:?}").contains("rejected"), "{action}: {events:#?}");
    }
    venue.pass(3_700_000);
    let events = venue.act(r#""open_epoch":{}"#);
    assert!(!format!("{events:?}").contains("rejected"), "{events:#?}");
    for account in [0, 1] {
        venue.deposit(account, "USD", "5000000");
        venue.deposit(account, "USDC", stablecoins);
    }
    venue
}

/// The methodology where little of the stablecoin counts.
fn capped() -> String {
    let core = risk::Methodology::built_in_text("core").unwrap();
    let (before, coin) = core.split_at(core.find("name = \"USDC\"").unwrap());
    let capped = coin.replacen("collateral_max_usd = 1.0e9", "collateral_max_usd = 2.0e4", 1);
    assert_ne!(coin, capped);
    format!("{before}{capped}")
}

#[test]
fn credit_knows_how_much_collateral_counts() {
    let mut kept = [0; 2];
    for stablecoins in ["10", "2000", "4500"] {
        for lots in 1..=30 {
            let mut venue = venue(stablecoins);
            let mut act = |account: u32, side: &str, lots: i64, price: &str| {
                let events = venue.limit(account, CALL, side, lots, price);
                assert!(!format!("{events:?}").contains("rejected"), "{events:#?}");
                venue
                    .state
                    .audit_credits()
                    .unwrap_or_else(|e| panic!("{stablecoins}, {lots}: {e}"));
                let credit = venue.state.credit_of(AccountId::new(0));
                kept[usize::from(credit.is_some())] += 1;
            };
            for price in ["30800", "31000", "31200"] {
                act(0, "sell", lots, price);
            }
            for price in ["30800", "31000", "31200"] {
                act(1, "buy", lots, price);
            }
        }
    }
    assert!(kept.iter().all(|count| *count > 10), "{kept:?}");
}
