"""A model drafts, through the whole flow and a real HTTP server: what it is told, what becomes of its answer and of its faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from copilot.db.engine import Database
from copilot.desk import Desk, DraftDelta, DraftReady
from copilot.drafting.models import Draft
from copilot.drafting.writer import growing
from copilot.llm.redact import Redactor
from copilot.tickets.models import Customer, Message, Ticket
from tests.conftest import MakeDesk, make_ticket
from tests.fakes import NOW
from tests.fakes.provider import FakeProvider, Reply
from tests.fakes.writing import give, reply_json, writer_for

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

GOOD = reply_json(
    "Hi Anna,",
    "Thank you for writing. [[say what you found]]",
    "Best wishes,\nMara\nFernway Support",
    plays=("general#opening", "no-such#play"),
)
TICKET = make_ticket("customer: My export stops at 80 percent. Can you have a look?", subject="Export")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    made = FakeProvider(lambda _: Reply(GOOD))
    yield made
    made.close()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def desk(make_desk: MakeDesk, provider: FakeProvider, database: Database, waits: list[float]) -> Desk:
    return give(make_desk(TICKET), writer_for(provider, database, waits.append))


async def drafted(desk: Desk, ref: str = TICKET.ref) -> tuple[list[str], Draft]:
    """(the texts as they grew, the draft)."""
    grown, ready = [], None
    async for event in desk.drafting(ref):
        if isinstance(event, DraftDelta):
            grown.append(event.text)
        else:
            assert isinstance(event, DraftReady)
            ready = event.draft
    assert ready is not None
    return grown, ready


async def test_a_draft_grows_and_is_kept_with_model_prompt_and_citations(desk: Desk) -> None:
    grown, draft = await drafted(desk)
    assert (
        draft.text == "Hi Anna,\n\nThank you for writing. [[say what you found]]\n\nBest wishes,\nMara\nFernway Support"
    )
    assert all(draft.text.startswith(text) for text in grown)
    assert len(grown) > 3
    assert (draft.model, draft.prompt, draft.note) == ("tiny", "draft/2", "")
    assert {part.source for part in draft.parts} == {"model"}
    assert draft.parts[1].play_id == "general#opening"
    assert draft.parts[1].citation.startswith("playbooks/general.md:")
    assert desk.opened(TICKET.ref).draft == draft


async def test_what_is_previewed_is_letter_for_letter_what_leaves(desk: Desk, provider: FakeProvider) -> None:
    before = desk.prompt(TICKET.ref)
    await drafted(desk)
    (body,) = provider.requests
    assert [(m["role"], m["content"]) for m in body["messages"]] == [(m.role, m.text) for m in before.messages]


async def test_nothing_personal_leaves_and_everything_comes_back(desk: Desk, provider: FakeProvider) -> None:
    def say(body: dict[str, list[dict[str, str]]]) -> Reply:
        told = body["messages"][1]["content"]
        assert "Anna" not in told
        assert "Sign as <NAME_" in told
        name = told.split("Sign as ", 1)[1].split(".", 1)[0]
        return Reply(reply_json("Hello,", f"We look into it for you: {name}.", name), piece=3)

    provider.say = say
    grown, draft = await drafted(desk)
    assert draft.parts[-1].text == "Mara"
    assert not any("<" in text for text in grown)


@pytest.mark.parametrize(
    ("replies", "says"),
    [
        ([Reply(status=401)], "refused the key"),
        ([Reply(status=404)], "no such model"),
        ([Reply(status=429)] * 3, "too many calls"),
        ([Reply(status=500)] * 3, "fault of its own"),
        ([Reply("")], "answered nothing"),
        ([Reply("I cannot help with that.", finish="content_filter")], "refused to answer"),
        ([Reply("I'm sorry, but I can't."), Reply("Still no.")], "was no reply"),
        ([Reply(GOOD[:60], finish="length")], "cut off"),
        ([Reply('{"paragraphs": []}'), Reply('{"paragraphs": [{"text": " "}]}')], "no reply|says nothing"),
        ([Reply("This model's maximum context length is 8192 tokens.", status=400)], "too long"),
        ([Reply(GOOD, cut_after=2)] * 3, "broke off"),
    ],
)
async def test_where_no_model_answers_the_plays_do_and_a_line_says_why(
    desk: Desk, provider: FakeProvider, replies: list[Reply], says: str
) -> None:
    left = iter(replies)
    provider.say = lambda _: next(left)
    before = desk.ticket(TICKET.ref)
    _, draft = await drafted(desk)
    assert draft.note.startswith("drafted offline: ")
    assert any(part in draft.note for part in says.split("|"))
    assert draft.model == ""
    assert draft.text == desk.preview(TICKET.ref).text
    assert next(left, None) is None
    assert desk.ticket(TICKET.ref) == before


async def test_the_time_a_provider_names_is_waited_for(desk: Desk, provider: FakeProvider, waits: list[float]) -> None:
    replies = iter([Reply(status=429, headers=(("retry-after", "7"),)), Reply(GOOD)])
    provider.say = lambda _: next(replies)
    _, draft = await drafted(desk)
    assert draft.model == "tiny"
    assert waits == [7.0]


async def test_a_provider_that_never_begins_is_not_waited_for(
    make_desk: MakeDesk, database: Database, provider: FakeProvider
) -> None:
    never = threading.Event()
    provider.say = lambda _: Reply(GOOD, hold=(0, never))
    desk = give(make_desk(TICKET), writer_for(provider, database, lambda _: None, timeout_s=0.3))
    _, draft = await drafted(desk)
    never.set()
    assert "did not answer in time" in draft.note


async def test_no_route_is_a_line_too(make_desk: MakeDesk, database: Database, provider: FakeProvider) -> None:
    writer = writer_for(provider, database, lambda _: None, api_base="http://127.0.0.1:9/v1")
    _, draft = await drafted(give(make_desk(TICKET), writer))
    assert draft.note.startswith("drafted offline: ")


async def test_the_price_limit_stops_a_draft_before_it_is_sent(
    make_desk: MakeDesk, database: Database, provider: FakeProvider
) -> None:
    desk = give(make_desk(TICKET), writer_for(provider, database, lambda _: None, draft_tokens=500))
    _, draft = await drafted(desk)
    assert "draft_tokens" in draft.note
    assert provider.requests == []


async def test_half_a_json_is_repaired_once(desk: Desk, provider: FakeProvider) -> None:
    replies = iter([Reply(GOOD[:-30]), Reply(GOOD)])
    provider.say = lambda _: next(replies)
    _, draft = await drafted(desk)
    assert draft.model == "tiny"
    assert draft.note == "the model had to be asked twice"
    assert provider.requests[1]["messages"][-2]["role"] == "assistant"


async def test_json_in_a_fence_and_talk_around_it_is_understood(desk: Desk, provider: FakeProvider) -> None:
    provider.say = lambda _: Reply(f"Here you are:\n```json\n{GOOD}\n```")
    _, draft = await drafted(desk)
    assert draft.text.startswith("Hi Anna,")


async def test_another_model_in_its_place_is_said(desk: Desk, provider: FakeProvider) -> None:
    provider.say = lambda _: Reply(GOOD, model="cheaper-one")
    _, draft = await drafted(desk)
    assert draft.model == "cheaper-one"
    assert "cheaper-one instead of openai/tiny" in draft.note


async def test_what_the_agent_should_find_out_stands_beside_the_draft(desk: Desk, provider: FakeProvider) -> None:
    provider.say = lambda _: Reply(reply_json("Hi,", "Hello.", questions=("which browser it is",)))
    _, draft = await drafted(desk)
    assert draft.note == "find out: which browser it is"


async def test_a_draft_that_is_stopped_keeps_what_came(desk: Desk, provider: FakeProvider) -> None:
    go_on, stop = threading.Event(), threading.Event()
    provider.say = lambda _: Reply(GOOD, piece=12, hold=(15, go_on))
    text, draft = "", None
    async for event in desk.drafting(TICKET.ref, stop=stop):
        if isinstance(event, DraftDelta) and len(event.text) > 20:
            text = event.text
            stop.set()
            go_on.set()
        elif isinstance(event, DraftReady):
            draft = event.draft
    assert draft is not None
    assert draft.text.startswith(text)
    assert draft.note == "stopped: this is what had come"


async def test_drafting_again_keeps_what_a_person_wrote(desk: Desk, provider: FakeProvider) -> None:
    _, draft = await drafted(desk)
    edited = desk.save(draft, draft.text.replace("[[say what you found]]", "It was the header row, which was empty."))
    provider.say = lambda _: Reply(reply_json("Hello Anna,", "Another body.", "Kind regards,\nMara"))
    again = desk.draft(edited.ticket_ref, "calm")
    assert "It was the header row" in again.text
    assert again.text.startswith("Hello Anna,")
    assert "Another body." not in again.text
    assert again.state == "edited"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60), st.integers(0, 400))
@example("< ", 67)
@example("<\u200b", 90)
def test_no_beginning_of_an_answer_breaks_what_is_shown(text: str, cut: int) -> None:
    told = reply_json("Hi <NAME_1>,", text, "[[say what]] and bye")
    redactor = Redactor(("Anna",), "")
    redactor.hide("Anna")
    shown = growing(told[:cut], redactor)
    assert not shown.endswith(("<", "<NAME", "<NAME_", "[["))


SECRETS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["Zoltan Quistgaard", "Wilhelmina Ostrowska", "Xanthe O'Farrelly"]),
        "email": st.sampled_from(["zq.private@example.org", "w.ostrowska+shop@mail.example.net"]),
        "phone": st.sampled_from(["+49 30 901820 111", "+44 20 7946 0958", "(212) 555-0147"]),
        "card": st.sampled_from(["4111 1111 1111 1111", "5500-0000-0000-0004"]),
        "iban": st.sampled_from(["DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32"]),
        "order": st.sampled_from(["FW-48213", "#7731902", "INV-2026-0099"]),
        "street": st.sampled_from(["Lindenstraße 14", "221B Baker Street"]),
        "link": st.sampled_from(
            ["https://shop.example.org/reset?token=9f8a7c", "www.portal.example.net/u/551?key=abc"]
        ),
    }
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SECRETS, st.permutations(["name", "email", "phone", "card", "iban", "order", "street", "link"]))
def test_personal_data_in_no_field_of_a_ticket_reaches_the_provider(
    desk: Desk, provider: FakeProvider, secrets: dict[str, str], order: list[str]
) -> None:
    from copilot.tickets import store

    told = " and ".join(f"my {kind} is {secrets[kind]}" for kind in order)
    ticket = Ticket(
        id="P-1",
        queue="private",
        subject=f"About {secrets['order']} for {secrets['name']}",
        customer=Customer(
            id=secrets["email"], name=secrets["name"], email=secrets["email"], company="Quistgaard & Daughters"
        ),
        messages=(
            Message(id="1", role="customer", text=f"Hello, {told}. Quistgaard & Daughters", author=secrets["name"], at=NOW),
            Message(id="2", role="agent", text=f"Dear {secrets['name']}, is {secrets['phone']} right?", author="Mara", at=NOW),
            Message(
                id="3", role="customer", text=f"Yes. {told}, refund please.", at=NOW, author=secrets["name"],
                quoted=f"> {told}", attachments=(f"{secrets['name']}.pdf",),
            ),
        ),
        tags=(secrets["order"],),
    )  # fmt: skip
    with desk.database.begin() as connection:
        store.put(connection, ticket, NOW)
    provider.requests.clear()
    desk.draft(ticket.ref)
    assert provider.requests
    sent = json.dumps(provider.requests, ensure_ascii=False)
    leaked = [
        value for value in (*secrets.values(), *secrets["name"].split(), "Quistgaard & Daughters") if value in sent
    ]
    assert leaked == []
