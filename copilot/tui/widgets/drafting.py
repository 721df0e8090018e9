"""The draft: an editor, the dial, and the findings as they come up while typing."""

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
        dial = " ".join(f"({tone})" if tone == draft.tone else tone for tone in TONES)
        self.border_title = f"Draft: {draft.state}"
        self.border_subtitle = f"tone: {dial}"

    def select_blank(self) -> None:
        """Select the first open blank, where there is one."""
        if (blank := BLANK.search(self.text)) is not None:
            self.query_one(Editor).select_span(*blank.span())

    def keep(self, draft: Draft) -> None:
        """Take over the state of the draft that was saved, leaving the words and the cursor alone."""
        self.draft = draft
        self.border_title = f"Draft: {draft.state}"

    def show_findings(self, findings: tuple[DraftFinding, ...]) -> None:
        """Show what the checks say; blocking ones first."""
        pieces: list[Piece] = []
        text = self.text
        for finding in sorted(findings, key=lambda f: not f.blocking)[:MAX_FINDINGS]:
            line = text.count("\n", 0, finding.start) + 1
            sign, style = ("✗ blocks", "bold $text-error") if finding.blocking else ("• note", "$text-warning")
            pieces += [
                (f"{sign} ", style),
                f"line {line}: {finding.message} ",
                (f"{finding.rule}\n", MUTED),
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
        if text != self._put:
            self._put = text
            self.post_message(self.Typed(text))
