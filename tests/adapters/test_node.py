"""A node's software and release, as its `server_info` has them."""

from typing import Any

import pytest

from adapters import NodeInfo


@pytest.mark.parametrize(
    ("info", "text", "predates_v2"),
    [
        ({"build_version": "1.12.0"}, "rippled 1.12.0", True),
        ({"build_version": "2.6.1"}, "rippled 2.6.1", False),
        ({"build_version": "2.0.0-rc1+DEBUG"}, "rippled 2.0.0", False),
        ({"build_version": "3.3.0-b0"}, "xrpld 3.3.0", False),
        ({"clio_version": "2.6.0", "rippled_version": "2.6.1"}, "clio 2.6.0", False),
        ({"clio_version": 5, "build_version": "2.6.1"}, "clio", False),
        ({"build_version": "2025.7.9-release+1951"}, "other 2025.7.9", True),
        ({"build_version": "2024.9.11-release+1015"}, "other 2024.9.11", True),
        ({"build_version": "20240911.1-release"}, "other 20240911.1", True),
        ({"build_version": "1.12.0-b1+DEBUG"}, "rippled 1.12.0", True),
        ({"build_version": "0.90.0"}, "rippled 0.90.0", True),
        ({"build_version": "nightly"}, "other", False),
        ({"build_version": 2.6}, "other", False),
        ({"build_version": "9" * 5000 + ".1"}, "other", False),
        ({}, "other", False),
    ],
)
def test_software_and_release_are_read_from_server_info(info: dict[str, Any], text: str, predates_v2: bool) -> None:
    node = NodeInfo.from_server_info(info)
    assert node.text == text
    assert node.predates_v2 is predates_v2
    same = NodeInfo(node.software, node.release, forwards_to=node.forwards_to)
    assert {node: 1}[same] == 1  # pipelines are looked up by it


@pytest.mark.parametrize(
    "node", [NodeInfo("rippled", (1, 12, 0)), NodeInfo("xrpld", (3, 3, 0)), NodeInfo("clio", (2, 6)), NodeInfo()]
)
def test_written_and_read_again(node: NodeInfo) -> None:
    assert NodeInfo.from_text(node.text) == node


def test_a_clio_says_which_rippled_it_forwards_to() -> None:
    def behind(info: dict[str, Any]) -> str:
        return NodeInfo.from_server_info({"clio_version": "2.6.0", **info}).behind.text

    assert behind({"rippled_version": "2.6.1"}) == "rippled 2.6.1"
    assert behind({"rippled_version": "3.3.0-b0"}) == "xrpld 3.3.0"
    assert behind({}) == "rippled"


@pytest.mark.parametrize("text", ["", "rippled two", "skynet 1.0"])
def test_what_is_not_a_release(text: str) -> None:
    with pytest.raises(ValueError, match="expected software and release"):
        NodeInfo.from_text(text)
