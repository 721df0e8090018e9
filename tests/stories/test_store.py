"""Stories on file: the index numbers every change upward, remembers what is gone, and finds words letter for letter."""

from __future__ import annotations

import string
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from copilot.asking import store as asking
from copilot.asking.models import Answer, Ask, Entry, Terms
from copilot.db.engine import Database
from copilot.errors import NotFound, StoreFault
from copilot.stories import store
from copilot.stories.models import Approval, Publication, Quote, Standing, Story
from copilot.stories.store import Filter
from copilot.tickets import store as ticketing
from copilot.tickets.models import Customer
from tests.conftest import make_ticket
from tests.fakes import NOW

WORDS = "You fixed it before I knew about it."
TODAY: date = NOW.date()


def story(number: int = 1, **changes: Any) -> Story:
    values: dict[str, Any] = {
        "id": f"s-{number}",
        "ticket_ref": f"test/T-{number}",
        "customer_key": f"test/c-{number}",
        "customer_name": "Anna Berg",
        "customer_company": "Berg & Co",
        "hook": "Fixed before they asked",
        "moment": "An import failed.",
        "catalyst": "Mara repaired a row.",
        "quotes": (Quote(text=WORDS, message_id="1"),),
        "signal": "proactive_fix",
        "created_at": NOW,
        "updated_at": NOW,
        "by": "Mara",
    }
    return Story(**{**values, **changes})


def keep(connection: Connection, number: int = 1, **changes: Any) -> Story:
    """A story with its ticket and an ask that was sent."""
    made = story(number, **changes)
    ticket = make_ticket(f"customer: {WORDS}", id=f"T-{number}", customer=Customer(id=f"c-{number}", name="Anna Berg"))
    ticketing.put(connection, ticket, NOW)
    asking.put(
        connection,
        Ask(
            id=f"a-{number}",
            ticket_ref=made.ticket_ref,
            customer_key=made.customer_key,
            kind="quote",
            play_id="p#ask",
            wording="1",
            words=WORDS,
            text=WORDS,
            state="sent",
            created_at=NOW,
            sent_at=NOW,
        ),
    )
    store.put(connection, made)
    return made


def answer(connection: Connection, number: int = 1, says: Answer = "granted", **terms: Any) -> Entry:
    entry = Entry(
        seq=0,
        ask_id=f"a-{number}",
        ticket_ref=f"test/T-{number}",
        customer_key=f"test/c-{number}",
        answer=says,
        words=WORDS,
        words_hash="",
        wording="1",
        terms=Terms(**{"places": ("website",), **terms}),
        channel="mail",
        at=NOW,
        by="Mara",
    )
    return asking.add_entry(connection, entry)


def approve(connection: Connection, made: Story, entry: Entry, now: datetime = NOW) -> None:
    key = Approval(story_id=made.id, fingerprint=made.fingerprint, entry=entry.seq, by="Priya", at=now)
    store.add_approval(connection, key)


def release(connection: Connection, number: int = 1, now: datetime = NOW, **changes: Any) -> Story:
    """A story with both keys turned, in the index."""
    terms = {name: changes.pop(name) for name in ("places", "until") if name in changes}
    made = keep(connection, number, **changes)
    approve(connection, made, answer(connection, number, **terms))
    where = store.refresh(connection, made.id, now)
    assert where is not None
    assert where.released
    return made


def withdraw(connection: Connection, number: int = 1, now: datetime = NOW) -> None:
    answer(connection, number, "withdrawn", places=())
    store.refresh(connection, f"s-{number}", now)


def forget(connection: Connection, number: int = 1, now: datetime = NOW) -> None:
    ticketing.may_erase(connection, [f"s-{number}", f"test/T-{number}"], "Priya", now)
    store.forget(connection, [f"s-{number}"])
    store.refresh(connection, f"s-{number}", now)


def numbers(connection: Connection) -> dict[str, int]:
    query = store.story_index.select()
    return {row["story_id"]: row["change"] for row in connection.execute(query).mappings()}


def found(connection: Connection, **wanted: Any) -> list[str]:
    """Ids that a filter finds; counting and listing agree."""
    ids = store.list_ids(connection, Filter(**wanted))
    assert store.count(connection, Filter(**wanted)) == len(ids)
    return sorted(ids)


# Standing


def test_a_story_comes_back_as_it_was_kept(database: Database) -> None:
    with database.begin() as connection:
        made = keep(connection)
        assert store.of_ticket(connection, "test/T-1") == made
        assert store.of_ticket(connection, "test/T-2") is None
        assert store.get_standing(connection, "s-1", NOW).story == made


def test_a_story_that_is_not_there_is_not_found(database: Database) -> None:
    with database.read() as connection, pytest.raises(NotFound, match="no story s-9"):
        store.get_standing(connection, "s-9", NOW)


def test_a_story_stands_where_the_facts_say_whatever_the_index_says(database: Database) -> None:
    with database.begin() as connection:
        made = release(connection)
        answer(connection, says="withdrawn", places=())
        assert connection.execute(store.story_index.select()).mappings().one()["state"] == "ready"
        assert store.get_standing(connection, made.id, NOW).state == "withdrawn"
        assert list(store.all_standing(connection, NOW, Filter(state="ready"))) == []


def test_only_the_last_approval_counts(database: Database) -> None:
    with database.begin() as connection:
        made = release(connection)
        store.add_approval(connection, Approval(story_id="s-1", fingerprint="", entry=0, by="Priya", at=NOW))
        assert store.get_standing(connection, made.id, NOW).state == "awaiting_marketing"


def test_each_of_many_stories_stands_on_its_own_facts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "IN_ONE_QUERY", 20)
    with database.begin() as connection:
        amount = store.IN_ONE_QUERY + 5
        for number in range(1, amount + 1):
            if number % 2:
                release(connection, number)
            else:
                keep(connection, number)
                store.refresh(connection, f"s-{number}", NOW)
        all_of_them = list(store.all_standing(connection, NOW))
    assert [where.story.id for where in all_of_them] == [f"s-{number}" for number in range(amount, 0, -1)]
    assert all((where.state == "ready") is bool(int(where.story.id[2:]) % 2) for where in all_of_them)


# The numbers of changes


def test_every_change_has_a_number_above_all_before_it(database: Database) -> None:
    with database.begin() as connection:
        assert store.last_change(connection) == 0
        release(connection, 1)
        release(connection, 2)
        assert numbers(connection) == {"s-1": 1, "s-2": 2}
        withdraw(connection, 1)
        assert numbers(connection) == {"s-1": 3, "s-2": 2}
        assert store.last_change(connection) == 3


STEPS = st.lists(
    st.tuples(st.sampled_from(["keep", "release", "withdraw", "refresh", "forget"]), st.integers(1, 3)), max_size=9
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_numbers_only_rise_and_whoever_pulls_on_misses_nothing(
    database: Database, steps: list[tuple[str, int]]
) -> None:
    known: dict[str, bool] = {}
    after = 0
    with database.read() as connection, connection.begin() as transaction:
        for step, number in steps:
            before, top = numbers(connection), store.last_change(connection)
            there = store.of_ticket(connection, f"test/T-{number}") is not None
            if step == "keep" and not there:
                keep(connection, number)
            elif step == "release" and not there:
                release(connection, number)
            elif step == "withdraw" and there:
                withdraw(connection, number)
            elif step == "forget" and there:
                forget(connection, number)
            store.refresh(connection, f"s-{number}", NOW)
            now = numbers(connection)
            assert all(now[i] == before.get(i) or now[i] > top for i in now)
            assert len(set(now.values())) == len(now)
            pulled = store.changes(connection, after, 100)
            assert [c.change for c in pulled] == sorted(c.change for c in pulled)
            known |= {c.story_id: c.released for c in pulled}
            after = max([after, *(c.change for c in pulled)])
            released = {c.story_id for c in store.newest(connection, 100)}
            assert {i for i, yes in known.items() if yes} == released
        transaction.rollback()


def test_a_story_that_did_not_change_keeps_its_number(database: Database) -> None:
    with database.begin() as connection:
        release(connection, 1)
        release(connection, 2)
        store.refresh(connection, "s-1", NOW + timedelta(hours=1))
        assert numbers(connection) == {"s-1": 1, "s-2": 2}


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_changes_can_be_pulled_a_few_at_a_time(database: Database, limit: int) -> None:
    with database.begin() as connection:
        for number in range(1, 6):
            release(connection, number)
        withdraw(connection, 2)
        pulled: list[str] = []
        after = 0
        while part := store.changes(connection, after, limit):
            pulled += [c.story_id for c in part]
            after = part[-1].change
    assert pulled == ["s-1", "s-3", "s-4", "s-5", "s-2"]


def test_changes_since_a_time_leave_out_what_came_before(database: Database) -> None:
    with database.begin() as connection:
        release(connection, 1, NOW - timedelta(days=2))
        release(connection, 2, NOW)
        assert [c.story_id for c in store.changes(connection, 0, 9, since=NOW)] == ["s-2"]
        assert [c.story_id for c in store.changes(connection, 0, 9, since=NOW - timedelta(days=2))] == ["s-1", "s-2"]


def test_the_newest_come_last_changed_first_and_page_by_page(database: Database) -> None:
    with database.begin() as connection:
        for number in range(1, 5):
            release(connection, number, places=("social",) if number == 3 else ("website", "sales"))
        first = store.newest(connection, 2)
        assert [c.story_id for c in first] == ["s-4", "s-3"]
        assert [c.story_id for c in store.newest(connection, 2, before=first[-1].change)] == ["s-2", "s-1"]
        assert [c.story_id for c in store.newest(connection, 9, place="social")] == ["s-3"]
        assert store.newest(connection, 9, place="soc") == []


# What is gone


def test_a_story_that_never_left_the_house_leaves_no_tombstone(database: Database) -> None:
    with database.begin() as connection:
        keep(connection)
        store.refresh(connection, "s-1", NOW)
        answer(connection, says="declined")
        store.refresh(connection, "s-1", NOW)
        assert store.changes(connection, 0, 9) == []
        forget(connection)
        assert store.changes(connection, 0, 9) == []
        assert found(connection, words="import") == []


def test_a_released_story_that_is_withdrawn_is_told_of_as_gone(database: Database) -> None:
    later = NOW + timedelta(days=3)
    with database.begin() as connection:
        release(connection)
        withdraw(connection, now=later)
        (gone,) = store.changes(connection, 1, 9)
        assert (gone.story_id, gone.released, gone.changed_at) == ("s-1", False, later)
        assert store.newest(connection, 9) == []


def test_an_erased_story_is_told_of_as_gone_and_leaves_none_of_its_words(database: Database) -> None:
    with database.begin() as connection:
        release(connection)
        forget(connection)
        (gone,) = store.changes(connection, 1, 9)
        assert (gone.story_id, gone.released) == ("s-1", False)
        row = connection.execute(store.story_index.select()).mappings().one()
        assert (row["words"], row["state"], row["until"]) == ("", "withdrawn", None)
        assert store.find_standing(connection, ["s-1"], NOW) == {}
        assert list(store.all_standing(connection, NOW)) == []


def test_an_erased_story_is_told_of_once(database: Database) -> None:
    with database.begin() as connection:
        release(connection)
        forget(connection)
        told = store.last_change(connection)
        assert store.refresh(connection, "s-1", NOW + timedelta(days=1)) is None
        assert store.last_change(connection) == told


def test_a_story_that_was_never_there_makes_no_change(database: Database) -> None:
    with database.begin() as connection:
        assert store.refresh(connection, "s-9", NOW) is None
        assert store.last_change(connection) == 0


PULLS = [
    {"place": "website"},
    {"signal": "proactive_fix"},
    {"outcome": "testimonial"},
    {"words": "import"},
    {"state": "ready"},
    {"since": NOW, "until": NOW + timedelta(days=1)},
]


@pytest.mark.parametrize("way", ["withdrawn", "erased", "run out"])
@pytest.mark.parametrize("wanted", PULLS, ids=lambda wanted: next(iter(wanted)))
def test_whoever_pulls_with_a_filter_learns_that_a_story_is_gone(
    database: Database, wanted: dict[str, Any], way: str
) -> None:
    with database.begin() as connection:
        release(connection, until=TODAY)
        (pulled,) = store.changes(connection, 0, 9, Filter(**wanted))
        if way == "withdrawn":
            withdraw(connection)
        elif way == "erased":
            forget(connection)
        else:
            run_out(connection, NOW + timedelta(days=2))
        told = store.changes(connection, pulled.change, 9, Filter(**wanted))
        assert pulled.released
        assert [(c.story_id, c.released) for c in told] == [("s-1", False)]


def test_whoever_pulls_for_a_place_learns_that_a_story_is_agreed_for_others_only(database: Database) -> None:
    with database.begin() as connection:
        made = release(connection)
        (pulled,) = store.changes(connection, 0, 9, Filter(place="website"))
        approve(connection, made, answer(connection, places=("sales",)))
        store.refresh(connection, made.id, NOW)
        told = store.changes(connection, pulled.change, 9, Filter(place="website"))
        assert [(c.story_id, c.released) for c in told] == [("s-1", False)]


def test_a_story_that_does_not_fit_a_filter_is_told_of_as_gone_and_nothing_more(database: Database) -> None:
    with database.begin() as connection:
        release(connection, places=("sales",))
        (told,) = store.changes(connection, 0, 9, Filter(place="website"))
        assert (told.story_id, told.released) == ("s-1", False)


# Agreed times


def run_out(connection: Connection, now: datetime) -> list[str]:
    """Let what has run out run out; the stories."""
    ids = store.run_out(connection, now, 9)
    for story_id in ids:
        store.refresh(connection, story_id, now)
    return ids


@pytest.mark.parametrize(
    ("now", "over"),
    [
        (NOW, False),
        (datetime.combine(TODAY, datetime.max.time(), NOW.tzinfo), False),
        (datetime.combine(TODAY + timedelta(days=1), datetime.min.time(), NOW.tzinfo), True),
        (NOW + timedelta(days=400), True),
    ],
)
def test_a_story_runs_out_when_its_agreed_day_is_over(database: Database, now: datetime, over: bool) -> None:
    with database.begin() as connection:
        release(connection, 1, until=TODAY)
        release(connection, 2)
        before = store.last_change(connection)
        assert run_out(connection, now) == (["s-1"] if over else [])
        assert store.get_standing(connection, "s-1", now).state == ("expired" if over else "ready")
        assert [c.story_id for c in store.changes(connection, before, 9)] == (["s-1"] if over else [])
        assert found(connection, state="expired") == (["s-1"] if over else [])


def test_what_has_run_out_runs_out_once(database: Database) -> None:
    later = NOW + timedelta(days=1)
    with database.begin() as connection:
        release(connection, until=TODAY)
        assert run_out(connection, later) == ["s-1"]
        assert run_out(connection, later) == []


def test_a_story_that_was_withdrawn_before_does_not_run_out_any_more(database: Database) -> None:
    with database.begin() as connection:
        release(connection, until=TODAY)
        withdraw(connection)
        assert store.run_out(connection, NOW + timedelta(days=9), 9) == []


def test_a_story_that_waits_for_marketing_past_its_day_cannot_be_released(database: Database) -> None:
    with database.begin() as connection:
        made = keep(connection)
        approve(connection, made, answer(connection, until=TODAY))
        where = store.refresh(connection, made.id, NOW + timedelta(days=1))
        assert where is not None
        assert where.state == "expired"


def test_the_index_knows_which_stories_an_older_version_kept(database: Database) -> None:
    with database.begin() as connection:
        keep(connection, 1)
        release(connection, 2)
        assert store.missing_from_index(connection, 9) == ["s-1"]
        store.refresh(connection, "s-1", NOW)
        assert store.missing_from_index(connection, 9) == []


# Filters


def several(connection: Connection) -> None:
    release(connection, 1, places=("website", "social"), play_id="fix#offer", outcome="referral")
    release(connection, 2, places=("sales",), signal="promoter", created_at=NOW - timedelta(days=10))
    keep(connection, 3, signal="promoter", hook="Payroll at noon", created_at=NOW + timedelta(days=10))
    store.refresh(connection, "s-3", NOW)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, ["s-1", "s-2", "s-3"]),
        ({"state": "ready"}, ["s-1", "s-2"]),
        ({"state": "awaiting_customer"}, ["s-3"]),
        ({"signal": "promoter"}, ["s-2", "s-3"]),
        ({"outcome": "referral"}, ["s-1"]),
        ({"place": "website"}, ["s-1"]),
        ({"place": "social"}, ["s-1"]),
        ({"place": "sales"}, ["s-2"]),
        ({"place": "website social"}, ["s-1"]),
        ({"place": "web"}, []),
        ({"place": "internal"}, []),
        ({"play": "fix#offer"}, ["s-1"]),
        ({"play": "fix"}, []),
        ({"since": NOW}, ["s-1", "s-3"]),
        ({"until": NOW}, ["s-2"]),
        ({"since": NOW - timedelta(days=10), "until": NOW}, ["s-2"]),
        ({"signal": "promoter", "state": "ready"}, ["s-2"]),
        ({"signal": "nothing"}, []),
        ({"words": "payroll"}, ["s-3"]),
        ({"words": "NOON Payroll"}, ["s-3"]),
        ({"words": "berg & co"}, ["s-1", "s-2", "s-3"]),
        ({"words": "before I knew"}, ["s-1", "s-2", "s-3"]),
        ({"words": "payroll import nothing"}, []),
        ({"words": "   "}, ["s-1", "s-2", "s-3"]),
    ],
)
def test_a_filter_finds_what_fits_all_of_it(database: Database, wanted: dict[str, Any], ids: list[str]) -> None:
    with database.begin() as connection:
        several(connection)
        assert found(connection, **wanted) == ids


def test_lists_are_cut_into_pages_last_changed_first(database: Database) -> None:
    with database.begin() as connection:
        several(connection)
        assert store.list_ids(connection, Filter()) == ["s-3", "s-2", "s-1"]
        assert store.list_ids(connection, Filter(), offset=1, limit=1) == ["s-2"]
        assert store.list_ids(connection, Filter(), offset=2) == ["s-1"]
        assert store.list_ids(connection, Filter(), offset=9, limit=5) == []


WILD = [
    ("100%", "100% of it", "1000 of it"),
    ("a_b", "an a_b case", "an axb case"),
    ("/", "either/or", "neither nor"),
    ("\\", "C:\\temp", "temp"),
    ("%", "50% off", "half off"),
    ("_", "snake_case", "camelcase"),
    ("'", "it's", "its"),
    ("/%", "5/% x", "5 x"),
]


@pytest.mark.parametrize(("words", "fits", "does_not"), WILD)
def test_wildcards_in_search_words_are_letters(database: Database, words: str, fits: str, does_not: str) -> None:
    with database.begin() as connection:
        for number, hook in ((1, fits), (2, does_not)):
            keep(connection, number, hook=hook, customer_company="")
            store.refresh(connection, f"s-{number}", NOW)
        assert found(connection, words=words) == ["s-1"]


@pytest.mark.parametrize("field", ["place", "play", "signal", "outcome", "state"])
@pytest.mark.parametrize("wild", ["%", "_", "%e%", "websit_"])
def test_wildcards_in_the_other_filters_find_nothing(database: Database, field: str, wild: str) -> None:
    with database.begin() as connection:
        release(connection)
        assert found(connection, **{field: wild}) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hook=st.text(st.sampled_from(string.ascii_letters + "%_\\/'\"äßÉ "), min_size=1, max_size=20),
    words=st.text(st.sampled_from(string.ascii_letters + "%_\\/'\"äßÉ "), min_size=1, max_size=4),
)
def test_search_finds_what_python_finds(database: Database, hook: str, words: str) -> None:
    with database.read() as connection, connection.begin() as transaction:
        keep(connection, hook=hook, moment="", catalyst="", quotes=(), customer_name="", customer_company="")
        store.refresh(connection, "s-1", NOW)
        expected = all(word in hook.casefold() for word in words.casefold().split())
        assert found(connection, words=words) == (["s-1"] if expected else [])
        transaction.rollback()


# Places


def place(number: int = 1, **changes: Any) -> Publication:
    values: dict[str, Any] = {
        "story_id": f"s-{number}",
        "place": "website",
        "address": "https://fernway.example/stories",
        "by": "Priya",
        "at": NOW,
    }
    return Publication(**{**values, **changes})


def test_a_place_is_numbered_and_makes_the_story_published(database: Database) -> None:
    with database.begin() as connection:
        release(connection)
        made = store.publish(connection, place())
        assert made.id == 1
        assert store.publications_of(connection, ["s-1", "s-2"]) == {"s-1": (made,)}
        where = store.refresh(connection, "s-1", NOW)
        assert where is not None
        assert (where.state, where.publications) == ("published", (made,))


def test_places_to_clear_come_most_urgent_first_and_go_when_they_are_cleared(database: Database) -> None:
    with database.begin() as connection:
        release(connection, 1)
        release(connection, 2)
        for number in (1, 1, 2):
            store.publish(connection, place(number))
        store.take_down(connection, "s-1", NOW + timedelta(days=7), "withdrawn")
        store.take_down(connection, "s-2", NOW + timedelta(days=2), "sent back")
        store.take_down(connection, "s-1", NOW + timedelta(days=99), "again")
        assert [(p.id, p.reason) for p in store.take_downs(connection)] == [
            (3, "sent back"),
            (1, "withdrawn"),
            (2, "withdrawn"),
        ]
        done = store.removed(connection, 1, "Priya", "404", NOW)
        assert (done.removed_at, done.removed_by, done.proof) == (NOW, "Priya", "404")
        assert [p.id for p in store.take_downs(connection)] == [3, 2]


def test_a_place_is_cleared_once_and_only_one_that_is_there(database: Database) -> None:
    with database.begin() as connection:
        release(connection)
        store.publish(connection, place())
        store.removed(connection, 1, "Priya", "404", NOW)
        for number in (1, 9):
            with pytest.raises(NotFound):
                store.removed(connection, number, "Mara", "gone", NOW + timedelta(minutes=1))
        assert store.publications_of(connection, ["s-1"])["s-1"][0].removed_by == "Priya"


def test_clearing_a_place_twice_in_the_same_moment_is_refused_too(database: Database) -> None:
    with database.begin() as connection:
        release(connection)
        store.publish(connection, place())
        store.removed(connection, 1, "Priya", "404", NOW)
        with pytest.raises(NotFound):
            store.removed(connection, 1, "Mara", "gone", NOW)


def test_the_places_of_an_erased_story_stay_on_record_until_they_are_cleared(database: Database) -> None:
    with database.begin() as connection:
        release(connection)
        store.publish(connection, place())
        store.take_down(connection, "s-1", NOW, "erased")
        forget(connection)
        assert [p.address for p in store.take_downs(connection)] == ["https://fernway.example/stories"]


@pytest.mark.parametrize(("later", "ids"), [(-1, []), (0, ["s-1"]), (1, ["s-1"])])
def test_a_released_story_is_looked_at_again_when_its_day_has_come(
    database: Database, later: int, ids: list[str]
) -> None:
    with database.begin() as connection:
        release(connection, 1, recheck_at=NOW)
        release(connection, 2, recheck_at=NOW + timedelta(days=1))
        release(connection, 3)
        keep(connection, 4, recheck_at=NOW - timedelta(days=9))
        store.refresh(connection, "s-4", NOW)
        assert [s.id for s in store.to_recheck(connection, NOW + timedelta(seconds=later))] == ids


def test_an_approval_is_kept_unless_its_story_is_erased(database: Database) -> None:
    with database.begin() as connection:
        release(connection)
    with pytest.raises(StoreFault, match="append-only"), database.begin() as connection:
        store.forget(connection, ["s-1"])
    with database.read() as connection:
        where: Standing = store.get_standing(connection, "s-1", NOW)
    assert where.state == "ready"


def test_a_story_is_found_by_what_it_was_about(database: Database) -> None:
    with database.begin() as connection:
        for number, products in ((1, ("Maps", "app")), (2, ("map",)), (3, ())):
            made = keep(connection, number, products=products)
            store.refresh(connection, made.id, NOW)
        assert found(connection, product="maps") == ["s-1"]
        assert found(connection, product="MAP") == ["s-2"]
        assert found(connection, product="%") == []
        assert sorted(found(connection)) == ["s-1", "s-2", "s-3"]
