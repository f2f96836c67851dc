"""The fall of 5 February 2026: a leveraged long is liquidated in an auction, which a liquidator wins.

A maker and a long trade through the replay by ccxt; the maker and the liquidator are the programs in the
folder `examples`. In the end what ccxt reported of every account is what the journal's ledger says.
PLIMSOLL_BINARY is the plimsoll that is meant, PLIMSOLL_DATA a folder with `prices` and `chains`.
"""

import csv
import os
import pathlib
import tempfile
import time
from collections import defaultdict
from decimal import Decimal

import ccxt
import requests

from venue import Bot, Server, check, client, exact, plimsoll, run, until

SYMBOL, NAME, CURRENCIES = "BTC/USDC:USDC", "BTC_USDC-PERPETUAL", ("BTC", "ETH", "USDC")
# The hour's high was 65,700 dollars, and 20 minutes later its low 62,345. A minute is six seconds here.
FROM, SPEED = "2026-02-05T20:20:00Z", "10"
# The book shows a few bitcoin at a time: what the long holds is more than it takes in ten seconds.
TARGET = 80
# How long to wait for what the fall brings.
PATIENCE = 90
# As the demo lists it, but that profits and losses are settled every five minutes.
TERMS = {
    "tick": "0.5", "lots_max": 1_000_000_000, "position_max": 1_000_000_000,
    "open_interest_max": 10_000_000_000, "band_ppm": 50_000,
    "fees": {"maker_ppm": -50, "taker_ppm": 400}, "settlement_ms": 300_000,
}


class Operator:
    """The venue's operator, on the other listener."""

    def __init__(self, place, data):
        key = plimsoll("keys", "create", f"{data}/admin", "--account", "0", "--name", "operator")["key"]
        self.url, self.key = f"{place['admin']}/api/v2", (key["client_id"], key["client_secret"])
        self.transfers = 1 << 48

    def ask(self, method, **params):
        body = {"jsonrpc": "2.0", "id": 1, "method": f"admin/{method}", "params": params}
        reply = requests.post(self.url, json=body, auth=self.key, timeout=30).json()
        assert "result" in reply, reply
        return reply["result"]

    def submit(self, **command):
        return self.ask("submit", command=command)["events"]

    def open(self, model, **owner):
        """Opens an account; gives its number."""
        events = self.submit(open_account={"margin_model": model, **owner})
        return next(event["account_opened"]["account"] for event in events if "account_opened" in event)

    def bring(self, account, asset, amount):
        """Money from outside."""
        self.transfers += 1
        what = {"id": self.transfers, "account": account}
        self.submit(announce_deposit={**what, "asset": asset, "amount": amount})
        self.submit(credit_deposit=what)

    def sequence(self):
        return self.ask("status")["sequence"]


class Story:
    """What is known from one check to the next."""

    def __init__(self):
        self.data = tempfile.mkdtemp(prefix="plimsoll-")
        history = pathlib.Path(os.environ["PLIMSOLL_DATA"])
        replay = ["--prices", str(history / "prices"), "--chains", str(history / "chains")]
        replay += ["--from", FROM, "--speed", SPEED, "--admin-listen", "127.0.0.1:0"]
        self.server = Server(self.data, options=replay)
        self.place, self.bots, self.keys, self.numbers = self.server.where, [], {}, {}
        self.operator = Operator(self.place, self.data)

    def account(self, name, model, money, **owner):
        """An account with money, and a key for it."""
        number = self.operator.open(model, **owner)
        for asset, amount in money.items():
            self.operator.bring(number, asset, amount)
        scope = "account:read_write trade:read_write wallet:read_write mainaccount"
        create = ("keys", "create", self.data, "--account", str(number), "--name", name)
        self.keys[name], self.numbers[name] = plimsoll(*create, "--scope", scope)["key"], number
        return number

    def client(self, name):
        return client(ccxt.deribit, {**self.place, **self.keys[name]}, rateLimit=55)

    def start(self, program, name, *options):
        bot = Bot(self.data, program, self.place, self.keys[name], *options)
        self.bots.append(bot)
        return bot

    def end(self):
        for bot in self.bots:
            bot.kill()
        self.server.kill()


@check("accounts, a subaccount, money and keys: by an operator")
def _(story):
    operator = story.operator
    operator.submit(set_terms={"instrument": NAME, "terms": TERMS})
    story.account("maker", "portfolio", {"USDC": "5000000", "BTC": "10"})
    owner = story.account("owner", "portfolio", {"USDC": "200000.00000001", "ETH": "3"})
    story.account("long", "cross", {"BTC": "0.5"}, owner=owner)
    number = story.account("liquidator", "portfolio", {"USDC": "6000000"})
    operator.submit(register_liquidator={"account": number, "registered": True})
    # A venue that runs hears of new keys within a second.
    story.long, story.owner = story.client("long"), story.client("owner")
    for exchange in (story.long, story.owner):
        until("the key is known", lambda: isinstance(attempt(exchange.fetch_balance), dict))
    story.long.load_markets()
    story.owner.set_markets_from_exchange(story.long)


def attempt(call):
    """What a call gives, or the error that it raises."""
    try:
        return call()
    except ccxt.BaseError as error:
        return error


@check("the owner moves money to the subaccount, and both see it")
def _(story):
    story.owner.transfer("USDC", 120_000.25, story.numbers["owner"], str(story.numbers["long"]))
    left = {story.owner: ("79999.75000001", "payment"), story.long: ("120000.25", "income")}
    for exchange, (balance, direction) in left.items():
        row = exchange.fetch_balance({"code": "USDC"})["info"]
        (moved,) = exchange.privateGetGetTransfers({"currency": "USDC"})["result"]["data"]
        assert (exact(row["balance"]), moved["direction"]) == (Decimal(balance), direction)
        assert exact(moved["amount"]) == Decimal("120000.25")


@check("the maker quotes both sides, the long buys all that its margin carries, the liquidator waits")
def _(story):
    story.maker = story.start("market_maker", "maker", "--size", "8", "--most", "300", "--every", "0.2")
    story.liquidator = story.start("liquidator", "liquidator", "--use", "0.9")
    until("the maker quotes", lambda: story.maker.says("quoting"), PATIENCE)
    amount, bought, end = 8.0, Decimal(0), time.monotonic() + PATIENCE
    while bought < TARGET and amount >= 0.5:
        order = attempt(lambda: story.long.create_order(SYMBOL, "market", "buy", amount))
        if isinstance(order, ccxt.PermissionDenied):
            break  # It has fallen already.
        if isinstance(order, ccxt.InsufficientFunds):
            amount /= 2
        elif isinstance(order, dict):
            bought += exact(order["filled"])
        assert time.monotonic() < end, (order, bought)
    assert bought > TARGET / 3
    assert 0 < exact(story.long.fetch_position(SYMBOL)["info"]["size"]) <= bought
    until("the liquidator waits", lambda: story.liquidator.says("waiting for auctions"), PATIENCE)


def steps_of(exchange, scope, **params):
    """Steps of cases, of which ccxt knows nothing: `private` ones, or all by `public`."""
    return exchange.request("x_cases", [scope], "GET", {"count": 1000, **params})["result"]


def own_steps(exchange):
    return steps_of(exchange, "private")


def named(steps, *path):
    """Of steps that have a member, what it holds."""
    return [step["what"][path[0]] for step in steps if path[0] in step["what"]]


@check("the long falls below its maintenance margin: from then on ccxt says PermissionDenied")
def _(story):
    # Far from the market: at all other times it is refused for its price.
    order = lambda: attempt(lambda: story.long.create_order(SYMBOL, "limit", "buy", 0.1, 30_000))
    refused = until("it may not trade", lambda: type(e := order()) is ccxt.PermissionDenied and e, PATIENCE)
    assert "10019" in str(refused) and "locked_by_admin" in str(refused)


@check("its case opened, and comes to an auction")
def _(story):
    opened = named(own_steps(story.long), "opened")[0]
    assert exact(opened["stands"]["equity"]) < exact(opened["stands"]["maintenance"])
    stages = lambda: [stage["stage"] for stage in named(own_steps(story.long), "stage")]
    until("an auction", lambda: "auction" in stages(), PATIENCE)


@check("the liquidator wins in an auction of the long, over its WebSocket; the case ends")
def _(story):
    story.winner = story.client("liquidator")
    story.winner.set_markets_from_exchange(story.long)
    cases_of = lambda exchange, what: {step["case"] for step in own_steps(exchange) if what in step["what"]}
    both = lambda: cases_of(story.winner, "sold") & cases_of(story.long, "closed")
    story.case = until("it wins", both, PATIENCE).pop()
    own = [step for step in own_steps(story.winner) if step["case"] == story.case]
    assert {step["part"] for step in own} == {"bidder", "taker"}
    assert named(own, "bid")[0]["share_ppb"] > 0 and named(own, "leg")[0]["instrument_name"] == NAME
    assert all(sold["to"] == "bidder" for sold in named(own, "sold")), own
    assert "filled" in [end["cause"] for end in named(own, "bid_ended")]
    # What everybody sees says neither who took it nor what was bid.
    public = steps_of(story.long, "public", case=story.case)
    assert named(public, "sold") and not any("taker" in sold for sold in named(public, "sold"))
    assert named(public, "bid") and not any(named(public, "bid"))


@check("told to stop, the liquidator trades out of the rest and ends")
def _(story):
    story.liquidator.stop(PATIENCE)
    said = story.liquidator.text()
    assert f"case {story.case}: won " in said and said.endswith("holds nothing\n"), said
    secrets = [key["client_secret"] for key in story.keys.values()]
    assert not [secret for secret in secrets for bot in story.bots if secret in bot.text()]
    assert not [one for one in story.winner.fetch_positions() if exact(one["info"]["size"])]


@check("the maker takes its orders back when it is told to stop")
def _(story):
    story.maker.stop(PATIENCE)
    assert "all orders are cancelled" in story.maker.text()
    exchange = story.client("maker")
    exchange.set_markets_from_exchange(story.long)
    assert exchange.fetch_open_orders(SYMBOL) == []
    story.clients = {"maker": exchange, "liquidator": story.winner}
    story.clients |= {"owner": story.owner, "long": story.long}


@check("profits and losses were settled, and are listed")
def _(story):
    rows = lambda: story.long.privateGetGetSettlementHistoryByInstrument(
        {"instrument_name": NAME, "type": "settlement"})["result"]["settlements"]
    settled = until("a settlement", rows, PATIENCE)
    assert {row["instrument_name"] for row in settled} == {NAME}
    assert all(row["type"] == "settlement" and row["timestamp"] % 300_000 < 60_000 for row in settled)


def fetched(exchange):
    """Every balance as ccxt has it; one by one they are the same, unless something happens between."""
    rows = exchange.fetch_balance()["info"]["summaries"]
    balances = {row["currency"]: exact(row["balance"]) for row in rows}
    single = {code: exact(exchange.fetch_balance({"code": code})["info"]["balance"]) for code in CURRENCIES}
    return balances if {code: balances[code] for code in CURRENCIES} == single else None


def log(exchange, code):
    """All lines of the transaction log, page by page."""
    lines, page = [], {}
    while page is not None:
        span = {"currency": code, "start_timestamp": 0, "end_timestamp": 2**42, "count": 1000, **page}
        found = exchange.privateGetGetTransactionLog(span)["result"]
        lines += found["logs"]
        page = {"continuation": found["continuation"]} if found.get("continuation") else None
    return lines


@check("the transaction log adds up to the balance, in every currency")
def _(story):
    kinds = defaultdict(set)

    def adds_up(name, exchange, code):
        lines = log(exchange, code)
        kinds[name] |= {line["type"] for line in lines}
        return sum(exact(line["change"]) for line in lines) == exact(
            exchange.fetch_balance({"code": code})["info"]["balance"])

    for name, exchange in story.clients.items():
        for code in CURRENCIES:
            until(f"{code} of {name}", lambda: adds_up(name, exchange, code))
    assert {"transfer", "settlement", "liquidation"} <= kinds["long"], kinds
    assert {"deposit", "fee", "liquidation"} <= kinds["liquidator"], kinds


@check("what ccxt reports at last, and a graceful stop")
def _(story):
    story.reported = {}
    for name, exchange in story.clients.items():
        before = story.operator.sequence()
        story.reported[name] = (before, until(f"balances of {name}", lambda: fetched(exchange)))
    winner = story.winner.fetch_balance()
    flat = [row for row in winner["info"]["summaries"] if exact(row["balance"])]
    assert all(exact(winner[row["currency"]]["total"]) == exact(row["balance"]) for row in flat), flat
    assert story.server.stop() == 0


def table(story, name):
    with open(f"{story.data}/tables/{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


@check("every balance that ccxt reported is the ledger's, to the last unit")
def _(story):
    plimsoll("export", f"{story.data}/journal", "--format", "csv", "--out", f"{story.data}/tables",
             "--tables", "balances,cases,fills")
    lines = defaultdict(list)
    for line in table(story, "balances"):
        if line["part"] == "available" and line["account"]:
            change = (int(line["sequence"]), line["asset"], Decimal(line["change"]))
            lines[int(line["account"])].append(change)
    for name, (before, reported) in story.reported.items():
        # What the account had from when it was asked on, command by command.
        held, ledger = defaultdict(Decimal), {}
        for sequence, asset, change in lines[story.numbers[name]]:
            held[asset] += change
            ledger[max(sequence, before)] = {code: amount for code, amount in held.items() if amount}
        known = {code: amount for code, amount in reported.items() if amount}
        assert known in ledger.values(), (name, known, ledger)
        print(f"      {name}: {', '.join(f'{amount} {code}' for code, amount in known.items())}")


@check("the case's own record says who won")
def _(story):
    steps = [step for step in table(story, "cases") if step["account"] == str(story.numbers["long"])]
    winner = str(story.numbers["liquidator"])
    assert {"opened", "bid", "bid_ended", "sold", "leg", "closed"} <= {step["what"] for step in steps}
    taken = defaultdict(Decimal)
    for step in steps:
        if step["what"] == "leg" and step["case"] == str(story.case):
            taken[step["counterparty"]] += Decimal(step["size"])
    assert max(taken, key=taken.get) == winner, taken
    cases = plimsoll("cases", f"{story.data}/journal")["cases"]
    (case,) = [case for case in cases if case["case"] == story.case]
    assert case["stage"] in ("auction", "insolvent") and winner in str(case["taken_by"]).split(", "), case
    # What it traded out of is all that it took.
    fills = [fill for fill in table(story, "fills") if fill["account"] == winner]
    traded = sum(Decimal(fill["size"]) * (1 if fill["side"] == "buy" else -1) for fill in fills)
    legs = [step for step in table(story, "cases") if step["what"] == "leg"]
    got = sum(Decimal(leg["size"]) for leg in legs if leg["counterparty"] == winner)
    assert -traded == got > 0, (traded, got)


def main():
    if not {"PLIMSOLL_BINARY", "PLIMSOLL_DATA"} <= set(os.environ):
        raise SystemExit("PLIMSOLL_BINARY must name the plimsoll, PLIMSOLL_DATA the folder of its history")
    story = Story()
    try:
        run(story, to_the_end=False)
    finally:
        for bot in story.bots:
            print(f"--- {bot.said.name}\n{bot.text()}")
        story.end()


if __name__ == "__main__":
    main()
