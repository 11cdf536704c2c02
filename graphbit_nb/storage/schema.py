"""The tables of the run store, as scripts that lead from one version to the next."""

from __future__ import annotations

APPLICATION_ID = 0x67626E62
"""``"gbnb"``: how the file says whose it is."""

_FIRST = (
    """
    CREATE TABLE workflows (
        id TEXT PRIMARY KEY,       -- digest of the definition
        name TEXT NOT NULL,
        format TEXT NOT NULL,      -- what the definition is written as
        definition TEXT NOT NULL,
        created REAL NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        workflow TEXT NOT NULL,    -- its name
        workflow_id TEXT NOT NULL,
        status TEXT NOT NULL,
        started REAL,
        finished REAL,
        changed REAL,              -- when it was written to last
        total INTEGER NOT NULL DEFAULT 0,
        done INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0,
        tokens INTEGER NOT NULL DEFAULT 0,
        cost REAL,                 -- NULL: not known
        reason TEXT,
        tags TEXT NOT NULL DEFAULT '[]',
        parent TEXT,               -- the run that it was forked from
        options TEXT,              -- how it was run, for those who resume it
        base TEXT,                 -- where it stood before the first event that is kept here
        host TEXT,
        pid INTEGER,
        born TEXT,                 -- when that process began, as the system says it
        version TEXT               -- of graphbit_nb
    )
    """,
    "CREATE INDEX runs_by_start ON runs (started)",
    "CREATE INDEX runs_by_workflow ON runs (workflow, started)",
    "CREATE INDEX runs_by_definition ON runs (workflow_id)",
    """
    CREATE TABLE events (
        run INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        kind TEXT NOT NULL,
        time REAL NOT NULL,
        node TEXT,
        data TEXT,                 -- the other fields, as JSON
        PRIMARY KEY (run, seq)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE nodes (
        run INTEGER NOT NULL,
        path TEXT NOT NULL,
        kind TEXT,
        state TEXT NOT NULL,
        started REAL,
        finished REAL,
        latency REAL,
        model TEXT,
        tokens INTEGER NOT NULL DEFAULT 0,
        cost REAL,
        attempts INTEGER NOT NULL DEFAULT 0,
        error_type TEXT,
        error TEXT,
        source TEXT,               -- where the output was taken from, if it was not computed
        PRIMARY KEY (run, path)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE attempts (
        run INTEGER NOT NULL,
        seq INTEGER NOT NULL,      -- number of the event with which the call began
        path TEXT NOT NULL,
        started REAL,
        finished REAL,
        provider TEXT,
        model TEXT,
        input_tokens INTEGER,
        output_tokens INTEGER,
        cost REAL,
        finish_reason TEXT,
        status INTEGER,            -- of HTTP, if it failed with one
        error_type TEXT,
        error TEXT,
        PRIMARY KEY (run, seq)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE cache (
        key TEXT PRIMARY KEY,
        kind TEXT,
        node TEXT,
        workflow TEXT,
        model TEXT,
        request TEXT,
        record TEXT,
        size INT,
        cost REAL,
        created REAL,
        used REAL,
        hits INT,
        run TEXT
    )
    """,
    "CREATE INDEX cache_by_use ON cache (used)",
    "CREATE INDEX cache_by_node ON cache (node)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST,)
"""Statements that lead from version n to n + 1, from 0 on. What was released is never changed, only followed."""

VERSION = len(MIGRATIONS)
