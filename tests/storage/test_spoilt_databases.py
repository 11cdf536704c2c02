"""A database that was damaged, or made to do harm, is told as such, and runs nobody's code."""

import subprocess
import sys
from pathlib import Path


def test_spoilt_databases_give_our_errors_alone_and_run_nothing():
    program = Path(__file__).with_name("spoiling.py")
    done = subprocess.run([sys.executable, program, "80"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or done.stdout
    assert done.stdout.endswith("code that ran: none\n")
