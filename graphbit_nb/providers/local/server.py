"""The child process: one llama.cpp server on the loopback, behind a key.

The first line on stdin is the options as JSON, the first line on stdout the answer. Then the process lives until
stdin closes or its parent is another one. It is run as a file and imports nothing of this package. It ends with
`os._exit`: the runtime's own clean-up can crash while a request is being served.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

PARENT_WATCH_SECONDS = 2.0


def _parameters(xllamacpp: Any, options: dict[str, Any]) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = options["path"]
    parameters.n_ctx = options["context"] * options["slots"]  # the runtime divides it among the slots
    parameters.n_parallel = options["slots"]
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = options["threads"]
    parameters.n_threads_http = options["slots"] + 4
    parameters.api_keys = [options["key"]]
    has_aliases = isinstance(getattr(parameters, "model_alias", ""), set)  # it was one text in older versions
    wanted = {
        "model_alias": {options["name"]} if has_aliases else options["name"],
        "ui": False,
        "cors_origins": "",
        "cache_ram_mib": 0,  # else up to 8 GB of old prompts are kept
        "kv_unified": False,  # else an answer depends on what runs beside it
        "check_tensors": True,  # else a damaged file answers nonsense
        "verbosity": 1,  # errors only: they say why a model cannot be loaded
    }
    for name, value in wanted.items():
        if hasattr(parameters, name):  # older versions know fewer
            setattr(parameters, name, value)
    return parameters


def _say(stdout: int, message: dict[str, Any]) -> None:
    os.write(stdout, (json.dumps(message) + "\n").encode())


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_WATCH_SECONDS)
    os._exit(0)


def main() -> None:
    """Serve until the parent is gone."""
    parent = os.getppid()
    stdout = os.dup(1)
    os.dup2(2, 1)  # whatever the runtime prints must not get into the answer
    options = json.loads(sys.stdin.readline())
    try:
        import xllamacpp

        server = xllamacpp.Server(_parameters(xllamacpp, options))
        _say(stdout, {"address": server.listening_address})
    except BaseException as error:  # noqa: BLE001 (told to the parent, whatever it is)
        _say(stdout, {"error": str(error), "kind": type(error).__name__})
        os._exit(1)
    os.close(stdout)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
