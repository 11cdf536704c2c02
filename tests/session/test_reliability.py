"""Many calls against a provider that fails in every way, one that is down, and one that is asked too much."""

import asyncio
import random
import socket
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "providers"))

from faultserver import answer, hang, hung_up, in_virtual_time, reset, serving
from faultserver_shapes import CHAT

import graphbit_nb as gb
from graphbit_nb.session.engine_thread import engine_thread

NODES = 1_000
AT_ONCE = 50
A_MINUTE = 400
SHARES = {"429": 0.10, "500": 0.05, "reset": 0.02, "hang": 0.01, "malformed": 0.01, "cut": 0.02}


class View:
    """Sees every event, and so wants tokens."""

    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)

    def of(self, kind):
        return [event for event in self.events if event.kind == kind]


class Rough:
    """Fails as often as `SHARES` say, the same way for the same node and attempt; keeps account of all calls."""

    def __init__(self, server, *, retry_after, shares=SHARES):
        self.shares = shares
        self.server = server
        self.retry_after = retry_after
        self.calls = Counter()
        self.answered = Counter()
        self.met = Counter()
        self.times = []
        self.peak = 0
        self._hanging = []
        self._busy = 0

    def __call__(self, seen):
        said = seen.body["messages"][-1]["content"]
        self.calls[said] += 1
        self.times.append(asyncio.get_running_loop().time())
        fault = self._draw(f"{said}, {self.calls[said]}")
        self.met[fault] += 1
        streams = seen.body["stream"]
        good = CHAT.says(f"done {said}", streams=streams)
        if fault == "good":
            self.answered[said] += 1
        acts = {
            "good": good,
            "429": answer(CHAT.error("x", "slowly"), 429, {"retry-after": self.retry_after}),
            "500": answer("", 500),
            "reset": reset,
            "hang": hang,
            "malformed": answer("{ not json"),
            "cut": CHAT.stream(*CHAT.events("done", " half")[:1], then="cut") if streams else reset,
        }
        return self._counted(acts[fault], lingers=fault == "hang")

    def _draw(self, call):
        drawn = random.Random(call).random()
        for fault, share in self.shares.items():
            if drawn < share:
                return fault
            drawn -= share
        return "good"

    def _counted(self, act, *, lingers):
        async def counted(server, reader, writer):
            self._hanging = [one for one in self._hanging if not hung_up(one)]
            self._hanging += [writer] * lingers
            self._busy += not lingers
            self.peak = max(self.peak, self._busy + len(self._hanging))
            await asyncio.sleep(0)  # so that others come while this one is answered
            self._busy -= not lingers
            await act(server, reader, writer)

        return counted


def prompts(count, **more):
    builder = gb.WorkflowBuilder("w")
    for number in range(count):
        builder.add_node(gb.Node.prompt(f"n{number}", f"node {number}", **more))
    return builder.build()


def config_of(server, **more):
    return gb.LlmConfig.openai_compatible(base_url=server.url, model="fake-1", options={"check_model": False}, **more)


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_a_thousand_nodes_outlive_a_rough_provider(streams):
    async def main():
        async with serving() as server:
            rough = server.choose = Rough(server, retry_after="2")
            view = View()
            executor = gb.WorkflowExecutor(
                config_of(server, timeout=30.0),
                storage="memory",
                max_concurrency=200,
                retry=gb.RetryPolicy(max_attempts=8),
                rate_limit=gb.RateLimiter(requests_per_minute=A_MINUTE, concurrency=AT_ONCE),
            )
            result = await executor.run(prompts(NODES), loop="current", views=(view,) if streams else ())
            return result, rough, view

    result, rough, view = in_virtual_time(main())
    assert result.status == "succeeded", result.summary()
    assert result.outputs == {f"n{number}": f"done node {number}" for number in range(NODES)}
    assert set(rough.met) == {"good", *SHARES}
    assert set(rough.answered.values()) == {1}  # none was made after its success
    told = {f"node {name[1:]}": len(node.attempts) for name, node in result.nodes.items()}
    assert told == rough.calls  # no call was lost, here or there
    assert not view.of("circuit.changed")
    assert rough.peak <= AT_ONCE
    for first, after in zip(rough.times, rough.times[A_MINUTE:], strict=False):
        assert after - first >= 60.0 - 1e-6


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_so_they_do_on_the_engines_own_thread(streams):
    async with serving() as server:
        shares = {**SHARES, "hang": 0.0}  # which takes real time here
        rough = server.choose = Rough(server, retry_after="0.05", shares=shares)
        executor = gb.WorkflowExecutor(
            config_of(server),
            max_concurrency=AT_ONCE,
            retry=gb.RetryPolicy(max_attempts=8, base_delay=0.02),
        )
        view = View()
        result = await executor.run(prompts(NODES), views=(view,) if streams else ())
    assert result.status == "succeeded", result.summary()
    assert result.outputs == {f"n{number}": f"done node {number}" for number in range(NODES)}
    assert rough.peak <= AT_ONCE
    assert not view.of("circuit.changed")


# ---- a provider that is down


def closed_port():
    """A socket that is bound and does not listen: whoever connects is refused."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


REST = 30.0  # seconds that an open breaker rests


def breaker(**more):
    return gb.CircuitBreaker(**{"minimum_calls": 5, "timeout_duration": REST, "half_open_max_calls": 2, **more})


@pytest.fixture
def let_pass(monkeypatch):
    """Move the clock of the loop on which runs live: what rests for half a minute has rested at once."""
    loop = engine_thread().loop
    passed = []
    monkeypatch.setattr(loop, "time", lambda now=loop.time: now() + sum(passed))
    return passed.append


async def test_ten_runs_share_one_breaker_that_opens_while_the_provider_is_down_and_closes_when_it_is_back(let_pass):
    with closed_port() as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
        config = gb.LlmConfig.openai_compatible(base_url=url, model="fake-1", options={"check_model": False})

        def start(view, count=20):
            executor = gb.WorkflowExecutor(config, max_concurrency=1, cache="disable", retry=1, breaker=breaker())
            return executor.start(prompts(count), views=(view,))

        views = [View() for _ in range(10)]
        down = [await handle for handle in [start(view) for view in views]]
        errors = Counter(error.type for result in down for error in result.errors.values())
        assert {result.status for result in down} == {"failed"}
        assert set(errors) == {"ProviderConnectionError", "CircuitOpenError"}
        assert 5 <= errors["ProviderConnectionError"] < 5 + 10  # at most one more in each run was under way
        changes = [event for view in views for event in view.of("circuit.changed")]
        assert [event.state for event in changes] == ["open"]
        refused = next(one for one in down[0].errors.values() if one.type == "CircuitOpenError")
        assert "not called for another" in refused.message
        assert "until " in refused.message
        assert 0 < refused.retry_after <= REST

        async with serving(sock) as server:
            server.will(CHAT.says("back", streams=True))
            let_pass(REST)
            views = [View() for _ in range(10)]
            back = [await handle for handle in [start(view, 1) for view in views]]
            changes = [event for view in views for event in view.of("circuit.changed")]
            states = [event.state for event in sorted(changes, key=lambda event: event.time)]
            assert states == ["half_open", "closed"]
            assert len(server.seen) == sum(result.is_success() for result in back)
            after = await start(View())
            assert after.is_success()


async def test_half_open_as_many_calls_as_configured_are_let_through(let_pass):
    async with serving() as server:
        release = asyncio.Event()

        async def held(server, reader, writer):
            await release.wait()
            await CHAT.says("back", streams=False)(server, reader, writer)

        executor = gb.WorkflowExecutor(config_of(server), retry=1, breaker=breaker())
        server.will(answer("", 500))
        down = await executor.run(prompts(8))
        assert not down.is_success()
        let_pass(REST)
        before = len(server.seen)
        server.will(held)
        probing = executor.start(prompts(10))
        await server.until(lambda: len(server.seen) == before + 2)
        while (found := probing.snapshot) is None or sum(one.state == "failed" for one in found.nodes.values()) < 8:
            await asyncio.sleep(0)
        release.set()
        result = await probing
        assert len(server.seen) == before + 2
        assert Counter(one.state for one in result.nodes.values()) == {"succeeded": 2, "failed": 8}
        assert "being tried again with 2 calls at most" in next(iter(result.errors.values())).message


async def test_a_breaker_that_is_half_open_opens_again_when_the_provider_is_still_down(let_pass):
    async with serving() as server:
        executor = gb.WorkflowExecutor(config_of(server), retry=1, breaker=breaker())
        server.will(answer("", 503))
        await executor.run(prompts(8))
        let_pass(REST)
        view = View()
        result = await executor.run(prompts(1), views=(view,))
        assert [event.state for event in view.of("circuit.changed")] == ["half_open", "open"]
        assert result.errors["n0"].type == "OverloadedError"


# ---- the order of the guards: retry( breaker( limiter( call ) ) )


def test_a_call_that_waits_for_its_permit_says_so():
    async def main():
        async with serving() as server:
            server.will(CHAT.says("hi", streams=True))
            view = View()
            limit = gb.RateLimiter(requests_per_minute=2)
            executor = gb.WorkflowExecutor(config_of(server), rate_limit=limit, storage="memory")
            result = await executor.run(prompts(3), loop="current", views=(view,))
            return result, view.of("rate.limited")

    result, [wait, over] = in_virtual_time(main())
    assert result.is_success()
    assert (wait.node, wait.limit, wait.ahead) == ("n2", "openai_compatible/fake-1: requests", 0)
    assert wait.seconds == pytest.approx(60, abs=1)
    assert (over.node, over.seconds) == ("n2", 0.0)
    [attempt] = result.nodes["n2"].attempts
    assert attempt.sent == over.time


def test_a_breaker_that_opens_while_a_call_waits_refuses_it_and_its_permit_is_given_back():
    async def main():
        async with serving() as server:
            server.will(answer("", 500), CHAT.says("hi", streams=False))
            builder = gb.WorkflowBuilder("w")
            builder.add_node(gb.Node.prompt("fails", "fails"))
            builder.add_node(gb.Node.prompt("waits", "waits"))
            builder.add_node(gb.Node.python("rest", rest))
            builder.add_node(gb.Node.prompt("later", "later", after="rest"))
            executor = gb.WorkflowExecutor(
                config_of(server),
                retry=1,
                breaker=breaker(minimum_calls=1, timeout_duration=5.0),
                rate_limit=gb.RateLimiter(requests_per_minute=2, concurrency=1),
                storage="memory",
            )
            result = await executor.run(builder.build(), loop="current")
            return result, [one.body["messages"][-1]["content"] for one in server.seen], now()

    async def rest():
        await asyncio.sleep(6.0)

    result, asked, ended = in_virtual_time(main())
    assert asked == ["fails", "later"]
    assert {name: error.type for name, error in result.errors.items()} == {
        "fails": "ServerError",
        "waits": "CircuitOpenError",
    }
    assert result.nodes["later"].output == "hi"
    assert ended < 60  # with the permit of what was refused, the minute would have been used up


def test_an_open_breaker_is_not_asked_again_and_again():
    async def main():
        async with serving() as server:
            server.will(answer("", 500))
            executor = gb.WorkflowExecutor(
                config_of(server),
                storage="memory",
                max_concurrency=1,
                retry=gb.RetryPolicy(max_attempts=8, base_delay=1, max_delay=1),
                breaker=breaker(minimum_calls=3, timeout_duration=60.0),
            )
            return await executor.run(prompts(2), loop="current"), len(server.seen)

    result, calls = in_virtual_time(main())
    assert calls == 3
    assert {error.type for error in result.errors.values()} == {"CircuitOpenError"}


def now():
    return asyncio.get_running_loop().time()
