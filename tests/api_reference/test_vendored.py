"""A release of Redoc that loads something else from another host is noticed when the reference is built."""

from pathlib import Path

import pytest

from api_reference.vendored import bundle

LOGOS = "f(`https://cdn.redoc.ly/redoc/logo-mini-full.svg`, `https://cdn.redoc.ly/redoc/logo-mini.svg`)"


def packages(folder: Path, script: str) -> Path:
    (folder / "redoc" / "bundles").mkdir(parents=True)
    (folder / "redoc" / "bundles" / "redoc.standalone.js").write_text(script)
    return folder


def test_pictures_from_another_host_are_replaced(tmp_path: Path) -> None:
    script = bundle(packages(tmp_path, LOGOS))
    assert script.count("`data:image/svg+xml,") == 2
    assert "https://cdn" not in script


@pytest.mark.parametrize("script", ["", LOGOS.replace("-full", ""), LOGOS + LOGOS])
def test_another_bundle_is_refused(tmp_path: Path, script: str) -> None:
    with pytest.raises(ValueError, match=r"logo-mini.*look at what it loads"):
        bundle(packages(tmp_path, script))
