"""docs/architecture.md stays true."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| component")
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_what_a_row_names_exists(row):
    _, here, test = row
    for name in re.findall(r"`(graphbit_nb\.[\w.]+)`", here):
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute), name
    for path in re.findall(r"`(tests/[\w/.]+)`", test):
        assert (ROOT / path).is_file(), path


def test_a_row_names_a_class_or_says_that_there_is_none():
    for _, here, _ in ROWS:
        assert "`graphbit_nb." in here or here.startswith(("not built yet", "none on purpose")), here
