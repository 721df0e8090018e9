"""The draft: an editor, a reply that grows in it, the dial, and the findings as they come up while typing."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from copilot.drafting.models import Draft, DraftFinding
from copilot.playbook.models import TONES
from copilot.playbook.slots import BLANK
from copilot.tui.show import MUTED
from copilot.tui.widgets.safe import Editor, Piece, Plain

MAX_FINDINGS = 4


class Stream:
    """Where a growing reply stands in an editor that a person types in too.

    Attributes:
        told: The reply as far as it has come.
        mark: Offset of its end in the editor; what a person types at it stays behind it.
        typed: Whether a person changed anything meanwhile.
    """

    def __init__(self) -> None:
        self.told = ""
        self.mark = 0
        self.typed = False

    def moved(self, before: str, after: str) -> None:
        """A person changed the editor's text from `before` to `after`."""
        self.typed = True
        head = 0
        while head < min(len(before), len(after)) and before[head] == after[head]:
            head += 1
        tail = 0
        while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
            tail += 1
        if head < self.mark:  # the change lies before the mark, or across it
            self.mark = max(len(after) - min(tail, len(before) - self.mark), head)
            self.mark = min(self.mark, len(after))


class DraftView(Vertical):
    """Edits one draft. Posts `Typed` with every change a person makes."""

    class Typed(Message):
        """The person changed the words."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.border_title = "Draft"
        self.draft: Draft | None = None
        self._put = ""
        self.stream: Stream | None = None
        """A reply that is being written into the editor."""

    def compose(self) -> ComposeResult:
        """Editor, then findings."""
        yield Plain("d drafts a reply from the plays.", id="no-draft")
        yield Editor(id="editor")
        yield Plain("", id="findings")

    @property
    def text(self) -> str:
        """The words as they stand in the editor."""
        return self.query_one(Editor).text

    def show_draft(self, draft: Draft | None) -> None:
        """Show a draft, or that there is none."""
        self.draft = draft
        self.set_class(draft is None, "-empty")
        editor = self.query_one(Editor)
        before = editor.text
        self._put = draft.text if draft else ""
        editor.put(self._put)
        self._put = editor.text
        if before != self._put:
            editor.move_cursor((0, 0))
        if draft is None:
            self.border_title, self.border_subtitle = "Draft", ""
            self.show_findings(())
            return
        self._label(draft)

    def begin_stream(self) -> None:
        """A reply will grow in the editor."""
        self.stream = Stream()
        self.draft = None
        self.remove_class("-empty")
        self._put = ""
        self.query_one(Editor).put("")
        self.border_title, self.border_subtitle = "Draft: being written", "escape stops it and keeps what came"
        self.query_one("#findings", Plain).show(("… the model is writing; type where you like", MUTED))

    def grow(self, told: str) -> None:
        """Show the reply as far as it has come; what a person types meanwhile stays."""
        stream = self.stream
        if stream is None:
            return
        self._notice()
        editor = self.query_one(Editor)
        if told.startswith(stream.told):
            editor.insert_at(stream.mark, told[len(stream.told) :])
            stream.mark += len(told) - len(stream.told)
        elif self._put[: stream.mark].endswith(stream.told):  # it began anew, and nobody touched what is void now
            start = stream.mark - len(stream.told)
            editor.replace_span(start, stream.mark, told)
            stream.mark = start + len(told)
        else:
            editor.insert_at(stream.mark, f"\n\n{told}")
            stream.mark += len(told) + 2
        stream.told = told
        self._put = editor.text

    def end_stream(self) -> bool:
        """The reply is whole; returns whether a person changed anything meanwhile."""
        self._notice()
        typed = self.stream is not None and self.stream.typed
        self.stream = None
        return typed

    def _notice(self) -> None:
        """Take note of what a person typed since the last look."""
        text = self.text
        if self.stream is not None and text != self._put:
            self.stream.moved(self._put, text)
            self._put = text

    def select_blank(self) -> None:
        """Select the first open blank, where there is one."""
        if (blank := BLANK.search(self.text)) is not None:
            self.query_one(Editor).select_span(*blank.span())

    def keep(self, draft: Draft) -> None:
        """Take over the state of the draft that was saved, leaving the words and the cursor alone."""
        self.draft = draft
        self._label(draft)

    def _label(self, draft: Draft) -> None:
        """State, writer and dials on the border."""
        dial = " ".join(f"({tone})" if tone == draft.tone else tone for tone in TONES)
        self.border_title = f"Draft: {draft.state}" + (f", by {draft.model}" if draft.model else "")
        self.border_subtitle = f"tone: {dial}" + (f"  {draft.length}" if draft.length != "normal" else "")

    def show_findings(self, findings: tuple[DraftFinding, ...]) -> None:
        """Show what the checks say; blocking ones first."""
        self.query_one(Editor).mark([(f.start, f.end, f.blocking) for f in findings])
        pieces: list[Piece] = []
        if self.draft is not None and self.draft.note:
            pieces.append((f"✎ {self.draft.note}\n", "$text-accent"))
        text = self.text
        for finding in sorted(findings, key=lambda f: not f.blocking)[:MAX_FINDINGS]:
            line = text.count("\n", 0, finding.start) + 1
            sign, style = ("✗ blocks", "bold $text-error") if finding.blocking else ("• note", "$text-warning")
            pieces += [
                (f"{sign} ", style),
                f"line {line}: {finding.message} ",
                (f"{finding.rule}{'  m mends' if finding.mend is not None else ''}\n", MUTED),
            ]
        if len(findings) > MAX_FINDINGS:
            pieces.append((f"… and {len(findings) - MAX_FINDINGS} more\n", MUTED))
        if not findings and self.draft is not None:
            pieces.append(("✓ nothing stands in the way; s approves and sends", "$text-success"))
        self.query_one("#findings", Plain).show(*pieces)

    def on_text_area_changed(self, event: Editor.Changed) -> None:
        """Tell the screen what the person typed; what the program put in is no typing."""
        event.stop()
        text = event.text_area.text
        if self.draft is None and text and text != self._put:
            self.remove_class("-empty")
        if self.stream is not None:
            self._notice()
        elif text != self._put:
            self._put = text
            self.post_message(self.Typed(text))
