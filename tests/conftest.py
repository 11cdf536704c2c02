"""What all tests share: a home of their own, and examples of hypothesis without a time limit, for machines differ."""

import itertools
import shutil
import sys

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("graphbit", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("graphbit")

_numbers = itertools.count()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory):
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def home(_homes, monkeypatch):
    """The directory in which this test alone keeps its runs; it is made by whoever keeps one."""
    path = _homes / str(next(_numbers))
    monkeypatch.setenv("GRAPHBIT_HOME", str(path))
    monkeypatch.setenv("GRAPHBIT_KEYS", str(path / "keys.json"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    yield path
    if "graphbit_nb.core.redaction" in sys.modules:
        sys.modules["graphbit_nb.core.redaction"].forget_known()
    if "graphbit_nb.session.memory" in sys.modules:
        sys.modules["graphbit_nb.session.memory"].close_memories()
    if "graphbit_nb.session.home" in sys.modules:
        sys.modules["graphbit_nb.session.home"].forget_home()
    shutil.rmtree(path, ignore_errors=True)
