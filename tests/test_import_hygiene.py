"""Laziness is proved where it counts: in a fresh process, by what it has loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, make_ticket

REPORT = "\nimport json, sys\nprint(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)))"


def loaded(code: str, *args: str | Path) -> set[str]:
    """The packages that a fresh process has loaded after running `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code + REPORT, *map(str, args)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_loads_no_vendor() -> None:
    code = "import sys\nsys.argv = ['delight', '--help']\nfrom copilot.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass"
    found = loaded(code)
    assert {"typer", "copilot"} <= found
    heavy = {"textual", "chromadb", "litellm", "onnxruntime", "torch", "sqlalchemy", "pydantic", "numpy", "yaml"}
    assert found & heavy == set()


DESK = """
import sys
from pathlib import Path
import copilot.tui.app
from copilot.bootstrap import Workspace
from copilot.settings import load
space = Workspace(load(Path(sys.argv[1])))
assert space.desk.queue() == []
space.close()
"""


def test_composing_the_desk_and_its_app_loads_no_model(workspace: Path) -> None:
    found = loaded(DESK, workspace)
    assert {"textual", "sqlalchemy"} <= found
    heavy = {"torch", "transformers", "sentence_transformers", "litellm", "chromadb", "onnxruntime"}
    assert found & heavy == set()


READ = """
import sys
from pathlib import Path
from copilot.bootstrap import Workspace
from copilot.settings import load
from copilot.tickets.models import Ticket
space = Workspace(load(Path(sys.argv[1])))
assert space.brain.get()[0].read(Ticket.model_validate_json(sys.argv[2])).read
space.close()
"""


def test_reading_a_ticket_loads_the_small_runtime_and_no_framework(workspace: Path) -> None:
    found = loaded(READ, workspace, make_ticket("customer: Thank you, it works now.").model_dump_json())
    assert "onnxruntime" in found
    assert found & {"torch", "transformers", "sentence_transformers", "litellm", "textual"} == set()
