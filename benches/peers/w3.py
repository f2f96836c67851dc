"""Benchmark W3 for peers in Python: numpy with BLAS, scipy's sparse rows, numba.

    w3.py ROWS COLUMNS LOTS EXPECTED

ROWS has the risk arrays by instrument (doubles), COLUMNS and LOTS the positions by account (32-bit
integers, doubles), EXPECTED three doubles per account: least, 10th least, sum of the 25 least. Prints
rows for the `bench` binary: engine, median and least nanoseconds per account, note, split by tabs.
"""

import statistics
import sys
import time

import numba
import numpy as np
import scipy
import scipy.sparse

SCENARIOS, POSITIONS, INSTRUMENTS = 1_000, 50, 500
VALUE, SUM = 10, 25
BLOCK = 2_000


def tails(profits, out):
    """The tail of each row of profits."""
    profits.partition(SUM - 1, axis=1)
    tail = profits[:, :SUM]
    tail.sort(axis=1)
    out[:, 0] = tail[:, 0]
    out[:, 1] = tail[:, VALUE - 1]
    out[:, 2] = tail.sum(axis=1)


def blas(rows, columns, lots, out):
    dense = np.zeros((BLOCK, INSTRUMENTS))
    index = np.arange(BLOCK)[:, None]
    profits = np.empty((BLOCK, SCENARIOS))
    for start in range(0, len(out), BLOCK):
        block = slice(start, start + BLOCK)
        dense[:] = 0.0
        dense[index, columns[block]] = lots[block]
        np.matmul(dense, rows, out=profits)
        tails(profits, out[block])


def sparse(rows, matrix, out):
    for start in range(0, len(out), BLOCK):
        block = slice(start, start + BLOCK)
        tails(matrix[block] @ rows, out[block])


@numba.njit
def compiled(rows, columns, lots, out):
    profits = np.empty(SCENARIOS)
    for account in range(out.shape[0]):
        profits[:] = 0.0
        for k in range(POSITIONS):
            size = lots[account, k]
            row = rows[columns[account, k]]
            for s in range(SCENARIOS):
                profits[s] += size * row[s]
        tail = np.sort(np.partition(profits, SUM - 1)[:SUM])
        out[account, 0] = tail[0]
        out[account, 1] = tail[VALUE - 1]
        out[account, 2] = tail.sum()


def report(engine, work, out, expected, repetitions=3):
    work()
    times = []
    for _ in range(repetitions):
        out[:] = 0.0
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e9 / len(out))
    note = "results equal" if np.array_equal(out, expected) else "RESULTS DIFFER"
    print(engine, statistics.median(times), min(times), note, sep="\t")


if __name__ == "__main__":
    rows = np.fromfile(sys.argv[1]).reshape(INSTRUMENTS, SCENARIOS)
    columns = np.fromfile(sys.argv[2], dtype=np.uint32).reshape(-1, POSITIONS).astype(np.int64)
    lots = np.fromfile(sys.argv[3]).reshape(-1, POSITIONS)
    expected = np.fromfile(sys.argv[4]).reshape(-1, 3)
    out = np.zeros_like(expected)
    offsets = np.arange(0, columns.size + 1, POSITIONS)
    matrix = scipy.sparse.csr_matrix((lots.ravel(), columns.ravel(), offsets), (len(out), INSTRUMENTS))
    versions = np.__version__, scipy.__version__, numba.__version__
    report(f"numpy {versions[0]}, BLAS, blocks of {BLOCK}", lambda: blas(rows, columns, lots, out), out, expected)
    report(f"scipy {versions[1]}, sparse rows", lambda: sparse(rows, matrix, out), out, expected)
    report(f"numba {versions[2]}", lambda: compiled(rows, columns, lots, out), out, expected)
