"""The texts of the customer's page: all languages whole, and every mistake in one named with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot.asking.consent import FOLDER, KEYS, SLOT, SLOTS, load_texts
from copilot.errors import PageError
from tests.conftest import PLAYBOOKS

LANGUAGES = ["de", "en", "es", "fr"]
MATTER = ["---", "locale: en", "language: English", 'version: "1"', "---"]


def page(*, without: str = "", matter: list[str] = MATTER) -> list[str]:
    """The lines of a page with all its texts; heading n stands in line 6 + 2 n."""
    lines = list(matter)
    for key in KEYS:
        if key != without:
            lines += [f"## {key}", f"Text of {key}."]
    return lines


def written(folder: Path, lines: list[str], name: str = "en.md") -> Path:
    playbooks = folder / "playbooks"
    (playbooks / FOLDER).mkdir(parents=True, exist_ok=True)
    (playbooks / FOLDER / name).write_text("\n".join(lines), "utf-8")
    return playbooks


def refused(playbooks: Path, name: str = "en.md") -> PageError:
    with pytest.raises(PageError) as caught:
        load_texts(playbooks)
    assert caught.value.path == f"playbooks/{FOLDER}/{name}"
    return caught.value


def test_all_four_languages_load_under_their_own_letters() -> None:
    found = load_texts(PLAYBOOKS)
    assert sorted(found) == LANGUAGES
    assert all(texts.locale == name and texts.language and texts.version for name, texts in found.items())
    assert len({texts.language for texts in found.values()}) == len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_with_known_slots(language: str) -> None:
    texts = load_texts(PLAYBOOKS)[language].texts
    assert tuple(sorted(texts)) == tuple(sorted(KEYS))
    for key, text in texts.items():
        assert text.strip(), key
        assert set(SLOT.findall(text)) <= SLOTS
        assert text.count("{") == text.count("}") == len(SLOT.findall(text)), key
        assert "##" not in text, key


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "en"])
def test_every_language_fills_the_same_slots_as_english(language: str) -> None:
    found = load_texts(PLAYBOOKS)
    for key in KEYS:
        assert set(SLOT.findall(found[language].texts[key])) == set(SLOT.findall(found["en"].texts[key])), key


def test_no_language_is_english_under_another_name() -> None:
    found = load_texts(PLAYBOOKS)
    for language in set(LANGUAGES) - {"en"}:
        same = [key for key in KEYS if found[language].texts[key] == found["en"].texts[key]]
        assert len(same) <= 1, same


def test_the_anonymous_name_of_every_language_can_be_shown() -> None:
    for texts in load_texts(PLAYBOOKS).values():
        assert texts.texts["name_anonymous"].partition(":")[2].strip(' “”„«»\u00a0"'), texts.locale


def test_a_slot_without_a_value_says_nothing(tmp_path: Path) -> None:
    lines = page()
    lines[6] = "Hello {customer.first_name} of {customer.company}!"
    texts = load_texts(written(tmp_path, lines))["en"]
    assert texts.say("title", {"customer.first_name": "{date}"}) == "Hello {date} of !"


def test_a_text_may_have_paragraphs(tmp_path: Path) -> None:
    lines = page()
    lines[6:7] = ["", "One.", "", "Two.", ""]
    assert load_texts(written(tmp_path, lines))["en"].texts["title"] == "One.\n\nTwo."


def test_an_edit_counts_at_once(tmp_path: Path) -> None:
    playbooks = written(tmp_path, page())
    assert load_texts(playbooks)["en"].texts["title"] == "Text of title."
    lines = page()
    lines[6] = "Another, longer title."
    written(tmp_path, lines)
    assert load_texts(playbooks)["en"].texts["title"] == "Another, longer title."


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_text_is_named_whichever_it_is(tmp_path: Path, key: str) -> None:
    error = refused(written(tmp_path, page(without=key)))
    assert (error.line, f"## {key}`" in error.found) == (1, True)


def test_a_heading_without_a_text_is_missing_too(tmp_path: Path) -> None:
    lines = page()
    lines[6] = "   "
    assert "## title" in refused(written(tmp_path, lines)).found


def test_a_doubled_heading_is_named_with_its_line(tmp_path: Path) -> None:
    lines = [*page(), "## title", "Again."]
    error = refused(written(tmp_path, lines))
    assert (error.line, error.found) == (len(lines) - 1, "`## title`")


@pytest.mark.parametrize("heading", ["## titel", "## Title", "##  name-full", "## price"])
def test_an_unknown_heading_is_named_with_its_line(tmp_path: Path, heading: str) -> None:
    lines = page()
    lines[7:7] = [heading, "Text."]
    error = refused(written(tmp_path, lines))
    assert error.line == 8
    assert heading.split()[1] in error.found
    assert "one heading for each of title" in str(error)


@pytest.mark.parametrize("heading", ["## title again", "##greeting2", "### more", "# Title"])
def test_a_heading_of_no_form_never_becomes_text_that_a_customer_reads(tmp_path: Path, heading: str) -> None:
    lines = page()
    lines[7:7] = [heading, "Text."]
    assert refused(written(tmp_path, lines)).line == 8


@pytest.mark.parametrize("slot", ["{customer.quote}", "{name}", "{agent.name}{price}", "{company.name.x}", "{_}"])
def test_an_unknown_slot_is_named_with_its_line(tmp_path: Path, slot: str) -> None:
    lines = page()
    lines[8] = f"Hello {slot}"
    error = refused(written(tmp_path, lines))
    assert error.line == 9
    assert error.found in slot


@pytest.mark.parametrize("slot", ["{Company.Name}", "{ date }", "{agent name}", "{date", "date}", "{}", "{{date}}"])
def test_a_mistyped_slot_never_becomes_text_that_a_customer_reads(tmp_path: Path, slot: str) -> None:
    lines = page()
    lines[8] = f"Hello {slot}"
    assert refused(written(tmp_path, lines)).line == 9


@pytest.mark.parametrize(
    ("matter", "line", "found"),
    [
        (["---", "locale: en", "language: English", "---"], 1, "no `version`"),
        (["---", "locale: english", "language: English", 'version: "1"', "---"], 2, "locale: english"),
        (["---", "locale: en", "language: English", 'version: ""', "---"], 4, "version"),
        (["---", "locale: en", "mood: glad", "language: English", 'version: "1"', "---"], 3, "mood"),
        (["locale: en"], 1, "locale: en"),
        (["---", "locale: en", "language: [", 'version: "1"', "---"], 4, "YAML"),
    ],
)
def test_front_matter_that_is_wrong_is_named_with_its_line(
    tmp_path: Path, matter: list[str], line: int, found: str
) -> None:
    error = refused(written(tmp_path, page(matter=matter)))
    assert error.line == line
    assert found in error.found


def test_a_mistake_in_any_language_is_named_with_its_own_file(tmp_path: Path) -> None:
    written(tmp_path, page())
    german = page(without="no", matter=["---", "locale: de", "language: Deutsch", 'version: "1"', "---"])
    assert "## no" in refused(written(tmp_path, german, "de.md"), "de.md").found


def test_without_english_there_is_no_page(tmp_path: Path) -> None:
    german = page(matter=["---", "locale: de", "language: Deutsch", 'version: "1"', "---"])
    assert refused(written(tmp_path, german, "de.md")).found == "no such file"


def test_two_files_of_one_language_are_refused(tmp_path: Path) -> None:
    written(tmp_path, page())
    playbooks = written(tmp_path, page(), "fr.md")
    assert refused(playbooks, "fr.md").line == 2


def test_a_readme_beside_the_texts_is_no_language(tmp_path: Path) -> None:
    playbooks = written(tmp_path, page())
    written(tmp_path, ["Anything."], "README.md")
    assert list(load_texts(playbooks)) == ["en"]


def test_bytes_that_are_not_utf_8_are_refused_with_the_file(tmp_path: Path) -> None:
    playbooks = written(tmp_path, page())
    (playbooks / FOLDER / "en.md").write_bytes(b"---\nlocale: en\xff\n---\n")
    with pytest.raises(PageError, match="UTF-8"):
        load_texts(playbooks)
