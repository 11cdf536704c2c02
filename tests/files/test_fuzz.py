"""Spoiled files are refused with a GraphbitError that names the place, and never in another way."""

import importlib.util
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("files_fuzz", Path(__file__).with_name("fuzz.py"))
fuzz = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fuzz)


@pytest.mark.parametrize("seed", range(0, 400, 50))
def test_spoiled_files_load_or_are_refused(seed):
    ends = fuzz.run(50, seed + 1_000_000)
    assert ends.total() == 50
    assert ends["ValidationError"] > 0
