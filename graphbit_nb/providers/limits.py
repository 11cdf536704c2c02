"""How many connections are kept, and how large an answer may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """Limits of the connections to each address.

    How many calls run at the same time is the engine's decision: the pool is wide enough not to make a second one.

    Attributes:
        max_connections: Connections open at the same time.
        max_keepalive: Idle connections kept for the next calls.
        keepalive_expiry: Seconds after which an idle connection is closed.
        connect_timeout: Seconds to wait for a connection.
        max_response_bytes: Largest answer that is read, streamed or not.
    """

    max_connections: int = 1000
    max_keepalive: int = 100
    keepalive_expiry: float = 30.0
    connect_timeout: float = 10.0
    max_response_bytes: int = 32 * 1024 * 1024
