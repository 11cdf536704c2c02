"""What the repository holds: known names at the top, no large file, nothing of the machine it was written on."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {
    *("LICENSE", "Makefile", "README.md", "pyproject.toml", "requirements.lock"),
    *("benchmarks", "docs", "graphbit_nb", "notebooks", "tests"),
}
LARGEST = 2_000_000  # bytes
FOREIGN_PATH = re.compile(rb"(?<![\w.~-])/(work|root)/")


@pytest.fixture(scope="module")
def tracked():
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_only_known_names_at_the_top(tracked):
    top = {path.relative_to(ROOT).parts[0] for path in tracked}
    assert {name for name in top - TOP_LEVEL if not name.startswith(".")} == set()


def test_no_large_file(tracked):
    assert [path for path in tracked if path.stat().st_size > LARGEST] == []


def test_no_path_of_the_machine_it_was_written_on(tracked):
    assert [path for path in tracked if FOREIGN_PATH.search(path.read_bytes())] == []


def test_the_lock_pins_versions_and_says_nothing_else():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"#.*|[\w.-]+==[\w.+!]+", line)] == []
