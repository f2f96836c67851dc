"""Writes the reference tables that the tests of `numerics` and `pricing` read.

Needs mpmath. Everything is computed with 80 digits and written as a sum
high + low of two doubles, good to about 32 digits.

    python3 generate.py
"""

import csv
from pathlib import Path

import mpmath as mp

mp.mp.dps = 80
CRATES = Path(__file__).resolve().parents[2] / "crates"
MASK = (1 << 64) - 1


def u01(seed, index):
    """The shared generator; see `numerics::SplitMix`."""
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return float((z ^ (z >> 31)) >> 11) * 2.0**-53


def parts(value):
    high = float(value)
    return high, float(value - mp.mpf(high))


def write(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    print(path, len(rows))


def tail(x):
    """1 − Φ(x)."""
    return mp.erfc(x / mp.sqrt(2)) / 2


def density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def mills(x):
    """(1 − Φ(x))/φ(x); far out by its asymptotic series."""
    if x < 1e4:
        return tail(x) / density(x)
    term, total = 1 / x, mp.mpf(0)
    for n in range(1, 12):
        total += term
        term *= -(2 * n - 1) / x**2
    return total


FUNCTIONS = {
    "exp": mp.exp,
    "ln": mp.log,
    "normal_pdf": density,
    "normal_cdf": lambda x: tail(-x),
    "mills": mills,
}


def arguments(name):
    """Arguments over the whole domain, denser where the function turns."""
    draws = [u01(0x5EED0101, i) for i in range(300)]
    if name == "exp":
        wide = [-744.0 + 1453.0 * u for u in draws]
        near = [2.0**-k * s for k in range(0, 60, 2) for s in (1.0, -1.0)]
        ends = [709.782712893384, -708.3964185322641, -745.1332191019411, -740.0]
        return wide + [2.0 * u - 1.0 for u in draws] + near + ends
    if name == "ln":
        wide = [2.0 ** round(2000.0 * u - 1000.0) * (1.0 + v) for u, v in zip(draws, draws[::-1])]
        near = [1.0 + s * 2.0**-k for k in range(1, 53) for s in (1.0, -1.0)]
        ends = [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e-310]
        return wide + [0.5 + u for u in draws] + near + ends
    if name == "mills":
        far = [10.0**k for k in range(1, 300, 23)]
        return [0.0] + [40.0 * u for u in draws] + [3.0 * u for u in draws] + far + [-37.0 * u for u in draws]
    return [0.0] + [75.0 * u - 37.4 for u in draws] + [6.0 * u - 3.0 for u in draws]


def functions():
    rows = []
    for name, function in FUNCTIONS.items():
        for x in arguments(name):
            rows.append([name, repr(x), *map(repr, parts(function(mp.mpf(x))))])
    write(CRATES / "numerics/tests/reference/functions.csv", ["function", "x", "high", "low"], rows)


def black(F, K, sigma, T, r, call):
    """Price and Greeks; see `pricing::black76::Greeks`."""
    F, K, sigma, T, r = map(mp.mpf, (F, K, sigma, T, r))
    w = 1 if call else -1
    v = sigma * mp.sqrt(T)
    d1 = mp.log(F / K) / v + v / 2
    D = mp.exp(-r * T)
    price = D * w * (F * tail(-w * d1) - K * tail(-w * (d1 - v)))
    slope = D * density(d1)
    theta = r * price - slope * F * sigma / (2 * mp.sqrt(T))
    return price, D * w * tail(-w * d1), slope / (F * v), slope * F * mp.sqrt(T), theta, -T * price


def w1_inputs(index):
    u = [u01(0x5EED0001, 8 * index + j) for j in range(6)]
    F = 20000.0 + 80000.0 * u[0]
    return F, F * (0.5 + 1.0 * u[1]), 0.2 + 1.3 * u[3], 1.0 / 365.0 + 1.0 * u[2], 0.1 * u[4], u[5] < 0.5


def w1():
    rows, greeks = [], []
    for index in range(0, 1_000_000, 250):
        values = black(*w1_inputs(index))
        high, low = parts(values[0])
        rows.append([index, repr(high), f"{low:.3e}"])
        if index % 2500 == 0:
            greeks.append([index, *(repr(float(value)) for value in values[1:])])
    folder = CRATES / "pricing/tests/reference"
    write(folder / "w1_prices.csv", ["index", "high", "low"], rows)
    write(folder / "w1_greeks.csv", ["index", "delta", "gamma", "vega", "theta", "rho"], greeks)


def wide():
    """Out-of-the-money and in-the-money values over all deviations v and
    distances h = |ln(F/K)|/v at which the value is a normal double."""
    rows = []
    for index in range(1600):
        u = [u01(0x5EED0102, 8 * index + j) for j in range(8)]
        v = 10.0 ** (-8.0 + 9.0 * u[0])
        h = 0.0 if index % 16 == 0 else 37.0 * u[1] ** 2
        F = 10.0 ** (-3.0 + 9.0 * u[2])
        x = min(h * v, 200.0) * (1.0 if u[3] < 0.5 else -1.0)
        K = float(mp.mpf(F) * mp.exp(x))
        T = 10.0 ** (-5.0 + 6.0 * u[4])
        sigma = float(mp.mpf(v) / mp.sqrt(T))
        outside = black(F, K, sigma, T, 0.0, K >= F)[0]
        inside = abs(mp.mpf(F) - mp.mpf(K)) + outside
        vega = black(F, K, sigma, T, 0.0, True)[3]
        if outside < 1e-290:
            continue
        numbers = [F, K, sigma, T, float(outside), float(inside), float(vega)]
        rows.append([repr(number) for number in numbers])
    header = ["forward", "strike", "volatility", "time", "outside", "inside", "vega"]
    write(CRATES / "pricing/tests/reference/wide.csv", header, rows)


if __name__ == "__main__":
    functions()
    w1()
    wide()
