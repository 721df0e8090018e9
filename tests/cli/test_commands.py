"""Every plain command: data on stdout, narration on stderr, the exit code as promised, and never a traceback."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from copilot import __version__
from copilot.asking.models import Terms
from copilot.bootstrap import Workspace
from copilot.settings import load
from copilot.tickets import store
from copilot.tui.actions import ACTIONS
from tests.cli.conftest import Ran, delight, make_workspace
from tests.conftest import PLAYBOOKS, ROOT, make_ticket
from tests.fakes import NOW, FakeClock
from tests.fakes.provider import FakeProvider, Reply
from tests.fakes.writing import reply_json

THANKS = "You spotted the broken row before I even knew about it and fixed it for us. Amazing, thank you!"
WORDS = "You spotted the broken row before I even knew about it and fixed it for us."


def line(number: int, text: str, **more: object) -> str:
    return json.dumps({"id": f"T-{number}", "turns": [{"role": "customer", "text": text}], **more}, ensure_ascii=False)


# A workspace on which most commands only look


@pytest.fixture(scope="module")
def space(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a ticket, and a story that both keys released beside one that waits."""
    folder = make_workspace(tmp_path_factory.mktemp("space"), index)
    made = Workspace(load(folder), FakeClock())
    agreed = make_ticket(f"customer: {THANKS}", "agent: May we quote you?", "customer: Yes, gladly.")
    waiting = make_ticket(f"customer: {THANKS}", id="T-2", minutes=90)
    with made.database.begin() as connection:
        store.put(connection, agreed, NOW)
        store.put(connection, waiting, NOW)
        store.put(
            connection, make_ticket("customer: The import failed again and our office opens at nine.", id="T-3"), NOW
        )
    desk = made.desk
    desk.read_all()
    quote = next(q for q in desk.quotes("test/T-1") if q.text == WORDS)
    ask = desk.adopt_ask("test/T-1", quote)
    desk.record_answer(ask.id, "granted", Terms(places=("website",), name_style="first"))
    story = desk.new_story("test/T-1").model_copy(update={"hook": "=SUM(A1) *stars*"})
    desk.save_story(story)
    desk.approve_story(story.id, "Priya")
    desk.save_story(desk.new_story("test/T-2"))
    made.close()
    return folder


@pytest.fixture(scope="module")
def story_ids(space: Path) -> tuple[str, str]:
    """(ready, noticed)."""
    made = Workspace(load(space), FakeClock())
    by_state = {where.state: where.story.id for where in made.desk.stories()}
    made.close()
    return by_state["ready"], by_state["noticed"]


def test_help_names_every_command() -> None:
    ran = delight("--help")
    assert ran.code == 0
    for name in ("demo", "init", "sync", "read", "draft", "doctor", "actions", "playbook", "stories", "prompts"):
        assert f" {name} " in ran.out


def test_the_version_is_the_packages() -> None:
    assert delight("--version") == Ran(0, f"delight {__version__}\n", "")


def test_the_actions_are_those_of_the_desk() -> None:
    ran = delight("actions", "--json")
    assert ran.code == 0
    assert [json.loads(row)["action"] for row in ran.out.splitlines()] == [action.id for action in ACTIONS]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("nonsense",), 2, "nonsense"),
        (("doctor", "-w", "/nowhere/at/all"), 2, "is not a folder"),
        (("draft", "T-404"), 2, "There is no ticket T-404"),
        (("draft", "T-2", "--tone", "jolly"), 2, "calm, warm, celebratory"),
        (("sync",), 2, "No queue to read"),
        (("sync", "/nowhere.jsonl"), 3, "is not there"),
        (("sync", "README.md", "--kind", "nonsense"), 2, "nonsense"),
        (("stories", "show", "s-404"), 2, "There is no story s-404"),
        (("stories", "list", "--state", "told"), 2, "There is no state told"),
        (("stories", "export", "--format", "docx"), 2, "docx"),
        (("stories", "export", "--out", "/dev/null/x"), 2, "cannot be written"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_mistake_is_a_sentence_and_an_exit_code(space: Path, args: tuple[str, ...], code: int, words: str) -> None:
    ran = delight(*args, workspace=space)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err


# init


def test_init_makes_a_workspace_once(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    ran = delight("init", folder, "--agent", 'Mara "M" Lund', "--company", "Fernway")
    assert (ran.code, ran.out) == (0, "")
    settings = load(folder)
    assert (settings.agent, settings.company) == ('Mara "M" Lund', "Fernway")
    assert (folder / "playbooks" / "asking.md").exists()
    assert (folder / "prompts" / "draft.md").exists()
    again = delight("init", folder)
    assert again.code == 2
    assert "is there already" in again.err


# sync


def test_sync_reads_a_file_once_and_a_second_time_changes_nothing(index: Path, tmp_path: Path) -> None:
    space = make_workspace(tmp_path / "w", index)
    file = tmp_path / "mails.jsonl"
    file.write_text(line(1, THANKS) + "\n" + line(2, "How do I change my address?") + "\n", "utf-8")
    first = delight("sync", file, workspace=space)
    assert (first.code, first.out) == (0, "")
    assert "mails: 2 conversations, 2 new or changed, 0 set aside" in first.err
    second = delight("sync", file, "--json", workspace=space)
    assert second.code == 0
    report = json.loads(second.out)
    assert (report["queue"], report["seen"], report["changed"], report["set_aside"]) == ("mails", 2, [], [])


def test_sync_names_the_line_it_cannot_read_and_keeps_the_rest(index: Path, tmp_path: Path) -> None:
    file = tmp_path / "mails.jsonl"
    file.write_text(line(1, THANKS) + "\nnot json\n" + line(2, "Hello?") + "\n", "utf-8")
    space = make_workspace(tmp_path / "w", index, f'[queues.support]\npath = "{file}"')
    ran = delight("sync", "--json", workspace=space)
    assert ran.code == 1
    report = json.loads(ran.out)
    assert (report["queue"], report["changed"]) == ("support", ["support/T-1", "support/T-2"])
    assert [aside["line"] for aside in report["set_aside"]] == [2]
    made = Workspace(load(space))
    assert [row.ref for row in made.desk.queue()] != []
    assert made.desk.unread() == []
    made.close()


# read


def test_read_keeps_the_order_and_its_evidence_is_verbatim(space: Path) -> None:
    hostile = "The import\x1b[31m failed\u202e again. Your whole site is down, nothing loads!\r\nNow."
    texts = [THANKS, "How do I change my address?", hostile, "こんにちは、助けてください。"]
    ran = delight("read", workspace=space, stdin="\n".join(line(n, text) for n, text in enumerate(texts)))
    assert ran.code == 0
    rows = [json.loads(row) for row in ran.out.splitlines()]
    assert [row["id"] for row in rows] == ["T-0", "T-1", "T-2", "T-3"]
    for row, text in zip(rows, texts, strict=True):
        for label in (*row["signals"], *row["risks"]):
            assert label["evidence"]
            assert label["evidence"] in text
        assert row["evidence"] in text
    assert "proactive_fix" in [label["name"] for label in rows[0]["signals"]]
    assert rows[2]["risks"]
    assert (rows[3]["read"], rows[3]["signals"]) == (False, [])


def test_read_answers_a_bad_line_in_its_place(space: Path) -> None:
    bad = [
        "{",
        "[]",
        '{"id": "x"}',
        '{"id": "x", "turns": [{"role": "boss", "text": "hi"}]}',
        '{"id": "\\ud800", "turns": []}',
    ]
    stdin = "\n".join([line(1, THANKS), "", *bad, line(2, "Hello?")])
    ran = delight("read", workspace=space, stdin=stdin)
    assert ran.code == 1
    rows = [json.loads(row) for row in ran.out.splitlines()]
    assert [row.get("line", row["id"]) for row in rows] == ["T-1", 3, 4, 5, 6, 7, "T-2"]
    assert all(row["error"] and row["id"] is None for row in rows[1:6])
    assert "line 3: not JSON" in ran.err


def test_read_of_nothing_is_nothing(space: Path) -> None:
    ran = delight("read", workspace=space)
    assert (ran.code, ran.out) == (0, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_is_no_error(space: Path, unbuffered: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "copilot", "stories", "export"],
        cwd=ROOT,
        env={**os.environ, "DELIGHT_WORKSPACE": str(space), "PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as stderr:
        said = stderr.read().decode()
    assert process.wait(60) == 0
    assert "rror" not in said


# draft and prompts


def test_draft_prints_the_reply_and_blocks_where_a_blank_is_open(space: Path) -> None:
    ran = delight("draft", "T-3", "--tone", "warm", workspace=space)
    assert ran.out.startswith("Hi Anna,")
    assert ran.out.endswith("Mara\nFernway Support\n")
    assert "[[" in ran.out
    assert ran.code == 1
    assert "blocks: blank.open" in ran.err
    again = json.loads(delight("draft", "test/T-3", "--json", workspace=space).out)
    assert again["draft"]["state"] == "proposed"
    assert {finding["rule"] for finding in again["findings"]} == {"blank.open"}


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_draft_with_a_model_says_who_wrote_it_and_keeps_nothing(space: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "There is no model" in delight("draft", "T-3", "--model", workspace=space).err
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    written = reply_json("Hi Anna,", "Thank you for your note.", "Best wishes,\nMara\nFernway Support")
    provider = FakeProvider(lambda _: Reply(written))
    try:
        llm = json.dumps({"model": "openai/tiny", "api_base": provider.address})
        monkeypatch.setenv("DELIGHT_LLM", llm)
        ran = delight("draft", "T-3", "--model", "--json", workspace=space, passing=("DELIGHT_LLM",))
    finally:
        provider.close()
    made = json.loads(ran.out)
    assert made["draft"]["model"] == "tiny"
    assert made["draft"]["text"].startswith("Hi Anna,\n\nThank you for your note.")
    assert made["findings"] == []
    assert ran.code == 0


def test_prompts_are_checked_and_shown(space: Path) -> None:
    checked = delight("prompts", "check", "--json", workspace=space)
    assert checked.code == 0
    assert [json.loads(row)["id"] for row in checked.out.splitlines()] == ["draft", "read", "story"]
    shown = delight("prompts", "show", "T-2", workspace=space)
    assert shown.code == 0
    assert THANKS in shown.out
    assert "{{" not in shown.out
    nothing = delight("prompts", "show", "T-2", "--task", "story", workspace=space)
    assert (nothing.code, nothing.out) == (1, "")
    assert "There is no model" in nothing.err
    reading = delight("prompts", "show", "T-2", "--task", "read", workspace=space)
    assert reading.code == 0
    assert THANKS in reading.out


def test_a_prompt_that_is_wrong_or_missing_is_said(index: Path, tmp_path: Path, space: Path) -> None:
    prompts = tmp_path / "prompts"
    shutil.copytree(ROOT / "prompts", prompts)
    broken = make_workspace(tmp_path / "w", index, f'prompts = "{prompts}"', f'database = "{space / "delight.db"}"')
    text = (prompts / "draft.md").read_text("utf-8")
    (prompts / "draft.md").write_text(text.replace("{{mood}}", "{{weather}}"), "utf-8")
    ran = delight("prompts", "check", workspace=broken)
    assert ran.code == 1
    assert "prompts/draft.md:" in ran.err
    assert "weather" in ran.err
    (prompts / "draft.md").unlink()
    gone = delight("prompts", "show", "T-2", workspace=broken)
    assert gone.code == 2
    assert "task: draft" in gone.err


# playbook


def test_the_starter_playbook_is_built_already_and_searched(space: Path) -> None:
    built = delight("playbook", "build", "--json", workspace=space)
    assert (built.code, json.loads(built.out)["unchanged"]) == (0, True)
    found = delight("playbook", "search", "the whole site is down", "-n", "2", "--json", workspace=space)
    rows = [json.loads(row) for row in found.out.splitlines()]
    assert (found.code, len(rows)) == (0, 2)
    assert rows[0]["page"] == "outage"
    assert rows[0]["citation"].startswith("playbooks/outage.md:")


def test_a_page_with_an_error_is_named_and_the_last_index_goes_on_serving(index: Path, tmp_path: Path) -> None:
    playbooks = tmp_path / "playbooks"
    shutil.copytree(PLAYBOOKS, playbooks)
    mine = tmp_path / "index"
    shutil.copytree(index, mine)
    space = make_workspace(tmp_path / "w", mine, playbooks=playbooks)
    serving = (mine / "current.json").read_bytes()
    page = playbooks / "outage.md"
    page.write_text(page.read_text("utf-8").replace("moods: [angry", "moods: [furious"), "utf-8")
    ran = delight("playbook", "build", workspace=space)
    assert (ran.code, ran.out) == (1, "")
    assert "playbooks/outage.md:6" in ran.err
    assert (mine / "current.json").read_bytes() == serving
    checked = delight("playbook", "check", "--json", workspace=space)
    assert checked.code == 1
    findings = [json.loads(row) for row in checked.out.splitlines()]
    assert ("playbooks/outage.md", 6, "error") in [(f["path"], f["line"], f["level"]) for f in findings]
    assert delight("playbook", "search", "the whole site is down", workspace=space).code == 0


# stories


def test_the_list_shows_every_story_and_where_it_stands(space: Path, story_ids: tuple[str, str]) -> None:
    ran = delight("stories", "list", "--json", workspace=space)
    assert ran.code == 0
    assert {(row["story"]["id"], row["state"]) for row in map(json.loads, ran.out.splitlines())} == {
        (story_ids[0], "ready"),
        (story_ids[1], "noticed"),
    }
    some = delight("stories", "list", "--state", "ready", workspace=space)
    assert story_ids[0] in some.out
    assert story_ids[1] not in some.out
    assert "2 stories, 1 ready" in some.err


def test_show_says_words_terms_and_who_approved(space: Path, story_ids: tuple[str, str]) -> None:
    ran = delight("stories", "show", story_ids[0], workspace=space)
    assert ran.code == 0
    for words in (f"“{WORDS}”", "website", "Anna", "ledger entry 1", "Priya"):
        assert words in ran.out
    assert "not agreed yet" in delight("stories", "show", story_ids[1], workspace=space).out


def test_approve_needs_the_customers_key(space: Path, story_ids: tuple[str, str]) -> None:
    ran = delight("stories", "approve", story_ids[1], "--by", "Priya", workspace=space)
    assert ran.code == 1
    assert "the customer has not been asked" in ran.err
    twice = delight("stories", "approve", story_ids[0], workspace=space)
    assert (twice.code, "approved already" in twice.err) == (1, True)


def test_approve_turns_marketings_key(space: Path, story_ids: tuple[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "w"
    shutil.copytree(space, copy)
    made = Workspace(load(copy), FakeClock())
    story = made.desk.story(story_ids[0]).story
    made.desk.save_story(story.model_copy(update={"hook": "Edited"}))
    made.close()
    assert json.loads(delight("stories", "export", "-f", "json", workspace=copy).out) == []
    ran = delight("stories", "approve", story_ids[0], "--by", "Priya", workspace=copy)
    assert (ran.code, ran.out) == (0, "")
    assert "is ready: approved by Priya" in ran.err
    assert json.loads(delight("stories", "export", "-f", "json", workspace=copy).out)[0]["hook"] == "Edited"


def test_only_the_ready_story_is_exported_in_every_format(
    space: Path, story_ids: tuple[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "stories.json"
    ran = delight("stories", "export", "-f", "json", "--out", out, workspace=space)
    assert (ran.code, ran.out) == (0, "")
    assert "1 ready; 1 not" in ran.err
    (row,) = json.loads(out.read_text("utf-8"))
    assert (row["id"], row["quote"], row["attribution"]) == (story_ids[0], WORDS, "Anna")
    table = list(csv.DictReader(io.StringIO(delight("stories", "export", "-f", "csv", workspace=space).out)))
    assert [(row["id"], row["hook"]) for row in table] == [(story_ids[0], "'=SUM(A1) *stars*")]
    page = delight("stories", "export", workspace=space).out
    assert "## \\=SUM(A1) \\*stars\\*" in page
    assert page.count("## ") == 1


# doctor and a workspace that is not in order


def test_doctor_says_what_works_and_what_leaves_the_machine(space: Path) -> None:
    ran = delight("doctor", "--json", workspace=space)
    assert ran.code == 0
    rows = {row["part"]: row for row in map(json.loads, ran.out.splitlines())}
    assert rows["index"]["state"] == "ok"
    assert rows["database"]["detail"].endswith("3 tickets, 0 set aside")
    assert rows["leaves the machine"]["detail"].startswith("nothing")
    assert {row["state"] for row in rows.values()} == {"ok", "missing"}


def test_doctor_says_what_is_broken(index: Path, tmp_path: Path) -> None:
    space = make_workspace(tmp_path / "w", index, '[queues.mail]\npath = "nowhere"', playbooks=tmp_path / "none")
    (space / "delight.db").write_text("this is no database, whatever its name says\n" * 30)
    ran = delight("doctor", "--json", workspace=space)
    assert ran.code == 3
    states = {row["part"]: row["state"] for row in map(json.loads, ran.out.splitlines())}
    assert (states["database"], states["asking policy"], states["queue mail"]) == ("broken", "broken", "broken")
    assert states["index"] == "ok"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('agent = "Mara', "not valid TOML"),
        ("agnet = 1", "`agnet`"),
        ("queues = 3", "`queues`"),
        ('[queues.mail]\npath = "x"\nkind = "fax"', "`queues.mail.kind`"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path: Path, settings: str, words: str) -> None:
    (tmp_path / "delight.toml").write_text(settings, "utf-8")
    ran = delight("doctor", workspace=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert "delight.toml" in ran.err


@pytest.mark.parametrize("command", [("playbook", "search", "hello"), ("draft", "T-1"), ("prompts", "show", "T-1")])
def test_without_an_index_the_way_out_is_said(tmp_path: Path, command: tuple[str, ...]) -> None:
    space = make_workspace(tmp_path / "w", tmp_path / "none")
    made = Workspace(load(space))
    with made.database.begin() as connection:
        store.put(connection, make_ticket("customer: hello"), NOW)
    made.close()
    ran = delight(*command, workspace=space)
    assert (ran.code, ran.out) == (3, "")
    assert "delight playbook build" in ran.err
