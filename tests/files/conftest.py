import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def library(tmp_path, monkeypatch):
    """The workflows of library.py, as a module that lies in a user's directory."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.delitem(sys.modules, "library", raising=False)
    spec = importlib.util.spec_from_file_location("library", HERE / "library.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "library", module)
    spec.loader.exec_module(module)
    return module
