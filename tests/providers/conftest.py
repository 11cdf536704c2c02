import pytest
from faultserver import make_client, serving

from graphbit_nb.providers.http import HttpPools
from graphbit_nb.providers.limits import PoolLimits


@pytest.fixture
async def server():
    async with serving() as some:
        yield some


@pytest.fixture
async def pools():
    some = HttpPools(PoolLimits(max_response_bytes=64 * 1024))
    yield some
    await some.aclose()


@pytest.fixture
def client(server, pools):
    return make_client(server, pools)
