"""How time and memory are taken: the best of several turns, in this process or in fresh ones.

Everything that disturbs a measurement makes it longer, so the shortest is the truest; and what is compared takes turns,
so that a machine that is busy for a while is so for both.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

ROOT = Path(__file__).parents[1]


def seconds_of(action: Callable[[], Any]) -> float:
    """Return how long a plain call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def processor_seconds_of(action: Callable[[], Any]) -> float:
    """Return what a plain call takes of the processor.

    For long ones that never wait: no turn of theirs is free of the machine's other work, and this leaves it out.
    """
    began = time.process_time()
    action()
    return time.process_time() - began


def seconds_on_loop(make: Callable[[], Coroutine[Any, Any, Any]]) -> float:
    """Return how long a coroutine takes on a fresh event loop, whose own beginning and end do not count."""

    async def timed() -> float:
        began = time.perf_counter()
        await make()
        return time.perf_counter() - began

    return asyncio.run(timed())


def by_turns(repeats: int, *contestants: Callable[[], float]) -> list[float]:
    """Let each tell its time `repeats` times, by turns, and return the shortest of each.

    Every other round goes backwards, so that nobody always comes after the one who wears the machine out.
    """
    best = [float("inf")] * len(contestants)
    places = range(len(contestants))
    for number in range(repeats):
        for place in places if number % 2 == 0 else reversed(places):
            gc.collect()
            best[place] = min(best[place], contestants[place]())
    return best


def peak_memory() -> int:
    """Return the most memory that this process has held so far, in bytes.

    Linux hands `ru_maxrss` on from the process that started this one, so its record of this one alone is preferred.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def in_fresh_process(module: str, *arguments: str, python: str = sys.executable, timeout: float = 900) -> list[Any]:
    """Run a module of the benchmarks in a process of its own and return what it says: one JSON value a line.

    Raises:
        RuntimeError: it failed, or took more than `timeout` seconds; the message ends with its own last words.
    """
    command = [python, "-m", module, *arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{module} {' '.join(arguments)}: not done after {timeout:.0f} s") from None
    if done.returncode:
        last_words = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise RuntimeError(f"{module} {' '.join(arguments)}: {last_words}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def report(**values: Any) -> None:
    """Say one JSON object on a line of standard output: how a process started by `in_fresh_process` answers."""
    print(json.dumps(values), flush=True)
