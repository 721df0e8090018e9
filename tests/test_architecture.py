"""The architecture is a failing test: layers by import-linter, the rest by looking at the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

SOURCES = sorted(path for path in (ROOT / "copilot").rglob("*.py"))
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py"))
CONTAINERS = {"Footer", "Rule", "ContentSwitcher"}
"""Widgets that show none of the text that comes from outside."""
ALLOWED_CALLS = {
    "re.compile", "frozenset", "Path", "Path(__file__).with_name", "MetaData", "Table", "Index", "TypeVar", "typer.Typer",
    "timedelta", "datetime", "ConfigDict", "namedtuple", "Column", "tuple", "set", "dict", "range", "len", "sorted",
}  # fmt: skip
"""Calls that only define something."""


def tree(path: Path) -> ast.Module:
    text = path.read_text("utf-8")
    try:
        return ast.parse(text, str(path))
    except SystemError:  # python/cpython#106905: its depth is counted for all threads at once
        return ast.parse(text, str(path))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(module: ast.Module) -> Iterator[tuple[str, str]]:
    """(module, name) of every import, wherever it stands."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def test_every_contract_of_the_rooms_is_kept() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_only_the_safe_module_imports_widgets_that_show_text() -> None:
    found = [
        f"{shown(path)}: {module}.{name}"
        for path in SOURCES
        if shown(path) != "copilot/tui/widgets/safe.py"
        for module, name in imported(tree(path))
        if module.startswith("textual.widgets") and name not in CONTAINERS
    ]
    assert found == []
    safe = {
        name for module, name in imported(tree(ROOT / "copilot/tui/widgets/safe.py")) if module == "textual.widgets"
    }
    assert {"Static", "Label", "Button"} <= safe


def called(node: ast.expr) -> str:
    return ast.unparse(node)


def at_import(module: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when a module is imported, definitions and imports apart."""
    for node in module.body:
        if isinstance(node, ast.If) and called(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'"):
            continue
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


@pytest.mark.parametrize("path", [p for p in SOURCES if "migrations" not in p.parts], ids=shown)
def test_importing_a_module_only_defines_things(path: Path) -> None:
    for node in at_import(tree(path)):
        if isinstance(node, ast.Expr):
            docstring = isinstance(node.value, ast.Constant)
            registers = isinstance(node.value, ast.Call) and called(node.value.func) in ("app.add_typer", "Index")
            assert docstring or registers, f"{shown(path)}:{node.lineno} does something at import"
            continue
        assert isinstance(node, ast.Assign | ast.AnnAssign), f"{shown(path)}:{node.lineno} runs at import"
        for call in (inner for inner in ast.walk(node) if isinstance(inner, ast.Call)):
            name = called(call.func)
            made = name.rpartition(".")[2][:1].isupper()
            splits = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Constant)
            assert made or splits or name in ALLOWED_CALLS, f"{shown(path)}:{call.lineno} calls {name} at import"


def test_no_test_patches_anything_or_sleeps() -> None:
    found = []
    for path in TESTS:
        parsed = tree(path)
        found += [f"{shown(path)}: {m}" for m, name in imported(parsed) if m.startswith(("unittest.mock", "mock"))]
        found += [
            f"{shown(path)}:{node.lineno}: {called(node.func)}"
            for node in ast.walk(parsed)
            if isinstance(node, ast.Call) and called(node.func) in ("time.sleep", "asyncio.sleep", "mocker.patch")
            if path.name != "conftest.py"  # a helper there may wait, up to a deadline, for what it is told to wait for
        ]
    assert found == []


def test_names_of_tests_are_unique_within_their_file() -> None:
    for path in TESTS:
        names = [node.name for node in tree(path).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        assert len(names) == len(set(names)), shown(path)
