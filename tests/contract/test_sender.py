"""What every sender keeps to: the double that tests use, and the outbox that people use."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest

from copilot.desk import Sender
from copilot.errors import QueueFault, RefusedAction
from copilot.tickets.models import Customer
from copilot.tickets.outbox import Outbox
from tests.conftest import make_ticket
from tests.fakes import NOW, FakeSender

TEXT = "Hello Anna,\n\nit is mended — “really”.\n\nMara"


@pytest.fixture(params=["fake", "outbox"])
def any_sender(request: pytest.FixtureRequest, tmp_path: Path) -> Sender:
    senders: dict[str, Sender] = {"fake": FakeSender(), "outbox": Outbox(tmp_path / "out", "help@example.com", "Team")}
    return senders[request.param]


def test_the_reply_comes_back_as_a_message_of_the_team(any_sender: Sender) -> None:
    reply = any_sender.send(make_ticket("customer: help"), TEXT, "Mara", "d-1", NOW)
    assert (reply.role, reply.text, reply.author, reply.at) == ("agent", TEXT, "Mara", NOW)
    assert reply.public
    assert not reply.automatic


def test_one_key_is_one_message_and_two_keys_are_two(any_sender: Sender) -> None:
    ticket = make_ticket("customer: help")
    first = any_sender.send(ticket, TEXT, "Mara", "d-1", NOW)
    assert any_sender.send(ticket, TEXT, "Mara", "d-1", NOW).id == first.id
    assert any_sender.send(ticket, TEXT, "Mara", "d-2", NOW).id != first.id


def test_a_failure_is_a_queue_fault_and_nothing_was_sent(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    fake = FakeSender(error=QueueFault("down"))
    senders: list[Sender] = [fake, Outbox(tmp_path / "out", "help@example.com", "Team")]
    for sender in senders:
        with pytest.raises(QueueFault):
            sender.send(make_ticket("customer: help"), TEXT, "Mara", "d-1", NOW)
    assert fake.sent == []
    assert (tmp_path / "out").read_text() == "in the way"


def outbox(folder: Path) -> Outbox:
    return Outbox(folder, "help@example.com", "Team")


def mails(folder: Path) -> list[EmailMessage]:
    return [
        cast("EmailMessage", message_from_bytes(path.read_bytes(), policy=cast("Any", default)))
        for path in sorted(folder.iterdir())
    ]


def test_sending_again_overwrites_the_same_file(tmp_path: Path) -> None:
    ticket = make_ticket("customer: help", subject="Import")
    for _ in range(2):
        outbox(tmp_path).send(ticket, TEXT, "Mara", "d-1", NOW)
    (mail,) = mails(tmp_path)
    assert mail["To"] == "Anna Berg <anna@example.org>"
    assert mail["From"] == "Mara <help@example.com>"
    assert mail["Subject"] == "Re: Import"
    assert mail["X-Delight-Ticket"] == "test/T-1"
    assert mail.get_content().replace("\r\n", "\n").rstrip("\n") == TEXT


def test_no_customer_can_write_a_header(tmp_path: Path) -> None:
    person = Customer(id="c", name="Anna\r\nBcc: evil@example.net", email="anna@example.org")
    ticket = make_ticket("customer: help", subject="Hi\r\nBcc: evil@example.net", customer=person)
    outbox(tmp_path).send(ticket, TEXT, "Mara", "d-1", NOW)
    (mail,) = mails(tmp_path)
    assert mail["Bcc"] is None
    assert [address.addr_spec for address in mail["To"].addresses] == ["anna@example.org"]


@pytest.mark.parametrize("address", ["not an address", "a@b, evil@example.net", "<a@b>"])
def test_an_address_that_is_none_is_refused_and_nothing_is_written(tmp_path: Path, address: str) -> None:
    ticket = make_ticket("customer: help", customer=Customer(id="c", name="Anna", email=address))
    with pytest.raises(RefusedAction, match="not an address"):
        outbox(tmp_path).send(ticket, TEXT, "Mara", "d-1", NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_customer_without_an_address_is_answered_in_a_file_all_the_same(tmp_path: Path) -> None:
    ticket = make_ticket("customer: help", customer=Customer(id="@anna", name="anna_b"))
    outbox(tmp_path).send(ticket, TEXT, "Mara", "d-1", NOW)
    (mail,) = mails(tmp_path)
    assert mail["To"].addresses == ()
    assert mail["X-Delight-Ticket"] == "test/T-1"
