"""Queues of mail, as the standard library writes them and as hostile or broken senders do."""

from __future__ import annotations

import mailbox
from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.errors import QueueFault
from copilot.tickets.models import SetAside, Ticket
from copilot.tickets.sources import open_source
from copilot.tickets.sources.mail import MailQueue
from tests.conftest import SHARED

FIXTURES = SHARED / "data" / "email_fixtures"
OWN = "help@fernway.example"


def mail(text: str = "hello", hour: int = 10, headers: dict[str, str] | None = None, **named: str) -> EmailMessage:
    """A mail of the customer; headers are named with _ for -, an empty one is left out."""
    made = EmailMessage()
    values = {
        "From": "Anna Berg <anna@example.org>",
        "To": OWN,
        "Subject": "Order",
        "Date": f"Mon, 02 Nov 2026 {hour}:00:00 +0000",
        "Message-ID": f"<{hour}@example.org>",
        **{name.replace("_", "-"): value for name, value in {**(headers or {}), **named}.items()},
    }
    for name, value in values.items():
        if value:
            made[name] = value
    made.set_content(text)
    return made


def raw(head: str | bytes, body: bytes = b"hello\r\n") -> bytes:
    """A mail byte for byte."""
    return (head if isinstance(head, bytes) else head.encode()).replace(b"\n", b"\r\n") + b"\r\n\r\n" + body


def read(folder: Path, *mails: EmailMessage | MIMEMultipart | bytes) -> tuple[list[Ticket], list[SetAside]]:
    """The tickets of a folder of .eml files."""
    (folder / "queue").mkdir(exist_ok=True)
    for number, item in enumerate(mails):
        (folder / "queue" / f"{number:03}.eml").write_bytes(item if isinstance(item, bytes) else item.as_bytes())
    return sort(MailQueue("q", folder / "queue", "eml", OWN))


def sort(source: MailQueue) -> tuple[list[Ticket], list[SetAside]]:
    items = list(source.items())
    return [i for i in items if isinstance(i, Ticket)], [i for i in items if isinstance(i, SetAside)]


def one(folder: Path, item: EmailMessage | MIMEMultipart | bytes) -> Ticket:
    (ticket,), aside = read(folder, item)
    assert aside == []
    return ticket


def test_an_mbox_a_maildir_and_a_folder_give_the_same_tickets(tmp_path: Path) -> None:
    mails = [mail("hello\nFrom here", 10), mail("other", 11, From="Bo <bo@example.org>", Subject="Else")]
    box, folder = mailbox.mbox(tmp_path / "box"), mailbox.Maildir(tmp_path / "maildir")
    for item in mails:
        box.add(item)
        folder.add(item)
    box.close()
    folder.close()
    from_files, _ = read(tmp_path, *mails)
    for name in ("box", "maildir", "queue"):
        items = [i for i in open_source("q", tmp_path / name, own_address=OWN).items() if isinstance(i, Ticket)]
        assert [(t.id, t.subject, t.customer.email) for t in items] == [
            (t.id, t.subject, t.customer.email) for t in from_files
        ], name
        assert [t.messages[0].text for t in items] == ["hello\nFrom here", "other"]


def test_a_thread_is_put_together_by_references(tmp_path: Path) -> None:
    answer = mail(
        "yes?", 11, From=f"Mara <{OWN}>", To="anna@example.org", Subject="Re: Order", In_Reply_To="<10@example.org>"
    )
    again = mail("it broke", 12, Subject="AW: Re: Order", References="<10@example.org> <11@example.org>")
    apart = mail("something else", 9, Subject="Order")
    tickets, aside = read(tmp_path, again, apart, answer, mail("hello", 10))
    assert aside == []
    assert [[m.text for m in t.messages] for t in tickets] == [["something else"], ["hello", "yes?", "it broke"]]
    assert [m.role for m in tickets[1].messages] == ["customer", "agent", "customer"]
    assert (tickets[1].subject, tickets[1].customer.email, tickets[1].channel) == ("Order", "anna@example.org", "mail")


def test_a_thread_keeps_its_name_when_a_mail_is_added(tmp_path: Path) -> None:
    before = one(tmp_path, mail("hello", 10))
    (after,), _ = read(tmp_path, mail("hello", 10), mail("more", 12, References="<10@example.org>"))
    assert after.ref == before.ref


def test_a_reply_whose_first_mail_is_missing_has_the_name_of_the_thread(tmp_path: Path) -> None:
    reply = mail("more", 12, References="<10@example.org>")
    alone = one(tmp_path, reply)
    (whole,), _ = read(tmp_path, reply, mail("hello", 10))
    assert whole.ref == alone.ref


def test_a_thread_begun_by_the_team_belongs_to_whom_it_was_sent(tmp_path: Path) -> None:
    ticket = one(tmp_path, mail("we found it", From=OWN, To="Anna Berg <Anna@Example.org>"))
    assert (ticket.customer.name, ticket.customer.email) == ("Anna Berg", "anna@example.org")
    assert ticket.messages[0].role == "agent"


def test_a_mail_without_message_id_is_read_and_known_again(tmp_path: Path) -> None:
    first = one(tmp_path, mail("hello", Message_ID=""))
    delivered = mail("hello", Message_ID="", Received="by mx.example; Mon, 02 Nov 2026 10:00:01 +0000")
    delivered["Status"] = "RO"
    again = one(tmp_path, delivered)
    assert first.ref == again.ref
    tickets, _ = read(tmp_path, mail("hello", Message_ID=""), mail("other", Message_ID=""))
    assert len(tickets) == 2


def test_copies_of_one_mail_count_once(tmp_path: Path) -> None:
    copy = mail("hello")
    copy["Received"] = "by elsewhere.example; Mon, 02 Nov 2026 10:00:01 +0000"
    (ticket,), _ = read(tmp_path, mail("hello"), copy, mail("hello").as_bytes().replace(b"\n", b"\r\n"))
    assert len(ticket.messages) == 1


def test_two_mails_with_one_id_are_both_kept_and_each_once(tmp_path: Path) -> None:
    for end in (b"\n", b"\r\n"):
        mails = [mail(text).as_bytes().replace(b"\n", end) for text in ("hello", "another", "hello", "another")]
        tickets, _ = read(tmp_path, *mails)
        texts = sorted(m.text for t in tickets for m in t.messages)
        assert texts == ["another", "hello"]


@pytest.mark.parametrize(
    ("charset", "body"),
    [
        ("iso-8859-1", "Grüße".encode("latin-1")),
        ("windows-1252", "Grüße".encode("cp1252")),
        ("utf-8", "Grüße".encode("latin-1")),
        ("us-ascii", "Grüße".encode()),
        ("x-unknown-8bit", "Grüße".encode()),
        ("no-such-charset", "Grüße".encode("cp1252")),
        ("utf-16", "Grüße".encode("utf-16")),
        ("utf-7", "Grüße".encode("utf-7")),
    ],
)
def test_a_body_is_decoded_by_its_charset_or_by_what_its_bytes_allow(tmp_path: Path, charset: str, body: bytes) -> None:
    head = f"From: a@example.org\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit"
    assert one(tmp_path, raw(head, body)).messages[0].text == "Grüße"


@pytest.mark.parametrize("charset", ["shift_jis", "iso-2022-jp", "gb18030", "euc-jp"])
def test_asian_charsets_are_read(tmp_path: Path, charset: str) -> None:
    head = f"From: a@example.org\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit"
    assert one(tmp_path, raw(head, "自転車".encode(charset))).messages[0].text == "自転車"


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=",
        "=?iso-8859-1?b?R3L832UgYXVzIEv2bG4=?=",
        "=?no-such?q?Gr=FC=DFe_aus?= =?utf-8?b?IEvDtmxu?=",
        "Grüße aus Köln".encode(),
        "Grüße aus Köln".encode("latin-1"),
    ],
)
def test_subjects_and_names_are_read_in_any_encoding(tmp_path: Path, subject: str | bytes) -> None:
    value = subject if isinstance(subject, bytes) else subject.encode()
    ticket = one(tmp_path, raw(b"From: " + value + b" <a@example.org>\nSubject: " + value))
    assert ticket.subject == "Grüße aus Köln"
    assert ticket.customer.name.replace("  ", " ") == "Grüße aus Köln"
    assert ticket.customer.email == "a@example.org"


def test_a_comma_in_an_encoded_name_does_not_make_two_people(tmp_path: Path) -> None:
    ticket = one(tmp_path, raw("From: =?utf-8?q?Berg=2C_Anna_=3Cevil=40example=2Ecom=3E?= <anna@example.org>"))
    assert ticket.customer.email == "anna@example.org"


def test_headers_cannot_carry_escapes_or_lines(tmp_path: Path) -> None:
    ticket = one(tmp_path, raw("From: =?utf-8?q?A=1B[2J=0D=0AB?= <a@example.org>\nSubject: =?utf-8?q?x=0D=0Ay=1B[2J?="))
    assert (ticket.customer.name, ticket.subject) == ("A B", "x y")


def test_html_is_read_where_there_is_no_text(tmp_path: Path) -> None:
    made = mail()
    made.set_content(
        "<html><head><style>p{color:red}</style><script>evil()</script></head><body><p>Hello <b>you</b>,</p><p>it works</p></body></html>",
        subtype="html",
    )
    text = one(tmp_path, made).messages[0].text
    assert text.split() == ["Hello", "you,", "it", "works"]


def test_text_is_preferred_to_html(tmp_path: Path) -> None:
    made = mail("the words")
    made.add_alternative("<p>the markup</p>", subtype="html")
    assert one(tmp_path, made).messages[0].text == "the words"


def test_html_stands_in_for_an_empty_text_part(tmp_path: Path) -> None:
    made = mail(" \n")
    made.add_alternative("<p>the markup</p>", subtype="html")
    assert one(tmp_path, made).messages[0].text.strip() == "the markup"


def test_html_stands_in_for_invitations_and_amp(tmp_path: Path) -> None:
    for subtype in ("calendar", "x-amp-html"):
        made = MIMEMultipart("alternative")
        made["From"] = "anna@example.org"
        made.attach(MIMEText("BEGIN:VCALENDAR", subtype))
        made.attach(MIMEText("<p>come by</p>", "html"))
        message = one(tmp_path, made).messages[0]
        assert message.text.strip() == "come by"
        assert message.attachments == (f"unnamed text/{subtype}",)


@pytest.mark.parametrize(
    "html", ["", " ", "<!-- -->", "<", "<p>", "\x00", "<?xml version='1.0' encoding='utf-8'?><p>x</p>"]
)
def test_html_with_nothing_in_it_is_an_empty_message(tmp_path: Path, html: str) -> None:
    body = html.encode()
    message = one(tmp_path, raw("From: a@example.org\nContent-Type: text/html; charset=utf-8", body)).messages[0]
    assert message.text.strip() in ("", "x", "<")


def test_attachments_are_named_and_not_read(tmp_path: Path) -> None:
    made = mail("see file")
    made.add_attachment("not my words", filename="Größe.txt")
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="../../evil\u202e.pdf")
    message = one(tmp_path, made).messages[0]
    assert message.text == "see file"
    assert message.attachments == ("Größe.txt", "../../evil.pdf")


def test_a_mail_inside_a_mail_is_not_its_senders_words(tmp_path: Path) -> None:
    made = MIMEMultipart()
    made["From"] = "anna@example.org"
    made.attach(MIMEText("look at this"))
    made.attach(MIMEMessage(mail("I hate you all", From="Bo <bo@example.org>")))
    message = one(tmp_path, made).messages[0]
    assert message.text == "look at this"
    assert message.attachments == ("unnamed message/rfc822",)


def test_a_multipart_that_lost_its_boundary_keeps_its_words(tmp_path: Path) -> None:
    ticket = one(tmp_path, raw("From: a@example.org\nContent-Type: multipart/mixed", b"the words are here\r\n"))
    assert "the words are here" in ticket.messages[0].text


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner=x"},
        {"Return_Path": "<>"},
        {"From": "MAILER-DAEMON@example.org"},
        {"From": "Postmaster <postmaster@example.org>"},
        {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"},
        {"Subject": "Automatic reply: Order"},
        {"Subject": "Abwesenheitsnotiz: Order"},
        {"Subject": "Undelivered Mail Returned to Sender"},
    ],
)
def test_bounces_and_auto_replies_are_marked_and_never_wait(tmp_path: Path, headers: dict[str, str]) -> None:
    ticket = one(tmp_path, mail("I am away", headers=headers))
    assert ticket.messages[0].automatic
    assert ticket.waiting_since() is None
    assert ticket.target is None


@pytest.mark.parametrize(
    "headers", [{"Auto_Submitted": "no"}, {"Precedence": "bulk"}, {"Subject": "Re: Automatic door"}]
)
def test_a_persons_mail_is_not_marked_automatic(tmp_path: Path, headers: dict[str, str]) -> None:
    assert not one(tmp_path, mail("hello", headers=headers)).messages[0].automatic


def test_a_bounce_in_a_thread_does_not_make_the_daemon_the_customer(tmp_path: Path) -> None:
    bounce = mail("failed", 9, From="MAILER-DAEMON@mx.example", References="<10@example.org>")
    (ticket,), _ = read(tmp_path, mail("hello", 10), bounce)
    assert ticket.customer.email == "anna@example.org"


def test_a_person_behind_a_group_address_is_found(tmp_path: Path) -> None:
    made = mail(From=f"'Anna Berg' via Support <{OWN}>", Reply_To="anna@example.org")
    ticket = one(tmp_path, made)
    assert (ticket.customer.name, ticket.customer.email) == ("Anna Berg", "anna@example.org")
    assert ticket.messages[0].role == "customer"


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Mon, 99 Nov 2026 10:00:00 +0000", "Fri, 31 Dec 9999 23:59:00 -1200"]
)
def test_a_mail_without_a_usable_date_is_read(tmp_path: Path, date: str) -> None:
    assert one(tmp_path, mail(Date=date)).messages[0].at is None


def test_history_is_folded_away_and_kept(tmp_path: Path) -> None:
    body = "Great, thank you!\n\nOn Mon, 2 Nov 2026 at 10:00, Mara <help@fernway.example> wrote:\n> Which size?\n"
    message = one(tmp_path, mail(body)).messages[0]
    assert message.text == "Great, thank you!"
    assert message.quoted.startswith("On Mon")
    assert message.quoted.endswith("> Which size?")


def test_an_empty_file_is_set_aside_and_the_rest_is_read(tmp_path: Path) -> None:
    tickets, (aside,) = read(tmp_path, b" \n", mail("hello"))
    assert [t.messages[0].text for t in tickets] == ["hello"]
    assert aside.file.endswith("000.eml")
    assert "empty" in aside.reason


def test_a_file_name_that_is_not_unicode_is_still_reported(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.eml").write_bytes(b"")
    _, (aside,) = sort(MailQueue("q", tmp_path, "eml", OWN))
    assert aside.file.endswith("caf\ufffd.eml")


def test_a_bad_mail_of_an_mbox_is_named_by_its_line(tmp_path: Path) -> None:
    first = b"From a@example.org Mon Nov  2 10:00:00 2026\n" + mail("hello").as_bytes() + b"\n"
    path = tmp_path / "queue.mbox"
    path.write_bytes(first + b"From b@example.org Mon Nov  2 10:00:00 2026\n\n\n" + first.replace(b"<10@", b"<11@"))
    tickets, (aside,) = sort(MailQueue("q", path, "mbox", OWN))
    assert len(tickets) == 2
    assert aside.line == first.count(b"\n") + 1


def test_long_mails_and_long_threads_are_read(tmp_path: Path) -> None:
    mails = [mail("long words " * 10_000)]
    refs = ["<10@example.org>"]
    for number in range(499):
        mails.append(mail(f"turn {number}", 11, Message_ID=f"<t{number}@example.org>", References=refs[-1]))
        refs.append(f"<t{number}@example.org>")
    (ticket,), aside = read(tmp_path, *mails)
    assert aside == []
    assert len(ticket.messages) == 500
    assert len(ticket.messages[0].text) > 100_000


@settings(deadline=None)
@given(
    data=st.binary(max_size=400),
    head=st.sampled_from([b"", b"From: a@b.c\r\n", b"Content-Type: text/html\r\n\r\n", b"Subject: =?"]),
)
def test_no_bytes_stop_the_queue(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    tickets, aside = read(folder, head + data, mail("the good one"))
    assert len(tickets) + len(aside) == 2
    assert any(m.text == "the good one" for t in tickets for m in t.messages)


@pytest.mark.parametrize(("kind", "found"), [("mbox", False), ("maildir", False), ("eml", False), ("maildir", True)])
def test_a_queue_that_cannot_be_reached_is_a_queue_fault(tmp_path: Path, kind: str, found: bool) -> None:
    path = tmp_path / "queue"
    if found:
        path.write_text("a file where a Maildir should be")
    with pytest.raises(QueueFault):
        list(MailQueue("q", path, kind, OWN).items())


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the public mail fixtures are not beside this checkout")
def test_every_public_mail_loads(tmp_path: Path) -> None:
    files = sorted(FIXTURES.glob("*.eml"))
    assert len(files) == 39
    automatic = set()
    for file in files:
        tickets, aside = sort(MailQueue("q", file, "eml", "care@example.com"))
        assert (len(tickets), aside) == (1, []), file.name
        assert Ticket.model_validate_json(tickets[0].model_dump_json()) == tickets[0]
        if tickets[0].messages[0].automatic:
            automatic.add(file.stem)
    replies = {"auto_reply", "auto_reply_with_auto_submitted", "non_utf_encoded_mail"}
    assert automatic == {"bounced_gmail", "bounced_with_no_from", *replies}
    tickets, aside = sort(MailQueue("q", FIXTURES, "eml", "care@example.com"))
    assert aside == []
    assert 0 < len(tickets) < len(files), "some of them belong together"
