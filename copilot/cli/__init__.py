"""The command line. stdout is data, stderr is narration, exit codes are API: 0 done, 1 findings, 2 usage, 3 environment."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run `delight`; a person's mistake ends in a sentence and an exit code, never in a traceback."""
    from copilot.cli.app import app
    from copilot.cli.output import ReaderGone, flush
    from copilot.errors import DelightError

    try:
        try:
            app()
        finally:
            flush()
    except DelightError as error:
        print(f"delight: {error.message}", file=sys.stderr)  # noqa: T201 - the one place that prints errors
        if error.hint:
            print(f"         {error.hint}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except ReaderGone:
        # `delight read | head`: nothing is wrong and nothing more can be said, not even at the last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
