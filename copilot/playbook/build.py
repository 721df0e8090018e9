"""Builds the index: pages and signals in, a new build beside the old one out, swapped in by one atomic write.

    index/encoder/           the compiled encoder
    index/reader/            the compiled reading model
    index/replies/           the one that reads replies to an ask
    index/builds/<hash>/     playbook.json, chroma/, own-heads.npz, heads.npz (what corrections taught)
    index/current.json       which build serves

A playbook with errors is never built: the last good build goes on serving.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from copilot.errors import FindingsError, IndexFault
from copilot.playbook.lint import Linted, lint
from copilot.playbook.models import Page
from copilot.playbook.search import current
from copilot.playbook.vectors import Entry, VectorStore
from copilot.reading.encoder import Compiled, OnnxEncoder, Vectors
from copilot.reading.heads import SHIPPED, Heads
from copilot.reading.learn import Learned, learn
from copilot.reading.model import OnnxModel
from copilot.reading.models import Lesson, SignalDefinition
from copilot.reading.own import fit_own
from copilot.reading.pieces import Turn
from copilot.text import digest
from copilot.tickets.models import Model
from copilot.tickets.outbox import write_atomically

FORMAT = "4"
KEEP = 2
ABANDONED = 3600
"""Seconds after which a build that was never finished is taken for killed."""
Progress = Callable[[str, int, int], None]


class BuildReport(Model):
    """What a build did: how many texts it encoded and how many it took over from the last build."""

    build: str
    pages: int
    entries: int
    encoded: int
    own_signals: tuple[str, ...]
    learned: Learned | None = None
    unchanged: bool
    linted: Linted


def build(
    playbooks: Path,
    index: Path,
    encoder_source: str,
    today: date,
    *,
    lessons: Sequence[Lesson] = (),
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> BuildReport:
    """Bring the index in line with the playbook.

    Args:
        playbooks: Folder of pages.
        index: Folder to build in.
        encoder_source: `bundled` or a model's folder.
        lessons: Corrections to learn from.
        force: Compile and encode everything again.
        progress: Called with (what, done, of how many).

    Raises:
        FindingsError: Pages have errors; nothing was changed.
        IndexFault: The encoder cannot be compiled or the folder not written.
    """
    linted = lint(playbooks, today)
    if linted.errors:
        raise FindingsError(
            "\n".join(str(finding) for finding in linted.errors),
            hint=f"{len(linted.errors)} to mend; the last good index goes on serving.",
        )
    encoder = ensure_encoder(index, encoder_source, force=force, progress=progress)
    ensure_model(index, force=force, progress=progress)
    pages = linted.pages
    shipped = Heads.load(SHIPPED)
    taught = [lesson.correction.model_dump_json() for lesson in lessons]
    key = digest(
        FORMAT,
        encoder.name,
        shipped.version,
        *(p.model_dump_json() for p in (*pages, *linted.definitions)),
        *taught,
    )
    entries = [entry for page in pages for entry in entries_of(page)]
    if not force and current(index) == key and (index / "builds" / key / "playbook.json").exists():
        return BuildReport(
            build=key, pages=len(pages), entries=len(entries), encoded=0, own_signals=(), unchanged=True, linted=linted
        )
    builds = index / "builds"
    try:
        builds.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".build-", dir=builds))
    except OSError as error:
        raise IndexFault(f"{builds} cannot be written: {error.strerror}.") from error
    aside = beside.with_name(beside.name + "-old")
    try:
        vectors, encoded = _vectors(index, encoder, entries, force=force, progress=progress)
        store = VectorStore(beside / "chroma", create=True)
        store.add(entries, vectors)
        store.close()
        own = fit_own(linted.definitions, encoder, shipped)
        if own is not None:
            (beside / "own-heads.npz").write_bytes(own.to_bytes())
        better, learned = learn(lessons, anchors_of(linted.definitions), OnnxModel(index / "reader"), shipped)
        if better is not None:
            (beside / "heads.npz").write_bytes(better.to_bytes())
        _write_playbook(beside / "playbook.json", pages, linted.definitions, encoder.name)
        target = builds / key
        if target.exists():  # moved, not deleted: it may be the build that serves
            target.replace(aside)
        beside.replace(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)
    write_atomically(index / "current.json", json.dumps({"build": key}).encode())
    _forget_old(builds, key)
    named = tuple(label.partition(":")[2] for label in own.labels) if own else ()
    return BuildReport(
        build=key,
        pages=len(pages),
        entries=len(entries),
        encoded=encoded,
        own_signals=named,
        learned=learned if lessons else None,
        unchanged=False,
        linted=linted,
    )


def ensure_encoder(
    index: Path, source: str, *, force: bool = False, progress: Progress = lambda *_: None
) -> OnnxEncoder:
    """The compiled encoder, compiled now when it is missing or another model was set.

    Raises:
        IndexFault: It cannot be compiled.
    """
    from copilot.reading import compile as compiler

    wanted = compiler.BUNDLED_SHA256 if source == "bundled" else compiler.weights_hash(Path(source))
    folder = index / "encoder"
    if force or _weights_in(folder) != wanted:
        progress("compiling the encoder", 0, 1)
        compiler.compile_encoder(source, folder)
        progress("compiling the encoder", 1, 1)
    return OnnxEncoder(folder)


def ensure_model(index: Path, *, force: bool = False, progress: Progress = lambda *_: None) -> None:
    """Have the reading models compiled, now when one is missing or other weights are shipped.

    Raises:
        IndexFault: It cannot be compiled.
    """
    from copilot.reading import compile as compiler

    for name, replies in (("reader", False), ("replies", True)):
        folder = index / name
        if force or _weights_in(folder) != compiler.layers_hash(replies=replies):
            progress(f"compiling the {name} model", 0, 1)
            compiler.compile_model(folder, replies=replies)
            progress(f"compiling the {name} model", 1, 1)


def _weights_in(folder: Path) -> str:
    """SHA-256 of the weights that were compiled into a folder; empty where there are none that this version can run."""
    try:
        Compiled(folder)
    except IndexFault:
        return ""
    return str(json.loads((folder / "encoder.json").read_text("utf-8")).get("sha256", ""))


def anchors_of(definitions: Sequence[SignalDefinition]) -> list[list[Turn]]:
    """Every example and near miss of the signal pages, as a thread."""
    examples = [example for d in definitions for example in (*d.examples, *d.near_misses)]
    return [[Turn(role, text) for role, text in example.turns] for example in examples]


def entries_of(page: Page) -> list[Entry]:
    """What of a page is indexed: intent, examples, near misses (to keep it down), and every script."""
    out = [Entry(f"{page.id}/intent", page.id, "intent", f"{page.title}. {page.intent}")]
    for kind, examples in (("example", page.examples), ("near-miss", page.near_misses)):
        out += [
            Entry(f"{page.id}/{kind}/{n}", page.id, kind, example.turns[-1][1]) for n, example in enumerate(examples)
        ]
    out += [
        Entry(f"{page.id}/{play.id}", page.id, "script:" + play.id, f"{play.name}. {play.phrasings[0].text}")
        for play in page.of("script")
    ]
    return out


def _vectors(
    index: Path, encoder: OnnxEncoder, entries: list[Entry], *, force: bool, progress: Progress
) -> tuple[Vectors, int]:
    """Vectors of the entries; those of the serving build are reused when they are of the same encoder and text."""
    known: dict[str, Vectors] = {}
    serving = current(index)
    if serving and not force:
        folder = index / "builds" / serving
        try:
            if json.loads((folder / "playbook.json").read_text("utf-8"))["encoder"] == encoder.name:
                store = VectorStore(folder / "chroma")
                known = store.vectors()
                store.close()
        except (IndexFault, OSError, ValueError, KeyError):
            known = {}
    fresh = [entry.text for entry in entries if entry.text not in known]
    progress("reading the playbook", len(entries) - len(fresh), len(entries))
    for start in range(0, len(fresh), 64):
        part = fresh[start : start + 64]
        known.update(zip(part, encoder.encode(part), strict=True))
        progress("reading the playbook", len(entries) - len(fresh) + start + len(part), len(entries))
    return np.array([known[entry.text] for entry in entries], dtype=np.float32), len(fresh)


def _write_playbook(
    path: Path, pages: tuple[Page, ...], definitions: tuple[SignalDefinition, ...], encoder: str
) -> None:
    body = {
        "encoder": encoder,
        "pages": [page.model_dump(mode="json") for page in pages],
        "definitions": [d.model_dump(mode="json", exclude={"examples", "near_misses"}) for d in definitions],
    }
    path.write_text(json.dumps(body, ensure_ascii=False), "utf-8")


def _forget_old(builds: Path, keep: str) -> None:
    """Remove all but the newest builds: an open desk may still read the one before."""
    others = [path for path in builds.iterdir() if path.name != keep]
    whole = sorted((p for p in others if p.name[0] != "."), key=lambda p: p.stat().st_mtime, reverse=True)
    long_ago = time.time() - ABANDONED  # a younger one may be another build at work
    left = [p for p in others if p.name[0] == "." and p.stat().st_mtime < long_ago]
    for folder in (*whole[KEEP - 1 :], *left):
        shutil.rmtree(folder, ignore_errors=True)
