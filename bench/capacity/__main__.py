"""`make bench-capacity`: raises the load until p99 exceeds 100 ms, on the proxy and on a plain one."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

import click
import orjson
import uvloop

from bench.__main__ import cpu_model
from bench.capacity.level import MEMORY_LIMIT, P99_LIMIT, Capacity, Level, find_capacity, percentile
from bench.capacity.load import Broken, Clients
from bench.capacity.mix import LEDGER_SECONDS, arrivals, messages_per_second
from bench.python import Python, Unusable
from bench.servers import LOAD_CORE, Started, allow_many_connections, free_port, our_proxy, plain_python, process

_SUBJECTS = {"this proxy": 1800, "plain aiohttp": 200}
"""With the sessions to begin with, near what was found before."""


@click.command()
@click.option("--sessions", type=int, help="At first; near what was found before without it.")
@click.option("--rate", default=1.0, show_default=True, help="Requests a second of each session, on average.")
@click.option("--ledgers", default=3, show_default=True, help="For which each level is measured, of 4 s each.")
@click.option("--patience", default=130.0, show_default=True, help="Seconds for each of the two.")
@click.option("--seed", default=1, show_default=True)
@click.option("--only", type=click.Choice(list(_SUBJECTS)), help="One of the two.")
@click.option("--python", "path", default=sys.executable, help="The interpreter of both.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("capacity.json"), show_default=True)
def main(
    sessions: int | None, rate: float, ledgers: int, patience: float, seed: int, only: str | None, path: str, out: Path
) -> None:
    """Find what one core and 1 GB serve."""
    try:
        python = Python.at(path)
    except Unusable as error:
        raise click.ClickException(str(error)) from None
    allow_many_connections()
    click.echo(f"CPU: {cpu_model()}. Python {python.version}, {python.build} build. Seed {seed}.")
    found: dict[str, Capacity] = {}
    failed = False
    for name in _SUBJECTS if only is None else (only,):
        click.echo(f"\n{name}:")

        def measure(count: int, name: str = name) -> Level:
            level = uvloop.run(_measure(name, python, count, rate * count, ledgers * LEDGER_SECONDS, seed))
            click.echo(_line(level))
            return level

        try:
            found[name] = find_capacity(measure, sessions or _SUBJECTS[name], patience=patience)
            out.write_bytes(_as_json(python, seed, found))
        except Exception as error:  # noqa: BLE001 - the other is measured all the same
            click.echo(f"FAILED: {type(error).__name__}: {error}", err=True)
            failed = True
    click.echo("\n" + "\n".join(table(found)))
    if failed:
        raise SystemExit(1)


def _as_json(python: Python, seed: int, found: dict[str, Capacity]) -> bytes:
    """For `python -m bench.document`."""
    levels = {name: {"levels": [asdict(level) for level in capacity.levels]} for name, capacity in found.items()}
    about = {"cpu": cpu_model(), "python": asdict(python), "seed": seed}
    return orjson.dumps({**about, "found": levels}, option=orjson.OPT_INDENT_2)


async def _measure(name: str, python: Python, count: int, rate: float, seconds: float, seed: int) -> Level:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {LOAD_CORE})
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        node_command = [sys.executable, "-m", "bench.capacity.node", str(port)]
        with (
            process(node_command, port, str(LOAD_CORE)) as node,
            _subject(name, Path(folder), port, python) as subject,
        ):
            return await _measured(node, subject, count, rate, seconds, seed)


def _subject(name: str, folder: Path, node: int, python: Python) -> AbstractContextManager[Started]:
    if name == "plain aiohttp":
        return plain_python(node, python.path)
    urls = {"http": f"http://127.0.0.1:{node}/", "websocket": f"ws://127.0.0.1:{node}/", "api_version": 2}
    return our_proxy(folder, urls, python=python.path)


async def _measured(node: Started, subject: Started, count: int, rate: float, seconds: float, seed: int) -> Level:
    """One ledger's time to warm up, then the measurement."""
    clients = Clients(subject.port, count)
    try:
        try:
            await clients.open()
        except (Broken, OSError, TimeoutError) as error:
            return Level.not_opened(count, repr(error))
        await clients.send(list(arrivals(rate, LEDGER_SECONDS, seed + 1)))
        requests = list(arrivals(rate, seconds, seed))

        def used() -> tuple[float, float]:
            return subject.cpu_seconds(), node.cpu_seconds() + time.process_time()

        before, began = used(), time.monotonic()
        await clients.send(requests)
        took = time.monotonic() - began
        cpu, load_cpu = ((after - first) / took for after, first in zip(used(), before, strict=True))
        seen = clients.seen
        return Level(
            sessions=count,
            rate=len(requests) / seconds,
            p50=percentile(seen.latencies, 0.5),
            p99=percentile(seen.latencies, 0.99),
            pushed_per_second=clients.pushed / took,
            pushed_p99=percentile(seen.delays, 0.99),
            errors=seen.errors + seen.closed,
            requests=len(requests),
            cpu=cpu,
            load_cpu=load_cpu,
            late=percentile(seen.late, 0.99),
            memory=subject.memory(),
        )
    finally:
        clients.close()
        await asyncio.sleep(0.2)


def _line(level: Level) -> str:
    if level.refused:
        return f"{level.sessions:6} {level.failure}"
    limited = ", but THE LOAD IS AT ITS LIMIT" if level.is_limited_by_load else ""
    return (
        f"{level.sessions:6} sessions, {level.rate:6.0f} requests/s, {level.pushed_per_second:7.0f} messages/s: "
        f"p50 {level.p50 * 1000:6.1f} ms, p99 {level.p99 * 1000:6.1f} ms, messages {level.pushed_p99 * 1000:6.1f} ms, "
        f"CPU {level.cpu:4.0%}, load {level.load_cpu:4.0%} ({level.late * 1000:.0f} ms late), "
        f"{level.memory / 1e6:.0f} MB: {level.failure or 'served'}{limited}"
    )


def table(found: dict[str, Capacity]) -> list[str]:
    """The highest levels that are served, as a table of Markdown, and what is the matter with the next."""
    names = list(found)
    served = [found[name].served for name in names]
    lines = [
        f"| served by one core and {MEMORY_LIMIT / 1e9:.0f} GB with p99 within {P99_LIMIT * 1000:.0f} ms | "
        + " | ".join(names)
        + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    rows: list[tuple[str, Callable[[Level], str]]] = [
        ("sessions", lambda level: f"{level.sessions:,}"),
        ("of which subscribed to all streams", lambda level: f"{level.sessions // 2:,}"),
        ("requests/s", lambda level: f"{level.rate:,.0f}"),
        ("messages/s to subscribers", lambda level: f"{level.pushed_per_second:,.0f}"),
        ("p50, p99 of requests in ms", lambda level: f"{level.p50 * 1000:.1f}, {level.p99 * 1000:.0f}"),
        ("p99 of messages in ms", lambda level: f"{level.pushed_p99 * 1000:.0f}"),
        ("CPU in % of the core", lambda level: f"{level.cpu * 100:.0f}"),
        ("memory in MB", lambda level: f"{level.memory / 1e6:.0f}"),
    ]
    for what, cell in rows:
        lines.append(f"| {what} | " + " | ".join("none" if each is None else cell(each) for each in served) + " |")
    for name in names:
        capacity = found[name]
        if capacity.not_served is None:
            lines.append(f"{name}: no level was found that is not served.")
        elif capacity.not_served.is_limited_by_load:
            lines.append(f"{name}: the load was at its limit before the proxy; its capacity is higher.")
        else:
            lines.append(f"{name}: at {capacity.not_served.sessions:,} sessions {capacity.not_served.failure}.")
    lines.append(f"A subscriber is pushed {messages_per_second():.0f} messages a second.")
    return lines


if __name__ == "__main__":
    main()
