"""Benchmark W1 for peers in Python: numpy with scipy in blocks, and QuantLib.

Prints rows for the `bench` binary: engine, median and least nanoseconds per
option, note, split by tabs.
"""

import statistics
import time

import numpy as np
import QuantLib as ql
from scipy.special import ndtr

COUNT = 1_000_000
BLOCK = 8_192
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def u01(seed, index):
    z = np.uint64(seed) + (index + np.uint64(1)) * GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def inputs():
    index = np.arange(COUNT, dtype=np.uint64) * np.uint64(8)
    u = [u01(0x5EED0001, index + np.uint64(draw)) for draw in range(6)]
    forward = 20000.0 + 80000.0 * u[0]
    sign = np.where(u[5] < 0.5, 1.0, -1.0)
    return forward, forward * (0.5 + 1.0 * u[1]), 1.0 / 365.0 + 1.0 * u[2], 0.2 + 1.3 * u[3], 0.1 * u[4], sign


def greeks(F, K, T, s, r, w):
    root = np.sqrt(T)
    v = s * root
    d1 = np.log(F / K) / v + 0.5 * v
    discount = np.exp(-r * T)
    n1 = ndtr(w * d1)
    slope = discount * np.exp(-0.5 * d1 * d1) * 0.3989422804014327
    dollar = slope * F
    price = discount * w * (F * n1 - K * ndtr(w * (d1 - v)))
    return price, discount * w * n1, slope / (F * v), dollar * root, r * price - dollar * s / (2.0 * root), -T * price


def report(engine, runs, count, note):
    times = sorted(run * 1e9 / count for run in runs)
    print(engine, statistics.median(times), times[0], note, sep="\t")


def timed(work, repetitions):
    work()
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        yield time.perf_counter() - start


def numpy_blocks(columns):
    out = [np.empty(COUNT) for _ in range(6)]

    def work():
        for start in range(0, COUNT, BLOCK):
            block = slice(start, start + BLOCK)
            for column, values in zip(out, greeks(*(column[block] for column in columns))):
                column[block] = values

    runs = list(timed(work, 7))
    report(f"numpy {np.__version__} + scipy, blocks of {BLOCK} rows", runs, COUNT, f"ΣP = {out[0].sum():.6f}")


def quantlib(columns):
    count = 20_000
    rows = [tuple(map(float, row)) for row in zip(*(column[:count] for column in columns))]

    def work():
        for F, K, T, s, r, w in rows:
            kind = ql.Option.Call if w > 0.0 else ql.Option.Put
            discount = np.exp(-r * T)
            option = ql.BlackCalculator(ql.PlainVanillaPayoff(kind, K), F, s * T**0.5, discount)
            option.value(), option.deltaForward(), option.gammaForward()
            option.vega(T), option.theta(F, T), option.rho(T)

    note = f"first {count} options, the binding's calls included"
    report(f"QuantLib {ql.__version__}, from Python", list(timed(work, 5)), count, note)


if __name__ == "__main__":
    with np.errstate(over="ignore", under="ignore"):
        columns = inputs()
        numpy_blocks(columns)
        quantlib(columns)
