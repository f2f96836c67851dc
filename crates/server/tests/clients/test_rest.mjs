// ccxt for JavaScript, unmodified: the same venue through the other library.
//
// PLIMSOLL_REST, PLIMSOLL_WS, PLIMSOLL_CLIENT_ID and PLIMSOLL_CLIENT_SECRET say which venue is meant;
// PLIMSOLL_NODE_MODULES where ccxt is installed, if not here.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';

const env = process.env;
const root = env.PLIMSOLL_NODE_MODULES ?? import.meta.dirname;
const ccxt = createRequire(path.join(root, 'package.json'))('ccxt');

const PERPETUAL = 'BTC/USD:BTC';
const AMOUNT = 100;
const exchange = new ccxt.pro.deribit({
  apiKey: env.PLIMSOLL_CLIENT_ID,
  secret: env.PLIMSOLL_CLIENT_SECRET,
  rateLimit: 55,
});
exchange.urls.api = { rest: env.PLIMSOLL_REST, ws: env.PLIMSOLL_WS };

const checks = [];
const check = (name, body) => checks.push([name, body]);
const size = async () => Number((await exchange.fetchPosition(PERPETUAL)).info.size);
const price = async (share) => {
  const { indexPrice } = await exchange.fetchTicker(PERPETUAL);
  return Number(exchange.priceToPrecision(PERPETUAL, indexPrice * share));
};
const soon = (promise) =>
  Promise.race([promise, new Promise((_, fail) => setTimeout(fail, 30_000, new Error('too late')).unref())]);
const twoSides = async () => {
  for (;;) {
    const book = await exchange.fetchOrderBook(PERPETUAL, 10);
    if (book.bids.length && book.asks.length) return book;
  }
};

check('markets', async () => {
  const markets = await exchange.loadMarkets();
  assert(markets[PERPETUAL].swap && markets[PERPETUAL].inverse);
  assert(Object.values(markets).some((market) => market.option));
});

check('ticker and book agree, uncrossed', async () => {
  const book = await twoSides();
  const [bids, asks] = [book.bids, book.asks].map((side) => side.map(([at]) => at));
  assert.deepEqual(bids, [...new Set(bids)].sort((a, b) => b - a));
  assert.deepEqual(asks, [...new Set(asks)].sort((a, b) => a - b));
  assert(bids[0] < asks[0]);
  const ticker = await exchange.fetchTicker(PERPETUAL);
  assert(Math.abs(ticker.markPrice / bids[0] - 1) < 0.05);
});

check('balance: equal to the summaries', async () => {
  const balance = await exchange.fetchBalance();
  for (const row of balance.info.summaries) {
    assert.equal(balance[row.currency].total, Number(row.equity));
    assert.equal(balance[row.currency].free, Number(row.available_funds));
  }
});

check('an order rests, is found, and is cancelled', async () => {
  const order = await exchange.createOrder(PERPETUAL, 'limit', 'buy', AMOUNT, await price(0.97));
  assert.equal(order.status, 'open');
  const open = await exchange.fetchOpenOrders(PERPETUAL);
  assert.deepEqual(open.map(({ id }) => id), [order.id]);
  const cancelled = await exchange.cancelOrder(order.id);
  assert.deepEqual([cancelled.id, cancelled.status], [order.id, 'canceled']);
  assert.deepEqual(await exchange.fetchOpenOrders(PERPETUAL), []);
  await assert.rejects(exchange.cancelOrder('BTC-123456789'), ccxt.OrderNotFound);
});

check('a market order moves the position by its amount, for the fee of its trades', async () => {
  const before = await size();
  await twoSides();
  const order = await exchange.createOrder(PERPETUAL, 'market', 'buy', AMOUNT);
  assert.equal(order.status, 'closed');
  assert.equal((await size()) - before, AMOUNT);
  const trades = await exchange.fetchOrderTrades(order.id);
  const fee = trades.reduce((sum, trade) => sum + trade.fee.cost, 0);
  assert(Math.abs(fee - Number(order.info.commission)) < 1e-12 && fee > 0);
});

check('refusals have classes', async () => {
  const huge = exchange.createOrder(PERPETUAL, 'limit', 'buy', 1e9, await price(0.97));
  await assert.rejects(huge, ccxt.InsufficientFunds);
  const stranger = new ccxt.deribit({ apiKey: 'nobody', secret: 'nothing' });
  stranger.urls.api = exchange.urls.api;
  await assert.rejects(stranger.privateGetGetPositions(), ccxt.AuthenticationError);
});

check('what is watched: the book, and an order of one’s own', async () => {
  const book = await soon(exchange.watchOrderBook(PERPETUAL));
  assert(!book.bids.length || !book.asks.length || book.bids[0][0] < book.asks[0][0]);
  const watching = exchange.watchOrders(PERPETUAL);
  await new Promise((done) => setTimeout(done, 500));
  const order = await exchange.createOrder(PERPETUAL, 'limit', 'buy', AMOUNT, await price(0.97));
  const told = await soon(watching);
  assert(told.some(({ id, status }) => id === order.id && status === 'open'));
  await exchange.cancelAllOrders(PERPETUAL);
});

// ccxt asks for this wherever the address is ws:// and not wss://.
await exchange.loadHttpProxyAgent();
let failed = 0;
for (const [name, body] of checks) {
  try {
    await body();
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n${error.stack}`);
  }
}
await exchange.close();
console.log(`${checks.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
