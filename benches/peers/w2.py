"""Benchmark W2 for QuantLib from Python, on a table of quotes.

    w2.py TABLE

TABLE has the columns forward, strike, time, volatility, sign, price. Prints rows
for the `bench` binary: engine, median and least nanoseconds per quote, note,
split by tabs.
"""

import csv
import statistics
import sys
import time

import QuantLib as ql


def volatility(F, K, T, sign, price):
    kind = ql.Option.Call if sign > 0.0 else ql.Option.Put
    try:
        deviation = ql.blackFormulaImpliedStdDev(kind, K, F, price, 1.0, 0.0, ql.nullDouble(), 1e-14, 100)
        return deviation / T**0.5
    except RuntimeError:
        return float("nan")


def main(path):
    with open(path, newline="") as file:
        rows = [tuple(map(float, row)) for row in csv.reader(file)]
    times = []
    for _ in range(3):
        start = time.perf_counter()
        found = [volatility(F, K, T, sign, price) for F, K, T, _, sign, price in rows]
        times.append((time.perf_counter() - start) * 1e9 / len(rows))
    errors = [abs(value / row[3] - 1.0) for value, row in zip(found, rows)]
    known = [error for error in errors if error == error]
    wrong = sum(not error <= 1e-8 for error in errors)
    note = f"first {len(rows)} quotes, accuracy asked 1e-14; error {max(known, default=0.0):.1e}, failures or errors past 1e-8: {wrong}"
    print(f"QuantLib {ql.__version__}, from Python", statistics.median(times), min(times), note, sep="\t")


if __name__ == "__main__":
    main(sys.argv[1])
