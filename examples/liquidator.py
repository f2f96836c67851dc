"""Bids for portfolios that are liquidated, and trades out of what it wins.

It follows liquidation cases over a WebSocket. When one comes to its auction, it values what is for sale,
asks `private/x_what_if` how much of that its own margin carries, and bids for as much at the least
discount that pays for trading out of it. What it wins it sells or buys back, in steps that the book
carries. ccxt does what it has methods for; what only this venue has goes over the socket as JSON-RPC.

    CLIENT_ID=… CLIENT_SECRET=… python liquidator.py

The account must be registered as a liquidator by the venue's operators. The key is read from the
environment, and never shown, nor sent: every login is signed. Ctrl-C or SIGTERM takes back the bids that
wait, and ends it once it holds nothing; the second time it ends at once.
"""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import itertools
import json
import os
import signal
import sys
import time

import aiohttp
import ccxt.async_support as ccxt

# Codes of a login or right that is refused: trying again would not help.
NOT_WANTED = (13004, 13009, 13021)
# What it waits after a failure: twice as long each time, to this.
WAIT_MAX = 10.0
# Replies that take longer are given up.
REPLY_SECONDS = 15
# Where it has no bid it looks again after so many seconds.
LOOK_AGAIN = 1.0
# Bids for less than this part are not worth it.
SHARE_LEAST = 0.02
# Trading out at once costs this many times half the spread.
DEPTH = 2.0


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--venue", default=os.environ.get("VENUE", "http://127.0.0.1:8080"), help="its address (or VENUE)")
    add("--edge", type=float, default=1.1, help="the discount asked for, over what trading out costs")
    add("--use", type=float, default=0.5, help="the part of free equity that a bid may need as margin")
    add("--slip", type=float, default=0.002, help="how far from the mark it trades out, as a part of it")
    return parser.parse_args()


class VenueError(Exception):
    """What the venue answered instead of a result."""

    def __init__(self, error):
        reason = error.get("data", {}).get("reason", "")
        super().__init__(f"{error['message']} ({error['code']}) {reason}".rstrip())
        self.code = error["code"]


class Socket:
    """JSON-RPC over one WebSocket connection: replies by number, notifications in a queue."""

    def __init__(self, web):
        self.web, self.numbers, self.waiting = web, itertools.count(1), {}
        self.notifications = asyncio.Queue()

    async def call(self, method, **params):
        number = next(self.numbers)
        reply = self.waiting[number] = asyncio.get_running_loop().create_future()
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        try:
            await self.web.send_str(json.dumps(request))
            answer = await asyncio.wait_for(reply, REPLY_SECONDS)
        finally:
            del self.waiting[number]
        if "error" in answer:
            raise VenueError(answer["error"])
        return answer["result"]

    async def read(self):
        """Sorts what comes, until the connection ends."""
        try:
            await self.sort()
        finally:
            lost = ConnectionError("the connection has ended")
            for reply in self.waiting.values():
                reply.done() or reply.set_exception(lost)
        raise lost

    async def sort(self):
        async for message in self.web:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            told = json.loads(message.data)
            if told.get("method") == "subscription":
                self.notifications.put_nowait(told["params"])
            elif told.get("method") == "heartbeat":
                await self.web.send_str('{"jsonrpc":"2.0","id":0,"method":"public/test"}')
            elif (reply := self.waiting.get(told.get("id"))) and not reply.done():
                reply.set_result(told)

    async def log_in(self, client_id, secret):
        """Signs, so that the secret stays here."""
        timestamp, nonce = str(int(time.time() * 1000)), os.urandom(8).hex()
        signed = hmac.new(secret.encode(), f"{timestamp}\n{nonce}\n".encode(), hashlib.sha256)
        await self.call(
            "public/auth", grant_type="client_signature", client_id=client_id,
            timestamp=int(timestamp), nonce=nonce, signature=signed.hexdigest(), data="",
        )


class Liquidator:
    """What it follows and has bid for, and how it goes on."""

    def __init__(self, exchange, options):
        self.exchange, self.options, self.socket = exchange, options, None
        # Cases that are auctioned, and those of them that it has a bid in.
        self.followed, self.bids = set(), set()
        # What it said last of each; whether there is something new to bid for; whether it is leaving.
        self.said, self.news, self.leaving = {}, asyncio.Event(), False

    async def live(self, address):
        """Connects, and connects again, unless the venue does not want it."""
        wait = 1.0
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.ws_connect(address, max_msg_size=0) as web:
                        wait = 1.0
                        await self.connected(web)
                except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as lost:
                    say(f"connecting again in {wait:.0f} s: {lost or type(lost).__name__}")
                except VenueError as refused:
                    if refused.code in NOT_WANTED:
                        raise
                    say(f"connecting again in {wait:.0f} s: {refused}")
                await asyncio.sleep(wait)
                wait = min(2 * wait, WAIT_MAX)

    async def connected(self, web):
        """Lives on one connection until that ends."""
        self.socket = Socket(web)
        tasks = [asyncio.ensure_future(self.socket.read())]
        try:
            await self.begin()
            tasks += map(asyncio.ensure_future, (self.listen(), self.bid_again_and_again()))
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def begin(self):
        """Logs in, and looks for what began before. Bids that it may have are replaced."""
        await self.socket.log_in(self.exchange.apiKey, self.exchange.secret)
        await self.socket.call("public/set_heartbeat", interval=30)
        await self.socket.call("private/subscribe", channels=["x.liquidations.any", "user.x_cases"])
        self.followed, self.bids = set(), set()
        for auction in await self.socket.call("public/x_auctions"):
            await self.follow(auction["case"])
        say("waiting for auctions")

    async def listen(self):
        """Takes note of what it is told."""
        while True:
            told = await self.socket.notifications.get()
            step, channel = told["data"], told["channel"]
            if channel == "user.x_cases":
                self.own(step)
            elif channel == "x.liquidations.any":
                if step["what"].get("stage", {}).get("stage") == "auction":
                    await self.follow(step["case"])
            else:
                await self.step(step)

    async def follow(self, case):
        """Follows a case from its auction to its end."""
        if case not in self.followed:
            self.followed.add(case)
            await self.socket.call("public/subscribe", channels=[f"x.auction.{case}"])
            say(f"case {case}: is auctioned")
        self.news.set()

    async def step(self, step):
        """Something happened in a case that it follows."""
        case, what = step["case"], step["what"]
        if "closed" in what:
            say(f"case {case}: over, {what['closed']['outcome']}")
            for cases in (self.followed, self.bids):
                cases.discard(case)
            await self.socket.call("public/unsubscribe", channels=[f"x.auction.{case}"])
        elif "sold" in what:
            self.news.set()

    def own(self, step):
        """Something that it has a part in happened."""
        case, what = step["case"], step["what"]
        if "bid_ended" in what and what["bid_ended"]["cause"] != "replaced":
            self.bids.discard(case)
        elif "sold" in what:
            say(f"case {case}: won {what['sold']['units']} of {what['sold']['whole']} parts")

    async def bid_again_and_again(self):
        """Bids where it has no bid, when something happened and every second."""
        while True:
            self.news.clear()
            open_cases = self.followed - self.bids
            auctions = await self.socket.call("public/x_auctions") if open_cases else []
            for auction in auctions:
                is_for_sale = auction["stage"] == "auction" and auction["for_sale"] > 0
                if auction["case"] in open_cases and is_for_sale:
                    await self.bid(auction)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.news.wait(), LOOK_AGAIN)

    async def bid(self, auction):
        """Bids, and says so; what is refused is tried again soon."""
        case = auction["case"]
        try:
            words = await self.place(auction)
        except VenueError as refused:
            self.bids.discard(case)
            words = f"no bid: {refused}"
        if self.said.get(case) != words:
            self.said[case] = words
            say(f"case {case}: {words}")

    async def place(self, auction):
        """Bids for what its margin carries, at what trading out of it costs; says what it did."""
        least = self.options.edge * await self.cost(auction) / auction["for_sale"]
        if least > auction["discount_max"]:
            return f"no bid: {auction['discount_max']:.0%} off would not pay for it"
        share = await self.carried(auction)
        if share < SHARE_LEAST:
            return "no bid: its margin carries no part of it"
        # Noted before, as its end may be told before the reply. It counts for what was valued alone.
        self.bids.add(auction["case"])
        await self.socket.call(
            "private/x_place_bid", case=auction["case"], step=auction["step"], share=round(share, 6),
            least_discount=round(least, 6), limit=auction["for_sale"],
        )
        return f"bids for {share:.0%} of {auction['for_sale']:,.0f} USD from {least:.1%} off"

    async def cost(self, auction):
        """What trading out of all of it costs, in US dollars: spread and fee of each leg."""
        total = 0.0
        for leg in auction["positions"]:
            name, size = leg["instrument_name"], abs(leg["size"])
            market = self.exchange.markets_by_id[name][0]
            ticker = await self.socket.call("public/ticker", instrument_name=name)
            mark, index = ticker["mark_price"], ticker["index_price"]
            bid, ask = ticker["best_bid_price"] or mark * 0.99, ticker["best_ask_price"] or mark * 1.01
            # Inverse futures are counted in dollars, all else in coins; inverse options cost coins.
            notional = size if market["inverse"] and not market["option"] else size * index
            value = size * mark * (index if market["inverse"] else 1) if market["option"] else notional
            total += DEPTH * (ask - bid) / 2 / mark * value + market["taker"] * notional
        return total

    async def carried(self, auction):
        """The part of it that leaves enough free equity; no more is sold than the owner needs to."""
        share = 1.0
        while share >= SHARE_LEAST:
            trades = [self.part(leg, share) for leg in auction["positions"]]
            # What coins are worth is paid in cash: both change hands.
            moved = {coin["currency"]: coin["amount"] * share for coin in auction["coins"]}
            paid = sum(coin["amount"] * share * (coin["index_price"] or 0) for coin in auction["coins"])
            moved[auction["cash_currency"]] = -paid
            deposits = {currency: round(amount, 8) for currency, amount in moved.items()}
            margin = await self.socket.call("private/x_what_if", trades=trades, deposits=deposits)
            free = [margin[when]["equity"] - margin[when]["initial_margin"] for when in ("before", "after")]
            if free[1] >= (1 - self.options.use) * free[0]:
                return share
            share /= 2
        return 0.0

    def part(self, leg, share):
        """A share of a leg as a trade, in whole lots."""
        name = leg["instrument_name"]
        lot = self.exchange.markets_by_id[name][0]["precision"]["amount"]
        return {"instrument_name": name, "amount": round(round(leg["size"] * share / lot) * lot, 8)}

    async def trade_out(self):
        """Closes what it can near the mark; whether there was nothing to close."""
        positions = await self.exchange.fetch_positions()
        held = [one for one in positions if float(one["info"]["size"])]
        for position in held:
            symbol, size = position["symbol"], float(position["info"]["size"])
            side, way = ("sell", -1) if size > 0 else ("buy", 1)
            price = float(position["info"]["mark_price"]) * (1 + way * self.options.slip)
            price = self.exchange.price_to_precision(symbol, price)
            only = {"reduceOnly": True, "timeInForce": "IOC"}
            order = await self.exchange.create_order(symbol, "limit", side, abs(size), price, only)
            if order["filled"]:
                say(f"{side} {order['filled']} {symbol} at {order['average']}")
        return not held

    async def keep_flat(self):
        """Trades out of everything again and again; ends when it is leaving and holds nothing."""
        wait = 1.0
        while True:
            try:
                is_flat, wait = await self.trade_out(), 1.0
                if is_flat and self.leaving:
                    return say("holds nothing")
            except ccxt.NetworkError as lost:
                wait = min(2 * wait, WAIT_MAX)
                say(f"trading out again in {wait:.0f} s: {type(lost).__name__}")
            except ccxt.ExchangeError as refused:
                say(f"trading out: {refused}")
            await asyncio.sleep(wait)

    async def leave(self):
        """Takes back what it may have bid. From now on it only trades out."""
        for case in sorted(self.followed):
            with contextlib.suppress(ccxt.BaseError):
                await self.exchange.request("x_cancel_bid", ["private"], "GET", {"case": case})
                say(f"case {case}: the bid is taken back")
        self.leaving = True


def say(text):
    print(text, flush=True)


async def main():
    options = arguments()
    try:
        key = {"apiKey": os.environ["CLIENT_ID"], "secret": os.environ["CLIENT_SECRET"]}
    except KeyError as missing:
        sys.exit(f"{missing} is not set: CLIENT_ID and CLIENT_SECRET are the key")
    exchange = ccxt.deribit({**key, "rateLimit": 100})
    exchange.urls["api"] = {"rest": options.venue}
    bot = Liquidator(exchange, options)
    try:
        await exchange.load_markets()
        address = options.venue.replace("http", "ws", 1) + "/ws/api/v2"
        living = asyncio.ensure_future(bot.live(address))
        trading = asyncio.ensure_future(bot.keep_flat())
        stop = lambda: trading.cancel() if bot.leaving else living.cancel()
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signal_number, stop)
        try:
            await living
        except asyncio.CancelledError:
            await bot.leave()
            await trading
        except VenueError as refused:
            sys.exit(f"the venue does not want it: {refused}")
        finally:
            trading.cancel()
            await asyncio.gather(trading, return_exceptions=True)
    finally:
        await exchange.close()


if __name__ == "__main__":
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(main())
