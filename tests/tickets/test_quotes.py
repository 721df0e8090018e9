"""Folding hides history from the reader and from the quotes, and never loses a word."""

from __future__ import annotations

from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.text import clean
from copilot.tickets.quotes import fold

PIECES = st.sampled_from(
    [
        "Thanks, it works!", "On Mon, 2 Nov 2026 at 10:00, Mara <m@f.example> wrote:", "> quoted", ">> older", "", " ",
        "-- ", "--", "Anna", "Am 02.11.2026 um 10:00 schrieb Mara:", "-----Original Message-----", "From: Mara",
        "Sent from my phone", "Von meinem iPhone gesendet", "Best regards,", "Le lun. 2 nov. 2026, Mara a écrit :",
        "________________________________", "Subject: Order", "こんにちは", "El lunes, Mara escribió:",
    ]
)  # fmt: skip
bodies = st.lists(st.one_of(PIECES, st.text(max_size=10)), max_size=12).map("\n".join)


@settings(deadline=None)
@given(bodies)
def test_own_words_and_the_rest_cover_the_body(body: str) -> None:
    own, rest = fold(body)
    assert body.startswith(own)
    assert body.rstrip().endswith(rest.rstrip())
    assert "".join((own + rest).split()) == "".join(body.split())


@settings(deadline=None)
@given(bodies.map(clean))
def test_a_body_with_words_keeps_words(body: str) -> None:
    own, rest = fold(body)
    assert own.strip() or not body.strip()
    assert own == body or rest or not body[len(own) :].strip()


@pytest.mark.parametrize(
    "history",
    [
        "On Mon, 2 Nov 2026 at 10:00, Mara <m@f.example> wrote:\n> Which size?",
        "Am Mo., 2. Nov. 2026 um 10:00 Uhr schrieb Mara <m@f.example>:\n> Welche Größe?",
        "Le lun. 2 nov. 2026 à 10:00, Mara <m@f.example> a écrit :\n> Quelle taille ?",
        "El lun, 2 nov 2026 a las 10:00, Mara (<m@f.example>) escribió:\n> ¿Qué talla?",
        "Il giorno lun 2 nov 2026 alle ore 10:00 Mara <m@f.example> ha scritto:\n> Quale taglia?",
        "-----Original Message-----\nFrom: Mara\nSubject: Order\n\nWhich size?",
        "________________________________\nFrom: Mara\nSent: Monday\n\nWhich size?",
        "> Which size?\n>\n> Mara",
        "-- \nAnna Berg\nBergen",
        "Sent from my phone",
    ],
)
def test_history_and_signatures_are_folded_away(history: str) -> None:
    assert fold(f"Medium, please.\n\n{history}\n") == ("Medium, please.", history)


@pytest.mark.parametrize(
    "body",
    [
        "Just words.",
        "> only a quotation\n> of two lines",
        "-- \nonly a signature",
        "> Which size?\n\nMedium.\n\n> Which colour?\n\nBlue.",
        "Hi Mara,\n\nOn Mon, 2 Nov 2026 at 10:00, Mara <m@f.example> wrote:\n> Size?\n\nMedium.\n\n> Colour?\n\nBlue.",
        "I am 5 > 3 tall\nOn time they wrote: thanks",
    ],
)
def test_what_is_the_writers_own_stays(body: str) -> None:
    assert fold(body) == (body, "")


def test_history_in_two_parts_is_not_taken_for_answers() -> None:
    rest = (
        "On Mon, 2 Nov 2026, Mara <m@f.example> wrote:\n> Size?\n\nOn Sun, 1 Nov 2026, Anna <a@x.example> wrote:\n> Hi"
    )
    assert fold(f"Medium.\n\n{rest}") == ("Medium.", rest)


def test_history_at_the_end_of_a_very_long_mail_is_folded() -> None:
    words = "long words " * 10_000 + "end."
    own, rest = fold(f"{words}\n\nOn Mon, 2 Nov 2026 at 10:00, Mara <m@f.example> wrote:\n> Which size?")
    assert own == words
    assert rest.endswith("> Which size?")


@pytest.mark.parametrize(
    "piece", ["On ", "x\n \n \n", "> ", "On Mon, A <a@b> \n", "\nSent from my ", "_", "> a\n\nb\n"]
)
def test_no_mail_holds_the_queue_up(piece: str) -> None:
    body = clean(piece * (100_000 // len(piece)))
    started = monotonic()
    own, rest = fold(body)
    assert monotonic() - started < 10
    assert "".join((own + rest).split()) == "".join(body.split())
