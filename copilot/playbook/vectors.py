"""Chroma on disk: the only module that knows it. Vectors come from our own encoder; Chroma never embeds anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from copilot.errors import IndexFault
from copilot.reading.encoder import Vectors

COLLECTION = "playbook"
PAGE = 1000


class Entry(NamedTuple):
    """One indexed text: a page's intent, an example, a near miss or a script."""

    id: str
    page: str
    kind: str
    text: str


class Hit(NamedTuple):
    """An entry near a query; `similarity` is the cosine."""

    entry: Entry
    similarity: float


class VectorStore:
    """The collection in one folder.

    Args:
        folder: A build's `chroma` folder; made when `create` is set.

    Raises:
        IndexFault: The folder is missing or damaged.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        if not create and not folder.is_dir():
            raise IndexFault(f"{folder} is not there.", hint="Run `delight playbook build`.")
        os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
        import chromadb
        from chromadb.config import Settings
        from chromadb.errors import ChromaError

        self._errors: tuple[type[Exception], ...] = (ChromaError, ValueError, RuntimeError)
        try:
            client: Any = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
            self._collection: Any = (
                client.create_collection(
                    COLLECTION, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
                )
                if create
                else client.get_collection(COLLECTION, embedding_function=None)
            )
        except self._errors as error:
            raise IndexFault(f"{folder}: {error}.", hint="Run `delight playbook build --force`.") from error
        self._client = client

    def add(self, entries: Sequence[Entry], vectors: Vectors) -> None:
        """Store entries with their vectors, shape (len(entries), dimensions)."""
        for start in range(0, len(entries), PAGE):
            part = entries[start : start + PAGE]
            self._collection.add(
                ids=[entry.id for entry in part],
                embeddings=vectors[start : start + PAGE],
                documents=[entry.text for entry in part],
                metadatas=[{"page": entry.page, "kind": entry.kind} for entry in part],
            )

    def vectors(self) -> dict[str, Any]:
        """Every stored vector by its entry's text: what an incremental build need not encode again."""
        found = self._collection.get(include=["embeddings", "documents"])
        return dict(zip(found["documents"] or [], np.asarray(found["embeddings"], dtype=np.float32), strict=True))

    def nearest(self, vector: Vectors, count: int) -> list[Hit]:
        """The `count` entries nearest to one vector, nearest first.

        Raises:
            IndexFault: The store cannot be queried.
        """
        try:
            found = self._collection.query(
                query_embeddings=[vector], n_results=count, include=["distances", "documents", "metadatas"]
            )
        except self._errors as error:
            raise IndexFault(
                f"The playbook index cannot be searched: {error}.", hint="Run `delight playbook build`."
            ) from error
        rows = zip(found["ids"][0], found["documents"][0], found["metadatas"][0], found["distances"][0], strict=True)
        return [
            Hit(Entry(key, str(meta["page"]), str(meta["kind"]), text), 1.0 - float(distance))
            for key, text, meta, distance in rows
        ]

    def close(self) -> None:
        """Release the files."""
        self._client.close()
