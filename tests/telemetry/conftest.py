"""For the tests of telemetry: a run with everything in it, and what it tells."""

import io

import pytest

import graphbit_nb as gb
from graphbit_nb.telemetry.logs import Logs


class Flaky:
    """A model that fails now and then, as often as it is told: what the provider's client would do with it is done."""

    provider_name = "fake"

    def __init__(self, fails=lambda node: 0, source=lambda node: None):
        self.fails = fails
        self.source = source
        self.asked = 0

    async def generate(self, request, listener=None):
        for attempt in range(1, self.fails(request.node) + 1):
            error = gb.RateLimitError("too fast", provider="fake", status=429)
            await listener.retry(attempt, 0.5, error)
        self.asked += 1
        source = self.source(request.node)
        usage = gb.Usage() if source else gb.Usage(input_tokens=10, output_tokens=5, cached_tokens=2, calls=1)
        return gb.GenerateResponse(
            text="the answer", usage=usage, model="model-1", request_id="req-1", finish_reason="stop",
            latency=0.25, first_token=0.125, cost=None if source else 0.001, source=source,
        )  # fmt: skip

    def model_info(self):
        return gb.ModelInfo(provider="fake", name="model")


@pytest.fixture
def flaky():
    return Flaky


@pytest.fixture
def logged():
    """Return a function that makes logs on a stream, and the stream."""
    made = []

    def make(level="debug", **how):
        stream = io.StringIO()
        made.append(Logs(level, file=stream, **how))
        return made[-1], stream

    yield make
    for logs in made:
        logs.close()
