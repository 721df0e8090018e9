"""The commands of the second half: proof, people, what is due, accounts, tokens, webhooks, places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from copilot.asking.models import Terms
from copilot.bootstrap import open_workspace
from tests.cli.conftest import delight, make_workspace

THANKS = "You spotted it before I even knew, and fixed it. I cannot thank you enough!"


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, index: Path) -> Path:
    """A workspace with one story that was agreed to, in a fresh process each time."""
    folder = make_workspace(tmp_path_factory.mktemp("release") / "w", index)
    turns = [
        {"role": "customer", "text": "the export failed"},
        {"role": "agent", "text": "I mended it before your launch."},
        {"role": "customer", "text": THANKS},
    ]
    row = {"id": "T-1", "turns": turns, "customer": {"id": "c-1", "name": "Anna Berg", "email": "anna@example.org"}}
    (folder / "queue.jsonl").write_text(json.dumps(row), "utf-8")
    assert delight("sync", folder / "queue.jsonl", "--queue", "test", workspace=folder).code == 0
    made = open_workspace(folder)
    made.desk.correct("test/T-1", "signal", "proactive_fix")
    draft, ask = made.desk.add_ask(made.desk.draft("test/T-1"))
    text = draft.text
    while "[[" in text:
        text = text[: text.index("[[")] + "the row" + text[text.index("]]") + 2 :]
    made.desk.send(draft, text)
    made.desk.save_story(made.desk.new_story("test/T-1"))
    made.desk.record_answer(ask.id, "granted", Terms(places=("website",), name_style="first"), "yes, gladly")
    made.close()
    return folder


def test_the_ledger_proves_itself_and_prints_a_proof(space: Path) -> None:
    assert "1 entries, every one as it was recorded" in delight("permissions", "verify", workspace=space).err
    (entry,) = [json.loads(row) for row in delight("permissions", "list", "--json", workspace=space).out.splitlines()]
    assert (entry["answer"], entry["seq"]) == ("granted", 1)
    shown = delight("permissions", "proof", "1", workspace=space).out
    assert entry["words"] in shown
    assert entry["words_hash"] in shown
    page = delight("permissions", "proof", "1", "--html", workspace=space).out
    assert page.startswith("<!doctype html>")
    assert entry["words_hash"] in page
    assert delight("permissions", "proof", "9", workspace=space).code == 2


def test_a_story_is_approved_published_taken_back_and_cleared(space: Path) -> None:
    (story,) = [
        json.loads(row)["story"] for row in delight("stories", "list", "--json", workspace=space).out.splitlines()
    ]
    refused = delight("stories", "publish", story["id"], "website", "https://fernway.example/a", workspace=space)
    assert (refused.code, "marketing has not approved it" in refused.err) == (1, True)
    assert delight("stories", "approve", story["id"], "--by", "Priya", workspace=space).code == 0
    assert "did not agree to social" in delight("stories", "publish", story["id"], "social", "x", workspace=space).err
    assert delight("stories", "publish", story["id"], "website", "https://fernway.example/a", workspace=space).code == 0
    wall = space / "wall"
    assert delight("stories", "wall", wall, workspace=space).code == 0
    assert story["quotes"][0]["text"] in (wall / "index.html").read_text("utf-8")
    for fmt in ("csv", "json", "markdown", "html"):
        assert "Anna" in delight("stories", "export", "-f", fmt, workspace=space).out
    made = open_workspace(space)
    (ask,) = made.desk.opened("test/T-1").asks
    made.desk.record_answer(ask.id, "withdrawn", Terms(), "please take it down")
    made.close()
    assert delight("stories", "export", "-f", "json", workspace=space).out == "[]\n"
    (due,) = [json.loads(row) for row in delight("due", "--json", workspace=space).out.splitlines()]
    assert due["what"] == "take down"
    number = due["which"].removeprefix("place ")
    assert delight("stories", "cleared", number, "answers 404", workspace=space).code == 0
    assert delight("stories", "cleared", number, "again", workspace=space).code == 2
    assert delight("due", "--json", workspace=space).out == ""


def test_a_campaign_for_another_purpose_is_refused_and_the_refusal_is_logged(space: Path) -> None:
    wanted = ("campaign", "T-1", "--department", "Sales", "--purpose")
    ran = delight(*wanted, "upselling", "--json", workspace=space)
    assert ran.code == 1
    against = {reason["rule"] for reason in json.loads(ran.out)["reasons"] if not reason["ok"]}
    assert "purpose" in against
    ran = delight(*wanted, "references", "--json", workspace=space)
    assert "purpose" not in {reason["rule"] for reason in json.loads(ran.out)["reasons"] if not reason["ok"]}
    made = open_workspace(space)
    log = [(line.who, line.action, line.detail) for line in made.telling.audited() if line.subject == "test/T-1"]
    made.close()
    assert any(who == "Sales" and action == "campaign refused" and "upselling" in why for who, action, why in log)


def test_accounts_tokens_and_webhooks_are_made_and_removed(space: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIGHT_PASSWORD", "short")
    keep = ("DELIGHT_PASSWORD",)
    assert "12 characters" in delight("users", "add", "Priya", workspace=space, passing=keep).err
    monkeypatch.setenv("DELIGHT_PASSWORD", "a long enough password")
    assert delight("users", "add", "Priya", "--role", "marketing", workspace=space, passing=keep).code == 0
    assert json.loads(delight("users", "list", "--json", workspace=space).out)["role"] == "marketing"
    assert delight("users", "remove", "Nobody", workspace=space).code == 2
    assert delight("users", "remove", "Priya", workspace=space).code == 0
    token = delight("tokens", "add", "site", workspace=space).out.strip()
    assert token.startswith("dl_")
    assert token not in (space / "delight.db").read_bytes().decode("latin-1")
    assert "There is a token named site" in delight("tokens", "add", "site", workspace=space).err
    assert delight("tokens", "revoke", "site", workspace=space).code == 0
    assert "not public" in delight("webhooks", "add", "http://127.0.0.1:9/x", workspace=space).err


def test_a_person_is_shown_and_erased_and_the_ledger_still_proves_itself(space: Path, tmp_path: Path) -> None:
    assert "Anna Berg" in delight("customers", "list", "berg", workspace=space).out
    held = json.loads(delight("customers", "export", "test/c-1", workspace=space).out)
    assert held["customer"]["email"] == "anna@example.org"
    assert held["tickets"][0]["messages"][-2]["text"] == THANKS
    told, moved, empty = (tmp_path / name for name in ("told.md", "moved.json", "empty.csv"))
    for path in (told, moved, empty):
        assert delight("stories", "export", "-o", path, workspace=space).code == 0
    told.write_text(f"- Story {held['stories'][0]['story']['id']}, permission 1")
    moved.unlink()
    assert len(list((space / "outbox").glob("*.eml"))) == 1
    forgotten = delight("customers", "forget", "test/c-1", "--yes", workspace=space)
    assert forgotten.code == 0
    assert f"{told.resolve()}: export it again" in forgotten.err
    assert f"{moved.resolve()}: it is not there any more" in forgotten.err
    assert str(empty) not in forgotten.err
    assert list((space / "outbox").glob("*.eml")) == []
    assert delight("customers", "export", "test/c-1", workspace=space).code == 2
    assert "every one as it was recorded" in delight("permissions", "verify", workspace=space).err
    assert "0 new or changed" in delight("sync", space / "queue.jsonl", "--queue", "test", workspace=space).err
    for name in ("delight.db", "delight.db-wal"):
        kept = (space / name).read_bytes() if (space / name).exists() else b""
        assert b"anna@example.org" not in kept, name
        assert b"I cannot thank you enough" not in kept, name
