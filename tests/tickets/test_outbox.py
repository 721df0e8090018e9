"""The outbox: a reply is one well-formed mail to one person, whatever that person is called."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.errors import QueueFault, RefusedAction
from copilot.text import clean
from copilot.tickets.models import Customer, Message, Ticket
from copilot.tickets.outbox import Outbox, write_atomically
from tests.conftest import make_ticket
from tests.fakes import NOW

SENDER = "help@fernway.example"
INJECTED = "=?utf-8?q?x=0d=0aBcc=3A_evil=40example.com?="
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "X-Delight-Ticket",
    "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
}  # fmt: skip


def send(folder: Path, ticket: Ticket, text: str = "On its way.", author: str = "Mara", key: str = "k1") -> Message:
    return Outbox(folder, SENDER, "Fernway Support").send(ticket, text, author, key, NOW)


def sent(folder: Path) -> EmailMessage:
    (file,) = folder.iterdir()
    return message_from_bytes(file.read_bytes(), policy=policy.default)


def recipients(mail: EmailMessage) -> list[str]:
    """Everybody a mail server would deliver to, as the strict and as the lenient parser read it."""
    lenient = message_from_bytes(mail.as_bytes(policy=policy.SMTP))
    found = {address for _, address in getaddresses(lenient.get_all("To", []) + lenient.get_all("Cc", [])) if address}
    return sorted(found | {a.addr_spec for a in mail["To"].addresses})


def body(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n").rstrip("\n")


def mail_ticket(*ids: str) -> Ticket:
    messages = tuple(Message(id=mail_id, role="customer", text="hello", at=NOW) for mail_id in ids)
    return make_ticket("customer: hello").model_copy(update={"messages": messages})


def test_a_reply_is_a_mail_that_any_client_reads(tmp_path: Path) -> None:
    text = "Grüße, Anna!\n\nYour order [/x] is on its way.\nFrom here on it is quick. 🚲"
    message = send(tmp_path, make_ticket("customer: hello", subject="Bestellung Nº 7"), text)
    mail = sent(tmp_path)
    assert body(mail) == text
    assert mail["Subject"] == "Re: Bestellung Nº 7"
    assert recipients(mail) == ["anna@example.org"]
    assert mail["From"].addresses[0].addr_spec == SENDER
    assert mail["From"].addresses[0].display_name == "Mara"
    assert parsedate_to_datetime(mail["Date"]) == NOW
    assert mail["Message-ID"] == message.id
    assert mail["X-Delight-Ticket"] == "test/T-1"
    assert mail.defects == []
    assert (message.role, message.text, message.author, message.at) == ("agent", text, "Mara", NOW)


def test_a_reply_to_mail_stands_in_its_thread(tmp_path: Path) -> None:
    send(tmp_path, mail_ticket("<one@example.org>", "<two@example.org>"))
    mail = sent(tmp_path)
    assert mail["In-Reply-To"] == "<two@example.org>"
    assert mail["References"] == "<one@example.org> <two@example.org>"


def test_references_of_a_long_thread_are_the_last_ones(tmp_path: Path) -> None:
    send(tmp_path, mail_ticket(*(f"<{n}@example.org>" for n in range(500))))
    refs = "".join(sent(tmp_path)["References"]).split()
    assert refs == [f"<{n}@example.org>" for n in range(480, 500)]


def test_a_reply_to_a_queue_without_mail_ids_still_names_what_it_answers(tmp_path: Path) -> None:
    send(tmp_path, make_ticket("customer: hello"))
    assert sent(tmp_path)["In-Reply-To"].endswith("@test.queue>")
    assert sent(tmp_path)["References"] is None


def test_the_same_key_overwrites_instead_of_sending_twice(tmp_path: Path) -> None:
    ticket = make_ticket("customer: hello")
    first = send(tmp_path, ticket, "first try")
    second = send(tmp_path, ticket, "second try")
    assert first.id == second.id
    assert sent(tmp_path).get_content().strip() == "second try"
    third = send(tmp_path, ticket, "another reply", key="k2")
    assert third.id != first.id
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "name",
    [
        INJECTED,
        "Anna\r\nBcc: evil@example.com",
        "evil@example.com, Anna",
        "a" * 70 + ", evil@example.com",
        '"x" <evil@example.com>, ' * 5,
        "x (evil@example.com), <e@example.com>;:" * 5,
        "=?utf-8?q?a=2C_evil=40example=2Ecom?=",
        "é" * 40 + ", evil@example.com, b",
        'Anna "the \\" Berg',
        "",
    ],
)
@pytest.mark.parametrize("address", ["anna@example.org", ""])
def test_a_customers_name_adds_no_header_and_no_recipient(tmp_path: Path, name: str, address: str) -> None:
    send(tmp_path, make_ticket("customer: hello", customer=Customer(id=name or "c", name=name, email=address)))
    mail = sent(tmp_path)
    assert set(mail.keys()) <= HEADERS
    assert recipients(mail) == ([address] if address else [])


@pytest.mark.parametrize("hostile", [INJECTED, INJECTED + " long" * 40, "x\r\nBcc: evil@example.com", "x\x00\x1b[2J"])
def test_no_other_field_adds_a_header(tmp_path: Path, hostile: str) -> None:
    send(tmp_path / "subject", make_ticket("customer: hello", subject=hostile))
    send(tmp_path / "first", make_ticket(f"customer: {hostile}"))
    send(tmp_path / "id", make_ticket("customer: hello", id=hostile))
    send(tmp_path / "author", make_ticket("customer: hello"), author=hostile)
    for folder in tmp_path.iterdir():
        mail = sent(folder)
        assert set(mail.keys()) <= HEADERS, folder.name
        assert "\x1b" not in str(mail["Subject"])
        assert recipients(mail) == ["anna@example.org"]


@pytest.mark.parametrize("hostile", [f"<{INJECTED}>", "<é@example.org>"])
def test_a_message_id_that_is_none_is_not_referred_to(tmp_path: Path, hostile: str) -> None:
    send(tmp_path, mail_ticket("<one@example.org>", hostile))
    mail = sent(tmp_path)
    assert set(mail.keys()) <= HEADERS
    assert mail["References"] == "<one@example.org>"


@settings(deadline=None)
@given(name=st.text(max_size=120), subject=st.text(max_size=120), text=st.text(st.characters()))
def test_any_name_subject_and_text_make_one_mail_to_one_person(
    tmp_path_factory: pytest.TempPathFactory, name: str, subject: str, text: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "outbox"
    person = Customer(id="c", name=name, email="anna@example.org")
    send(folder, make_ticket("customer: hello", subject=subject, customer=person), text)
    mail = sent(folder)
    assert set(mail.keys()) <= HEADERS
    assert recipients(mail) == ["anna@example.org"]
    assert body(mail) == clean(text).rstrip("\n")


@pytest.mark.parametrize(
    "address", ["nobody", "a@b.c, evil@example.com", "a b@c.d", "é@example.org", "anna@exämple.org", "@"]
)
def test_an_address_nobody_has_is_refused_by_name(tmp_path: Path, address: str) -> None:
    ticket = make_ticket("customer: hello", customer=Customer(id="c", email=address))
    with pytest.raises(RefusedAction) as raised:
        send(tmp_path, ticket)
    assert repr(address) in raised.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_address_of_the_team_is_not_blamed_on_the_customer(tmp_path: Path) -> None:
    box = Outbox(tmp_path, "Support <help@fernway.example>", "Team")
    with pytest.raises(RefusedAction, match="sent from") as raised:
        box.send(make_ticket("customer: hello"), "hi", "Mara", "k", NOW)
    assert "team_address" in raised.value.hint


def test_a_folder_that_cannot_be_written_is_a_queue_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(QueueFault, match="could not be written"):
            send(folder, make_ticket("customer: hello"))


def test_a_name_that_is_taken_by_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    ticket = make_ticket("customer: hello")
    send(tmp_path, ticket)
    (file,) = tmp_path.iterdir()
    file.unlink()
    file.mkdir()
    with pytest.raises(QueueFault):
        send(tmp_path, ticket)
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "reply.eml"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_replies_of_an_erased_customer_are_removed_and_no_others(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, SENDER, "Fernway Support")
    for number in range(3):
        outbox.send(make_ticket("customer: hello", id=f"T-{number}"), "On its way.", "Mara", f"k{number}", NOW)
    (tmp_path / "foreign.eml").write_bytes(b"\xff\xfe\x00 not a mail of ours")
    (tmp_path / "notes.txt").write_text("X-Delight-Ticket: test/T-1")
    assert outbox.forget(["test/T-1", "test/T-2"]) == []
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".eml") == ["notes.txt"]
    kept = [message_from_bytes(path.read_bytes()) for path in tmp_path.glob("*.eml")]
    assert sorted(str(mail["X-Delight-Ticket"]) for mail in kept) == ["None", "test/T-0"]
    assert outbox.forget([], ["k0"]) == []
    assert [path.name for path in tmp_path.glob("*.eml")] == ["foreign.eml"], "found by what it was sent by"
    assert Outbox(tmp_path / "nothing", SENDER, "Fernway Support").forget(["test/T-1"]) == []
