"""JSON Feed 1.1 and Atom (RFC 4287, with the tombstones of RFC 6721) of released stories. Renders; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as Xml

from copilot.stories.models import Export, Tombstone
from copilot.text import clean

ATOM = "http://www.w3.org/2005/Atom"
GONE = "http://purl.org/atompub/tombstones/1.0"
Item = tuple[Export | Tombstone, datetime]
"""A story, or that one is gone, and when it changed."""


def json_feed(items: Sequence[Item], title: str, address: str) -> dict[str, object]:
    """A JSON Feed; `_delight.gone` names what must not be shown any more."""
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "feed_url": f"{address}/feed.json",
        "items": [
            {
                "id": story.id,
                "title": story.hook,
                "content_text": text_of(story),
                "date_modified": at.isoformat(),
                "authors": [{"name": story.attribution}],
                "tags": [tag for tag in (story.signal, story.outcome) if tag],
                "_delight": story.model_dump(mode="json"),
            }
            for story, at in items
            if isinstance(story, Export)
        ],
        "_delight": {
            "gone": [{"id": gone.id, "at": at.isoformat()} for gone, at in items if isinstance(gone, Tombstone)]
        },
    }


def atom(items: Sequence[Item], title: str, address: str, now: datetime) -> bytes:
    """An Atom feed; `at:deleted-entry` names what must not be shown any more."""
    Xml.register_namespace("", ATOM)
    Xml.register_namespace("at", GONE)
    feed = Xml.Element(f"{{{ATOM}}}feed")
    _put(feed, "title", title)
    _put(feed, "id", f"{address}/feed.atom")
    _put(feed, "updated", max((at for _, at in items), default=now).isoformat())
    Xml.SubElement(feed, f"{{{ATOM}}}link", rel="self", href=f"{address}/feed.atom")
    for story, at in items:
        if isinstance(story, Tombstone):
            Xml.SubElement(feed, f"{{{GONE}}}deleted-entry", ref=_urn(story.id), when=at.isoformat())
            continue
        entry = Xml.SubElement(feed, f"{{{ATOM}}}entry")
        _put(entry, "id", _urn(story.id))
        _put(entry, "title", story.hook)
        _put(entry, "updated", at.isoformat())
        author = Xml.SubElement(entry, f"{{{ATOM}}}author")
        _put(author, "name", story.attribution)
        _put(entry, "content", text_of(story))
    return bytes(Xml.tostring(feed, encoding="utf-8", xml_declaration=True))


def text_of(story: Export) -> str:
    """A story as plain text: moment, quote, name, disclosure."""
    parts = [story.moment, story.catalyst, f"“{story.quote}” — {story.attribution}", story.disclosure]
    return "\n\n".join(part for part in parts if part)


def _put(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, f"{{{ATOM}}}{name}").text = clean(text)


def _urn(story_id: str) -> str:
    return f"urn:delight:{story_id}"
