"""A company's own certificates, named in the environment as httpx, requests or curl are told of them."""

import asyncio
import ssl

import pytest
import trustme
from faultserver import FaultServer, answer, ask, chat_answer, make_client

from graphbit_nb import errors
from graphbit_nb.providers.http import HttpPools

NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
async def secure_server(authority, monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    server = FaultServer()
    server.will(answer(chat_answer("hello")))
    listening = await asyncio.start_server(server.serve, "localhost", 0, ssl=context)
    server.url = f"https://localhost:{listening.sockets[0].getsockname()[1]}/v1"
    yield server
    listening.close()
    await server.stop()
    await listening.wait_closed()


@pytest.fixture
async def pools():
    some = HttpPools()
    yield some
    await some.aclose()


async def test_a_certificate_that_nobody_vouches_for_is_refused(secure_server, pools):
    with pytest.raises(errors.ProviderConnectionError, match="certificate"):
        await make_client(secure_server, pools).generate(ask())


@pytest.mark.parametrize("name", [name for name in NAMES if name != "SSL_CERT_DIR"])
async def test_a_company_vouches_for_its_own(secure_server, pools, authority, monkeypatch, tmp_path, name):
    bundle = tmp_path / "company.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv(name, str(bundle))
    assert (await make_client(secure_server, pools).generate(ask())).text == "hello"


@pytest.mark.parametrize("name", NAMES[2:])
async def test_a_bundle_that_is_not_there_is_refused_with_where_to_look(
    secure_server, pools, monkeypatch, tmp_path, name
):
    monkeypatch.setenv(name, str(tmp_path / "none.pem"))
    with pytest.raises(errors.ConfigurationError, match=name):
        await make_client(secure_server, pools).generate(ask())
