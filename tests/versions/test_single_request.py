"""Calls that take one node request, and how those that take more are recognised."""

from typing import Any

import pytest

from adapters import VERSIONS
from proxy.versions.single_request import SingleRequest
from proxy.versions.translator import UnexpectedShape


def single(client: int, node: int, method: str, **params: Any) -> SingleRequest:
    return SingleRequest(VERSIONS.pipeline(client, node, method), method, params)


def test_a_call_of_one_node_request_is_translated() -> None:
    call = single(1, 2, "account_info", account="r", signer_lists=1)
    assert call.request is not None
    assert call.request.params == {"account": "r", "signer_lists": True}
    assert call.finish({"account_data": {}, "signer_lists": []}) == {"account_data": {"signer_lists": []}}
    assert call.seconds > 0


def test_a_call_that_may_take_more_has_no_request() -> None:
    # Version 2 does not have the method: no node is asked.
    assert single(2, 1, "tx_history").request is None


def test_an_error_takes_more() -> None:
    assert single(1, 2, "account_info", account="r").finish({"error": "actNotFound"}) is None
    refused = single(2, 1, "account_info", account="r", signer_lists=1)
    assert refused.finish({"account_data": {}}) is None


def test_a_result_of_another_shape_is_reported_without_its_text() -> None:
    call = single(1, 2, "tx", transaction="0" * 64)
    with pytest.raises(UnexpectedShape) as raised:
        call.finish({"tx_json": ["secret"], "hash": 1})
    assert "secret" not in str(raised.value)
