"""A copy of the tree in which a test changes what it likes, and what runs in it."""

import shutil
import subprocess
import sys
from pathlib import Path

TREE = Path(__file__).parents[2]


def copy_tree(copy: Path) -> Path:
    """Copies what git knows or would add; the copy."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TREE,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        if (TREE / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(TREE / name, copy / name)
    return copy


def run_in(copy: Path, *command: str, seconds: float = 120, status: int = 0) -> str:
    """The output of a Python command in the copy, which ends with this status."""
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == status, done.stdout[-5000:] + done.stderr[-3000:]
    return done.stdout
