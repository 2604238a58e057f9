"""The mix: the same from the same seed, in its proportions, and rewritten by the plain proxy as by this one."""

from collections import Counter

import orjson
import pytest

from adapters import VERSIONS
from bench.capacity.mix import KINDS, LEDGER_SECONDS, arrivals, message, params, pushed_per_ledger, results, stamped
from bench.rivals.rewriting import downgrade, downgrade_pushed


def test_the_same_seed_gives_the_same_requests() -> None:
    assert list(arrivals(100, 5, seed=7)) == list(arrivals(100, 5, seed=7))
    assert list(arrivals(100, 5, seed=7)) != list(arrivals(100, 5, seed=8))


def test_requests_arrive_at_their_rate_in_their_proportions() -> None:
    requests = list(arrivals(1000, 20, seed=1))
    assert len(requests) == pytest.approx(20_000, rel=0.03)
    assert [request.at for request in requests] == sorted(request.at for request in requests)
    counts = Counter(KINDS[request.kind] for request in requests)
    over_http = sum(count for kind, count in counts.items() if kind.over_http)
    assert over_http / len(requests) == pytest.approx(0.2, abs=0.02)
    following = sum(count for kind, count in counts.items() if kind.method in ("ledger", "server_info"))
    assert following / len(requests) == pytest.approx(0.2, abs=0.02)


def test_weights_are_shares_of_a_hundred() -> None:
    assert sum(kind.weight for kind in KINDS) == 100


@pytest.mark.parametrize("method", sorted({kind.method for kind in KINDS}))
def test_the_plain_proxy_rewrites_each_result_as_the_proxy_does(method: str) -> None:
    conversation = VERSIONS.pipeline(1, 2, method).converse(params(method, 1, 0))
    next(conversation)
    with pytest.raises(StopIteration) as ended:
        conversation.send(orjson.loads(results()[method]))
    plain = orjson.loads(results()[method])
    downgrade(plain)
    assert plain == ended.value.value


def test_the_plain_proxy_rewrites_each_pushed_message_as_the_proxy_does() -> None:
    for opened in {opened for group in pushed_per_ledger() for opened in group.messages}:
        message = orjson.loads(stamped(opened, 5))
        plain = orjson.loads(stamped(opened, 5))
        downgrade_pushed(plain)
        assert plain == VERSIONS.stream_pipeline(1, 2).rewrite(message)


def test_a_ledger_pushes_each_transaction_as_proposed_and_for_both_streams() -> None:
    messages = [orjson.loads(opened + b"}") for group in pushed_per_ledger() for opened in group.messages]
    transactions = Counter(message["validated"] for message in messages if message["type"] == "transaction")
    assert transactions == {False: 40, True: 80}
    assert all(0 <= group.at < LEDGER_SECONDS for group in pushed_per_ledger())


def test_only_ids_have_a_number_sign() -> None:
    texts = [*results().values(), *(opened for group in pushed_per_ledger() for opened in group.messages)]
    assert not any(b"#" in text for text in texts)
    assert b'"#0000000017"' in message("tx", 1, 5, 17)
