"""The check of a whole folder: everything that is wrong, each with file and line, and the starter playbook clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot.desk import Brain
from copilot.playbook.examples import run_examples
from copilot.playbook.lint import lint
from tests.conftest import PLAYBOOKS
from tests.playbook.conftest import GENERAL, HEAD, OUTAGE, SIGNAL, TODAY, write_playbook


def found(folder: Path) -> list[tuple[str, int, str]]:
    return [(finding.path, finding.line, finding.level) for finding in lint(folder, TODAY).findings]


def test_the_starter_playbook_has_no_error() -> None:
    linted = lint(PLAYBOOKS, TODAY)
    assert [str(finding) for finding in linted.errors] == []
    assert len(linted.pages) >= 15
    assert {page.locale for page in linted.pages} == {"en", "de"}


def test_the_examples_of_the_starter_playbook_bring_their_pages(brain: Brain) -> None:
    reader, playbook = brain.get()
    report = run_examples(playbook, reader)
    assert report.total > 200
    assert report.passed / report.total >= 0.98, [str(finding) for finding in report.findings]
    assert report.total - report.passed == len(report.findings)


def test_every_wrong_page_is_named_and_the_right_ones_are_kept(tmp_path: Path) -> None:
    folder = write_playbook(
        tmp_path / "pb",
        broken=HEAD + "## Nonsense\n- x\n",
        twin=GENERAL,
        unknown=OUTAGE.replace("id: outage", "id: other").replace("risks: [outage]", "risks: [fire]"),
        condition=OUTAGE.replace("id: outage", "id: cond").replace('"outage" in risks', '"fire" in risks'),
    )
    linted = lint(folder, TODAY)
    assert [(f.path, f.line) for f in linted.errors] == [
        ("pb/broken.md", 7),
        ("pb/condition.md", 20),
        ("pb/twin.md", 2),
        ("pb/unknown.md", 2),
    ]
    assert "pb/general.md" in str(linted.errors[2])
    assert {"general", "outage"} <= {page.id for page in linted.pages}


def test_a_wrong_condition_inside_a_decision_is_found_on_its_line(tmp_path: Path) -> None:
    decision = (
        HEAD + "## Decision: x\n- A?\n  - yes: B? `mood == 1`\n    - yes: offer a\n    - no: offer b\n  - no: offer c\n"
    )
    folder = write_playbook(tmp_path / "pb", up=decision)
    assert [(f.path, f.line) for f in lint(folder, TODAY).errors] == [("pb/up.md", 9)]


@pytest.mark.parametrize(
    ("name", "text", "line", "words"),
    [
        ("up", HEAD + "## Opening\n- x\n", 1, "nothing tests"),
        ("up", HEAD.replace("title: Up", "title: Up\nreviewed: 2024-01-01") + "## Opening\n- x\n", 1, "a year ago"),
        (
            "up",
            HEAD.replace("title: Up", "title: Up\nask: share") + '## Ask: quote\n- "{customer.quote}"\n',
            8,
            "ask: share",
        ),
        ("signals/outage", SIGNAL, 1, "2 examples; 20"),
        ("signals/outage", SIGNAL, 1, "1 near misses; 10"),
    ],
)
def test_what_is_doubtful_is_a_warning(tmp_path: Path, name: str, text: str, line: int, words: str) -> None:
    folder = write_playbook(tmp_path / "pb", **{name: text})
    findings = [f for f in lint(folder, TODAY).findings if f.path == f"pb/{name}.md" and words in f.message]
    assert [(f.line, f.level) for f in findings] == [(line, "warning")]


def test_two_signals_of_one_id_are_an_error(tmp_path: Path) -> None:
    folder = write_playbook(tmp_path / "pb", **{"signals/twin": SIGNAL})
    assert ("pb/signals/twin.md", 2, "error") in found(folder)


def test_a_missing_or_empty_folder_is_an_error(tmp_path: Path) -> None:
    assert [level for _, _, level in found(tmp_path / "nowhere")] == ["error"]
    (tmp_path / "empty").mkdir()
    assert [level for _, _, level in found(tmp_path / "empty")] == ["error"]


def test_a_subfolder_holds_pages_too_and_the_readme_is_none(tmp_path: Path) -> None:
    folder = write_playbook(tmp_path / "pb", README="# no page")
    (folder / "de").mkdir()
    (folder / "de" / "general.md").write_text(GENERAL.replace("id: general", "id: general-de"), "utf-8")
    linted = lint(folder, TODAY)
    assert linted.errors == ()
    assert "pb/de/general.md" in [page.path for page in linted.pages]
