"""Which models a version has."""

import subprocess
import sys
from types import ModuleType

import pytest

from adapters import VERSIONS
from adapters.models import versions
from adapters.models.method import Method
from adapters.models.model import Model
from adapters.models.versions import all_types, models_of, stem_of, types_at


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("AccountInfoRequestBase", "AccountInfoRequest"),
        ("AccountInfoRequestV12", "AccountInfoRequest"),
        ("FeeRequest", "FeeRequest"),
        ("Base", "Base"),
    ],
)
def test_stem(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def test_a_version_has_the_newest_form_that_is_not_newer_than_itself() -> None:
    def named(stem: str) -> list[str]:
        return [types_at(version)[stem].__name__ for version in (1, 2, 3)]

    assert named("AccountInfoRequest") == [f"AccountInfoRequestV{number}" for number in (1, 2, 2)]
    assert named("FeeRequest") == ["FeeRequest"] * 3
    assert named("LedgerEntryRequest") == ["LedgerEntryRequest", "LedgerEntryRequest", "LedgerEntryRequestV3"]
    assert named("SigningErrorToken") == ["SigningErrorToken", "SigningErrorTokenV2", "SigningErrorTokenV2"]


@pytest.mark.parametrize("version", VERSIONS.known)
def test_methods_and_messages_have_their_models(version: int) -> None:
    models = models_of(version)
    assert ("tx_history" in models.methods) == (version == 1)
    for method in models.methods.values():
        for part in ("Request", "SuccessResponse", "ErrorResponse"):
            assert method.stem + part in models.types
    assert models.streams["ledgerClosed"] == "LedgerClosedMessage"
    assert len(models.streams) == 9


@pytest.mark.parametrize("version", [0, VERSIONS.newest + 1])
def test_unknown_version(version: int) -> None:
    with pytest.raises(ValueError, match=f"there is no API version {version}"):
        models_of(version)


def test_a_method_of_no_family() -> None:
    with pytest.raises(ValueError, match="fee_history: there is no family fees, only account, ledger"):
        Method("fee_history", "fees", "Fees.")


def test_two_models_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("of_a_step")
    module.FeeRequest = type("FeeRequest", (Model,), {})  # type: ignore[attr-defined]
    monkeypatch.setattr(versions, "_of_step", lambda _: (module,))
    with pytest.raises(ValueError, match="of_a_step: there is another model FeeRequest"):
        all_types.__wrapped__()


def test_models_are_not_imported_to_serve() -> None:
    """They take most of a second, and proxy.spec 15 ms, which a start, and every worker, would wait for."""
    program = """
import sys
import proxy.cli, proxy.observe.server, proxy.server.proxy
models = {name for name in sys.modules if name.startswith("adapters.") and ".models" in name}
print(sorted(models | {name for name in sys.modules if name.startswith("proxy.spec")}))
"""
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert printed.stdout.strip() == "[]"
