"""Whatever a client asks with, adapters raise nothing: only a node's answer may be of the wrong shape."""

from functools import cache
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import VERSIONS, JsonObject, NodeRequest
from proxy.demo.recorded import API_VERSIONS, Release
from tests.support.conformance import RIPPLED, release_of
from tests.support.native import Miss, RecordedNode, error, serve
from tests.support.recorded import recorded_requests

NAMES = sorted(
    {name for question in recorded_requests("public") for name in question.params} | {"role", "ident", "ledger"}
)
FAILURES = ("invalidParams", "internal", "lgrIdxMalformed", "lgrIdxsInvalid", "notSynced", "actNotFound", "tooBusy")

scalars = st.one_of(
    *(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=4),
    ),
    st.sampled_from(["current", "closed", "validated", "fee", "-1", "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY", "A" * 64]),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
)
params = st.dictionaries(st.sampled_from(NAMES), values, max_size=5)


@cache
def recorded_params(method: str, release: Release) -> tuple[JsonObject, ...]:
    return tuple(question.params for question in recorded_requests("public", release) if question.method == method)


@pytest.mark.parametrize(("client", "node"), list(permutations(VERSIONS.known, 2)))
@settings(
    max_examples=50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(data=st.data())
def test_raises_nothing(client: int, node: int, data: st.DataObject) -> None:
    method = data.draw(st.sampled_from(sorted(VERSIONS.changed_methods())))
    release = RIPPLED if node in API_VERSIONS[RIPPLED] else release_of(VERSIONS.steps[-1])
    behind = RecordedNode(node, release=release)

    def ask(question: NodeRequest) -> JsonObject:
        """What was recorded; else an error, or what was recorded for other parameters."""
        try:
            return behind.ask(question)
        except Miss:
            others = recorded_params(question.method, release)
            recorded: bool = data.draw(st.booleans())
            if others and recorded:
                return behind.ask(NodeRequest(question.method, data.draw(st.sampled_from(others))))
            return error(data.draw(st.sampled_from(FAILURES)))

    result = serve(client, node, method, data.draw(params), ask)
    assert isinstance(result, dict)
