"""Keys before the loading of models: who waits, for how long, and what is left behind."""

from __future__ import annotations

import gc
import sys
import threading
import time

from copilot.tui import pace
from copilot.tui.pace import Pace


def _imports(gives_way: Pace) -> float:
    """Seconds that the next import of a loading thread waits."""
    took: list[float] = []

    def load() -> None:
        began = time.monotonic()
        gives_way.find_spec("a_module_to_come", [])
        took.append(time.monotonic() - began)

    thread = threading.Thread(target=load)
    thread.start()
    thread.join()
    return took[0]


def test_a_loading_thread_waits_while_a_key_is_answered() -> None:
    gives_way = Pace()
    gives_way.key()
    assert _imports(gives_way) >= pace.QUIET_SECONDS / 2
    assert _imports(gives_way) < pace.QUIET_SECONDS  # the key was answered long ago


def test_a_key_held_down_does_not_keep_models_from_loading_for_ever() -> None:
    gives_way = Pace()
    gives_way._patience = 0.0
    gives_way.key()
    assert _imports(gives_way) < pace.QUIET_SECONDS


def test_the_main_thread_never_waits_for_itself() -> None:
    gives_way = Pace()
    gives_way.key()
    began = time.monotonic()
    gives_way.find_spec("a_module_to_come", [])
    assert time.monotonic() - began < pace.QUIET_SECONDS


def test_the_interpreter_is_left_as_it_was() -> None:
    switch, finders = sys.getswitchinterval(), list(sys.meta_path)
    gives_way = Pace()
    gives_way.start()
    assert not gc.isenabled()
    gives_way.loaded()
    assert gc.isenabled()
    gives_way.stop()
    assert sys.getswitchinterval() == switch
    assert sys.meta_path == finders
    assert gc.get_freeze_count() == 0
