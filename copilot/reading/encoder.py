"""Runs the compiled encoder: onnxruntime and tokenizers only, no torch. `compile.py` makes what this module loads."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from copilot.errors import IndexFault

Vectors = NDArray[np.float32]
BATCH = 16
REMEMBERED = 64
BATCH_TOKENS = 512
"""Tokens of one batch, padding included: sixteen long mails at once would take a gigabyte for a moment."""
ARENA_TOKENS = 300
"""Working memory up to this many tokens is kept for the next run (a third of a long text's time); of more it is given back."""
MOST_THREADS = 4
"""More of them make a run of one message no faster."""
FORMAT = 5


class Encoder(Protocol):
    """Turns texts into vectors.

    Attributes:
        name: Identifies the weights; vectors of different names must never be compared.
        dimensions: Length of a vector.
    """

    name: str
    dimensions: int

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of `texts`, shape (len(texts), dimensions), float32, each of length 1."""
        ...


class Compiled:
    """A compiled network in `folder` (`model.onnx`, `tokenizer.json`, `encoder.json`), run in batches over all cores.

    Loading happens at the first use, in whichever thread comes first.

    Attributes:
        name: Identifies the weights.
        threads: Of a run that has the machine to itself.

    Raises:
        IndexFault: The folder does not hold a compiled network of this format.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            manifest: dict[str, Any] = json.loads((folder / "encoder.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise IndexFault(f"{folder} holds no compiled encoder.", hint="Run `delight playbook build`.") from error
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise IndexFault(f"{folder} was compiled by another version.", hint="Run `delight playbook build`.")
        try:
            self.name: str = manifest["name"]
            self.dimensions: int = manifest["dimensions"]
            self.max_tokens: int = manifest["max_tokens"]
        except KeyError as error:
            raise IndexFault(
                f"{folder} is damaged: no {error}.", hint="Run `delight playbook build --force`."
            ) from error
        self._lock = threading.Lock()
        self._sessions: dict[bool, Any] = {}
        self._tokenizer: Any = None
        self._workers = max(1, min(os.cpu_count() or 1, 8))
        self.threads = min(self._workers, MOST_THREADS)
        self._pool: ThreadPoolExecutor | None = None

    def _load(self) -> None:
        with self._lock:
            if self._tokenizer is not None:
                return
            from tokenizers import Tokenizer

            try:
                tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
            except Exception as error:
                raise self._damaged(error) from error
            tokenizer.no_padding()
            tokenizer.enable_truncation(self.max_tokens)
            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="encode") if self._workers > 1 else None
            self._tokenizer = tokenizer

    def _session(self, *, alone: bool) -> Any:
        """A session of one thread for runs beside each other, or one of several for a run alone; each when it is first needed.

        One thread a batch and a batch a core is 1.3 times as fast as several threads a batch, but leaves a lone run to one core.
        """
        alone = alone and self._workers > 1
        with self._lock:
            if alone not in self._sessions:
                import onnxruntime

                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = self.threads if alone else 1
                options.inter_op_num_threads = 1
                options.add_session_config_entry("session.dynamic_block_base", "4")  # no thread waits for a slower one
                try:
                    self._sessions[alone] = onnxruntime.InferenceSession(
                        str(self.folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
                    )
                except Exception as error:
                    raise self._damaged(error) from error
            return self._sessions[alone]

    def _damaged(self, error: Exception) -> IndexFault:
        return IndexFault(f"{self.folder} is damaged: {error}.", hint="Run `delight playbook build --force`.")

    def tokens(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        """Token ids of `texts`, with the network's own first and last token or without."""
        self._load()
        return [row.ids for row in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=special)]

    def each_batch(self, lengths: Sequence[int], run: Callable[[list[int], int], None]) -> None:
        """Call `run` with (rows, width) for batches of rows of about one length, on all cores at once."""
        order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
        batches = _batches(order, [lengths[i] for i in order], max(1, -(-len(order) // self._workers)))
        self.each(len(batches), lambda k: run(batches[k], lengths[batches[k][0]]))

    def each(self, count: int, run: Callable[[int], None]) -> None:
        """Call `run` with each number below `count`, on all cores at once."""
        self._load()
        if self._pool is None or count < 2:
            for i in range(count):
                run(i)
        else:
            list(self._pool.map(run, range(count)))

    def outputs(self, feed: dict[str, NDArray[np.int64]], *, alone: bool = False) -> NDArray[np.float32]:
        """The network's first output; `alone` where nothing else runs, so that it may have all cores."""
        large = next(iter(feed.values())).size > ARENA_TOKENS
        found: NDArray[np.float32] = self._session(alone=alone).run(None, feed, _giving_back() if large else None)[0]
        return found


class OnnxEncoder(Compiled):
    """The compiled sentence encoder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._recent: dict[str, Vectors] = {}

    def warm(self) -> None:
        """Load now, and run once."""
        self.encode(["ready"])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode`. Texts longer than the encoder's limit are cut.

        The vectors of the last few texts are kept: a ticket is searched for with the same words when it is drafted.
        """
        if len(texts) > REMEMBERED // 2:
            return self._encode(texts)
        fresh = [text for text in dict.fromkeys(texts) if text not in self._recent]
        known = {text: self._recent[text] for text in texts if text in self._recent}
        known.update(zip(fresh, self._encode(fresh), strict=True))
        with self._lock:
            self._recent.update(known)
            for text in list(self._recent)[: max(len(self._recent) - REMEMBERED, 0)]:
                del self._recent[text]
        return np.array([known[text] for text in texts], dtype=np.float32).reshape(len(texts), self.dimensions)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        out = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        if not texts:
            return out
        ids = self.tokens(texts, special=True)

        def run(batch: list[int], width: int) -> None:
            tokens = np.zeros((len(batch), width), dtype=np.int64)
            mask = np.zeros((len(batch), width), dtype=np.int64)
            for row, i in enumerate(batch):
                tokens[row, : len(ids[i])] = ids[i]
                mask[row, : len(ids[i])] = 1
            out[batch] = self.outputs({"input_ids": tokens, "attention_mask": mask})

        self.each_batch([len(row) for row in ids], run)
        return out


@cache
def _giving_back() -> Any:
    """Options of a run that gives its working memory back."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _batches(order: Sequence[int], lengths: Sequence[int], most: int) -> list[list[int]]:
    """`order` cut into batches; `lengths` fall, so the first of a batch is its width."""
    out: list[list[int]] = []
    width = 0
    for i, length in zip(order, lengths, strict=True):
        if not out or len(out[-1]) >= min(BATCH, most) or (len(out[-1]) + 1) * width > BATCH_TOKENS:
            out.append([])
            width = length
        out[-1].append(i)
    return out
