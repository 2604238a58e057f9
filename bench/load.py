"""Load over HTTP by wrk, or one request by curl, and what came of it."""

import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.servers import LOAD_CORE, Started

LOW_PRIORITY = ["nice", "-n", "10"]
"""Before the command of what must not displace the client that measures."""
_PATIENCE = 60.0
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


class NoTool(Exception):
    """A program that measures is not on the machine."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: requests a second by the clock, CPU seconds of the server for each, and latencies in seconds."""

    per_second: float
    cpu_each: float
    p50: float
    p99: float


def run_wrk(
    server: Started, request: bytes, folder: Path, *, connections: int, seconds: float, cores: str = str(LOAD_CORE)
) -> Measured:
    """Has wrk, on these cores, ask for so long. Raises RuntimeError where anything but success came."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise NoTool("wrk")
    script = folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f"wrk.body = [==[{request.decode()}]==]\n"
    )
    command = ["taskset", "-c", cores, wrk, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s"]
    command += ["--latency", "-s", str(script), server.url]
    before, began = server.cpu_seconds(), time.monotonic()
    reported = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=2 * seconds + _PATIENCE
    ).stdout
    used, took = server.cpu_seconds() - before, time.monotonic() - began
    requests = int(_found(r"(\d+) requests in", reported))
    failures = [line.strip() for line in reported.splitlines() if "Non-2xx" in line or "Socket errors" in line]
    if failures or not requests:
        raise RuntimeError(f"{server.url}: {', '.join(failures) or f'no response in {seconds:g} s'}")
    return Measured(requests / took, used / requests, _latency(reported, 50), _latency(reported, 99))


def run_curl(server: Started, request: bytes, folder: Path) -> float:
    """Has curl, a process of its own, request it once. Returns the seconds. Raises CalledProcessError."""
    body = folder / "request.json"
    body.write_bytes(request)
    command = [*LOW_PRIORITY, "taskset", "-c", str(LOAD_CORE), "curl", "-sS", "--fail", "--max-time", f"{_PATIENCE:g}"]
    command += [
        "-o",
        "/dev/null",
        "-w",
        "%{time_total}",
        "-H",
        "Content-Type: application/json",
        "-d",
        f"@{body}",
        server.url,
    ]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=2 * _PATIENCE).stdout)


def _latency(reported: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)\b", reported)
    if found is None:
        raise RuntimeError(reported)
    return float(found[1]) * _UNITS[found[2]]


def _found(pattern: str, reported: str) -> str:
    found = re.search(pattern, reported)
    if found is None:
        raise RuntimeError(reported)
    return found[1]
