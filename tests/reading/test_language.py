"""Which language a message is in; English unless another is clear."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.reading.language import LATIN, SCRIPTS, language_of


@pytest.mark.parametrize(
    ("text", "locale", "language"),
    [
        ("Where is my parcel? I have waited for a week.", "", "en"),
        ("thx", "", "en"),
        ("", "de", "en"),
        ("👍👍", "de", "en"),
        ("4711", "", "en"),
        ("Wo ist mein Paket? Ich warte schon seit einer Woche.", "", "de"),
        ("Je n'ai pas reçu mon colis et vous ne répondez pas.", "", "fr"),
        ("¿Dónde está mi pedido? Todavía no ha llegado y tengo que salir.", "", "es"),
        ("Il pacco non è arrivato, che cosa è successo?", "", "it"),
        ("O pacote não chegou e você não responde. Muito obrigado.", "", "pt"),
        ("Het pakket is niet aangekomen en ik heb een vraag voor jullie.", "", "nl"),
        ("荷物がまだ届きません。", "", "ja"),
        ("소포가 아직 안 왔어요.", "", "ko"),
        ("包裹还没有到。", "", "zh"),
        ("أين طردي؟", "", "ar"),
        ("Где моя посылка?", "", "ru"),
        ("Που είναι το δέμα μου;", "", "und"),
        ("Jag är jättearg, jag vill ha pengarna tillbaka nu", "", "sv"),
        ("To skandal, żądam zwrotu pieniędzy, idę do prawnika", "", "pl"),
        ("Geld zurück, sofort!", "", "de"),
        ("Oui, bien sûr, allez-y", "", "fr"),
        ("Çok teşekkürler, harika bir hizmet", "", "tr"),
        ("Köszönöm a segítséget, most már működik", "", "hu"),
        ("Terima kasih banyak, pelayanannya bagus sekali", "", "id"),
        ("Los Angeles Las Vegas refund please now", "", "en"),
        ("@Telmarine ta, righto, fab", "", "en"),
        ("SN 5K0-2231-A", "", "en"),
        ("Danke!", "de-DE", "de"),
        ("Danke!", "", "en"),
        ("Gracias!", "es_MX", "es"),
        ("The order is late and I am in Berlin, danke.", "de", "en"),
        ("My name is Müller and the café closed.", "", "en"),
        ("It says “der Server ist nicht erreichbar” and I can not do a thing with it, is this on your side?", "", "en"),
    ],
)
def test_the_language_of_a_message(text: str, locale: str, language: str) -> None:
    assert language_of(text, locale) == language


@given(text=st.text(max_size=200), locale=st.text(max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_text_has_a_language(text: str, locale: str) -> None:
    assert language_of(text, locale) in {*LATIN, *(code for code, _, _ in SCRIPTS), "und"}
