"""What is measured is the same work: the plain rewriting that the proxy is compared with gives the proxy's result."""

import orjson
import pytest

from adapters import VERSIONS
from bench.answers import Case, all_cases
from bench.rivals.rewriting import downgrade, downgrade_pushed
from bench.websocket_cases import recorded_transaction

REWRITTEN = [case for case in all_cases() if case.rivals_rewrite and not case.passes and len(case.answer) < 2_000_000]


@pytest.mark.parametrize("case", REWRITTEN, ids=lambda case: case.name)
def test_the_others_rewrite_as_the_proxy_does(case: Case) -> None:
    asked = orjson.loads(case.request)
    params = {name: value for name, value in asked["params"][0].items() if name != "api_version"}
    conversation = VERSIONS.pipeline(case.client_version, case.node_version, asked["method"]).converse(params)
    next(conversation)
    with pytest.raises(StopIteration) as ended:
        conversation.send(orjson.loads(case.answer)["result"])
    plain = orjson.loads(case.answer)["result"]
    downgrade(plain)
    assert plain == ended.value.value


def test_what_is_pushed_is_rewritten_as_the_proxy_does() -> None:
    plain = orjson.loads(recorded_transaction())
    downgrade_pushed(plain)
    assert plain == VERSIONS.stream_pipeline(1, 2).rewrite(orjson.loads(recorded_transaction()))
