"""ccxt over REST, unmodified: everything that its Deribit class can do here."""

import time

import ccxt

from venue import check, client, exact, near, raises, run, until, where

PERPETUAL, LINEAR, ETHER = "BTC/USD:BTC", "BTC/USDC:USDC", "ETH/USD:ETH"
AMOUNT = 100
CURRENCIES = ("BTC", "ETH", "USDC")


class Desk:
    """The client, and what checks ask of it again and again."""

    def __init__(self, exchange):
        self.exchange = exchange

    def price(self, share, symbol=PERPETUAL):
        """A price so far from the index, on the grid."""
        index = self.exchange.fetch_ticker(symbol)["indexPrice"]
        return float(self.exchange.price_to_precision(symbol, index * share))

    def size(self, symbol=PERPETUAL):
        """The position, signed."""
        return exact(self.exchange.fetch_position(symbol)["info"]["size"])

    def cash(self, code="BTC"):
        """What of a currency is cash."""
        return exact(self.exchange.fetch_balance({"code": code})["info"]["balance"])

    def log(self, code, since):
        """What changed a balance, oldest first."""
        span = {"currency": code, "start_timestamp": since, "end_timestamp": since + 3_600_000}
        logs = self.exchange.privateGetGetTransactionLog({**span, "count": 1000})["result"]["logs"]
        return logs[::-1]

    def order(self, kind, side, price=None, symbol=PERPETUAL, amount=AMOUNT, **params):
        return self.exchange.create_order(symbol, kind, side, amount, price, params)

    def raw(self, limit, **params):
        """A limit order with parameters that ccxt would have rounded or replaced."""
        return self.exchange.create_order(PERPETUAL, "limit", "buy", AMOUNT, limit, params)

    def book(self, symbol=PERPETUAL, depth=5):
        """The book, once somebody quotes both sides."""
        look = lambda: self.exchange.fetch_order_book(symbol, depth)
        return until("two sides", lambda: (b := look())["bids"] and b["asks"] and b)

    def take(self, side, symbol=PERPETUAL, amount=AMOUNT, **params):
        """A market order, once there is something to trade with."""
        self.book(symbol)
        return self.order("market", side, None, symbol, amount, **params)

    def open_ids(self, symbol=PERPETUAL):
        return [order["id"] for order in self.exchange.fetch_open_orders(symbol)]

    def option(self):
        """An option of the nearest expiry that is quoted on both sides."""
        chain = self.exchange.fetch_option_chain("BTC")
        quoted = [one for one in chain.values() if one["bidPrice"] and one["askPrice"]]
        nearest = min(self.exchange.market(one["symbol"])["expiry"] for one in quoted)
        first = [o for o in quoted if self.exchange.market(o["symbol"])["expiry"] == nearest]
        return sorted(first, key=lambda one: -one["markPrice"])[len(first) // 2]


# What everybody sees.


@check("markets say what they are")
def _(desk):
    markets = desk.exchange.markets
    kinds = {market["type"] for market in markets.values()}
    assert kinds == {"swap", "future", "option"}, kinds
    for market in markets.values():
        assert market["active"] and market["contract"], market["id"]
        assert market["precision"]["price"] > 0 and market["precision"]["amount"] > 0
        assert market["linear"] != market["inverse"], market["id"]
        assert market["settle"] == ("USDC" if market["linear"] else market["base"])
        if market["type"] != "swap":
            assert market["expiry"] > desk.exchange.milliseconds() - 60_000, market["id"]
        if market["option"]:
            assert market["strike"] > 0 and market["optionType"] in ("call", "put")
    assert markets[PERPETUAL]["contractSize"] == 10 and markets[PERPETUAL]["inverse"]


@check("currencies")
def _(desk):
    found = desk.exchange.fetch_currencies()
    assert {"BTC", "ETH", "USDC", "USD"} <= set(found)
    assert found["BTC"]["name"] == "Bitcoin" and found["BTC"]["fee"] == 0


@check("time and status")
def _(desk):
    assert abs(desk.exchange.fetch_time() - time.time() * 1000) < 30_000
    assert desk.exchange.fetch_status()["status"] == "ok"


@check("ticker: prices on the grid, uncrossed, and the last within the day")
def _(desk):
    ticker = until("a trade", lambda: (t := desk.exchange.fetch_ticker(PERPETUAL))["last"] and t, 60)
    assert ticker["symbol"] == PERPETUAL and 0 < ticker["bid"] < ticker["ask"]
    for side in ("bid", "ask"):
        assert exact(ticker[side]) % exact("0.5") == 0
        assert ticker[f"{side}Volume"] > 0 and ticker[f"{side}Volume"] % 10 == 0
    near(ticker["markPrice"], ticker["indexPrice"], relative=0.05)
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    # The volume in dollars over that in coins is a price of the day.
    price = ticker["quoteVolume"] / ticker["baseVolume"]
    assert ticker["low"] * 0.999 <= price <= ticker["high"] * 1.001, price


@check("an option's volume in dollars is that in coins at the index")
def _(desk):
    tickers = desk.exchange.fetch_tickers(params={"code": "BTC"})
    index = desk.exchange.fetch_ticker(PERPETUAL)["indexPrice"]
    for symbol, ticker in tickers.items():
        info = ticker["info"]
        if desk.exchange.market(symbol)["option"] and exact(info["volume"]) > 0:
            near(info["volume_usd"], float(info["volume_notional"]) * index, relative=0.02)


@check("tickers of a currency are all of it, and no book is crossed")
def _(desk):
    uncrossed(desk)
    markets = desk.exchange.markets
    found = desk.exchange.fetch_tickers(params={"code": "BTC"})
    # An instrument may have come or gone since the markets were read.
    wanted = {s for s, market in markets.items() if market["settle"] == "BTC"}
    assert len(wanted ^ set(found)) < len(wanted) / 4, wanted ^ set(found)
    two = desk.exchange.fetch_tickers([PERPETUAL, "BTC/USD:BTC"])
    assert set(two) == {PERPETUAL}


def uncrossed(desk):
    for code in CURRENCIES:
        for ticker in desk.exchange.fetch_tickers(params={"code": code}).values():
            if ticker["bid"] and ticker["ask"]:
                assert ticker["bid"] < ticker["ask"], (ticker["symbol"], ticker["bid"], ticker["ask"])


@check("order book: sides sorted, uncrossed, as deep as asked, in whole lots")
def _(desk):
    for symbol in (PERPETUAL, LINEAR, ETHER, desk.option()["symbol"]):
        market = desk.exchange.market(symbol)
        tick, lot = (exact(market["precision"][key]) for key in ("price", "amount"))
        for depth in (3, 20):
            book = desk.book(symbol, depth)
            bids, asks = book["bids"], book["asks"]
            assert book["nonce"] > 0 and len(bids) <= depth and len(asks) <= depth
            assert [p for p, _ in bids] == sorted({p for p, _ in bids}, reverse=True), bids
            assert [p for p, _ in asks] == sorted({p for p, _ in asks}), asks
            assert bids[0][0] < asks[0][0], (symbol, bids[0], asks[0])
            for price, amount in bids + asks:
                assert exact(price) % tick == 0 and amount > 0 and exact(amount) % lot == 0


@check("trades: in order, once each, as many as asked, since when asked")
def _(desk):
    trades = desk.exchange.fetch_trades(PERPETUAL, limit=50)
    assert 0 < len(trades) <= 50
    assert [t["timestamp"] for t in trades] == sorted(t["timestamp"] for t in trades)
    assert len({t["id"] for t in trades}) == len(trades)
    for trade in trades:
        assert trade["side"] in ("buy", "sell") and trade["amount"] % 10 == 0
        near(trade["cost"], trade["amount"] / trade["price"])
    middle = trades[len(trades) // 2]["timestamp"]
    since = desk.exchange.fetch_trades(PERPETUAL, since=middle, limit=1000)
    assert since and all(trade["timestamp"] >= middle for trade in since)
    kept = {trade["id"] for trade in trades if trade["timestamp"] >= middle}
    assert kept <= {trade["id"] for trade in since}
    assert len(desk.exchange.fetch_trades(PERPETUAL, limit=1)) == 1


@check("candles: aligned, whole, and their volume is that of the trades")
def _(desk):
    candles = desk.exchange.fetch_ohlcv(PERPETUAL, "1m")
    assert candles
    for start, first, high, low, last, volume in candles:
        assert start % 60_000 == 0 and low <= first <= high and low <= last <= high and volume >= 0
    starts = [candle[0] for candle in candles]
    assert starts == list(range(starts[0], starts[0] + 60_000 * len(starts), 60_000))
    trades = desk.exchange.fetch_trades(PERPETUAL, since=starts[0], limit=1000)
    done = [c for c in candles if c[0] + 60_000 <= trades[-1]["timestamp"]]
    for start, *_, volume in done:
        within = [t for t in trades if start <= t["timestamp"] < start + 60_000]
        near(volume, sum(t["amount"] / t["price"] for t in within), relative=1e-3, absolute=1e-7)
    day = desk.exchange.fetch_ohlcv(PERPETUAL, "1d")[-1]
    assert day[0] % 86_400_000 == 0 and day[5] >= max(candle[5] for candle in done or [day])
    assert len(desk.exchange.fetch_ohlcv(PERPETUAL, "1m", limit=1)) <= 2


@check("funding rates, of perpetuals only")
def _(desk):
    rate = desk.exchange.fetch_funding_rate(PERPETUAL)
    assert abs(rate["fundingRate"]) < 0.05
    history = desk.exchange.fetch_funding_rate_history(PERPETUAL)
    assert [one["timestamp"] for one in history] == sorted(one["timestamp"] for one in history)
    assert all(abs(one["fundingRate"]) < 0.05 for one in history)
    future = next(s for s, market in desk.exchange.markets.items() if market["future"])
    raises(ccxt.BadRequest, lambda: desk.exchange.fetch_funding_rate(future))


@check("option chain: both kinds at each strike, and parity at the mark")
def _(desk):
    chain = desk.exchange.fetch_option_chain("BTC")
    assert len(chain) > 10
    pairs = 0
    for symbol, call in chain.items():
        put = chain.get(symbol[:-1] + "P")
        if not symbol.endswith("-C") or put is None:
            continue
        assert call["currency"] == "BTC" and call["underlyingPrice"] > 0
        strike = desk.exchange.market(symbol)["strike"]
        parity = 1 - strike / call["underlyingPrice"]
        near(call["markPrice"] - put["markPrice"], parity, absolute=3e-3)
        pairs += 1
    assert pairs > 5, pairs


@check("option: the line of the chain")
def _(desk):
    of_chain = desk.option()
    option = desk.exchange.fetch_option(of_chain["symbol"])
    assert option["symbol"] == of_chain["symbol"] and option["openInterest"] >= 0
    near(option["underlyingPrice"], of_chain["underlyingPrice"], relative=0.02)
    near(option["midPrice"], (option["bidPrice"] + option["askPrice"]) / 2, absolute=1e-8)


@check("Greeks of every option of an expiry")
def _(desk):
    expiry = desk.exchange.market(desk.option()["symbol"])["expiry"]
    markets = [m for m in desk.exchange.markets.values() if m["option"] and m["base"] == "BTC"]
    deltas, quoted = {}, 0
    for market in (market for market in markets if market["expiry"] == expiry):
        greeks = desk.exchange.fetch_greeks(market["symbol"])
        sign = 1 if market["optionType"] == "call" else -1
        assert 0 <= sign * greeks["delta"] <= 1, greeks["delta"]
        assert greeks["gamma"] >= 0 and greeks["vega"] >= 0 and greeks["theta"] <= 0
        # At a given forward, interest does nothing but discount.
        assert greeks["rho"] <= 0
        assert 1 < greeks["markImpliedVolatility"] < 1000
        deltas[market["symbol"]] = greeks["delta"]
        forward, strike = greeks["underlyingPrice"], market["strike"]
        worth = max(0, sign * (forward - strike)) / forward
        if greeks["bidPrice"] > worth and greeks["askPrice"] > greeks["bidPrice"]:
            quoted += 1
            bid, ask = greeks["bidImpliedVolatility"], greeks["askImpliedVolatility"]
            assert 0 < bid < ask < 1000, (market["symbol"], bid, ask)
    assert quoted > 3, quoted
    for symbol, delta in deltas.items():
        if symbol.endswith("-C"):
            near(delta - deltas[symbol[:-1] + "P"], 1, absolute=0.2)


@check("volatility history")
def _(desk):
    history = desk.exchange.fetch_volatility_history("BTC")
    assert all(one["volatility"] >= 0 and one["timestamp"] % 3_600_000 == 0 for one in history)


@check("open interest, of inverse futures in dollars and of options in coins")
def _(desk):
    assert desk.exchange.fetch_open_interest(PERPETUAL)["openInterestValue"] > 0
    option = desk.exchange.fetch_open_interest(desk.option()["symbol"])
    assert option["openInterestAmount"] >= 0


@check("liquidations are listed")
def _(desk):
    assert isinstance(desk.exchange.fetch_liquidations(PERPETUAL), list)
    assert desk.exchange.fetch_my_liquidations(PERPETUAL) == []


# What is one's own.


@check("accounts: the caller's")
def _(desk):
    accounts = desk.exchange.fetch_accounts()
    assert [account["type"] for account in accounts] == ["main"]


@check("balance: equal to the summaries, row by row")
def _(desk):
    balance = desk.exchange.fetch_balance()
    rows = {row["currency"]: row for row in balance["info"]["summaries"]}
    assert {"BTC", "ETH", "USDC"} <= set(rows)
    for code, row in rows.items():
        assert balance[code]["total"] == row["equity"] and balance[code]["free"] == row["available_funds"]
        assert balance[code]["used"] == row["maintenance_margin"]
        one = desk.exchange.fetch_balance({"code": code})["info"]
        assert one["currency"] == code and one["balance"] == row["balance"]
    # Each row states the whole portfolio in its currency: the dollars are the same.
    totals = [float(row["total_equity_usd"]) for row in rows.values()]
    assert max(totals) == min(totals) > 0
    near(rows["USDC"]["margin_balance"], totals[0], relative=0.02)


@check("nothing traded yet: no positions, orders or trades")
def _(desk):
    assert desk.exchange.fetch_positions() == [] and desk.exchange.fetch_open_orders() == []
    assert desk.exchange.fetch_my_trades(PERPETUAL) == [] and desk.size() == 0


@check("deposits are deposits, and sum to the cash")
def _(desk):
    for code in CURRENCIES:
        deposits = desk.exchange.fetch_deposits(code)
        assert deposits and all(one["type"] == "deposit" for one in deposits), deposits
        assert all(one["status"] == "ok" and one["currency"] == code for one in deposits)
        assert sum(exact(one["amount"]) for one in deposits) == desk.cash(code)


@check("fees are those of the markets")
def _(desk):
    fees = desk.exchange.fetch_trading_fees()
    assert fees[PERPETUAL]["taker"] == desk.exchange.market(PERPETUAL)["taker"] > 0
    assert desk.exchange.fetch_deposit_withdraw_fees(["BTC"])["BTC"]["withdraw"]["fee"] == 0


# Orders.


@check("limit order: open, found, listed, edited and cancelled")
def _(desk):
    price = desk.price(0.97)
    order = desk.order("limit", "buy", price, label="first")
    assert order["status"] == "open" and order["type"] == "limit" and order["side"] == "buy"
    assert order["price"] == price and order["timeInForce"] == "GTC" and not order["postOnly"]
    assert (order["filled"], order["remaining"], order["average"]) == (0, AMOUNT, None)
    assert order["info"]["label"] == "first" and order["trades"] == []
    found = desk.exchange.fetch_order(order["id"], PERPETUAL)
    assert found["info"] == {k: v for k, v in order["info"].items() if k != "trades"}
    assert desk.open_ids() == [order["id"]]
    assert [one["id"] for one in desk.exchange.fetch_open_orders()] == [order["id"]]
    assert desk.open_ids(ETHER) == []
    levels = desk.exchange.fetch_order_book(PERPETUAL, 1000)["bids"]
    assert dict(map(tuple, levels)).get(price, 0) >= AMOUNT, "it is in the book"
    edited = desk.exchange.edit_order(order["id"], PERPETUAL, "limit", "buy", 2 * AMOUNT, price - 50)
    assert (edited["id"], edited["amount"], edited["price"]) == (order["id"], 2 * AMOUNT, price - 50)
    assert edited["info"]["replaced"] is True
    cancelled = desk.exchange.cancel_order(order["id"], PERPETUAL)
    assert cancelled["status"] == "canceled" and cancelled["info"]["cancel_reason"] == "user_request"
    assert desk.open_ids() == []
    assert desk.exchange.fetch_order(order["id"])["status"] == "canceled"
    raises(ccxt.InvalidOrder, lambda: desk.exchange.cancel_order(order["id"]))


@check("open orders need margin, and cancelled ones need none")
def _(desk):
    row = lambda: exact(desk.exchange.fetch_balance()["info"]["summaries"][0]["total_initial_margin_usd"])
    before = row()
    order = desk.order("limit", "buy", desk.price(0.97), amount=20_000)
    assert row() > before
    desk.exchange.cancel_order(order["id"])
    assert row() == before


@check("market order: fills, and position, trades, fee and cash follow exactly")
def _(desk):
    since, size, cash = desk.exchange.fetch_time(), desk.size(), desk.cash()
    order = desk.take("buy")
    assert order["status"] == "closed" and order["filled"] == AMOUNT and order["remaining"] == 0
    trades = desk.exchange.fetch_order_trades(order["id"])
    assert [t["id"] for t in trades] == [t["trade_id"] for t in order["info"]["trades"]]
    assert sum(exact(trade["amount"]) for trade in trades) == AMOUNT
    assert all(trade["takerOrMaker"] == "taker" and trade["order"] == order["id"] for trade in trades)
    value = sum(trade["price"] * trade["amount"] for trade in trades)
    near(order["average"], value / AMOUNT, absolute=1e-8)
    fee = sum(exact(trade["fee"]["cost"]) for trade in trades)
    assert all(trade["fee"]["currency"] == "BTC" for trade in trades)
    assert exact(order["fee"]["cost"]) == fee == exact(order["info"]["commission"])
    rate = desk.exchange.market(PERPETUAL)["taker"]
    coins = sum(trade["amount"] / trade["price"] for trade in trades)
    near(fee, rate * coins, absolute=1e-8 * len(trades))
    assert desk.size() - size == AMOUNT
    position = desk.exchange.fetch_position(PERPETUAL)
    assert position["side"] == "long" and position["contracts"] == AMOUNT
    # Costs are whole 10^-8 coins, and the average is cost over size.
    near(position["entryPrice"], AMOUNT / coins, relative=2e-8 / coins)
    assert desk.cash() - cash == sum(exact(line["change"]) for line in desk.log("BTC", since)) == -fee


@check("my trades: since, limit, by instrument and by currency")
def _(desk):
    mine = desk.exchange.fetch_my_trades(PERPETUAL)
    assert mine and [t["id"] for t in desk.exchange.fetch_my_trades()] == [t["id"] for t in mine]
    last = mine[-1]
    assert last["id"] in [t["id"] for t in desk.exchange.fetch_my_trades(PERPETUAL, last["timestamp"])]
    assert desk.exchange.fetch_my_trades(PERPETUAL, last["timestamp"] + 1) == []
    assert len(desk.exchange.fetch_my_trades(PERPETUAL, limit=1)) == 1
    public = desk.exchange.fetch_trades(PERPETUAL, since=last["timestamp"], limit=1000)
    seen = {t["id"]: (t["price"], t["amount"]) for t in public}
    assert seen[last["id"]] == (last["price"], last["amount"]), "everybody sees the same trade"


@check("selling back: the position is gone, and the loss is what the balance lost")
def _(desk):
    since, cash = desk.exchange.fetch_time(), desk.cash()
    bought = desk.exchange.fetch_my_trades(PERPETUAL)
    order = desk.take("sell", reduceOnly=True)
    sold = desk.exchange.fetch_order_trades(order["id"])
    assert desk.size() == 0 and desk.exchange.fetch_positions() == []
    lines = desk.log("BTC", since)
    assert desk.cash() - cash == sum(exact(line["change"]) for line in lines)
    coins = lambda trades: sum(trade["amount"] / trade["price"] for trade in trades)
    # Long dollars of bitcoin at one price, short at another: N/p - N/q coins.
    gained = sum(exact(trade["info"]["profit_loss"]) for trade in sold)
    near(gained, coins(bought) - coins(sold), absolute=3e-8)


@check("immediate or cancel: what is there, and nothing else")
def _(desk):
    desk.book()
    filled = desk.order("limit", "buy", desk.price(1.01), timeInForce="IOC")
    assert filled["status"] == "closed" and filled["timeInForce"] == "IOC" and desk.size() == AMOUNT
    assert filled["average"] <= filled["price"]
    nothing = desk.order("limit", "buy", desk.price(0.97), timeInForce="IOC")
    assert (nothing["status"], nothing["filled"]) == ("canceled", 0)
    assert desk.open_ids() == [] and desk.size() == AMOUNT


@check("fill or kill: all or nothing")
def _(desk):
    desk.book()
    filled = desk.order("limit", "sell", desk.price(0.99), timeInForce="FOK")
    assert filled["status"] == "closed" and filled["timeInForce"] == "FOK" and desk.size() == 0
    nothing = desk.order("limit", "buy", desk.price(0.97), timeInForce="FOK")
    assert (nothing["status"], nothing["filled"]) == ("canceled", 0)
    assert desk.open_ids() == [] and desk.size() == 0


@check("post-only: rests, or is refused where it would take")
def _(desk):
    order = desk.order("limit", "buy", desk.price(0.97), postOnly=True)
    assert order["status"] == "open" and order["postOnly"] is True
    desk.book()
    raises(ccxt.InvalidOrder, lambda: desk.order("limit", "buy", desk.price(1.01), postOnly=True))
    assert desk.open_ids() == [order["id"]]
    desk.exchange.cancel_order(order["id"])


@check("orders that wait: each type with its trigger")
def _(desk):
    low, high = desk.price(0.95), desk.price(1.05)
    stop, take = {"stopLossPrice": low}, {"takeProfitPrice": high}
    cases = [
        ("stop_limit", "stop_limit", "limit", low - 500, stop, "last_price"),
        ("stop_market", "stop_market", "market", None, {**stop, "trigger": "mark_price"}, "mark_price"),
        ("take_limit", "take_limit", "limit", high - 500, {**take, "trigger": "index_price"}, "index_price"),
        ("take_market", "take_market", "market", None, take, "last_price"),
        ("limit", "stop_limit", "limit", low - 500, stop, "last_price"),
        ("market", "trailing_stop", "trailing_stop", None, {"trailingAmount": 3000}, "last_price"),
    ]
    ids = []
    for kind, raw, parsed, price, params, trigger in cases:
        order = desk.order(kind, "sell", price, **params)
        info = order["info"]
        assert (info["order_type"], info["order_state"], order["status"]) == (raw, "untriggered", "open")
        assert order["type"] == parsed and info["trigger"] == trigger and order["price"] == price
        if raw == "trailing_stop":
            assert exact(info["trigger_offset"]) == 3000
        else:
            assert order["triggerPrice"] == (low if "stopLossPrice" in params else high)
        ids.append(order["id"])
    assert sorted(desk.open_ids()) == sorted(ids)
    assert desk.size() == 0
    first = desk.exchange.cancel_order(ids[0])
    assert first["status"] == "canceled"
    assert desk.exchange.cancel_all_orders(PERPETUAL)[0]["info"]["result"] == len(ids) - 1
    assert desk.open_ids() == []


@check("a stop fires when the price comes, and trades")
def _(desk):
    option = desk.option()
    symbol, lot = option["symbol"], desk.exchange.market(option["symbol"])["precision"]["amount"]
    for bought in range(1, 11):
        ask = desk.book(symbol)["asks"][0][0]
        waits = desk.order("stop_market", "buy", None, symbol, lot, stopLossPrice=ask)
        # The market may have come down in between; then the price has not come.
        if desk.take("buy", symbol, lot)["average"] >= ask:
            break
        desk.exchange.cancel_order(waits["id"])
    fired = lambda: (o := desk.exchange.fetch_order(waits["id"]))["status"] == "closed" and o
    done = until("the stop to fire", fired)
    assert done["info"]["triggered"] is True and exact(done["filled"]) == exact(lot)
    assert desk.size(symbol) == (bought + 1) * exact(lot)


@check("option trades: premium and fee leave the balance, and come back")
def _(desk):
    held = [p for p in desk.exchange.fetch_positions() if desk.exchange.market(p["symbol"])["option"]]
    assert len(held) == 1 and held[0]["side"] == "long", held
    symbol, lots = held[0]["symbol"], held[0]["contracts"]
    since, cash = desk.exchange.fetch_time(), desk.cash()
    order = desk.take("sell", symbol, lots)
    assert order["status"] == "closed" and desk.size(symbol) == 0
    trades = desk.exchange.fetch_order_trades(order["id"])
    premium = sum(exact(trade["price"]) * exact(trade["amount"]) for trade in trades)
    fee = sum(exact(trade["fee"]["cost"]) for trade in trades)
    assert exact(order["info"]["commission"]) == fee > 0
    assert desk.cash() - cash == premium - fee
    assert sum(exact(line["change"]) for line in desk.log("BTC", since)) == premium - fee


@check("linear and ether contracts settle in their own currency")
def _(desk):
    for symbol, code in ((LINEAR, "USDC"), (ETHER, "ETH")):
        lot = desk.exchange.market(symbol)["limits"]["amount"]["min"]
        since, cash = desk.exchange.fetch_time(), desk.cash(code)
        bought = desk.take("buy", symbol, 5 * lot)
        assert bought["status"] == "closed" and desk.size(symbol) == exact(bought["amount"])
        sold = desk.take("sell", symbol, 5 * lot)
        assert desk.size(symbol) == 0
        trades = [t for o in (bought, sold) for t in desk.exchange.fetch_order_trades(o["id"])]
        assert all(trade["fee"]["currency"] == code for trade in trades)
        lines = desk.log(code, since)
        assert desk.cash(code) - cash == sum(exact(line["change"]) for line in lines) < 0
        if symbol == LINEAR:
            signed = sum((1 if t["side"] == "sell" else -1) * exact(t["cost"]) for t in trades)
            fees = sum(exact(t["fee"]["cost"]) for t in trades)
            near(desk.cash(code) - cash, signed - fees, absolute=1e-6)


@check("closed orders: those that traded, with what they traded at")
def _(desk):
    closed = desk.exchange.fetch_closed_orders(PERPETUAL)
    assert len(closed) >= 4 and all(order["status"] == "closed" for order in closed)
    for order in closed:
        trades = desk.exchange.fetch_order_trades(order["id"])
        assert sum(exact(t["amount"]) for t in trades) == exact(order["filled"])
        near(order["average"], sum(t["amount"] * t["price"] for t in trades) / order["filled"], 1e-9)
    assert len(desk.exchange.fetch_closed_orders(PERPETUAL, limit=2)) == 2
    every = {order["id"] for order in desk.exchange.fetch_closed_orders()}
    assert {order["id"] for order in closed} <= every


@check("cancel all: of one instrument, then of all")
def _(desk):
    for _ in range(2):
        desk.order("limit", "buy", desk.price(0.96))
    ether = desk.order("limit", "buy", desk.price(0.96, ETHER), ETHER, 10)
    assert desk.exchange.cancel_all_orders(PERPETUAL)[0]["info"]["result"] == 2
    assert desk.open_ids() == [] and desk.open_ids(ETHER) == [ether["id"]]
    assert desk.exchange.cancel_all_orders()[0]["info"]["result"] == 1
    assert desk.open_ids(ETHER) == []


@check("withdrawal: reserved at once and listed; never more than there is")
def _(desk):
    cash = desk.cash()
    address = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
    reply = desk.exchange.withdraw("BTC", 0.01, address)["info"]["result"]
    assert exact(reply["amount"]) == exact("0.01") and reply["state"] == "unconfirmed"
    assert cash - desk.cash() == exact("0.01")
    listed = desk.exchange.fetch_withdrawals("BTC")
    assert [(one["type"], one["amount"], one["status"]) for one in listed] == [("withdrawal", 0.01, "pending")]
    raises(ccxt.InsufficientFunds, lambda: desk.exchange.withdraw("BTC", 1000, address))


@check("transfers: only to accounts of the same owner")
def _(desk):
    raises(ccxt.PermissionDenied, lambda: desk.exchange.transfer("BTC", 0.01, None, "2"))
    assert desk.exchange.fetch_transfers("BTC") == []


# What is refused, by the class that ccxt makes of it.


@check("refusals have ccxt's classes")
def _(desk):
    exchange, price = desk.exchange, desk.price(0.97)
    raises(ccxt.InsufficientFunds, lambda: desk.order("limit", "buy", price, amount=10**9))
    raises(ccxt.InvalidOrder, lambda: desk.raw(price, price=price + 0.123))
    text = raises(ccxt.InvalidOrder, lambda: desk.order("limit", "buy", desk.price(2)))
    assert "10007" in text and "price_too_high" in text
    assert "10005" in raises(ccxt.InvalidOrder, lambda: desk.order("limit", "sell", desk.price(0.5)))
    raises(ccxt.OrderNotFound, lambda: exchange.fetch_order("BTC-123456789"))
    raises(ccxt.OrderNotFound, lambda: exchange.cancel_order("BTC-123456789"))
    raises(ccxt.OrderNotFound, lambda: exchange.edit_order("nonsense", PERPETUAL, "limit", "buy", 10, 1))
    raises(ccxt.BadSymbol, lambda: desk.order("limit", "buy", 1, "NO/USD:NO"))
    for params in ({"instrument_name": "NO-PERPETUAL"}, {}):
        raises(ccxt.BadRequest, lambda: exchange.publicGetTicker(params))
    raises(ccxt.BadRequest, lambda: desk.raw(price, amount=13))
    raises(ccxt.BadRequest, lambda: desk.raw(price, type="nonsense"))
    raises(ccxt.BadRequest, lambda: exchange.privateGetLogout({"nonsense": 1}))
    assert desk.open_ids() == []


@check("who is not known is refused, and who is known by a wrong secret as well")
def _(desk):
    for key in ({"client_id": "nobody"}, {"client_secret": "wrong"}):
        other = client(ccxt.deribit, {**desk.place, **key})
        raises(ccxt.AuthenticationError, other.privateGetGetPositions)


@check("an order that comes too late is not placed")
def _(desk):
    raises(ccxt.ExchangeError, lambda: desk.order("limit", "buy", desk.price(0.97), valid_until=1))
    assert desk.open_ids() == []


@check("an order's own number makes a retry harmless")
def _(desk):
    price = desk.price(0.96)
    first = desk.order("limit", "buy", price, x_request_id=77)
    again = desk.order("limit", "buy", price, x_request_id=77)
    assert first["id"] == again["id"] and desk.open_ids() == [first["id"]]
    desk.exchange.cancel_order(first["id"])


@check("after all this, no book is crossed")
def _(desk):
    uncrossed(desk)


@check("too many orders at once are refused, and soon taken again")
def _(desk):
    fast = client(ccxt.deribit, desk.place, enableRateLimit=False)

    def flood():
        # Equal requests within a millisecond would have equal signatures, which work once.
        for number in range(60):
            fast.privateGetCancelByLabel({"label": str(number)})

    assert "10028" in raises(ccxt.DDoSProtection, flood)
    time.sleep(1)
    assert fast.privateGetCancelByLabel({"label": "again"})["result"] == 0


def main():
    place, server = where()
    try:
        # As fast as the venue lets an account, and no faster.
        exchange = client(ccxt.deribit, place, rateLimit=55)
        exchange.load_markets()
        desk = Desk(exchange)
        desk.place = place
        run(desk)
    finally:
        if server:
            server.kill()


if __name__ == "__main__":
    main()
