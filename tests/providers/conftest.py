import asyncio

import pytest
from faultserver import FaultServer, make_client

from graphbit_nb.providers.http import HttpPools
from graphbit_nb.providers.limits import PoolLimits


@pytest.fixture
async def server():
    fault_server = FaultServer()
    listening = await asyncio.start_server(fault_server.serve, "127.0.0.1", 0)
    fault_server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    yield fault_server
    listening.close()
    await fault_server.stop()
    await listening.wait_closed()


@pytest.fixture
async def pools():
    some = HttpPools(PoolLimits(max_response_bytes=64 * 1024))
    yield some
    await some.aclose()


@pytest.fixture
def client(server, pools):
    return make_client(server, pools)
