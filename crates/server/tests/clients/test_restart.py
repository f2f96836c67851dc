"""A venue that is killed in mid-stream: what it acknowledged is there when it is back, once."""

import asyncio
import os
import tempfile

import ccxt.pro

from venue import Bot, Server, check, client, exact, run_async, until

PERPETUAL, ETHER = "BTC/USD:BTC", "ETH/USD:ETH"


class Story:
    """What is known from one check to the next."""

    def __init__(self):
        self.data = tempfile.mkdtemp(prefix="plimsoll-")
        self.server = Server(self.data)
        self.place = self.server.where
        self.exchange = client(ccxt.pro.deribit, self.place, rateLimit=55)
        self.acknowledged = {}
        self.before = None
        self.bots = []

    def restart(self):
        """Starts it again at the same address."""
        self.server = Server(self.data, self.place["rest"].removeprefix("http://"))
        assert self.server.where == {**self.place, "recovered": self.server.where["recovered"]}
        assert self.server.where["recovered"] > 0

    async def place_one(self, symbol, kind, price, **params):
        amount = 10 * (1 + len(self.acknowledged) % 5)
        order = await self.exchange.create_order(symbol, kind, "buy", amount, price, params)
        self.acknowledged[order["id"]] = order["info"]

    async def take(self, side, **params):
        """A market order, once there is something to trade with."""
        while True:
            book = await self.exchange.fetch_order_book(PERPETUAL)
            if book["bids"] and book["asks"]:
                return await self.exchange.create_order(PERPETUAL, "market", side, 50, None, params)

    async def price(self, symbol, share):
        index = (await self.exchange.fetch_ticker(symbol))["indexPrice"]
        return float(self.exchange.price_to_precision(symbol, index * share))

    async def picture(self):
        """What an account is: orders, trades, positions and cash."""
        orders = {}
        for symbol in (PERPETUAL, ETHER):
            for order in await self.exchange.fetch_open_orders(symbol):
                orders[order["id"]] = order["info"]
        trades = [trade["info"] for trade in await self.exchange.fetch_my_trades(PERPETUAL)]
        size = exact((await self.exchange.fetch_position(PERPETUAL))["info"]["size"])
        rows = (await self.exchange.fetch_balance())["info"]["summaries"]
        return orders, trades, size, {row["currency"]: row["balance"] for row in rows}


def without_trades(info):
    return {key: value for key, value in info.items() if key != "trades"}


@check("orders of several kinds, and fills")
async def _(story):
    await story.exchange.load_markets()
    for share in (0.96, 0.95, 0.94):
        await story.place_one(PERPETUAL, "limit", await story.price(PERPETUAL, share), label=f"at {share}")
        await story.place_one(ETHER, "limit", await story.price(ETHER, share), postOnly=True)
    await story.place_one(PERPETUAL, "stop_market", None, stopLossPrice=await story.price(PERPETUAL, 1.2))
    for side in ("buy", "sell"):
        await story.take(side)
    story.numbered = await story.take("buy", x_request_id=501)
    story.before = await story.picture()
    orders, trades, size, _ = story.before
    assert set(orders) == set(story.acknowledged) and size == 50
    assert sum(exact(trade["amount"]) for trade in trades) == 150


@check("killed while orders come in: the client is told that the network failed")
async def _(story):
    price = await story.price(PERPETUAL, 0.93)
    failed = asyncio.Event()

    async def stream():
        try:
            while True:
                await story.place_one(PERPETUAL, "limit", price)
        except ccxt.NetworkError:
            failed.set()

    streaming = asyncio.ensure_future(stream())
    while len(story.acknowledged) < 12:
        assert not streaming.done(), streaming.exception()
        await asyncio.sleep(0.01)
    story.server.kill()
    await asyncio.wait_for(failed.wait(), 20)


@check("back again: every acknowledged order is there as it was, and at most the last one beside them")
async def _(story):
    story.restart()
    orders, trades, size, cash = await story.picture()
    for number, info in story.acknowledged.items():
        assert without_trades(orders[number]) == without_trades(info), number
    # One was on its way when the venue died; it may be durable and its reply lost.
    assert len(set(orders) - set(story.acknowledged)) <= 1
    _, trades_before, size_before, cash_before = story.before
    assert trades == trades_before, "no fill is lost, and none is there twice"
    assert (size, cash) == (size_before, cash_before)
    again = await story.take("buy", x_request_id=501)
    assert again["id"] == story.numbered["id"], "a retry finds the order that was placed before the kill"
    assert (await story.picture())[1:] == (trades, size, cash)
    story.before = (orders, trades, size, cash)


@check("the client goes on: places, amends, cancels, trades, watches")
async def _(story):
    exchange = story.exchange
    number = next(iter(story.acknowledged))
    cancelled = await exchange.cancel_order(number)
    assert cancelled["status"] == "canceled"
    order = await story.take("sell")
    assert order["status"] == "closed" and order["id"] not in story.before[0]
    orders, trades, size, _ = await story.picture()
    assert size == 0 and set(orders) == set(story.before[0]) - {number}
    assert len({trade["trade_id"] for trade in trades}) == len(trades) > len(story.before[1])
    assert await asyncio.wait_for(exchange.watch_order_book(PERPETUAL), 20)


@check("killed and started twice more: the same again, and a watching client comes back")
async def _(story):
    orders = (await story.picture())[0]
    for _ in range(2):
        story.server.kill()
        story.restart()
    assert (await story.picture())[0] == orders
    for _ in range(20):
        try:
            watched = await asyncio.wait_for(story.exchange.watch_order_book(PERPETUAL), 20)
            break
        except ccxt.NetworkError:
            await asyncio.sleep(0.2)
    assert watched["symbol"] == PERPETUAL
    assert await story.exchange.cancel_all_orders()
    assert (await story.picture())[0] == {}


@check("the examples connect again by themselves, and end when they are told to")
async def _(story):
    key = {name: story.place[name] for name in ("client_id", "client_secret")}
    start = lambda program: Bot(story.data, program, story.place, key)
    story.bots = maker, liquidator = [start(program) for program in ("market_maker", "liquidator")]
    works = {maker: "quoting", liquidator: "waiting for auctions"}
    lost = {maker: "trying again", liquidator: "connecting again"}
    say = lambda words, count: all(bot.says(one, count) for bot, one in words.items())
    until("they work", lambda: say(works, 1), 60)
    story.server.kill()
    until("they have lost it", lambda: say(lost, 1), 60)
    story.restart()
    until("they work again", lambda: say(works, 2), 60)
    for bot in story.bots:
        bot.stop(60)
    assert "all orders are cancelled" in maker.text()
    assert await story.exchange.fetch_open_orders() == []


async def main():
    if "PLIMSOLL_BINARY" not in os.environ:
        raise SystemExit("PLIMSOLL_BINARY must name the plimsoll to kill")
    story = Story()
    try:
        tally = await run_async(story)
    finally:
        for bot in story.bots:
            bot.kill()
            print(f"--- {bot.said.name}\n{bot.text()}")
        await story.exchange.close()
        story.server.kill()
    tally.end()


if __name__ == "__main__":
    asyncio.run(main())
