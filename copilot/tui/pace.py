"""Keeps the interpreter from standing between a key and its frame while models load in a thread.

Three things did: the other thread held the interpreter too long at a time, its imports took every second turn, and the
garbage collector went through half a million objects that live for ever.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

SWITCH_SECONDS = 0.0005
"""How long another thread may hold the interpreter while a key waits (Python's own value is 0.005)."""
QUIET_SECONDS = 0.06
"""After a key the loading thread starts no further import for so long: a frame takes 15 ms, or 50 beside another thread."""
PATIENCE_SECONDS = 10.0
"""How long it gives way in all: a key held down must not keep models from loading."""


class Pace(MetaPathFinder):
    """Gives keys the right of way. As a finder of modules it finds none: it is where a loading thread waits."""

    def __init__(self) -> None:
        self._quiet_until = 0.0
        self._patience = PATIENCE_SECONDS
        self._switch = sys.getswitchinterval()

    def start(self) -> None:
        """Before models load. Nothing is collected until `loaded`."""
        sys.setswitchinterval(SWITCH_SECONDS)
        sys.meta_path.insert(0, self)
        gc.disable()

    def key(self) -> None:
        """A key was pressed."""
        self._quiet_until = time.monotonic() + QUIET_SECONDS

    def loaded(self) -> None:
        """Models are there: what was made so far stays, and the collector need not look at it again."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        gc.freeze()
        gc.enable()

    def stop(self) -> None:
        """Leave the interpreter as it was."""
        self.loaded()
        gc.unfreeze()
        sys.setswitchinterval(self._switch)

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Wait, in a loading thread, while a key is being answered."""
        if threading.current_thread() is threading.main_thread():
            return
        while self._patience > 0 and (rest := self._quiet_until - time.monotonic()) > 0:
            time.sleep(rest)
            self._patience -= rest
