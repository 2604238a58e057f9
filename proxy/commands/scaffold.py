"""`scaffold`: drafts the adapters between two versions from a live node with both, or checks existing ones."""

import sys
from dataclasses import dataclass
from pathlib import Path

import click
import orjson
import uvloop

from adapters import VERSIONS, NodeInfo, NodeRequest, step_folder
from adapters.adapter import Step, by_method
from adapters.ledgers import header_request
from adapters.node import UNKNOWN_NODE
from proxy.commands.api_client import ApiClient, NoAnswer, TextAnswer, node_info, version_range
from proxy.commands.arguments import sampled_node_options, timeout_option
from proxy.commands.progress import progress_bar
from proxy.commands.scaffolding.exchanges import (
    Recording,
    ask_all,
    exchanges_of,
    headers_of,
    listen,
    pushed_pairs,
)
from proxy.commands.scaffolding.methods import (
    Exchange,
    MethodDraft,
    PushedPair,
    StreamDraft,
    draft_method,
    draft_streams,
    ledgers_named,
)
from proxy.commands.scaffolding.models import draft_models
from proxy.commands.scaffolding.questions import Question, draft_questions
from proxy.commands.scaffolding.report import coverage, unconfirmed
from proxy.commands.scaffolding.trial import Score, try_step
from proxy.commands.scaffolding.writing import questions, write_step
from proxy.commands.verification.node import NodeLost, NotAsked, RateLimitedNode
from proxy.commands.verification.samples import find_subjects
from proxy.envelope.methods import ADMIN_METHODS, GRPC_METHODS, KNOWN_METHODS

_DIFFERENT, _NO_ANSWER = 1, 3
_MOST_HEADERS = 500
_MOST_MISSING = 500


@dataclass(frozen=True, slots=True)
class _Plan:
    """The options."""

    older: int
    node: str
    websocket: str | None
    accounts: tuple[str, ...]
    ledgers: int
    also: tuple[NodeRequest, ...]
    rate: float
    listen: float
    timeout: float

    @property
    def newer(self) -> int:
        return self.older + 1


@dataclass(frozen=True, slots=True)
class _Found:
    """A node's responses and stream messages in both versions."""

    server: NodeInfo
    exchanges: list[Exchange]
    pairs: list[PushedPair]
    refused: dict[str, int]
    methods: frozenset[str]
    """Those with a response, compared or not."""


class _Impossible(Exception):
    """Nothing can be drafted from this node. The text says why."""


@click.command(
    short_help="Draft a new version's adapters from a live node.",
    epilog="Exit status: 0 if the folder was written (with --check: if everything is confirmed), 1 if --check "
    "found a difference, 2 for a wrong command line, 3 if the node does not respond.",
)
@click.argument("older", type=click.IntRange(min=1))
@click.argument("newer", type=click.IntRange(min=2))
@sampled_node_options
@click.option(
    "--also",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help='Further requests: a JSON object with "method" and "params" on each line.',
)
@click.option(
    "--listen",
    "seconds",
    type=click.FloatRange(min=0.1),
    default=15.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to record streams, with --websocket.",
)
@timeout_option
@click.option(
    "--check", is_flag=True, help="Write nothing; report what in the existing step the node does not confirm."
)
def scaffold(
    older: int,
    newer: int,
    node: str,
    websocket: str | None,
    accounts: tuple[str, ...],
    also: Path | None,
    ledgers: int,
    rate: float,
    seconds: float,
    timeout: float,
    check: bool,
) -> None:
    """Draft the adapters between two neighbouring API versions from the responses of a node with both.

    Writes the folder adapters/vOLDER_vNEWER: an adapter for each method that differs, with open questions; recordings;
    and a report. Only reads are made. An interrupted run can be continued.
    """
    if newer != older + 1:
        raise click.UsageError(f"version {newer} does not follow version {older}")
    plan = _Plan(older, node, websocket, accounts, ledgers, _requests_in(also), rate, seconds, timeout)
    step = next((each for each in VERSIONS.steps if each.older == older), None)
    folder = step_folder(step or Step(older, {}))
    if check and step is None:
        raise click.UsageError(f"there are no adapters between versions {older} and {newer} to check")
    if not check and (folder / "__init__.py").exists() and not (folder / "REPORT.md").exists():
        raise click.UsageError(f"{folder} was written by hand; --check compares it with the node")
    try:
        if check and step is not None:
            _check(step, uvloop.run(_ask(plan, None)))
        else:
            _draft(plan, folder)
    except (_Impossible, NoAnswer, TextAnswer, NodeLost, NotAsked) as problem:
        click.echo(f"scaffold: {problem}", err=True)
        sys.exit(_NO_ANSWER)
    except OSError as error:
        raise click.ClickException(f"{folder}: {error.strerror}") from None


def _requests_in(path: Path | None) -> tuple[NodeRequest, ...]:
    if path is None:
        return ()
    try:
        lines = [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
        return tuple(NodeRequest(line["method"], line.get("params") or {}) for line in lines)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise click.UsageError(f"{path}: expected a JSON object with method and params on each line") from None


def _check(step: Step, found: _Found) -> None:
    score = try_step(step, found.exchanges, found.pairs, found.server)
    click.echo(f"{found.server.text}: {score.share():.1%} of {score.asked.total()} answers and messages confirmed")
    for line in unconfirmed(score):
        click.echo(line)
    sys.exit(_DIFFERENT if score.misses else 0)


def _draft(plan: _Plan, folder: Path) -> None:
    recordings = folder / "recordings"
    recordings.mkdir(parents=True, exist_ok=True)
    found = uvloop.run(_ask(plan, recordings))
    drafts, streams, score = draft(plan.older, found.exchanges, found.pairs, found.server)
    write_step(folder, plan.older, drafts, streams, score, found.server)
    text = draft_models(plan.older, drafts, found.exchanges, streams, found.pairs)
    (folder / "models.py").write_text(text, encoding="utf-8")
    unseen = sorted(KNOWN_METHODS - ADMIN_METHODS - GRPC_METHODS - found.methods)
    changed = [*(each.method for each in drafts), *streams.down]
    text = coverage(plan.older, plan.newer, found.server, score, changed, unseen, found.refused)
    (folder / "REPORT.md").write_text(text, encoding="utf-8")
    open_questions = sum(len(questions(method, score.misses)) for method in score.asked)
    click.echo(
        f"{folder}\nmethods that differ: {len(drafts)}; kinds of message: {len(streams.down)}\n"
        f"translated exactly: {score.share():.1%} of {score.asked.total()} answers and messages\n"
        f"open questions: {open_questions}"
    )


def draft(
    older: int, exchanges: list[Exchange], pairs: list[PushedPair], server: NodeInfo
) -> tuple[list[MethodDraft], StreamDraft, Score]:
    """The changes by method and of streams, and the share of differences that they explain."""
    by_name: dict[str, list[Exchange]] = {}
    for each in exchanges:
        by_name.setdefault(each.method, []).append(each)
    headers = headers_of(exchanges)
    drafts = []
    for method, of_method in sorted(by_name.items()):
        found = draft_method(method, of_method, headers)
        if found is not None:
            drafts.append(found)
    streams = draft_streams(pairs)
    step = Step(older, by_method(*(each.adapter() for each in drafts)), streams=streams.adapter())
    return drafts, streams, try_step(step, exchanges, pairs, server)


async def _ask(plan: _Plan, folder: Path | None) -> _Found:
    """Make all requests, and record them if there is a folder. Raises an error if nothing can be drafted."""
    recording = Recording(folder)
    recording.read()
    async with ApiClient(plan.node, seconds=plan.timeout) as server:
        first, last = await version_range(server)
        if not first <= plan.older < plan.newer <= last:
            raise _Impossible(f"the node has API versions {first} to {last}, not {plan.older} and {plan.newer}")
        spoken = range(first, last + 1) if folder is not None else range(plan.older, plan.newer + 1)
        info = await node_info(server, plan.newer)
        node = RateLimitedNode(server, plan.rate)
        if plan.websocket is None:
            await _ask_at(plan, recording, node, None, spoken)
            streams = {}
        else:
            async with ApiClient(plan.websocket, websocket=True, seconds=plan.timeout) as socket:
                await _ask_at(plan, recording, node, RateLimitedNode.at_pace_of(node, socket), spoken)
            streams = await listen(plan.websocket, spoken, plan.listen)
    recording.finish(streams)
    exchanges = exchanges_of(recording.entries, plan.older, plan.newer)
    pairs = pushed_pairs(streams, plan.older, plan.newer)
    methods = frozenset(entry["method"] for entry in recording.entries)
    return _Found(info, exchanges, pairs, recording.refused, methods)


async def _ask_at(
    plan: _Plan, recording: Recording, node: RateLimitedNode, websocket: RateLimitedNode | None, spoken: range
) -> None:
    subjects = await find_subjects(node, plan.older, plan.accounts, plan.ledgers)
    await _ask_each(recording, node, websocket, draft_questions(subjects, plan.also), spoken, "requests")
    named: set[int] = set()
    for older in spoken[:-1]:
        named |= ledgers_named(exchanges_of(recording.entries, older, older + 1))
    headers = [Question((header_request(index),)) for index in sorted(named, reverse=True)[:_MOST_HEADERS]]
    await _ask_each(recording, node, websocket, headers, spoken, "ledgers")
    await _ask_missing(plan, recording, node, websocket, spoken)


async def _ask_missing(
    plan: _Plan, recording: Recording, node: RateLimitedNode, websocket: RateLimitedNode | None, spoken: range
) -> None:
    """Make the requests that only adapters show to be useful, of the draft and of other steps; one leads to another."""
    drafts, _, _ = draft(plan.older, exchanges_of(recording.entries, plan.older, plan.newer), [], UNKNOWN_NODE)
    others = [step for step in VERSIONS.steps if step.older in spoken and step.newer in spoken]
    steps = {step.older: step for step in others}
    steps[plan.older] = Step(plan.older, by_method(*(each.adapter() for each in drafts)))
    asked: set[tuple[str, str]] = set()
    methods: set[str] | None = None
    while len(asked) < _MOST_MISSING:
        missing: dict[tuple[str, str], NodeRequest] = {}
        waiting = set()
        for older, step in steps.items():
            score = try_step(step, exchanges_of(recording.entries, older, older + 1), [], methods=methods)
            for method, request in score.missing:
                key = (request.method, repr(request.params))
                if key not in asked:
                    missing[key] = request
                    waiting.add(method)
        if not missing:
            break
        asked |= missing.keys()
        methods = waiting
        questions = [Question((each,)) for each in missing.values()]
        await _ask_each(recording, node, websocket, questions, spoken, "what follows")


async def _ask_each(
    recording: Recording,
    node: RateLimitedNode,
    websocket: RateLimitedNode | None,
    questions: list[Question],
    spoken: range,
    what: str,
) -> None:
    with progress_bar(what, len(questions)) as progress:
        async for _ in ask_all(recording, node, websocket, questions, spoken):
            progress.update(1)
