"""Carries out a job: the clients, what it is written down with, and the run itself."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from graphbit_nb.execution.engine import Engine, new_run_id, plan_for
from graphbit_nb.execution.options import RunOptions
from graphbit_nb.execution.result import ExecutionResult
from graphbit_nb.graph.caching import first_mode
from graphbit_nb.graph.fallback import models_of
from graphbit_nb.session.budgets import accounts_for, waited_in
from graphbit_nb.session.clients import RunClients
from graphbit_nb.session.job import model_nodes
from graphbit_nb.session.limiting import limits_of, refuse_too_large
from graphbit_nb.session.memory import answers_in_memory, memory_or_trouble
from graphbit_nb.session.shared import keep_latest
from graphbit_nb.storage.run_memory import RunMemory
from graphbit_nb.telemetry.current import run_telemetry

if TYPE_CHECKING:
    from graphbit_nb.core.budget import Budget
    from graphbit_nb.core.bus import Sink
    from graphbit_nb.execution.run import Run
    from graphbit_nb.execution.threads import ThreadPool
    from graphbit_nb.providers.clients import LlmClientManager
    from graphbit_nb.session.executor import WorkflowExecutor
    from graphbit_nb.session.handle import RunHandle
    from graphbit_nb.session.job import Job
    from graphbit_nb.session.memory import Memory


async def executed(
    executor: WorkflowExecutor,
    job: Job,
    handle: RunHandle,
    manager: LlmClientManager,
    threads: ThreadPool,
    budget: Budget | None = None,
) -> ExecutionResult:
    """Do a job on the loop from which this is called, and return its result; what was done stays in `handle`.

    Args:
        executor: How it is done.
        job: What is done.
        handle: Told which run it is as soon as it begins.
        manager: Where clients live that are shared with other runs.
        threads: Runs plain functions.
        budget: What the run may spend, with all that it has spent before.

    Raises:
        ConfigurationError: a model is not set up.
        MissingInputError: an input has no value.
        BudgetExceeded: the time of the budget is used up already.
        InputTooLarge: the workflow, or what it is given, is over a limit.
    """
    workflow = job.workflow
    refuse_too_large(workflow, job.inputs, limits_of(executor.limits))
    run_id = new_run_id() if job.snapshot is None else job.snapshot.run_id
    memory, trouble = (None, None) if executor.storage == "memory" else await asyncio.to_thread(memory_or_trouble)
    remembered = RunMemory(
        answers_in_memory() if memory is None else memory.cache,
        first_mode(job.cache, executor.cache),
        workflow=workflow.name,
        run_id=run_id,
    )
    cassette = executor.cassette if job.cassette is None else job.cassette
    tape = None if cassette is None else cassette.tape()
    accounts = accounts_for(run_id, workflow.name, budget, job.snapshot)
    clients = RunClients(manager, executor.config, executor.reliability, remembered, tape, accounts)
    telemetry = run_telemetry(workflow.name)
    try:
        engine = Engine(clients=clients, threads=threads)
        nodes = [workflow.nodes[name] for name in plan_for(workflow, job.nodes).names]
        clients.check(nodes)
        await clients.check_models(nodes)
        await clients.check_prices(nodes)
        deadline = _sooner(executor.deadline, accounts.seconds_left())
        options = replace(_options(executor, job, clients), unkept=trouble, memory=remembered, deadline=deadline)
        run = await _prepared(job, engine, options, run_id, memory, telemetry.sinks)
        result = ExecutionResult(workflow, run.snapshot)
        handle.begin(run)
        began = time.time()
        accounts.begin()
        try:
            await run.execute()
        finally:
            accounts.end(waited_in(run.snapshot, began))
            telemetry.close()
            keep_latest(result)
        return result
    finally:
        await clients.aclose()


async def _prepared(
    job: Job, engine: Engine, options: RunOptions, run_id: str, memory: Memory | None, sinks: tuple[Sink, ...]
) -> Run:
    """Return the run, and have it written down where there is something to write it to."""
    if memory is None:
        return job.prepare(engine, options, run_id, sinks=sinks)
    runs: list[Run] = []

    def on_trouble(reason: str) -> None:
        runs[0].unkept(reason)

    recorder = await asyncio.to_thread(memory.recorder, run_id, job, on_trouble)
    runs.append(job.prepare(engine, options, run_id, recorder, sinks))
    return runs[0]


def _options(executor: WorkflowExecutor, job: Job, clients: RunClients) -> RunOptions:
    limits = executor.provider_concurrency
    if isinstance(limits, int):
        nodes = list(model_nodes(job.workflow))
        asked = {clients.provider_of(node) for node in nodes}
        asked |= {model.provider for node in nodes for model in models_of(node.fallback)}
        limits = dict.fromkeys(asked, limits)
    return RunOptions(
        max_concurrency=executor.max_concurrency, fail_fast=executor.on_error == "fail_fast", provider_limits=limits,
        deadline=executor.deadline, answers=job.answers, pinned=job.pinned, cancels=job.cancels, parks=job.parks,
        echoes=executor.echo, limits=limits_of(executor.limits), content=executor.content,
    )  # fmt: skip


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((seconds for seconds in (one, other) if seconds is not None), default=None)
