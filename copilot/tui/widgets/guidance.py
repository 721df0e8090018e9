"""The guidance: reading, escalation, plays, decision and ask verdict, each with its reasons and citations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from copilot.asking.models import YES, Ask, Entry, Kind
from copilot.desk import Guidance
from copilot.playbook.models import AskKind, Walk
from copilot.reading.models import Label, Reading
from copilot.stories.models import Standing
from copilot.text import shorten
from copilot.tui.show import MOOD_STYLE, MUTED, mood_mark, percent, until, words
from copilot.tui.widgets.safe import Piece, Prose

MAX_PLAYS = 9


class GuidanceView(Prose):
    """Shows what the copilot says about one ticket."""

    def __init__(self, titles: Mapping[str, str], id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.border_title = "Guidance"
        self.titles = titles

    def show_failed(self, message: str, hint: str) -> None:
        """Say what could not be done, and the way out."""
        self.show(("Guidance is not there\n", "bold $text-error"), f"{message}\n", (hint, MUTED))

    def show_guidance(
        self,
        reading: Reading | None,
        guidance: Guidance | None,
        asks: tuple[Ask, ...],
        entries: tuple[Entry, ...],
        story: Standing | None,
        now: datetime,
    ) -> None:
        """Show everything that is there; the rest says that it is on its way."""
        pieces: list[Piece] = []
        if guidance is not None and guidance.escalations:
            pieces += self._escalations(guidance, now)
        pieces += self._reading(reading)
        if guidance is None:
            pieces.append(("\nfinding plays …\n", f"{MUTED} italic"))
        else:
            pieces += _plays(guidance)
            if guidance.walk is not None:
                pieces += _decision(guidance.walk)
            pieces += _verdict(guidance)
        pieces += _asked(asks, entries, guidance.kinds if guidance is not None else {})
        if story is not None:
            pieces += [("\nSTORY  ", "bold"), f"{words(story.state)}: ", (f"{story.why}\n", MUTED)]
        self.show(*pieces)

    def _reading(self, reading: Reading | None) -> list[Piece]:
        if reading is None:
            return [("READING\n", "bold"), ("reading …\n", f"{MUTED} italic")]
        if not reading.read:
            return [
                ("READING\n", "bold"),
                (f"{reading.why_not}\n", "$text-warning"),
                ("Nothing is claimed; c corrects.\n", MUTED),
            ]
        sure = "set by a person" if reading.mood_corrected else percent(reading.mood_confidence)
        pieces: list[Piece] = [
            ("READING  ", "bold"),
            (mood_mark(reading.mood), MOOD_STYLE[reading.mood]),
            (f"  {sure}\n", MUTED),
        ]
        if len(reading.path) > 1:
            steps = " → ".join(mood_mark(point.mood) for point in reading.path)
            pieces.append((f"path: {steps}\n", MUTED))
        if reading.sarcasm:
            pieces.append(("sarcasm: read for what it means\n", "$text-warning"))
        for mark, style, labels in (("⚠", "$text-error", reading.risks), ("★", "$text-success", reading.signals)):
            for label in labels:
                pieces += self._label(mark, style, label)
        if reading.moment:
            pieces.append(("◆ a moment worth keeping\n", "bold $text-success"))
        if not reading.risks and not reading.signals:
            pieces.append(("no signal, no risk\n", MUTED))
        if reading.note:
            pieces.append((f"{reading.note}\n", "$text-warning"))
        return pieces

    def _label(self, mark: str, style: str, label: Label) -> list[Piece]:
        sure = "set by a person" if label.corrected else percent(label.confidence)
        quote = "" if label.corrected else f"  “{shorten(label.evidence.text, 90)}”\n"
        return [
            (f"{mark} {self.titles.get(label.name, words(label.name))}", style),
            (f"  {sure}\n", MUTED),
            (quote, "italic"),
        ]

    @staticmethod
    def _escalations(guidance: Guidance, now: datetime) -> list[Piece]:
        pieces: list[Piece] = [("ESCALATE\n", "bold $text-error")]
        for fired in guidance.escalations[:3]:
            when = "passed on" if fired.told else until(fired.due, now)
            pieces += [
                (f"↑ {fired.to}", "bold"),
                f", {when}\n",
                f"  {fired.why}\n",
                (f"  {fired.citation}\n", MUTED),
            ]
        if any(not fired.told for fired in guidance.escalations):
            pieces.append(("  t: I have told them\n", MUTED))
        pieces.append("\n")
        return pieces


def _plays(guidance: Guidance) -> list[Piece]:
    pieces: list[Piece] = [("\nPLAYS  ", "bold"), ("number inserts\n", MUTED)]
    for number, match in enumerate(guidance.matches[:MAX_PLAYS], start=1):
        score = f" {match.score:.2f}" if match.score else ""
        pieces += [
            (f"{number} ", "bold $text-accent"),
            (f"{match.page.title}", "bold"),
            (f"{score}\n", MUTED),
            f"  {match.play.title}: ",
            (f"{shorten(match.play.phrasings[0].text, 80) if match.play.phrasings else ''}\n", "italic"),
            (f"  {match.why}\n  {match.play.citation}\n", MUTED),
        ]
    if not guidance.matches:
        pieces.append(("nothing to answer\n", MUTED))
    return pieces


def _decision(walked: Walk) -> list[Piece]:
    pieces: list[Piece] = [("\nDECISION  ", "bold"), f"{walked.title}\n"]
    for step in walked.steps:
        by = f" ({step.by})" if step.by else " (from the ticket)"
        pieces += [f"  {step.question} ", ("yes" if step.answer else "no", "bold"), (f"{by}\n", MUTED)]
    if walked.open_question:
        pieces += [f"  {walked.open_question} ", ("x answers\n", "$text-accent")]
    if walked.leaf is not None:
        needs = f", approval: {walked.leaf.approval}" if walked.leaf.approval else ""
        pieces += ["  → offer ", (walked.leaf.offer, "bold"), f", up to {walked.leaf.limit}{needs}\n"]
    pieces.append((f"  {walked.citation}\n", MUTED))
    return pieces


def _verdict(guidance: Guidance) -> list[Piece]:
    verdict = guidance.verdict
    pieces: list[Piece] = [("\nASK  ", "bold")]
    if verdict.ok:
        name = guidance.ask_play.name if guidance.ask_play else "no ask page"
        known = next((kind for kind_name, kind in guidance.kinds.items() if kind_name == name), None)
        pieces += [
            ("yes", "bold $text-success"),
            f": {'about other words than they agreed to' if guidance.again else name}, a adds it\n",
            (f"  for them: {known.ease}\n" if known is not None and known.ease else "", MUTED),
            (f"  “{shorten(guidance.quote, 100)}”\n", "italic"),
        ]
        return pieces
    pieces.append(("no\n", "bold $text-error"))
    for reason in verdict.against:
        pieces.append(f"  ✗ {reason.text}{' (final)' if reason.final else ''}\n")
    return pieces


def _asked(asks: tuple[Ask, ...], entries: tuple[Entry, ...], kinds: Mapping[AskKind, Kind]) -> list[Piece]:
    pieces: list[Piece] = []
    for ask in asks:
        if ask.state == "drafted":
            continue
        last = next((e for e in reversed(entries) if e.ask_id == ask.id), None)
        pieces += [
            ("\nPERMISSION  ", "bold"),
            f"{ask.kind}: {ask.state}\n",
            (f"  “{shorten(ask.words, 100)}”\n", "italic"),
        ]
        if last is None:
            pieces.append(("  r records the answer\n", "$text-accent"))
        elif last.terms.places:
            terms = f"  {', '.join(last.terms.places)}; name: {last.terms.name_style}; entry {last.seq}, {last.by}\n"
            pieces.append((terms, MUTED))
            if last.answer in YES and ask.kind in kinds and kinds[ask.kind].after:
                pieces.append((f"  next: {kinds[ask.kind].after}\n", MUTED))
    return pieces
