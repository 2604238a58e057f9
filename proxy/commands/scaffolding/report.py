"""The coverage of a draft, and what in a step a node does not confirm: as text, and as Markdown in
the step's folder.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson

from adapters import NodeInfo
from proxy.commands.scaffolding.trial import Miss, Score

_MOST_SHOWN = 400


def coverage(
    older: int,
    newer: int,
    node: NodeInfo,
    score: Score,
    changed: Iterable[str],
    never_answered: Sequence[str],
    refused: Mapping[str, int],
) -> str:
    """The report of a draft, as Markdown."""
    drafted = set(changed)
    lines = [
        f"# API version {older} to {newer}, as a {node.text} answers",
        "",
        f"{score.asked.total()} answers and messages compared, each direction counted; {score.share():.1%} of them are "
        "translated exactly.",
        "",
        "| method | compared | exact | |",
        "|---|---|---|---|",
    ]
    for method in sorted(score.asked):
        what = "drafted" if method.removeprefix("pushed ") in drafted else "the same"
        lines.append(f"| `{method}` | {score.asked[method]} | {score.share(method):.1%} | {what} |")
    if never_answered:
        lines += ["", f"Not seen: {', '.join(f'`{method}`' for method in never_answered)}."]
    if refused:
        lines += ["", "Requests that the node did not answer:", ""]
        lines += [f"- {count} times: {reason}" for reason, count in Counter(refused).most_common()]
    if score.misses:
        lines += ["", "## Not translated exactly", ""]
        lines += list(_missed(score.misses[:_MOST_SHOWN]))
    return "\n".join([*lines, ""])


def _missed(misses: Iterable[Miss]) -> Iterator[str]:
    for miss in misses:
        params = orjson.dumps(miss.params).decode()
        yield f"- `{miss.method}`, v{miss.client} client on a v{miss.node} node, `{params[:200]}`"
        yield from (f"    - {line}" for line in miss.differences)


def unconfirmed(score: Score) -> Iterator[str]:
    """The differences between a step's translations and the node's responses: one line for each method, with an
    example.
    """
    by_method: dict[str, list[Miss]] = {}
    for miss in score.misses:
        by_method.setdefault(miss.method, []).append(miss)
    for method, misses in sorted(by_method.items()):
        params = orjson.dumps(misses[0].params).decode()
        yield f"{method}: {len(misses)} of {score.asked[method]} are not as the node answers, such as {params[:120]}"
        yield f"  v{misses[0].client} client on a v{misses[0].node} node: {misses[0].differences[0]}"
