//! `plimsoll admin` against a venue with a demo.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::clients::{Venue, turn};
use super::{Run, command, finish};

/// A venue, and the keys of two operators: one who may act and one who may look.
struct Operated {
    venue: Venue,
    keys: [String; 2],
}

const LISTEN: [&str; 2] = ["--admin-listen", "127.0.0.1:0"];

impl Operated {
    fn start() -> Self {
        let venue = Venue::start_with(&LISTEN);
        let folder = venue.folder.path().join("data/admin");
        let key = |name: &str, scope: &str| {
            let mut create = command();
            create.args(["keys", "create"]).arg(&folder).args(["--account", "0", "--json"]);
            let made = finish(create.args(["--name", name, "--scope", scope])).json();
            let made = &made["key"];
            let word = |name: &str| made[name].as_str().unwrap().to_owned();
            format!("{}:{}", word("client_id"), word("client_secret"))
        };
        let keys = [key("acts", "account:read_write"), key("looks", "account:read")];
        // Keys are good within a second.
        std::thread::sleep(Duration::from_millis(1_100));
        Self { venue, keys }
    }

    fn call(&self, key: &str, url: &str, arguments: &[&str]) -> Run {
        let mut admin: Command = command();
        admin.arg("admin").args(arguments).args(["--url", url]).env("PLIMSOLL_ADMIN_KEY", key);
        finish(&mut admin)
    }

    fn admin(&self, arguments: &[&str]) -> Run {
        self.call(&self.keys[0], self.venue.place["admin"].as_str().unwrap(), arguments)
    }

    fn told(&self, arguments: &[&str]) -> Value {
        self.admin(&[arguments, &["--json"]].concat()).json()
    }

    /// What a client's call gives, or the code with which it is refused.
    fn client(&self, arguments: &[&str]) -> Result<Value, String> {
        let word = |key: &str| self.venue.place[key].as_str().unwrap().to_owned();
        let key = format!("{}:{}", word("client_id"), word("client_secret"));
        let run = self.call(&key, &word("rest"), &[arguments, &["--json"]].concat());
        if run.code == Some(0) { Ok(run.json()) } else { Err(run.err) }
    }

    fn again(self) -> Self {
        Self { venue: self.venue.again(&LISTEN), keys: self.keys }
    }
}

#[test]
fn operators_run_a_venue_and_all_of_it_is_on_record() {
    let _turn = turn();
    let operated = Operated::start();
    markets(&operated);
    parameters(&operated);
    notice(&operated);
    withdrawals(&operated);
    let operated = read_only(operated);
    on_record(&operated);
}

fn markets(operated: &Operated) {
    let all = operated.told(&["get_instruments", "underlying=BTC"]);
    let all = all.as_array().unwrap();
    assert!(all.len() > 1 && all.iter().all(|one| one["state"] == "open"));
    let state_of = |name: &str| {
        let all = operated.told(&["get_instruments"]);
        let all = all.as_array().unwrap().clone();
        all.into_iter().find(|one| one["instrument"] == name).unwrap()["state"].clone()
    };
    let state = || state_of("BTC-PERPETUAL");
    let order = ["private/buy", "instrument_name=BTC-PERPETUAL", "amount=10", "type=market"];
    operated.told(&["halt", "instrument=BTC-PERPETUAL"]);
    assert_eq!(state(), "halted");
    let refused = operated.client(&order).unwrap_err();
    assert!(refused.contains("book_closed"), "{refused}");
    assert!(operated.told(&["resume", "instrument=BTC-PERPETUAL"])["sequence"].is_u64());
    assert_eq!(state(), "open");
    operated.client(&order).unwrap();
    let down = operated.told(&["delist", "instrument=BTC-PERPETUAL"]);
    assert_eq!((&down["state"], state()), (&json!("reduce_only"), json!("reduce_only")));
    // Of several, what a halt halted is as it was, and what was wound down stays down.
    let idle = all.iter().filter(|one| one["open_interest"] == 0);
    let idle = idle.map(|one| one["instrument"].as_str().unwrap());
    let is_over = |name: &&str| {
        operated.told(&["delist", &format!("instrument={name}")])["state"] == "halted"
    };
    let idle = idle.into_iter().find(is_over).expect("there is one that nobody holds");
    operated.told(&["halt", "underlying=BTC"]);
    assert_eq!(state(), "halted");
    let resumed = operated.told(&["resume", "underlying=BTC"]);
    let names = |list: &str| resumed[list].as_array().unwrap().clone();
    assert!(names("resumed").contains(&json!("BTC-PERPETUAL")), "{resumed}");
    let idle_is = |list: &str| names(list).contains(&json!(idle));
    assert!(idle_is("halted") && !idle_is("resumed"), "{resumed}");
    assert_eq!((state(), state_of(idle)), (json!("reduce_only"), json!("halted")));
    for name in ["BTC-PERPETUAL", idle] {
        operated.told(&["resume", &format!("instrument={name}")]);
        assert_eq!(state_of(name), "open");
    }
    let unsaid = operated.admin(&["halt"]);
    assert!(unsaid.err.contains("one of instrument, underlying and all"), "{}", unsaid.err);
    let table = operated.admin(&["get_instruments", "underlying=BTC"]).text();
    assert!(table.contains("open interest") && table.contains("BTC-PERPETUAL"), "{table}");
}

fn parameters(operated: &Operated) {
    let change = ["set_terms", "instrument=BTC-PERPETUAL", r#"changes={"fees":{"taker_ppm":321}}"#];
    let dry = operated.told(&[&change[..], &["dry_run=true"]].concat());
    assert_eq!((&dry["sequence"], &dry["changes"][0]["to"]), (&Value::Null, &json!(321)));
    assert_eq!(dry["changes"][0]["parameter"], "fees.taker_ppm");
    assert!(operated.told(&change)["sequence"].is_u64());
    assert_eq!(operated.told(&change)["changes"], json!([]), "it is so already");
    let wrong = operated.admin(&["set_venue_rules", r#"changes={"quotes_max":0}"#]);
    assert!(wrong.code == Some(2) && wrong.err.contains("quotes_max"), "{}", wrong.err);
    let rules = operated.told(&["set_venue_rules", r#"changes={"quotes_max":77}"#]);
    assert_eq!(rules["changes"][0]["to"], 77);
    assert_eq!(operated.told(&["get_venue_rules"])["quotes_max"], 77);
    let method = operated.told(&["set_methodology", "built_in=core", "dry_run=true"]);
    assert_eq!(method["in_force"], "with the next risk epoch");
    assert!(method["margins"].is_array() && method["sequence"].is_null(), "{method}");
    let strict = risk::Methodology::built_in_text("standard").unwrap();
    let strict = strict.replace("maintenance = { rate = 0.01,", "maintenance = { rate = 0.015,");
    let file = operated.venue.folder.path().join("strict.toml");
    std::fs::write(&file, strict).unwrap();
    let text = format!("text=@{}", file.display());
    let method = operated.told(&["set_methodology", &text, "dry_run=true"]);
    let long = operated.venue.folder.path().join("long.toml");
    std::fs::write(&long, vec![b'#'; 9 << 20]).unwrap();
    let long = operated.admin(&["set_methodology", &format!("text=@{}", long.display())]);
    assert!(long.code == Some(2) && long.err.contains("a venue takes 8388608"), "{}", long.err);
    let change = &method["changes"][0];
    assert!(change["from"].as_str().unwrap().contains("rate = 0.01,"), "{method}");
    assert!(change["to"].as_str().unwrap().contains("rate = 0.015,"), "{method}");
    let moved = method["margins"].as_array().unwrap();
    let rises = |one: &Value| one["maintenance_to"].as_f64() > one["maintenance_from"].as_f64();
    assert!(!moved.is_empty() && moved.iter().all(rises), "{method}");
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    operated.told(&[
        "rotate_oracle_key",
        "source=1",
        &format!("public_key={key}"),
        "overlap_ms=1000",
    ]);
    assert_eq!(operated.told(&["get_oracle_keys"])["1"], key);
    let looks = operated.venue.place["admin"].as_str().unwrap();
    let refused = operated.call(&operated.keys[1], looks, &["halt", "all=true"]);
    assert!(refused.err.contains("forbidden"), "{}", refused.err);
    assert_eq!(operated.call(&operated.keys[1], looks, &["status"]).code, Some(0));
}

fn notice(operated: &Operated) {
    let now = || operated.told(&["status"])["timestamp"].as_i64().unwrap();
    let set = ["set_terms", "instrument=BTC-PERPETUAL", r#"changes={"fees":{"taker_ppm":654}}"#];
    let with = |more: &[&str]| operated.told(&[&set[..], more].concat());
    let past = operated.admin(&[&set[..], &["--effective-at", "2020-01-01T00:00:00Z"]].concat());
    assert!(past.err.contains("[effective_at]: must be in the future"), "{}", past.err);
    let later = (now() + 3_600_000).to_string();
    let dry = with(&["--effective-at", &later, "dry_run=true"]);
    assert_eq!((&dry["sequence"], &dry["changes"][0]["to"]), (&Value::Null, &json!(654)));
    assert_eq!(operated.told(&["get_changes"]), json!([]));

    let announced = with(&["--effective-at", &later]);
    assert_eq!(announced["effective_at"].to_string(), later);
    let waiting = operated.told(&["get_changes"]);
    assert_eq!(waiting[0]["change"], announced["sequence"]);
    let expected = json!([{ "parameter": "fees.taker_ppm", "from": 321, "to": 654 }]);
    assert_eq!(
        (&waiting[0]["instrument"], &waiting[0]["changes"]),
        (&json!("BTC-PERPETUAL"), &expected)
    );
    let told = operated.client(&["public/x_announcements"]).unwrap();
    assert_eq!(told[0]["effective_timestamp"].to_string(), later);
    assert_eq!(told[0]["parameters"], json!({ "fees": { "taker_ppm": 654 } }));
    let again = operated.admin(&[&set[..], &["--effective-at", &later]].concat());
    assert!(again.err.contains("withdraw that first"), "{}", again.err);
    // What it is now is another value than what is announced.
    let back = ["set_terms", set[1], r#"changes={"fees":{"taker_ppm":321}}"#];
    let back = operated.admin(&[&back[..], &["--effective-at", &later]].concat());
    assert!(back.err.contains("withdraw that first"), "{}", back.err);
    let number = format!("change={}", announced["sequence"]);
    assert!(operated.told(&["withdraw_change", &number])["sequence"].is_u64());
    assert_eq!(operated.client(&["public/x_announcements"]).unwrap(), json!([]));

    let soon = (now() + 10_000).to_string();
    with(&["--effective-at", &soon]);
    let fee = || {
        let all = operated.told(&["get_instruments"]).as_array().unwrap().clone();
        let one = all.into_iter().find(|one| one["instrument"] == "BTC-PERPETUAL").unwrap();
        one["terms"]["fees"]["taker_ppm"].clone()
    };
    assert_eq!(fee(), 321);
    let begun = Instant::now();
    while operated.told(&["get_changes"]) != json!([]) {
        assert!(begun.elapsed() < Duration::from_secs(60), "the change is not made");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(fee(), 654);
    let quotes = ["set_venue_rules", r#"changes={"quotes_max":66}"#, "--effective-at", &later];
    let number = format!("change={}", operated.told(&quotes)["sequence"]);
    assert_eq!(operated.told(&["get_changes"])[0]["of"], "venue_rules");
    let table = operated.admin(&["get_changes"]).text();
    assert!(table.contains("effective at") && table.contains("quotes_max"), "{table}");
    operated.told(&["withdraw_change", &number]);
    let slower = [r#"changes={"clearing_ms":700}"#, "dry_run=true", "--effective-at", &later];
    let dry = operated.told(&[&["set_liquidation"][..], &slower].concat());
    assert_eq!(dry["changes"][0]["parameter"], "clearing_ms");
    let to = operated.told(&["get_liquidation"]);
    assert_eq!(dry["changes"][0]["from"], to["clearing_ms"]);
    for more in [&[][..], &["--effective-at", &later]] {
        let queue = ["set_liquidation", r#"changes={"adl":{"queue":{}}}"#, "dry_run=true"];
        let changes = operated.told(&[&queue[..], more].concat())["changes"].clone();
        let names = ["adl.hedges_last", "adl.queue"];
        assert_eq!([&changes[0]["parameter"], &changes[1]["parameter"]], names, "{changes}");
    }
}

fn withdrawals(operated: &Operated) {
    for (what, amount) in [("approve_withdrawal", "amount=3"), ("void_withdrawal", "amount=5")] {
        let asked = ["private/withdraw", "currency=USDC", "address=anywhere", amount];
        operated.client(&asked).unwrap();
        // Those of the demo's own people have small numbers.
        let ours = || {
            let open = operated.told(&["get_withdrawals"]).as_array().unwrap().clone();
            open.into_iter().find(|one| one["id"].as_u64().unwrap() > 1 << 40)
        };
        let open = ours().unwrap();
        let part = |name: &str| format!("{name}={}", open[name]);
        operated.told(&[what, &part("id"), &part("account")]);
        assert_eq!(ours(), None);
    }
}

fn read_only(operated: Operated) -> Operated {
    operated.told(&["set_read_only", "enabled=true", "reason=we move house"]);
    let order = ["private/buy", "instrument_name=BTC-PERPETUAL", "amount=10", "type=market"];
    let refused = operated.client(&order).unwrap_err();
    assert!(refused.contains("unavailable (13503)") && refused.contains("move house"), "{refused}");
    operated.client(&["private/get_account_summary", "currency=USDC"]).unwrap();
    let operated = operated.again();
    assert_eq!(operated.told(&["status"])["read_only"]["reason"], "we move house");
    assert!(operated.client(&order).is_err());
    operated.told(&["set_read_only", "enabled=false"]);
    operated.client(&order).unwrap();
    operated
}

fn on_record(operated: &Operated) {
    let acts = operated.told(&["audit", "count=1000"]);
    let acts = acts.as_array().unwrap();
    let numbers: Vec<u64> = acts.iter().map(|act| act["act"].as_u64().unwrap()).collect();
    let all: Vec<u64> = (1..=numbers[0]).rev().collect();
    assert_eq!(numbers, all, "none is missing, over a kill as well");
    let id = operated.keys[0].split(':').next().unwrap();
    assert!(acts.iter().all(|act| act["key"] == id));
    let find = |method: &str| {
        let method = format!("admin/{method}");
        acts.iter().find(|act| act["method"] == method.as_str()).unwrap()
    };
    assert!(find("halt")["outcome"]["code"] == -32602, "the newest was refused");
    assert!(find("approve_withdrawal")["outcome"]["sequence"].is_u64());
    assert_eq!(find("set_read_only")["params"]["enabled"], false);
    let refused = find("set_venue_rules");
    assert!(refused["outcome"]["sequence"].is_u64() || refused["outcome"]["code"] != 0);
}
