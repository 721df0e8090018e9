"""The one registry of actions: keys, footer, palette, help and `[keys]` in delight.toml all come from here.

What must not live here: what an action does (screens own that), and Textual, so that `delight actions` stays instant.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Where = Literal["desk", "stories"]


class Action(NamedTuple):
    """One thing a person can do.

    Attributes:
        id: Its name in `[keys]`, and the method `action_<id>` of its screen.
        key: Textual's key names, comma separated. Function keys work while the draft is being typed; letters do not.
        title: What it does, for footer, palette and help.
        where: The screen it belongs to.
        group: Its heading in the help.
        footer: Whether the footer shows it.
    """

    id: str
    key: str
    title: str
    where: Where
    group: str
    footer: bool = False


ACTIONS: tuple[Action, ...] = (
    Action("filter", "slash", "Filter", "desk", "Queue", footer=True),
    Action("next_view", "v,f2", "View", "desk", "Queue", footer=True),
    Action("previous_view", "V", "Previous view", "desk", "Queue"),
    Action("next_ticket", "n", "Next that needs a person", "desk", "Queue"),
    Action("next_pane", "tab", "Pane", "desk", "Panes", footer=True),
    Action("previous_pane", "shift+tab", "Previous pane", "desk", "Panes"),
    Action("leave", "escape", "Back to the queue", "desk", "Panes"),
    Action("unfold", "o", "Unfold quoted history", "desk", "Conversation"),
    Action("correct", "c,f8", "Correct the reading", "desk", "Reading"),
    Action("told", "t", "Escalation passed on", "desk", "Reading"),
    Action("decide", "x", "Walk the decision", "desk", "Reading"),
    Action("draft", "d,f4", "Draft", "desk", "Draft", footer=True),
    Action("edit", "e", "Edit the draft, at its next blank", "desk", "Draft"),
    Action("calmer", "left_square_bracket", "Calmer", "desk", "Draft"),
    Action("warmer", "right_square_bracket", "Warmer", "desk", "Draft"),
    Action("shorter", "minus", "Shorter", "desk", "Draft"),
    Action("longer", "plus,equals_sign", "Longer", "desk", "Draft"),
    Action("variants", "w", "Another wording beside it", "desk", "Draft"),
    Action("mend", "m,f3", "Mend the first finding", "desk", "Draft"),
    Action("sources", "i", "Where each sentence comes from", "desk", "Draft"),
    Action("history", "H", "Earlier drafts", "desk", "Draft"),
    Action("copy", "C", "Copy the draft", "desk", "Draft"),
    Action("prompt", "p", "What a model is told", "desk", "Draft"),
    Action("discard", "backspace", "Discard the draft", "desk", "Draft"),
    Action("send", "s,f6", "Send", "desk", "Draft", footer=True),
    Action("ask", "a,f5", "Ask", "desk", "Ask", footer=True),
    Action("override", "O", "Ask although the gate says no", "desk", "Ask"),
    Action("ask_later", "L", "Ask once it is confirmed", "desk", "Ask"),
    Action("give", "K", "Record a thank-you", "desk", "Ask"),
    Action("remind", "M", "Remind of the ask, once", "desk", "Ask"),
    Action("review", "R", "Invite to a public review", "desk", "Ask"),
    Action("answer", "r,f9", "Record the customer's answer", "desk", "Ask"),
    Action("pause", "P", "Never ask this customer", "desk", "Ask"),
    Action("story", "y,f7", "Story", "desk", "Story", footer=True),
    Action("due", "D", "What is due", "desk", "Story"),
    Action("stories", "S,f10", "All stories", "desk", "Story"),
    Action("help", "question_mark,f1", "Help", "desk", "Desk", footer=True),
    Action("approve_story", "a", "Approve for marketing", "stories", "Stories", footer=True),
    Action("edit_story", "e,enter", "Open the story", "stories", "Stories", footer=True),
    Action("help", "question_mark,f1", "Help", "stories", "Stories", footer=True),
    Action("leave", "escape,S", "Back to the desk", "stories", "Stories", footer=True),
)


def actions_of(where: Where) -> tuple[Action, ...]:
    """The actions of one screen."""
    return tuple(action for action in ACTIONS if action.where == where)


def keymap(keys: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """(keys by binding id, complaints) from `[keys]` of the settings; an unknown action or a key used twice is a complaint."""
    known = {action.id for action in ACTIONS}
    complaints = [
        f"[keys] {name}: there is no such action; `delight actions` lists them" for name in keys if name not in known
    ]
    made = {binding_id(action): keys.get(action.id, action.key) for action in ACTIONS}
    for where in ("desk", "stories"):
        owner: dict[str, str] = {}
        for action in actions_of(where):
            complaints += [
                f"[keys] {action.id}: {key} is the key of {owner[key]} already"
                for key in made[binding_id(action)].split(",")
                if owner.setdefault(key, action.id) != action.id
            ]
    return made, complaints


def binding_id(action: Action) -> str:
    """The id under which Textual remaps a binding."""
    return f"{action.where}.{action.id}"
