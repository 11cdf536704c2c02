"""What the code of nodes prints is kept with the node that printed it, from whichever thread or task."""

import asyncio
import builtins
import contextlib
import contextvars
import io
import sys
import threading

import pytest
from simulation import Simulation, python, workflow

import graphbit_nb as gb

function = gb.Node.python


def executed(*nodes, echo=False, inputs=None, **more):
    return gb.WorkflowExecutor(echo=echo, **more).execute(workflow(*nodes), inputs).raise_for_status()


def printed(*nodes, **more):
    return {path: node.printed for path, node in executed(*nodes, **more).snapshot.index.items()}


# ---- who printed it


def test_what_a_plain_function_prints_is_kept():
    assert printed(function("a", lambda: print("hello", 1))) == {"a": "hello 1\n"}


def test_what_an_async_function_prints_is_kept():
    async def fn():
        print("before")
        await asyncio.sleep(0)
        print("after")

    assert printed(function("a", fn)) == {"a": "before\nafter\n"}


def test_the_arguments_of_print_do_what_they_do():
    assert printed(function("a", lambda: print(1, 2, sep="-", end="!", flush=True))) == {"a": "1-2!"}


def test_an_object_that_cannot_be_printed_raises_in_the_node():
    class Bad:
        def __str__(self):
            raise ValueError("no text")

    result = gb.WorkflowExecutor(echo=False).execute(workflow(function("a", lambda: print(Bad()))))
    assert result.errors["a"].message == "no text"


def test_what_functions_that_it_calls_print_belongs_to_the_node():
    def deep(n):
        print(n)
        return n and deep(n - 1)

    assert printed(function("a", lambda: deep(2))) == {"a": "2\n1\n0\n"}


def test_what_other_threads_print_belongs_to_the_node_that_took_its_context_along():
    def fn():
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(print, "from a thread"))
        thread.start()
        thread.join()

    assert printed(function("a", fn)) == {"a": "from a thread\n"}


def test_what_to_thread_prints_belongs_to_the_node():
    async def fn():
        await asyncio.to_thread(print, "from a thread")

    assert printed(function("a", fn)) == {"a": "from a thread\n"}


def test_what_tasks_of_the_node_print_belongs_to_it():
    async def says(word):
        await asyncio.sleep(0)
        print(word)

    async def fn():
        await asyncio.gather(says("one"), says("two"))

    assert printed(function("a", fn)) == {"a": "one\ntwo\n"}


def test_two_async_nodes_at_once_are_not_mixed():
    def says(word):
        async def fn():
            for _ in range(20):
                print(word)
                await asyncio.sleep(0)

        return fn

    assert printed(function("a", says("A")), function("b", says("B"))) == {"a": "A\n" * 20, "b": "B\n" * 20}


def test_two_threads_at_once_are_not_mixed():
    both = threading.Barrier(2)

    def says(word):
        def fn():
            both.wait(10)
            for _ in range(200):
                print(word)

        return fn

    assert printed(function("a", says("A")), function("b", says("B"))) == {"a": "A\n" * 200, "b": "B\n" * 200}


def test_many_threads_of_one_node_lose_nothing():
    def fn():
        def says():
            for _ in range(500):
                print("x")

        threads = [threading.Thread(target=contextvars.copy_context().run, args=(says,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert printed(function("a", fn)) == {"a": "x\n" * 2_000}


def test_items_print_each_for_itself():
    def fn(x):
        print("item", x)

    found = printed(function("a", fn, for_each="x in [1, 2]"))
    assert found == {"a": "", "a[0]": "item 1\n", "a[1]": "item 2\n"}


def test_nodes_inside_print_each_for_itself():
    node = gb.Node.workflow("s", workflow(function("a", lambda: print("inside"))))
    assert printed(node) == {"s": "", "s.a": "inside\n"}


def test_conditions_print_as_well():
    def fn():
        print("deciding")
        return "x"

    assert printed(gb.Node.condition("a", fn)) == {"a": "deciding\n"}


def test_a_run_inside_a_node_keeps_its_own_prints_apart():
    inner = workflow(function("b", lambda: print("inner")))
    found = []

    async def fn():
        print("outer")
        result = await gb.WorkflowExecutor(echo=False).run(inner)
        found.append(result.nodes["b"].printed)
        print("outer again")

    assert printed(function("a", fn)) == {"a": "outer\nouter again\n"}
    assert found == ["inner\n"]


def test_what_was_printed_before_a_failure_is_kept():
    def fn():
        print("so far")
        raise ValueError("no")

    result = gb.WorkflowExecutor(echo=False).execute(workflow(function("a", fn)))
    assert result.nodes["a"].printed == "so far\n"


def test_all_attempts_are_kept():
    async def fn():
        print("try")
        raise ValueError("no")

    policy = gb.RetryPolicy(max_attempts=2, base_delay=1, jitter=0)
    assert Simulation(function("a", fn, retry=policy)).snapshot.nodes["a"].printed == "try\ntry\n"


# ---- where else it goes


def test_it_is_printed_as_well_when_it_is_to_be(capsys):
    assert printed(function("a", lambda: print("aloud")), echo=True) == {"a": "aloud\n"}
    assert capsys.readouterr().out == "aloud\n"


def test_it_is_not_printed_when_it_is_not_to_be(capsys):
    printed(function("a", lambda: print("quiet")), echo=False)
    assert capsys.readouterr().out == ""


def test_what_is_printed_to_a_file_goes_there_alone(capsys):
    file = io.StringIO()
    assert printed(function("a", lambda: print("to a file", file=file))) == {"a": ""}
    assert file.getvalue() == "to a file\n"
    assert capsys.readouterr().out == ""


def test_what_is_printed_to_stderr_goes_there_alone(capsys):
    assert printed(function("a", lambda: print("warned", file=sys.stderr))) == {"a": ""}
    assert capsys.readouterr().err == "warned\n"


def test_what_is_printed_to_stdout_by_name_is_kept():
    assert printed(function("a", lambda: print("by name", file=sys.stdout))) == {"a": "by name\n"}


def test_a_function_that_redirects_its_output_gets_what_it_asked_for(capsys):
    def fn():
        caught = io.StringIO()
        with contextlib.redirect_stdout(caught):
            print("caught")
        print("kept")
        return caught.getvalue()

    result = executed(function("a", fn))
    assert result.outputs["a"] == "caught\n"
    assert result.nodes["a"].printed == "kept\n"
    assert capsys.readouterr().out == ""


def test_what_is_printed_outside_nodes_is_left_alone(capsys):
    def view(event):
        if event.kind == "run.finished":
            print("a view")

    result = gb.WorkflowExecutor(echo=False).execute(workflow(python("a")), views=[view])
    assert capsys.readouterr().out == "a view\n"
    assert result.nodes["a"].printed == ""


def test_print_is_what_it_was_when_the_run_is_over():
    original = builtins.print
    executed(python("a"))
    assert builtins.print is original


def test_print_is_what_it_was_when_the_run_has_failed():
    original = builtins.print

    async def fails():
        raise ValueError("no")

    gb.WorkflowExecutor().execute(workflow(function("a", fails)))
    assert builtins.print is original


def test_print_is_what_it_was_when_the_last_of_two_runs_is_over():
    original = builtins.print
    gate = threading.Event()
    executor = gb.WorkflowExecutor(echo=False)
    long = executor.start(workflow(function("a", lambda: gate.wait(10))))
    executor.execute(workflow(python("b")))
    gate.set()
    long.result(10)
    assert builtins.print is original


def test_a_print_that_somebody_else_has_exchanged_meanwhile_is_left_alone(monkeypatch):
    own = print
    monkeypatch.setattr(builtins, "print", builtins.print)  # put back at the end

    def fn():
        builtins.print = own_print

    def own_print(*values, **how):
        own(*values, **how)

    executed(function("a", fn))
    assert builtins.print is own_print


def test_a_late_print_of_a_node_that_was_given_up_is_dropped(capsys):
    gate, done = threading.Event(), threading.Event()

    def fn():
        gate.wait(10)
        print("late")
        done.set()

    result = gb.WorkflowExecutor(echo=False).execute(workflow(function("a", fn, timeout=0.3)))
    gate.set()
    assert done.wait(10)
    assert result.nodes["a"].printed == ""


# ---- how it is told


def test_what_comes_close_together_is_one_event():
    async def fn():
        for number in range(50):
            print(number)

    run = Simulation(function("a", fn))
    assert len(run.told("node.printed")) == 1
    assert run.snapshot.nodes["a"].printed.count("\n") == 50


def test_it_is_told_a_few_times_a_second():
    async def fn():
        for number in range(100):
            print(number)
            await asyncio.sleep(0.01)

    run = Simulation(function("a", fn))
    assert 5 <= len(run.told("node.printed")) <= 11
    assert run.snapshot.nodes["a"].printed == "".join(f"{n}\n" for n in range(100))


def test_it_is_told_before_the_end_of_the_node():
    async def fn():
        print("x")

    kinds = [event.kind for event in Simulation(function("a", fn)).events]
    assert kinds == ["run.started", "node.started", "node.printed", "node.succeeded", "run.finished"]


@pytest.mark.parametrize("size", [99_999, 100_000])
def test_up_to_a_limit_everything_is_kept(size):
    async def fn():
        print("x" * size, end="")

    assert Simulation(function("a", fn)).snapshot.nodes["a"].printed == "x" * size


def test_over_the_limit_it_ends_with_a_note():
    async def fn():
        for _ in range(300):
            print("x" * 999)

    text = Simulation(function("a", fn)).snapshot.nodes["a"].printed
    assert text.endswith("… (more was printed)\n")
    assert text.count("more was printed") == 1
    assert len(text) < 102_000


def test_one_print_far_over_the_limit_is_cut():
    async def fn():
        print("x" * 3_000_000)

    text = Simulation(function("a", fn)).snapshot.nodes["a"].printed
    assert len(text) < 102_000
    assert text.endswith("… (more was printed)\n")


def test_printing_nothing_is_told_to_nobody():
    async def fn():
        print(end="")

    assert Simulation(function("a", fn)).told("node.printed") == []
