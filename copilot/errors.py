"""The one error tree. Every error a person can cause or meet says what happened and the way out.

    DelightError
    ├── UsageError            exit 2   the command or its arguments are off
    │   ├── SettingsError              delight.toml, DELIGHT_* or a flag
    │   └── NotFound                   a ticket, story or page that is not there
    ├── FindingsError         exit 1   the input was read, and something in it is wrong
    │   └── PageError                  a playbook page that does not parse (file, line, found, expected)
    ├── RefusedAction         exit 1   a rule of the house forbids this now (blocking finding, gate, second key)
    │   └── Conflict                   somebody else changed it first
    └── EnvironmentFault      exit 3   something around us is missing or broken
        ├── StoreFault                 the database
        ├── IndexFault                 the compiled index or encoder
        ├── QueueFault                 a help-desk or a queue of files
        └── ModelFault                 a language model; everything works without one

Vendor exceptions are translated into this tree once, in the adapter that calls the vendor. What must not live here:
anything that renders an error; front doors do that.
"""

from __future__ import annotations

from pathlib import Path


class DelightError(Exception):
    """Base of all errors meant for a person.

    Attributes:
        title: A few words for a dialogue's heading.
        message: What happened, naming the file, line or field.
        hint: The way out, or an empty string.
        retryable: Whether the same action may succeed when tried again unchanged.
        exit_code: What `delight` exits with.
    """

    title = "Something went wrong"
    exit_code = 3
    retryable = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(DelightError):
    title = "That cannot be asked"
    exit_code = 2


class SettingsError(UsageError):
    title = "A setting is wrong"


class NotFound(UsageError):
    title = "Not found"


class FindingsError(DelightError):
    title = "Findings"
    exit_code = 1


class PageError(FindingsError):
    """A playbook page, prompt or policy that does not parse.

    Args:
        path: The file.
        line: 1-based line.
        found: What stands there.
        expected: What should.
    """

    title = "A page does not parse"

    def __init__(self, path: Path | str, line: int, found: str, expected: str) -> None:
        super().__init__(f"{path}:{line}: found {found}; expected {expected}.")
        self.path = str(path)
        self.line = line
        self.found = found
        self.expected = expected


class RefusedAction(DelightError):
    title = "Not now"
    exit_code = 1


class Conflict(RefusedAction):
    title = "It changed meanwhile"


class EnvironmentFault(DelightError):
    title = "Something around us is broken"
    exit_code = 3


class StoreFault(EnvironmentFault):
    title = "The database"


class IndexFault(EnvironmentFault):
    title = "The playbook index"


class QueueFault(EnvironmentFault):
    title = "The queue"


class ModelFault(EnvironmentFault):
    """A language model that gave no answer.

    Args:
        retryable: Whether a later call may succeed.
        after: Seconds the provider asks to wait.
    """

    title = "The model"

    def __init__(self, message: str, *, hint: str = "", retryable: bool = False, after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable
        self.after = after
