"""What the suites share: where the venue is, checks with names, and a venue of one's own.

PLIMSOLL_REST, PLIMSOLL_WS, PLIMSOLL_CLIENT_ID and PLIMSOLL_CLIENT_SECRET say which venue is meant; a demo
that nobody else trades with that key in. With PLIMSOLL_BINARY alone, a suite starts one by itself.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from decimal import Decimal

EXAMPLES = pathlib.Path(__file__).resolve().parents[4] / "examples"
# Keeps a demo small.
DEMO = ["--demo", "--accounts", "20", "--instruments", "120"]


class Server:
    """A venue in a process of its own."""

    def __init__(self, data, listen="127.0.0.1:0", options=()):
        binary = os.environ["PLIMSOLL_BINARY"]
        command = [binary, "serve", "--output", "json", "--data", data, "--listen", listen]
        command += [*DEMO, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the venue did not start: exit code {self.process.wait()}")
        self.where = json.loads(line)

    def kill(self):
        """Ends it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it as its operator would; gives its exit code."""
        self.process.terminate()
        return self.process.wait(30)


def plimsoll(*arguments):
    """What the binary says, as JSON."""
    command = [os.environ["PLIMSOLL_BINARY"], *arguments, "--output", "json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


class Bot:
    """One of the examples, with a key in its environment and what it says in a file."""

    def __init__(self, folder, program, place, key, *options):
        self.said = pathlib.Path(folder, f"{program}.txt")
        names = {"CLIENT_ID": key["client_id"], "CLIENT_SECRET": key["client_secret"]}
        names = {**os.environ, **names, "VENUE": place["rest"]}
        command = [sys.executable, str(EXAMPLES / f"{program}.py"), *options]
        with self.said.open("w") as said:
            self.process = subprocess.Popen(command, env=names, stdout=said, stderr=said)

    def says(self, words, count=1):
        """Whether it has said something so often; one that has ended without is a failure."""
        has_ended = self.process.poll() is not None
        has_said = self.text().count(words) >= count
        assert has_said or not has_ended, f"it has ended: {self.text()}"
        return has_said

    def text(self):
        return self.said.read_text()

    def stop(self, seconds):
        """Ends it as its user would."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(seconds) == 0, self.text()

    def kill(self):
        self.process.kill()
        self.process.wait()


def where():
    """Where the venue is: as the environment says, or a new one."""
    names = {"rest": "PLIMSOLL_REST", "ws": "PLIMSOLL_WS"}
    names |= {"client_id": "PLIMSOLL_CLIENT_ID", "client_secret": "PLIMSOLL_CLIENT_SECRET"}
    if "PLIMSOLL_REST" in os.environ:
        return {key: os.environ[name] for key, name in names.items()}, None
    server = Server(tempfile.mkdtemp(prefix="plimsoll-"))
    return server.where, server


def client(kind, place, **options):
    """A client of ccxt, changed in nothing but the addresses."""
    key = {"apiKey": place["client_id"], "secret": place["client_secret"]}
    exchange = kind({**key, **options})
    exchange.urls["api"] = {"rest": place["rest"], "ws": place["ws"]}
    return exchange


def exact(value):
    """A number of JSON as it was written."""
    return Decimal(str(value))


def near(found, wanted, relative=1e-9, absolute=0.0):
    """Asserts that two figures agree."""
    gap = abs(float(found) - float(wanted))
    assert gap <= max(absolute, relative * abs(float(wanted))), f"{found} is not {wanted}"


def raises(kind, call):
    """Asserts that a call raises an exception of exactly this class; gives its text."""
    try:
        found = call()
    except Exception as error:  # noqa: BLE001
        assert type(error) is kind, f"{type(error).__name__} instead of {kind.__name__}: {error}"
        return str(error)
    raise AssertionError(f"no {kind.__name__}, but {found}")


def until(what, look, seconds=20.0):
    """Looks again and again until there is something to see."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.25)
    raise AssertionError(f"not within {seconds} s: {what}")


CHECKS = []


def check(name):
    """Names a check; they run in the order in which they stand."""

    def keep(function):
        CHECKS.append((name, function))
        return function

    return keep


class Tally:
    """Which checks passed."""

    def __init__(self):
        self.passed, self.failed = 0, []

    def passes(self, name):
        self.passed += 1
        print(f"ok    {name}", flush=True)

    def fails(self, name):
        self.failed.append(name)
        print(f"FAIL  {name}\n{traceback.format_exc()}", flush=True)

    def end(self):
        print(f"{self.passed} passed, {len(self.failed)} failed", *self.failed, sep="\n  ")
        sys.exit(1 if self.failed else 0)


def run(*arguments, to_the_end=True):
    """Runs all checks, or those up to the first that fails; ends the program with 1 if one failed."""
    tally = Tally()
    for name, function in CHECKS:
        try:
            function(*arguments)
            tally.passes(name)
        except Exception:  # noqa: BLE001
            tally.fails(name)
            if not to_the_end:
                break
    tally.end()


async def run_async(*arguments):
    """The same for checks that wait."""
    tally = Tally()
    for name, function in CHECKS:
        try:
            await function(*arguments)
            tally.passes(name)
        except Exception:  # noqa: BLE001
            tally.fails(name)
    return tally
