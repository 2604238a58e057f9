"""Calls that take one node request, and how those that take more are recognised."""

from typing import Any

import pytest

from adapters import VERSIONS, NodeInfo
from proxy.versions.single_request import SingleRequest
from proxy.versions.translator import UnexpectedShape


def single(client: int, node: int, method: str, **params: Any) -> SingleRequest:
    return SingleRequest(VERSIONS.pipeline(client, node, method), method, params)


def test_a_call_of_one_node_request_is_translated() -> None:
    call = single(1, 2, "account_info", account="r", signer_lists=1)
    assert call.params == {"account": "r", "signer_lists": True}
    assert call.finish({"account_data": {}, "signer_lists": []}) == {"account_data": {"signer_lists": []}}
    assert call.seconds > 0


def test_a_call_that_may_take_more_has_no_request() -> None:
    # Version 2 does not have the method: no node is asked.
    assert single(2, 1, "tx_history").params is None


def test_an_error_takes_more() -> None:
    assert single(1, 2, "account_info", account="r").finish({"error": "actNotFound"}) is None
    refused = single(2, 1, "account_info", account="r", signer_lists=1)
    assert refused.finish({"account_data": {}}) is None


def test_a_result_of_another_shape_is_reported_without_its_text() -> None:
    call = single(1, 2, "tx", transaction="0" * 64)
    with pytest.raises(UnexpectedShape) as raised:
        call.finish({"tx_json": ["secret"], "hash": 1})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("client", "node", "method", "params"),
    [
        (1, 2, "account_info", {"signer_lists": 1}),
        (2, 1, "account_lines", {}),
        (1, 3, "account_info", {}),
        (1, 2, "account_tx", {}),
        (1, 2, "fee", {}),
    ],
)
def test_a_conversation_of_one_node_request_asks_and_answers_the_same(
    client: int, node: int, method: str, params: dict[str, Any]
) -> None:
    def result() -> dict[str, Any]:
        return {"account_data": {"a": 1}, "signer_lists": [], "transactions": [], "ledger_index": 7}

    call, conversation = (
        single(client, node, method, **params),
        VERSIONS.pipeline(client, node, method).converse(params),
    )
    request = next(conversation)
    assert (method, call.params) == (request.method, request.params)
    with pytest.raises(StopIteration) as end:
        conversation.send(result())
    assert call.finish(result()) == end.value.value


def test_a_request_that_a_clio_forwards_is_converted_for_the_node_behind_it() -> None:
    clio = VERSIONS.pipeline(1, 2, "account_info", NodeInfo("clio", (2, 3, 0)))
    here, forwarded = (SingleRequest(clio, "account_info", {"queue": queue}) for queue in (False, True))
    assert here.params == {"queue": False}
    assert forwarded.params == {"queue": True}
    assert clio.conversion({"queue": True}) != clio.conversion({"queue": False})
