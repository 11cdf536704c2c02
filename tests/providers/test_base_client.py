"""What every client can do once it can answer one question: many at once, and in pieces."""

import asyncio
import gc

import pytest
from faultserver import ask, make_client, piece, stream

from graphbit_nb import errors
from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import EmbedRequest, GenerateResponse, LlmClient, ModelInfo
from graphbit_nb.providers.base import BaseClient, CustomLlmClient
from graphbit_nb.providers.resilient import ResilientClient
from graphbit_nb.providers.scripted import ScriptedClient
from graphbit_nb.reliability.retry import RetryPolicy
from graphbit_nb.testing import run_in_virtual_time

BUSY = errors.OverloadedError("busy")


class Echo(BaseClient):
    """Answers with the question, after as many seconds as `delays` says for it; raises what `failures` has for it."""

    provider_name = "echo"

    def __init__(self, delays=(), failures=()):
        self.delays, self.failures = dict(delays), dict(failures)
        self.asked, self.hung_up = [], []
        self.running = self.most = 0

    async def generate(self, request, listener=None):
        text = request.messages[-1].content
        self.asked.append(text)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.delays.get(text, 1.0))
        except asyncio.CancelledError:
            self.hung_up.append(text)
            raise
        finally:
            self.running -= 1
        if text in self.failures:
            raise self.failures[text]
        return GenerateResponse(text=text)


class Pieces(BaseClient):
    """Tells each item of its next attempt a second after the other; raises those that are exceptions."""

    provider_name = "pieces"

    def __init__(self, *attempts):
        self.attempts = list(attempts)
        self.calls = self.hung_up = 0

    async def generate(self, request, listener=None):
        items = self.attempts[self.calls]
        self.calls += 1
        said = []
        try:
            for item in items:
                await asyncio.sleep(1.0)
                if isinstance(item, BaseException):
                    raise item
                said.append(item)
                if listener is not None and listener.wants_tokens:
                    listener.token(item)
        except asyncio.CancelledError:
            self.hung_up += 1
            raise
        return GenerateResponse(text="".join(said))


async def many(client, *texts, **more):
    return await client.generate_many([ask(text) for text in texts], **more)


async def others():
    """The tasks besides the one that asks."""
    return asyncio.all_tasks() - {asyncio.current_task()}


def texts_of(answers):
    return [answer.text if isinstance(answer, GenerateResponse) else answer for answer in answers]


# ---- many at once


def test_many_answers_come_in_the_order_of_the_questions():
    client = Echo(delays={"a": 9.0, "b": 1.0, "c": 5.0})
    assert texts_of(run_in_virtual_time(many(client, "a", "b", "c"))) == ["a", "b", "c"]


def test_a_question_asked_twice_is_answered_twice():
    assert texts_of(run_in_virtual_time(many(Echo(), "a", "a"))) == ["a", "a"]


def test_no_question_has_no_answer():
    assert run_in_virtual_time(many(Echo())) == []


def test_the_questions_may_come_from_a_generator():
    async def main():
        return await Echo().generate_many(ask(text) for text in "abc")

    assert texts_of(run_in_virtual_time(main())) == ["a", "b", "c"]


def test_a_failure_stands_in_the_place_of_its_answer_and_hinders_no_other():
    refused = errors.AuthenticationError("no")
    client = Echo(failures={"b": refused})
    assert texts_of(run_in_virtual_time(many(client, "a", "b", "c", max_concurrency=1))) == ["a", refused, "c"]


def test_errors_that_no_provider_raises_stand_in_place_too():
    closed = errors.CircuitOpenError("rests")
    assert texts_of(run_in_virtual_time(many(Echo(failures={"a": closed}), "a", "b"))) == [closed, "b"]


@pytest.mark.parametrize("at_once", [1, 2, 7])
def test_no_more_are_under_way_than_allowed_and_no_fewer_while_there_are_some_left(at_once):
    client = Echo()
    run_in_virtual_time(many(client, *map(str, range(20)), max_concurrency=at_once))
    assert client.most == at_once


def test_more_may_be_allowed_than_there_are_questions():
    client = Echo()
    run_in_virtual_time(many(client, "a", "b", max_concurrency=1000))
    assert client.most == 2


def test_a_slow_answer_holds_up_its_own_place_only():
    async def main():
        client = Echo(delays={"slow": 10.0})
        await many(client, "slow", *"abcdefghij", max_concurrency=2)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(main()) == 10.0


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "4", None])
def test_what_is_no_number_of_calls_is_refused_before_any_is_made(wrong):
    client = Echo()
    with pytest.raises(errors.UsageError, match=r"max_concurrency must be a whole number of at least 1, not"):
        run_in_virtual_time(many(client, "a", max_concurrency=wrong))
    assert client.asked == []


@pytest.mark.parametrize("wrong", [ask("a"), "ab", ["a", "b"], None, 5], ids=["one", "text", "texts", "none", "number"])
def test_what_are_no_requests_are_refused_before_any_call_is_made(wrong):
    client = Echo()
    with pytest.raises(errors.UsageError, match="GenerateRequest"):
        run_in_virtual_time(client.generate_many(wrong))
    assert client.asked == []


def test_cancelling_cancels_every_call_begins_no_other_and_leaves_no_task():
    client = Echo()

    async def main():
        asking = asyncio.ensure_future(many(client, *"abcdef", max_concurrency=2))
        await asyncio.sleep(0.5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return await others()

    assert run_in_virtual_time(main()) == set()
    assert (client.asked, sorted(client.hung_up)) == (["a", "b"], ["a", "b"])


def test_a_mistake_in_the_client_is_raised_as_it_is_and_leaves_no_task():
    client = Echo(delays={"b": 9.0}, failures={"a": ZeroDivisionError("slip")})

    async def main():
        with pytest.raises(BaseException) as caught:  # noqa: PT011 (which one is what is tested)
            await many(client, "a", "b")
        return caught.value, await others()

    error, left = run_in_virtual_time(main())
    assert left == set()
    assert isinstance(error, ZeroDivisionError), f"the caller has to catch {error!r}"


def test_a_call_that_is_cancelled_from_inside_takes_no_other_answer_with_it():
    """As when a client is closed while it answers."""
    client = Echo(failures={"b": asyncio.CancelledError()})

    async def main():
        try:
            return texts_of(await many(client, "a", "b", "c"))
        except asyncio.CancelledError:
            return "cancelled as a whole"

    got = run_in_virtual_time(main())
    assert got == "cancelled as a whole" or (got[0], got[2]) == ("a", "c")


async def test_many_over_a_resilient_client_are_each_tried_again():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    script = ScriptedClient({"one": [BUSY, "1"], "two": "2"})
    client = ResilientClient(script, RetryPolicy(jitter=0.0), sleep=sleep)
    got = await client.generate_many([ask(node="one"), ask(node="two")])
    assert (texts_of(got), slept) == (["1", "2"], [0.5])


# ---- in pieces


async def read_until(kind, answer):
    """Read until it fails with an error of that kind; return the pieces that came before."""
    got = []
    try:
        async for said in answer:
            got.append(said)  # noqa: PERF401 (what came before the failure is what is asked for)
    except kind:
        return got
    raise AssertionError("it did not fail")


def test_the_pieces_come_one_by_one_as_they_are_said():
    async def main():
        answer = Pieces(["He", "llo"]).stream(ask())
        return [(piece, asyncio.get_running_loop().time()) async for piece in answer], answer.response

    pieces, response = run_in_virtual_time(main())
    assert pieces == [("He", 1.0), ("llo", 2.0)]
    assert response.text == "Hello"


def test_the_response_is_there_only_once_all_has_come():
    async def main():
        answer = Pieces(["He", "llo"]).stream(ask())
        return [answer.response async for _ in answer]

    assert run_in_virtual_time(main()) == [None, None]


def test_an_answer_that_its_client_does_not_cut_comes_as_one_piece():
    """As of a provider of twenty lines, which tells its listener nothing."""

    async def main():
        answer = Echo().stream(ask("whole"))
        return [piece async for piece in answer], answer.response.text

    assert run_in_virtual_time(main()) == (["whole"], "whole")


def test_an_answer_of_nothing_has_no_pieces_and_a_response():
    async def main():
        answer = Pieces([]).stream(ask())
        return [piece async for piece in answer], answer.response

    assert run_in_virtual_time(main()) == ([], GenerateResponse(text=""))


def test_leaving_early_cancels_the_call_and_leaves_no_task():
    client = Pieces(["a", "b", "c"])

    async def main():
        async with client.stream(ask()) as answer:
            async for _ in answer:
                break
        await asyncio.sleep(0)  # in which the loop puts away what read it
        return answer.response, await others(), asyncio.get_running_loop().time()

    assert run_in_virtual_time(main()) == (None, set(), 1.0)
    assert client.hung_up == 1


async def test_leaving_early_hangs_up_on_the_server(server, pools):
    gone = asyncio.Event()

    async def act(its, reader, writer):
        await stream(piece("He"), then="open")(its, reader, writer)
        await reader.read()
        gone.set()

    server.will(act)
    async with make_client(server, pools).stream(ask()) as answer:
        async for said in answer:
            assert said == "He"
            break
    await asyncio.wait_for(gone.wait(), 10)


def test_leaving_early_without_closing_hangs_up_soon_as_well():
    """`async for ... break` is what people write. What nobody can read any more is not worth paying for."""
    client = Pieces(["a", *"b" * 1000])

    async def leave():
        async for _ in client.stream(ask()):
            break

    async def main():
        await leave()
        gc.collect()
        await asyncio.sleep(1)
        return await others()

    assert run_in_virtual_time(main()) == set()
    assert client.hung_up == 1


def test_closing_after_the_end_takes_nothing_away():
    async def main():
        async with Pieces(["a"]).stream(ask()) as answer:
            pieces = [piece async for piece in answer]
        await answer.aclose()
        return pieces, answer.response.text

    assert run_in_virtual_time(main()) == (["a"], "a")


def test_an_answer_that_nobody_reads_is_not_asked_for():
    client = Pieces(["a"])

    async def main():
        client.stream(ask())
        async with client.stream(ask()):
            pass
        return await others()

    assert run_in_virtual_time(main()) == set()
    assert client.calls == 0


def test_an_answer_that_was_closed_unread_is_not_asked_for_later():
    client = Pieces(["a"])

    async def main():
        async with client.stream(ask()) as answer:
            pass
        with pytest.raises(errors.UsageError, match="ask again"):
            async for _ in answer:
                pass

    run_in_virtual_time(main())
    assert client.calls == 0


def test_reading_it_twice_is_refused_with_what_to_do():
    async def main():
        answer = Pieces(["a"]).stream(ask())
        first = [piece async for piece in answer]
        with pytest.raises(errors.UsageError, match=r"streamed once; ask again with client\.stream"):
            async for _ in answer:
                pass
        return first, answer.response.text

    assert run_in_virtual_time(main()) == (["a"], "a")


def test_reading_it_twice_at_once_disturbs_the_first_reader_in_nothing():
    async def main():
        answer = Pieces(["a", "b"]).stream(ask())
        got = []
        async for said in answer:
            got.append(said)
            with pytest.raises(errors.UsageError, match="streamed once"):
                async for _ in answer:
                    pass
        return got

    assert run_in_virtual_time(main()) == ["a", "b"]


def test_a_failure_before_the_first_piece_is_raised_while_reading():
    async def main():
        with pytest.raises(errors.AuthenticationError, match="no key"):
            async for _ in Pieces([errors.AuthenticationError("no key")]).stream(ask()):
                pass

    run_in_virtual_time(main())


def test_a_failure_after_some_pieces_is_raised_after_these():
    async def main():
        answer = Pieces(["a", "b", errors.ProtocolError("cut")]).stream(ask())
        return await read_until(errors.ProtocolError, answer), answer.response

    assert run_in_virtual_time(main()) == (["a", "b"], None)


def test_a_call_that_fails_before_its_first_piece_is_tried_again():
    inner = Pieces([BUSY], ["fi", "ne"])

    async def main():
        answer = ResilientClient(inner, RetryPolicy(base_delay=4.0, jitter=0.0)).stream(ask())
        return [piece async for piece in answer], asyncio.get_running_loop().time()

    assert run_in_virtual_time(main()) == (["fi", "ne"], 1.0 + 4.0 + 2.0)


def test_a_call_that_fails_after_its_first_piece_is_not_tried_again():
    inner = Pieces(["fi", BUSY], ["fi", "ne"])

    async def main():
        return await read_until(errors.OverloadedError, ResilientClient(inner, RetryPolicy()).stream(ask()))

    assert run_in_virtual_time(main()) == ["fi"]
    assert inner.calls == 1


def test_the_last_failure_of_a_stream_carries_the_number_of_attempts():
    async def main():
        with pytest.raises(errors.OverloadedError) as caught:
            async for _ in ResilientClient(Pieces([BUSY], [BUSY]), RetryPolicy(max_attempts=2)).stream(ask()):
                pass
        return caught.value.attempts

    assert run_in_virtual_time(main()) == 2


def test_a_piece_of_nothing_does_not_end_the_answer():
    async def main():
        return [piece async for piece in Pieces(["", "a"]).stream(ask())]

    assert "".join(run_in_virtual_time(main())) == "a"


def test_cancelling_the_reader_cancels_the_call():
    client = Pieces(["a", "b", "c"])

    async def main():
        async def read():
            async for _ in client.stream(ask()):
                pass

        reading = asyncio.ensure_future(read())
        await asyncio.sleep(1.5)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        return await others()

    assert run_in_virtual_time(main()) == set()
    assert client.hung_up == 1


class SlowGoodbye(BaseClient):
    """Takes ten seconds to hang up, as on a connection that closes slowly."""

    async def generate(self, request, listener=None):
        listener.token("a")
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(10)


def test_cancelling_while_it_hangs_up_is_not_forgotten():
    async def main():
        async def read():
            async with SlowGoodbye().stream(ask()) as answer:
                async for _ in answer:
                    break
            return "went on"

        reading = asyncio.ensure_future(read())
        await asyncio.sleep(5)
        reading.cancel()
        return (await asyncio.gather(reading, return_exceptions=True))[0]

    assert isinstance(run_in_virtual_time(main()), asyncio.CancelledError)


def test_what_goes_wrong_while_it_hangs_up_does_not_fail_the_reader():
    class Clumsy(BaseClient):
        async def generate(self, request, listener=None):
            listener.token("a")
            try:
                await asyncio.sleep(100)
            finally:
                raise OSError("the connection was gone already")

    async def main():
        async with Clumsy().stream(ask()) as answer:
            async for _ in answer:
                break
        return "no error"

    assert run_in_virtual_time(main()) == "no error"


def test_a_failure_that_nobody_reads_any_more_is_not_reported_as_forgotten():
    class FailsAtOnce(BaseClient):
        async def generate(self, request, listener=None):
            listener.token("a")
            raise errors.ProtocolError("cut")

    told = []

    async def leave():
        async with FailsAtOnce().stream(ask()) as answer:
            async for _ in answer:
                break

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
        await leave()
        await asyncio.sleep(1)
        gc.collect()

    run_in_virtual_time(main())
    assert told == []


def test_a_scripted_answer_streams_by_words():
    async def main():
        return [piece async for piece in ScriptedClient({"*": "one two"}).stream(ask())]

    assert run_in_virtual_time(main()) == ["one", " two"]


# ---- clients of one's own


class Acme(CustomLlmClient):
    async def generate(self, request, listener=None):
        return GenerateResponse(text=f"{self.config.model}: {request.messages[-1].content}")


ACME = LlmConfig(provider="acme", model="road", api_key="sk-hush-hush")


def test_a_class_with_nothing_but_generate_is_an_llm_client():
    assert isinstance(Acme(ACME), LlmClient)


async def test_it_has_its_config():
    assert (await Acme(ACME).generate(ask("go"))).text == "road: go"


def test_it_is_named_after_its_config():
    client = Acme(ACME)
    assert client.provider_name == "acme"
    assert client.model_info() == ModelInfo(provider="acme", name="road", structured_output="instruction")


def test_its_repr_shows_the_model_and_no_key():
    assert repr(Acme(ACME)) == "Acme('acme', 'road')"


async def test_without_vectors_it_says_who_has_some():
    with pytest.raises(errors.BadRequestError, match=r"acme has no embeddings; ask another provider, such as"):
        await Acme(ACME).embed(EmbedRequest(texts=("a",)))


async def test_what_it_does_not_say_has_harmless_defaults():
    client = Acme(ACME)
    assert await client.list_models() == ()
    assert await client.aclose() is None


async def test_without_generate_it_says_so_with_the_name_of_the_class():
    class Unfinished(CustomLlmClient):
        pass

    with pytest.raises((errors.GraphbitError, NotImplementedError), match="Unfinished"):
        await Unfinished(ACME).generate(ask())


async def test_many_from_a_class_that_only_says_generate():
    assert texts_of(await many(Acme(ACME), "a", "b")) == ["road: a", "road: b"]
