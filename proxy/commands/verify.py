"""`verify`: checks the adapters against a live node with several versions."""

import sys
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import click
import orjson
import uvloop

from adapters import VERSIONS
from proxy.commands.api_client import ApiClient, NoAnswer, TextAnswer, node_info, version_range
from proxy.commands.arguments import sampled_node_options, timeout_option
from proxy.commands.progress import progress_bar
from proxy.commands.verification.answers import AnswerComparison
from proxy.commands.verification.comparison import Outcome
from proxy.commands.verification.node import NodeLost, NotAsked, RateLimitedNode
from proxy.commands.verification.report import Report, as_json, as_junit, write_for_people
from proxy.commands.verification.requests import sample_requests
from proxy.commands.verification.samples import find_subjects
from proxy.commands.verification.streams import compare_pushed
from proxy.config import shown_url

_DIFFERENT, _NO_ANSWER, _NOT_COVERED = 1, 3, 4


@dataclass(frozen=True, slots=True)
class _Plan:
    """The options."""

    accounts: tuple[str, ...]
    ledgers: int
    rate: float
    listen: float
    timeout: float
    ignored: frozenset[str]


class _Unverifiable(Exception):
    """Nothing can be compared at this node. The text says why."""


@click.command(
    short_help="Check the adapters against a live node.",
    epilog="Exit status: 0 if everything compared is the same, 1 if something differs, 2 for a wrong command "
    "line, 3 if the node does not respond, or nothing could be compared, 4 if the coverage is less than "
    "--min-coverage.",
)
@sampled_node_options
@click.option(
    "--listen",
    type=click.FloatRange(min=0.1),
    default=15.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to compare streams, with --websocket.",
)
@timeout_option
@click.option(
    "--min-coverage",
    type=click.FloatRange(0, 100),
    default=0.0,
    metavar="PERCENT",
    help="Fail unless this share of the methods that differ between versions was compared.",
)
@click.option("--ignore", multiple=True, metavar="FIELD", help="Do not compare fields of this name.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as JSON.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as JUnit XML.")
def verify(
    node: str,
    websocket: str | None,
    accounts: tuple[str, ...],
    ledgers: int,
    rate: float,
    listen: float,
    timeout: float,
    min_coverage: float,
    ignore: tuple[str, ...],
    json_file: Path | None,
    junit: Path | None,
) -> None:
    """Compare a node's native responses with those translated from another version.

    The node must have at least two versions. Only reads are made: several hundred requests about the node's own
    ledgers, transactions and accounts, each in every version. Run it before directing traffic to the proxy, and when
    nodes are upgraded.
    """
    plan = _Plan(accounts, ledgers, rate, listen, timeout, frozenset(ignore))
    try:
        report = uvloop.run(_verify(node, websocket, plan))
    except (_Unverifiable, NoAnswer, TextAnswer, NodeLost, NotAsked) as problem:
        click.echo(f"verify: {problem}", err=True)
        sys.exit(_NO_ANSWER)
    write_for_people(report)
    for path, content in ((json_file, as_json), (junit, as_junit)):
        if path is not None:
            _write(path, content(report))
    if not report.total("same") + report.total("different"):
        click.echo("verify: the node had no response that could be compared", err=True)
        sys.exit(_NO_ANSWER)
    if report.total("different"):
        sys.exit(_DIFFERENT)
    covered = report.coverage().percent
    if covered < min_coverage:
        click.echo(f"verify: the coverage of {covered:.1f} % is below --min-coverage {min_coverage:g}", err=True)
        sys.exit(_NOT_COVERED)


def _write(path: Path, content: object) -> None:
    try:
        path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from None


async def _verify(url: str, websocket_url: str | None, plan: _Plan) -> Report:
    """Raises an error if nothing can be compared."""
    async with ApiClient(url, seconds=plan.timeout) as server:
        spoken = await _spoken(server)
        report = Report(shown_url(url), spoken, await node_info(server, spoken[-1]))
        await _compare_answers(report, server, plan)
    if websocket_url is not None:
        async with ApiClient(websocket_url, websocket=True, seconds=plan.timeout) as server:
            await _compare_answers(report, server, plan)
        report.outcomes += await _compare_pushed(websocket_url, report, plan)
    return report


async def _compare_pushed(url: str, report: Report, plan: _Plan) -> list[Outcome]:
    try:
        return await compare_pushed(url, VERSIONS, report.versions, plan.listen, report.server, plan.ignored)
    except (NoAnswer, TextAnswer) as problem:
        pairs = permutations(report.versions, 2)
        return [Outcome("subscribe", {}, "WebSocket", *pair, "not compared", reason=str(problem)) for pair in pairs]


async def _spoken(server: ApiClient) -> tuple[int, ...]:
    """The versions that both the node and the adapters have."""
    first, last = await version_range(server)
    spoken = tuple(range(max(first, VERSIONS.oldest), min(last, VERSIONS.newest) + 1))
    if len(spoken) < 2:
        raise _Unverifiable(
            f"the node has API versions {first} to {last}; of {VERSIONS.oldest} to {VERSIONS.newest}, "
            "which have adapters, it needs two"
        )
    return spoken


async def _compare_answers(report: Report, server: ApiClient, plan: _Plan) -> None:
    node = RateLimitedNode(server, plan.rate)
    subjects = await find_subjects(node, report.versions[-1], plan.accounts, plan.ledgers)
    report.ledger_index = report.ledger_index or subjects.ledger_index
    comparison = AnswerComparison(node, VERSIONS, report.versions, report.server, plan.ignored)
    requests = sample_requests(subjects)
    with progress_bar(f"over {node.transport}", len(requests)) as progress:
        for request in requests:
            report.outcomes += [outcome async for outcome in comparison.outcomes(request)]
            progress.update(1)
    report.asked += node.asked
