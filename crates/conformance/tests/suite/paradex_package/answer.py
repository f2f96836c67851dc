"""Answers account files in the form of the set `paradex`: adds what the package computes.

Usage: answer.py FILE...; each file is rewritten in place. Without a file it only finds the package.
"""

import json
import sys
from datetime import datetime
from importlib.util import find_spec
from types import ModuleType

# Importing the package as a whole starts with its network clients, which need dozens of other
# packages. Margin stands on its own, so an empty parent is enough to reach it.
parent = ModuleType("paradex_py")
parent.__path__ = find_spec("paradex_py").submodule_search_locations
sys.modules["paradex_py"] = parent

from paradex_py.margin import compute_pm, compute_xm  # noqa: E402


def numbers(result):
    return {name: value for name, value in result.items() if isinstance(value, (int, float))}


def answer(path):
    with open(path, encoding="utf-8") as file:
        accounts = json.load(file)
    now = datetime.fromisoformat(accounts["now"])
    for case in accounts["cases"]:
        held = [case["positions"], case["orders"], case["market_data"], case["market_specs"]]
        case["xm"] = numbers(compute_xm(*held, case["balances"]))
        case["pm"] = numbers(compute_pm(*held, accounts["pm_config"], case["balances"], now))
    with open(path, "w", encoding="utf-8") as file:
        json.dump(accounts, file)


for path in sys.argv[1:]:
    answer(path)
