"""The report of a verification: a table for people, JSON for programs, JUnit XML for CI."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from xml.etree import ElementTree

import click
import orjson

from adapters import VERSIONS, JsonObject, NodeInfo
from adapters.node import UNKNOWN_NODE
from proxy.commands.output import table
from proxy.commands.verification.comparison import Outcome, Verdict
from proxy.commands.verification.coverage import Coverage, NotCompared, coverage

_VERDICTS: tuple[Verdict, ...] = ("same", "different", "not compared")
_HEADINGS = ("method", "over", "client on node")
_SHOWN_PER_METHOD = 3
_SHOWN_LINES = 6
_SHOWN_METHODS = 6
# Characters that XML 1.0 does not allow.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Row = tuple[str, str, str]


@dataclass(slots=True)
class Report:
    """All outcomes of one verification of `node` (its URL without parts that may be secret)."""

    node: str
    versions: tuple[int, ...]
    server: NodeInfo = UNKNOWN_NODE
    """Its software and release."""
    ledger_index: int | None = None
    """The newest validated ledger at the start."""
    asked: int = 0
    """Requests to which the node responded."""
    outcomes: list[Outcome] = field(default_factory=list)

    def counted(self) -> dict[Row, Counter[Verdict]]:
        """The number of outcomes of each verdict, by method, transport and direction."""
        rows: dict[Row, Counter[Verdict]] = {}
        for outcome in sorted(self.outcomes, key=_row):
            rows.setdefault(_row(outcome), Counter())[outcome.verdict] += 1
        return rows

    def total(self, verdict: Verdict) -> int:
        """The number of outcomes with a verdict."""
        return sum(outcome.verdict == verdict for outcome in self.outcomes)

    def coverage(self) -> Coverage:
        """The coverage of methods that differ between versions."""
        return coverage(self.outcomes, VERSIONS, self.versions, self.server)

    def differing(self) -> list[Outcome]:
        """The outcomes with differences, grouped by row."""
        return sorted((outcome for outcome in self.outcomes if outcome.verdict == "different"), key=_row)


def _row(outcome: Outcome) -> Row:
    return outcome.method, outcome.transport, outcome.direction


def write_for_people(report: Report) -> None:
    """A table, the differences (some of each method and direction), and a summary, on standard output."""
    click.echo(f"{report.node}, {report.server.text}, ledger {report.ledger_index}\n")
    counted = report.counted()
    rows = [(*row, *(str(counts[verdict] or "") for verdict in _VERDICTS)) for row, counts in counted.items()]
    heading, *lines = table(
        [(*_HEADINGS, *_VERDICTS), *rows], right=range(len(_HEADINGS), len(_HEADINGS) + len(_VERDICTS))
    )
    click.echo(heading)
    for line, counts in zip(lines, counted.values(), strict=True):
        click.secho(line, fg="red" if counts["different"] else None, dim=None if counts["same"] else True)
    for line in (*_difference_lines(report.differing()), *_coverage_lines(report)):
        click.echo(line)
    totals = ", ".join(f"{report.total(verdict)} {verdict}" for verdict in _VERDICTS)
    click.echo(f"{len(report.outcomes)} comparisons from {report.asked} requests: {totals}")


def _difference_lines(differing: Iterable[Outcome]) -> Iterator[str]:
    for (method, transport, direction), grouped in groupby(differing, _row):
        group = list(grouped)
        yield ""
        yield f"{method} over {transport}, {direction}: {len(group)} different"
        for outcome in group[:_SHOWN_PER_METHOD]:
            yield f"  {orjson.dumps(outcome.params).decode()}"
            yield from (f"    {line}" for line in outcome.differences[:_SHOWN_LINES])
            if len(outcome.differences) > _SHOWN_LINES:
                yield "    …"
        if len(group) > _SHOWN_PER_METHOD:
            yield f"  and {len(group) - _SHOWN_PER_METHOD} more"
    yield ""


def _coverage_lines(report: Report) -> Iterator[str]:
    """The requests that were not compared, by reason, and the coverage."""
    by_reason: dict[str, Counter[str]] = {}
    for outcome in report.outcomes:
        if outcome.verdict == "not compared":
            by_reason.setdefault(outcome.reason, Counter())[outcome.method] += 1
    for reason, methods in sorted(by_reason.items(), key=lambda item: -item[1].total()):
        shown = ", ".join(f"{method} ({count})" for method, count in methods.most_common(_SHOWN_METHODS))
        more = f" and {len(methods) - _SHOWN_METHODS} more methods" if len(methods) > _SHOWN_METHODS else ""
        yield f"{methods.total()} not compared: {reason}: {shown}{more}"
    covered = report.coverage()
    for reason, each in groupby(sorted(covered.not_compared, key=_reason), _reason):
        yield f"not compared at all: {', '.join(one.method for one in each)}: {reason}"
    yield (
        f"coverage: {len(covered.compared)} of the {covered.possible} methods that differ between versions and can be "
        f"compared, {covered.percent:.0f} %"
    )


def _reason(method: NotCompared) -> str:
    return method.reason


def as_json(report: Report) -> JsonObject:
    """The report for programs; of equal outcomes only the number."""
    methods = [
        {"method": method, "transport": transport, "direction": direction}
        | {verdict.replace(" ", "_"): counts[verdict] for verdict in _VERDICTS}
        for (method, transport, direction), counts in report.counted().items()
    ]
    return {
        "node": report.node,
        "server": report.server.text,
        "versions": list(report.versions),
        "ledger_index": report.ledger_index,
        "requests": report.asked,
        **{verdict.replace(" ", "_"): report.total(verdict) for verdict in _VERDICTS},
        "coverage": {
            "percent": round(report.coverage().percent, 1),
            "compared": list(report.coverage().compared),
            "not_compared": [asdict(each) for each in report.coverage().not_compared],
        },
        "methods": methods,
        "differences": [asdict(outcome) for outcome in report.differing()],
        "skipped": [asdict(outcome) for outcome in report.outcomes if outcome.verdict == "not compared"],
    }


def as_junit(report: Report) -> bytes:
    """JUnit XML: a suite for each direction and transport, a case for each comparison."""
    root = ElementTree.Element("testsuites", name="xrpl-version-proxy verify")
    ordered = sorted(report.outcomes, key=lambda outcome: (outcome.direction, outcome.transport))
    for (direction, transport), grouped in groupby(ordered, lambda outcome: (outcome.direction, outcome.transport)):
        suite = ElementTree.SubElement(root, "testsuite", name=f"{direction} over {transport}")
        verdicts: Counter[Verdict] = Counter()
        for outcome in grouped:
            verdicts[outcome.verdict] += 1
            name = _xml(orjson.dumps(outcome.params).decode())
            case = ElementTree.SubElement(suite, "testcase", classname=_xml(outcome.method), name=name)
            if outcome.verdict == "different":
                failure = ElementTree.SubElement(case, "failure", message=_xml(outcome.differences[0]))
                failure.text = _xml("\n".join(outcome.differences))
            elif outcome.verdict == "not compared":
                ElementTree.SubElement(case, "skipped", message=_xml(outcome.reason))
        suite.set("tests", str(verdicts.total()))
        suite.set("failures", str(verdicts["different"]))
        suite.set("errors", "0")
        suite.set("skipped", str(verdicts["not compared"]))
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
