"""Quotes both sides of one market around its mark, and leans against what it holds.

A small maker, to begin from: one bid and one ask, moved when the mark moves or when a position has grown,
and taken back when it is told to stop. All of it is plain ccxt.

    CLIENT_ID=… CLIENT_SECRET=… python market_maker.py --symbol BTC/USDC:USDC --size 0.5 --most 5

The key is read from the environment, and never shown. Ctrl-C or SIGTERM stops it and cancels its orders.
"""

import argparse
import os
import signal
import sys
import threading
import time

import ccxt

# What it waits after a failure: twice as long each time, to this.
WAIT_MAX = 10.0


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--venue", default=os.environ.get("VENUE", "http://127.0.0.1:8080"), help="its address (or VENUE)")
    add("--symbol", default="BTC/USDC:USDC", help="the market, as ccxt names it")
    add("--size", type=float, default=0.1, help="what each side shows, in the market's amounts")
    add("--most", type=float, default=1.0, help="the most to hold, long or short")
    add("--spread", type=float, default=0.001, help="between bid and ask, as a part of the mark")
    add("--skew", type=float, default=0.5, help="how far holding the most moves both, in spreads")
    add("--every", type=float, default=0.5, help="seconds from one look to the next")
    return parser.parse_args()


def connect(venue):
    """A client of ccxt, changed in nothing but the address."""
    try:
        key = {"apiKey": os.environ["CLIENT_ID"], "secret": os.environ["CLIENT_SECRET"]}
    except KeyError as missing:
        sys.exit(f"{missing} is not set: CLIENT_ID and CLIENT_SECRET are the key")
    exchange = ccxt.deribit({**key, "rateLimit": 100})
    exchange.urls["api"] = {"rest": venue}
    return exchange


def wanted(mark, held, options):
    """What to quote: a price for each side, and none on the side that would add to too much."""
    lean = -options.skew * max(-1.0, min(1.0, held / options.most)) * options.spread
    middle = mark * (1 + lean)
    prices = {"buy": middle * (1 - options.spread / 2), "sell": middle * (1 + options.spread / 2)}
    full = {"buy": held + options.size > options.most, "sell": held - options.size < -options.most}
    return {side: price for side, price in prices.items() if not full[side]}


class Maker:
    """One bid and one ask on the venue, as near to what is wanted as need be."""

    def __init__(self, exchange, options):
        self.exchange, self.options = exchange, options
        self.symbol = options.symbol

    def look(self):
        """Where the market is, what is held, and which orders stand."""
        mark = float(self.exchange.fetch_ticker(self.symbol)["info"]["mark_price"])
        held = float(self.exchange.fetch_position(self.symbol)["info"]["size"])
        return mark, held, self.exchange.fetch_open_orders(self.symbol)

    def step(self):
        """Brings the quotes to where they belong."""
        mark, held, orders = self.look()
        prices = wanted(mark, held, self.options)
        for side in ("buy", "sell"):
            first, *others = [order for order in orders if order["side"] == side] or [None]
            for order in others if side in prices else filter(None, [first, *others]):
                self.cancel(order)
            if side in prices:
                self.quote(side, prices[side], first)

    def quote(self, side, price, order):
        """Places an order, or amends the one that is there once it is off or mostly filled."""
        size, spread = self.options.size, self.options.spread
        price = self.exchange.price_to_precision(self.symbol, price)
        terms = (self.symbol, "limit", side)
        try:
            if order is None:
                # Where it would take, the venue moves it back.
                self.exchange.create_order(*terms, size, price, {"post_only": True})
            elif abs(float(price) / order["price"] - 1) > spread / 4 or order["remaining"] < size / 2:
                self.exchange.edit_order(order["id"], *terms, order["filled"] + size, price)
        except (ccxt.InvalidOrder, ccxt.BadRequest) as gone:
            # It has traded meanwhile, or the market moved: the next step looks again.
            say(f"{side} at {price}: {type(gone).__name__}")

    def cancel(self, order):
        try:
            self.exchange.cancel_order(order["id"], self.symbol)
        except ccxt.InvalidOrder:
            # It has traded meanwhile.
            pass

    def leave(self):
        """Takes everything back; whether the venue has said so."""
        for wait in (0.5, 1, 2, 4, 8):
            try:
                self.exchange.cancel_all_orders(self.symbol)
                say("all orders are cancelled")
                return True
            except ccxt.NetworkError as lost:
                say(f"cancelling again in {wait} s: {type(lost).__name__}")
                time.sleep(wait)
        return False


def say(text):
    print(text, flush=True)


def main():
    options = arguments()
    maker = Maker(connect(options.venue), options)
    stopped = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: stopped.set())
    wait, quoting = options.every, False
    while not stopped.is_set():
        try:
            maker.step()
            if not quoting:
                say(f"quoting {options.symbol}")
            wait, quoting = options.every, True
        except ccxt.InsufficientFunds as short:
            # Less could be quoted; until then nothing is added.
            say(f"not enough margin: {short}")
        except ccxt.NetworkError as lost:
            wait, quoting = min(2 * wait, WAIT_MAX), False
            say(f"trying again in {wait:.1f} s: {lost}")
        except (ccxt.AuthenticationError, ccxt.BadSymbol) as refused:
            # A wrong key, too few rights, or an account in liquidation: its orders are cancelled.
            sys.exit(f"the venue does not want it: {refused}")
        stopped.wait(wait)
    if not maker.leave():
        sys.exit("orders may still stand: the venue could not be reached")


if __name__ == "__main__":
    main()
