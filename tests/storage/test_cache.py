"""The remembered answers themselves: found, thrown away, counted, explained."""

from __future__ import annotations

import logging
import sqlite3

import pytest

from graphbit_nb.core.calls import Identity, request_data
from graphbit_nb.core.llm import GenerateRequest, Message, ToolSpec
from graphbit_nb.storage.cache import CacheStore
from graphbit_nb.storage.database import Database
from graphbit_nb.storage.differences import differences
from graphbit_nb.storage.entries import Entry, canonical, key_of, sealed
from graphbit_nb.storage.memory_cache import MemoryCache

WHO = Identity("openai", model="small")


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


def asked(text="Hello", system=None, who=WHO, **more):
    first = () if system is None else (Message("system", system),)
    return request_data(GenerateRequest(messages=(*first, Message("user", text)), **more), who)


def entry(data=None, *, node="a", answer="Hi", cost=0.5, run="r1"):
    text = canonical(data or asked())
    return Entry(
        key=key_of(text), kind="generate", node=node, model="small", request=text, record=sealed({"text": answer}),
        cost=cost, run=run,
    )  # fmt: skip


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database(tmp_path, clock):
    found = Database(tmp_path / "graphbit.db", clock=clock)
    yield found
    found.close()


@pytest.fixture(params=["disk", "memory"])
def make(request, database, clock):
    """Make a store of either sort, with so much room."""

    def made(max_bytes=1 << 20):
        if request.param == "disk":
            return CacheStore(database, max_bytes=max_bytes, clock=clock)
        return MemoryCache(max_bytes=max_bytes, clock=clock)

    return made


def look_up(store, data=None):
    return store.look_up(key_of(canonical(data or asked()))).result(10)


def test_what_was_kept_is_found_at_once_and_later(make):
    store = make()
    store.keep(entry())
    assert look_up(store).given() == {"text": "Hi"}
    store.flush()
    assert look_up(store).given() == {"text": "Hi"}
    assert look_up(store).asked() == asked()


def test_what_was_never_kept_is_not_found(make):
    assert look_up(make()) is None


def test_what_is_kept_again_takes_the_place_of_what_was_there(make):
    store = make()
    store.keep(entry(answer="first"))
    store.flush()
    store.keep(entry(answer="second"))
    store.flush()
    assert look_up(store).given() == {"text": "second"}
    assert store.stats().entries == 1


def test_what_is_forgotten_is_not_found_even_before_it_was_written_down(make):
    store = make()
    store.keep(entry())
    store.forget([entry().key])
    assert look_up(store) is None
    store.flush()
    assert look_up(store) is None


def test_the_statistics_count_hits_and_what_they_saved(make, clock):
    store = make()
    store.keep(entry())
    clock.now = 1010.0
    store.keep(entry(asked("other"), cost=None))
    for _ in range(3):
        store.used(entry().key)
        clock.now += 10
    told = store.stats()
    assert (told.entries, told.hits, told.saved) == (2, 3, 1.5)
    assert (told.oldest, told.newest) == (1000.0, 1010.0)
    assert told.size == sum(one.size for one in store.entries())


def test_an_empty_store_has_empty_statistics(make):
    told = make().stats()
    assert (told.entries, told.size, told.hits, told.saved, told.oldest) == (0, 0, 0, 0.0, None)


def test_entries_are_listed_with_what_was_used_last_first(make, clock):
    store = make()
    for number in range(3):
        store.keep(entry(asked(str(number)), node=f"n{number}"))
        clock.now += 10
    store.used(entry(asked("0")).key)
    assert [one.node for one in store.entries()] == ["n0", "n2", "n1"]
    assert [one.node for one in store.entries(limit=1)] == ["n0"]
    assert [one.node for one in store.entries(node="n1")] == ["n1"]
    assert [one.node for one in store.entries(older_than=15)] == ["n0", "n1"]
    assert store.entries(model="large") == []
    assert store.entries(kind="embed") == []


def test_what_was_not_used_for_longest_goes_when_there_is_no_room(make, clock):
    size = entry(asked("00")).request.__len__() + len(entry().record)
    store = make(max_bytes=size * 20)
    for number in range(30):
        clock.now += 10
        store.keep(entry(asked(f"{number:02}"), node=f"n{number}"))
        clock.now += 10
        store.used(entry(asked("00")).key)
    left = {one.node for one in store.entries()}
    assert "n0" in left
    assert "n29" in left
    assert "n1" not in left
    assert store.stats().size <= size * 20


def test_what_would_take_most_of_the_room_is_not_kept(make):
    store = make(max_bytes=2000)
    store.keep(entry(answer="x" * 1000))
    assert look_up(store) is None
    assert store.stats().entries == 0


def test_pruning_without_a_word_throws_away_all(make):
    store = make()
    store.keep(entry())
    store.keep(entry(asked("other")))
    assert store.prune() == 2
    assert store.stats().entries == 0


def test_pruning_throws_away_what_fits_everything_that_is_said(make, clock):
    store = make()
    store.keep(entry(asked("old a")))
    store.keep(entry(asked("old b"), node="b"))
    clock.now += 100
    store.keep(entry(asked("new a")))
    assert store.prune(node="a", older_than=50) == 1
    assert {one.asked()["messages"][0]["content"] for one in store.entries()} == {"old b", "new a"}
    store.used(entry(asked("old b"), node="b").key)
    clock.now += 10
    assert store.prune(unused_for=60) == 0
    assert store.prune(keys=[entry(asked("new a")).key, "nothing"]) == 1


def test_another_store_of_the_same_file_finds_what_was_kept(database, clock, tmp_path):
    first = CacheStore(database, clock=clock)
    first.keep(entry())
    first.flush()
    other = Database(tmp_path / "graphbit.db", clock=clock)
    assert look_up(CacheStore(other, clock=clock)).given() == {"text": "Hi"}
    other.close()


def test_hits_are_written_down_without_being_asked_for(database, clock):
    store = CacheStore(database, clock=clock)
    store.keep(entry())
    for _ in range(5):
        store.used(entry().key)
    database.flush()
    store.used(entry().key)
    database.flush()
    assert database.query("SELECT hits FROM cache")[0]["hits"] == 6


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE cache SET record = x'00'",
        "UPDATE cache SET created = 'x'",
        "UPDATE cache SET request = NULL",
        "UPDATE cache SET size = 1.5",
        "UPDATE cache SET kind = x'00'",
    ],
)
def test_a_row_of_other_types_is_not_there_and_told_once(database, clock, sql, caplog):
    store = CacheStore(database, clock=clock)
    store.keep(entry())
    store.flush()
    database.change(lambda connection: connection.execute(sql))
    with caplog.at_level(logging.WARNING, "graphbit_nb"):
        assert look_up(store) is None
        assert look_up(store) is None
    assert store.entries() == []
    assert len(caplog.records) == 1


def test_a_file_that_cannot_be_used_is_a_miss_and_told_once(tmp_path, clock, caplog):
    (tmp_path / "graphbit.db").write_bytes(b"no database at all" * 100)
    database = Database(tmp_path / "graphbit.db", clock=clock)
    store = CacheStore(database, clock=clock)
    with caplog.at_level(logging.WARNING, "graphbit_nb"):
        assert look_up(store) is None
        store.keep(entry(asked("other")))
        store.used("x")
        store.forget(["x"])
        database.flush()
        assert look_up(store) is None
    database.close()
    assert len([r for r in caplog.records if "what is remembered" in r.message]) == 1


def test_a_closed_database_is_a_miss(database, clock):
    store = CacheStore(database, clock=clock)
    database.close()
    assert look_up(store) is None
    store.keep(entry())
    assert look_up(store) is None


def test_the_table_is_read_by_any_program(database, clock, tmp_path):
    store = CacheStore(database, clock=clock)
    store.keep(entry())
    store.flush()
    with sqlite3.connect(tmp_path / "graphbit.db") as connection:
        assert connection.execute("SELECT node, model, cost FROM cache").fetchall() == [("a", "small", 0.5)]
    connection.close()


# ---- why something is not remembered


def test_of_an_empty_store_nothing_is_near(make):
    told = make().explain(asked(), "a")
    assert told.nearest is None
    assert str(told) == "nothing like it is remembered"


def test_what_is_remembered_is_said_to_be(make):
    store = make()
    store.keep(entry())
    told = store.explain(asked(), "a")
    assert told.is_there
    assert str(told) == "it is remembered, by the run r1"


def test_an_entry_of_the_same_node_is_nearest(make):
    store = make()
    store.keep(entry(asked("Hello", temperature=1.0), node="b"))
    store.keep(entry(asked("Something quite other", temperature=1.0)))
    told = store.explain(asked("Hello"), "a")
    assert told.nearest.node == "a"
    assert [one.part for one in told.differences] == ["message 1 (user)", "temperature"]


def test_among_those_of_a_node_the_one_with_the_most_equal_parts_is_nearest(make):
    store = make()
    store.keep(entry(asked("Hello", temperature=1.0, max_tokens=5), cost=1))
    store.keep(entry(asked("Hello", temperature=1.0), cost=2))
    assert store.explain(asked("Hello"), "a").nearest.cost == 2


def test_among_equally_many_the_one_whose_text_is_most_alike_is_nearest(make):
    store = make()
    store.keep(entry(asked("Write about graphs"), cost=1))
    store.keep(entry(asked("zzz"), cost=2))
    assert store.explain(asked("Write about graph"), "a").nearest.cost == 1


def test_an_explanation_shows_the_lines_that_differ(make):
    store = make()
    store.keep(entry(asked("Be brief.\nName three points of an essay about graph theory and its history.\nThanks.")))
    told = store.explain(
        asked("Be brief.\nName four points of an essay about graph theory and its history.\nThanks."), "a"
    )
    assert str(told) == (
        "the nearest of the node a differs:\n"
        "  message 1 (user):\n"
        "    @@ -1,3 +1,3 @@\n"
        "     Be brief.\n"
        "    -Name three points of an essay about graph theory and its history.\n"
        "    +Name four points of an essay about graph theory and its history.\n"
        "     Thanks."
    )


def test_why_a_node_was_asked_is_what_differs_from_what_was_there_before(make, clock):
    store = make()
    store.keep(entry(asked("Hello"), run="r1"))
    clock.now += 1
    store.keep(entry(asked("Hello", temperature=1.0), run="r2"))
    clock.now += 1
    store.keep(entry(asked("Hello", temperature=2.0), run="r3"))
    assert [str(one) for one in store.why("a", "r2").differences] == ["temperature was added: 1.0"]
    assert [str(one) for one in store.why("a").differences] == ["temperature: 1.0 before, 2.0 now"]
    assert store.why("a", "r1").nearest is None
    assert store.why("a", "another run") is None
    assert store.why("b") is None


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"model": "large"}, "model: small before, large now"),
        ({"temperature": 0.5}, "temperature was added: 0.5"),
        ({"system": "Be kind."}, "message 1 (system) was added: Be kind."),
        ({"tools": (ToolSpec("search", "", {}),)}, "tool search was added"),
        ({"schema": {"type": "object"}}, "schema was added"),
        ({"sample": 2}, "sample was added: 2"),
    ],
)
def test_each_part_that_differs_is_named(now, told):
    found = [str(one) for one in differences(asked(), asked(**now))]
    assert any(one.startswith(told) for one in found), found


def test_a_part_that_is_gone_is_named():
    assert str(differences(asked(seed=3), asked())[0]) == "seed was taken away: 3"


def test_a_function_that_was_changed_is_named():
    before, after = ({"call": "node", "code": {"function clean": digest}} for digest in "ab")
    assert [str(one) for one in differences(before, after)] == ["the function clean was changed"]


def test_a_long_difference_is_cut():
    before, after = "\n".join(f"line {n}" for n in range(100)), "\n".join(f"other {n}" for n in range(100))
    lines = differences(asked(before), asked(after))[0].lines
    assert len(lines) == 13
    assert lines[-1] == "…"
