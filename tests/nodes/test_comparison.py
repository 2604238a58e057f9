"""The nodes compared with each other: the newest ledger that can be believed, the network, standalone nodes."""

from dataclasses import replace
from typing import Any

import pytest

from proxy.nodes import HealthRules, NodeStatus
from proxy.nodes.comparison import compare
from proxy.nodes.status import Comparison, with_health, with_server_info

RULES = HealthRules()
NOW = 1000.0


def node(name: str, ledger: int, age: int = 1, **more: Any) -> NodeStatus:
    info = {"server_state": "full", "validated_ledger": {"seq": ledger, "age": age}, "network_id": 0, **more}
    return with_server_info(NodeStatus(name, up=True, api_version=2), {"info": info}, NOW)


def healthy(*nodes: NodeStatus, network_id: int | None = 0) -> list[str]:
    others = compare(nodes, RULES, network_id, NOW)
    return [each.name for each in nodes if with_health(each, RULES, others, NOW).healthy]


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("ahead", [50, 1000, 90_000_000])
def test_one_node_far_ahead_is_the_one_out_of_rotation(count: int, ahead: int) -> None:
    honest = [node(f"n{number}", 131 + number % 2) for number in range(count - 1)]
    liar = node("liar", 131 + ahead)
    assert healthy(*honest, liar) == [each.name for each in honest]
    assert healthy(liar, *honest) == [each.name for each in honest]
    shown = with_health(liar, RULES, compare([liar, *honest], RULES, 0, NOW), NOW)
    assert shown.problem == f"reports ledger {131 + ahead}, which is impossibly far ahead of the other nodes"


def test_nodes_whose_last_ledger_is_old_are_out_of_rotation() -> None:
    assert healthy(node("a", 131, age=60), node("b", 146)) == ["b"]
    assert healthy(node("a", 131, age=60), node("b", 131, age=60), node("c", 146)) == ["c"]
    assert healthy(node("a", 131, age=110), node("b", 131, age=110), node("c", 160), node("d", 160)) == ["c", "d"]


def test_a_node_alone_is_taken_at_its_word() -> None:
    assert healthy(node("a", 90_000_000)) == ["a"]


def test_a_node_on_another_network_is_out_of_rotation_and_holds_no_other_to_its_ledger() -> None:
    stranger = node("stranger", 90_000_000, network_id=21338)
    assert healthy(stranger, node("a", 131)) == ["a"]
    others = compare([stranger, node("a", 131)], RULES, 0, NOW)
    shown = with_health(stranger, RULES, others, NOW)
    assert (shown.wrong_network, shown.problem) == (True, "is on network 21338, not 0 (network_id)")


@pytest.mark.parametrize("index", [0, -5, 2**32, 2**63, 131.0, "131", True])
def test_a_ledger_that_cannot_exist_counts_as_none(index: Any) -> None:
    """Else the other node would appear to be impossibly far ahead of it."""
    broken = node("broken", index)
    assert healthy(broken, node("a", 131)) == ["a"]
    assert with_health(broken, RULES, Comparison(), NOW).problem == "has no validated ledger"


@pytest.mark.parametrize("network_id", ["0", 0.0, True, [0], -1])
def test_a_network_that_is_not_a_number_is_no_network(network_id: Any) -> None:
    broken = node("broken", 131, network_id=network_id)
    for required in (None, 0, 1):
        shown = with_health(broken, RULES, compare([broken], RULES, required, NOW), NOW)
        assert (shown.healthy, shown.wrong_network) == (False, True)
        assert shown.problem == "reports a network_id that is not a number"


@pytest.mark.parametrize("state", [5, ["full"], {"full": 1}, "x" * 1_000_000])
def test_a_state_that_is_not_one_is_not_accepted(state: Any) -> None:
    broken = node("broken", 131, server_state=state)
    assert healthy(broken) == []
    assert len(str(with_health(broken, RULES, Comparison(), NOW).problem)) < 100


def test_a_huge_list_of_ledgers_is_not_used() -> None:
    assert node("a", 131, complete_ledgers=",".join(map(str, range(100_000)))).complete_ledgers is None


def test_a_ledger_from_the_future_is_as_good_as_new() -> None:
    assert node("a", 131, age=-(10**15)).validated_age(NOW) == 0


def test_a_node_that_has_fallen_back_far_takes_no_other_out() -> None:
    """It was restarted on a network of its own that has the same number."""
    fallen, honest = node("fallen", 5), node("a", 131)
    others = compare([fallen, honest], RULES, 0, NOW, ["fallen"])
    shown = [with_health(each, RULES, others, NOW) for each in (fallen, honest)]
    assert [each.healthy for each in shown] == [False, True]
    assert shown[0].problem == "is 126 ledgers behind (health.max_lag)"
    ahead = node("liar", 9000)
    others = compare([fallen, honest, ahead], RULES, 0, NOW, ["fallen"])
    assert others.implausible == {"liar"}


def test_a_rippled_that_reports_no_network_is_on_network_0() -> None:
    info = {"server_state": "full", "validated_ledger": {"seq": 131, "age": 1}, "build_version": "1.12.0"}
    old = with_server_info(NodeStatus("old", up=True), {"info": info}, NOW)
    assert old.network_id == 0
    assert healthy(old) == ["old"]
    assert healthy(old, network_id=1) == []


def test_a_clio_that_cannot_reach_its_rippled_stays_on_the_network_it_had() -> None:
    info = {"validated_ledger": {"seq": 131, "age": 1}, "clio_version": "2.6.0"}
    clio = with_server_info(NodeStatus("clio", up=True), {"info": info}, NOW)
    assert clio.network_id is None
    assert healthy(clio, network_id=1) == ["clio"]
    known = with_server_info(clio, {"info": {**info, "network_id": 1}}, NOW)
    assert with_server_info(known, {"info": info}, NOW).network_id == 1


def test_standalone_nodes_may_be_old_and_close_ledgers_as_they_like() -> None:
    standalone = {"validation_quorum": 0, "peers": 0}
    assert healthy(node("a", 131, age=5000, **standalone)) == ["a"]
    clio = node("clio", 900, age=5000, validation_quorum=0, clio_version="2.6.0")
    assert healthy(node("a", 1500, age=5000, **standalone), clio) == ["a", "clio"]
    # Next to nodes of a network it is measured as they are.
    assert healthy(node("a", 131, age=5000, **standalone), node("b", 131)) == ["b"]


def test_an_overloaded_node_stays_as_it_was_last_known() -> None:
    status = replace(node("a", 131), overloaded=True)
    assert with_health(status, RULES, Comparison(131), NOW + 10_000).healthy
    assert not with_health(replace(status, overloaded=False), RULES, Comparison(131), NOW + 10_000).healthy


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        ({"amendment_blocked": True}, "is amendment blocked: upgrade its software"),
        ({"corruption_detected": True}, "reports that its database is corrupt"),
    ],
)
def test_a_node_that_cannot_follow_the_ledger_is_out_of_rotation(info: dict[str, Any], problem: str) -> None:
    status = with_health(node("clio", 131, **info), RULES, Comparison(), NOW)
    assert (status.healthy, status.problem) == (False, problem)
