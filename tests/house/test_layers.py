"""Calls go down, events go up: the import contracts hold, and an import that breaks one is caught."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts on the package that lies in this directory."""
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache"],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(directory), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_are_kept():
    checked = lint(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("module", "planted", "broken"),
    [
        ("core.planted", "graphbit_nb.session", "Calls go down, events go up"),
        ("execution.planted", "graphbit_nb.drawing", "Calls go down, events go up"),
        ("drawing.planted", "ipywidgets", "Only the notebook package knows Jupyter"),
        ("graph.planted", "asyncio", "The graph and the scheduler decide; they do no I/O and know no event loop"),
    ],
)
def test_a_planted_import_is_caught(tmp_path, module, planted, broken):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package = shutil.copytree(ROOT / "graphbit_nb", tmp_path / "graphbit_nb")
    package.joinpath(*module.split(".")).with_suffix(".py").write_text(f"import {planted}\n")
    checked = lint(tmp_path)
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert f"{broken} BROKEN" in checked.stdout
    assert f"graphbit_nb.{module} -> {planted} (l.1)" in checked.stdout
