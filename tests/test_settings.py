"""Settings: the file, the environment above it, flags on top, and errors that name the place."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.errors import SettingsError
from copilot.settings import FILE_NAME, TABLES, Settings, load, template


def write(folder: Path, text: str) -> Path:
    path = folder / FILE_NAME
    path.write_text(text, "utf-8")
    return path


def test_a_folder_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.workspace == tmp_path.resolve()
    assert settings.company == "our company"
    assert settings.queues == {}


def test_the_file_is_read(tmp_path: Path) -> None:
    write(tmp_path, 'company = "Fernway"\n[queues.support]\npath = "mail/"\nkind = "maildir"\n[keys]\ndraft = "f4"\n')
    settings = load(tmp_path)
    assert settings.company == "Fernway"
    assert settings.queues["support"].path == Path("mail/")
    assert settings.queues["support"].kind == "maildir"
    assert settings.keys == {"draft": "f4"}


def test_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 'company = "File"\nteam = "File"\n')
    monkeypatch.setenv("DELIGHT_COMPANY", "Environment")
    settings = load(tmp_path)
    assert (settings.company, settings.team) == ("Environment", "File")


def test_a_flag_beats_the_environment_and_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 'agent = "File"\n')
    monkeypatch.setenv("DELIGHT_AGENT", "Environment")
    assert load(tmp_path, agent="Flag").agent == "Flag"
    assert load(tmp_path, agent=None).agent == "Environment"


def test_a_queue_can_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIGHT_QUEUES__SUPPORT__PATH", "q.jsonl")
    assert load(tmp_path).queues["support"].path == Path("q.jsonl")


def test_an_unknown_key_is_named_with_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, 'compny = "Fernway"\n')
    with pytest.raises(SettingsError) as raised:
        load(tmp_path)
    assert str(path) in raised.value.message
    assert "`compny`" in raised.value.message
    assert "company" in raised.value.hint
    assert raised.value.exit_code == 2


def test_an_unknown_key_of_a_queue_is_named(tmp_path: Path) -> None:
    write(tmp_path, '[queues.support]\npath = "x"\nknd = "csv"\n')
    with pytest.raises(SettingsError, match=r"`queues\.support\.knd`"):
        load(tmp_path)


def test_a_wrong_value_in_the_environment_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIGHT_QUEUES__SUPPORT__KIND", "fax")
    with pytest.raises(SettingsError, match="DELIGHT_QUEUES__SUPPORT"):
        load(tmp_path)


def test_a_table_in_the_environment_that_is_not_json_is_a_settings_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELIGHT_QUEUES", "mail/")
    with pytest.raises(SettingsError, match="queues"):
        load(tmp_path)


@pytest.mark.parametrize(
    "content", [b"company = \n", b"[queues\n", b'company = "\xff"\n', b'agent = "a"\nagent = "b"\n']
)
def test_bad_toml_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="is not valid TOML") as raised:
        load(tmp_path)
    assert str(path) in raised.value.message


def test_bad_toml_names_the_line(tmp_path: Path) -> None:
    write(tmp_path, 'agent = "Mara"\ncompany =\n')
    with pytest.raises(SettingsError, match="line 2"):
        load(tmp_path)


def test_a_settings_file_that_is_a_folder_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path)


def test_paths_are_relative_to_the_workspace_unless_absolute(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.resolve(Path("x/../delight.db")) == tmp_path.resolve() / "delight.db"
    assert settings.resolve(Path("/elsewhere/delight.db")) == Path("/elsewhere/delight.db")


def test_settings_cannot_be_changed_once_loaded(tmp_path: Path) -> None:
    settings = load(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.company = "Other"  # type: ignore[misc]


def test_the_template_parses_back_to_the_defaults(tmp_path: Path) -> None:
    write(tmp_path, template())
    assert load(tmp_path) == load(tmp_path / "elsewhere").model_copy(update={"workspace": tmp_path.resolve()})


def test_the_template_states_the_true_defaults(tmp_path: Path) -> None:
    names = [name for name in Settings.model_fields if name not in ("workspace", "queues", "keys", *TABLES)]
    lines = [
        line.removeprefix("# ")
        for line in template().splitlines()
        if line.startswith(tuple(f"# {n} = " for n in names))
    ]
    assert len(lines) == len(names)
    write(tmp_path, "\n".join(lines))
    assert load(tmp_path) == Settings(workspace=tmp_path.resolve())


def test_the_tables_of_the_template_state_the_true_defaults(tmp_path: Path) -> None:
    inner = [key for table in TABLES.values() for key in table.model_fields]
    wanted = tuple([f"# [{name}]" for name in TABLES] + [f"# {key} = " for key in inner])
    lines = [line.removeprefix("# ") for line in template().splitlines() if line.startswith(wanted)]
    assert len(lines) == len(TABLES) + len(inner)
    write(tmp_path, "\n".join(lines))
    assert load(tmp_path) == Settings(workspace=tmp_path.resolve())


def test_the_template_explains_every_setting() -> None:
    text = template()
    for name, setting in Settings.model_fields.items():
        if name not in ("workspace", "queues", "keys"):
            assert f"# {setting.description}\n" in text


@given(st.text(), st.text())
def test_values_written_by_the_template_are_read_back(company: str, team: str) -> None:
    assert tomllib.loads(template(company=company, team=team)) == {"company": company, "team": team}
