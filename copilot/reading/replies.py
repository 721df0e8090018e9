"""What a reply to a permission ask means. Anything doubtful is `unclear` and goes to a person; a grant is never guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from copilot.reading.heads import Heads, Scores
from copilot.reading.language import language_of
from copilot.reading.model import Model
from copilot.reading.models import CONDITIONS, MEANINGS, ReplyCondition, ReplyReading
from copilot.reading.pieces import answers_of
from copilot.text import clean
from copilot.tickets.quotes import fold

SHIPPED_REPLIES = Path(__file__).parent / "heads" / "replies.npz"


LONGEST_GRANT = 30
"""Words of a reply that may be read as a grant: in a longer one the answer is tucked away, and a person finds it."""
YES_IN_NO = re.compile(
    r"\b(no (problems?|worries|objections?|issues?|bother|trouble|qualms|hesitation|concerns?)|not at all|not a problem|not in the least"
    r"|why (ever )?not|(do|would)(n['’]?t| not) mind|(can|do)(n['’]?t| not) see why not|no need to ask|you (don['’]?t|needn['’]?t) (even )?(have to )?ask"
    r"|without (a doubt|hesitation)|no doubt|couldn['’]?t be (happier|prouder)|no reason not to|can['’]?t wait)\b",
    re.IGNORECASE,
)
"""Words of refusal that grant."""
WITHHOLDING = re.compile(
    r"\b(but|only|if|long as|provided|providing|except|apart from|unless|until|till|before|first|instead|rather|as for"
    r"|anonym\w*|initials|surname|last name|full name|conditional\w*|embargo|maybe|perhaps|might|possibly|think about|think it over"
    r"|let me|have to|need to|ask (my|our|the)|check with|get back|depends?|later|however|although|though|changed|withdraw"
    r"|revoke|rescind|sorry|afraid|unfortunately|declin\w*|refus\w*|as if|scrap|delete|take (it|that|this) down|draw the line"
    r"|whatever|anyway|supposed?|guess|once|as soon as|save for|subject to|nowhere|just|still|one more thing|says|said|told|sarcas\w*"
    r"|no|not|nope|nah|never|none|nothing|nobody|neither|nor|hardly|cannot|without|minus)\b|n['’]t\b|\?",
    re.IGNORECASE,
)
"""Words that a plain yes does not hold: conditions, doubts, refusals, questions."""
AFFIRMING = re.compile(
    r"(?<!\w)(yes+|yep+|yup+|ye(ah|a|p)|sure|of course|ofc|absolutely|definitely|certainly|ok(ay)?|fine|go (right )?ahead|go for it"
    r"|please do|by all means|feel free|be my guest|happy (to|for|with)|more than happy|gladly|with pleasure|lgtm|approved|granted"
    r"|use it|share (it|away)|post (it|away)|quote (me|away|it)|(i|we)['’]?d be (honou?red|delighted|happy|glad|proud|flattered|thrilled)"
    r"|honou?red|works for me|you (can|may)|(fine|ok|okay|good|cool) (by|with) (me|us)|love (to|that)|consider it done|aye|why not"
    r"|don['’]?t mind|no (problems?|worries|objections?)|not at all|knock yourself)(?!\w)|👍|✅|👌",
    re.IGNORECASE,
)
"""Words that grant; a reply without any is no plain yes, however warm."""
TURNED_ASK = re.compile(
    r"\brather (we|you|it|us)\b|\b(keep|leave|left) (it|this|that|your|you|the)\b.{0,40}\b(private|between|out|off|alone)\b"
    r"|\btake (it|this|that|your|the)\b.{0,30}\bdown\b|\bdelete\b|\bscrap\b|off limits|\bprivate\b|\bthat'?s a no\b|\bsay no\b"
    r"|\bunless you\b|which (bits|parts|lines)|keep it to ourselves|\bprefer\b|\bagainst\b|\bopposed\b|\btrouble you\b"
    r"|\bopt out\b|\bupset\b|\bbother|\bconcerns?\b|\boverstep|\bdoes any(one|body)\b|\bembarrass|\boffend|\bannoy",
    re.IGNORECASE,
)
"""Asks whose yes may be a no."""


MINDING_ASK = re.compile(r"\b(mind|object\w*|problems?|reservations?|issues?)\b|\bany reasons?\b", re.IGNORECASE)
"""Asks that a bare yes refuses."""
INVITING = re.compile(
    r"\b(go (right )?ahead|go for it|please do|by all means|feel free|be my guest|use|share|post|quote|happy|glad\w*|delighted"
    r"|honou?red|flattered|love|knock|help yoursel\w+|crack on|you (can|may))\b",
    re.IGNORECASE,
)
"""Words that grant whatever the ask was."""


CERTAIN = 0.95
"""From here a word such as “but” or “only” beside a plain yes holds nothing back ("only just saw this: yes, use it")."""


def doubt(ask: str, reply: str, *, certain: bool = False) -> str:
    """Why a reply that looks like a grant still goes to a person; empty where nothing speaks against it.

    Args:
        certain: The network is: words that may hold something back do not count.
    """
    if TURNED_ASK.search(ask):
        return "a yes to this ask may be a no"
    if MINDING_ASK.search(ask) and not (INVITING.search(reply) or YES_IN_NO.search(reply)):
        return "a yes to this ask may be a no"
    if AFFIRMING.search(reply) is None:
        return "nothing in it says so"
    if certain:
        return ""
    if len(reply.split()) > LONGEST_GRANT:
        return "it says much else"
    if (found := WITHHOLDING.search(YES_IN_NO.sub(" ", reply))) is not None:
        return f"“{found.group()}” may hold something back"
    return ""


def own_words(reply: str) -> str:
    """What the customer wrote, without what the mail quotes above, between or below it."""
    text = fold(clean(reply))[0]
    own = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(">")).strip()
    return own or text.strip()


class ReplyReader:
    """Reads replies in the light of the asks they answer.

    Args:
        model: What the heads were trained with.
        heads: Heads `reply:…` and `condition:…`.
    """

    def __init__(self, model: Model, heads: Heads) -> None:
        self.model = model
        self.heads = heads

    def read_many(self, pairs: Sequence[tuple[str, str]]) -> list[ReplyReading]:
        """The meaning of each (ask, reply), in their order."""
        own = [(clean(ask), own_words(reply)) for ask, reply in pairs]
        scored = self.model.read(answers_of(own, self.model.tokenise), self.heads)
        return [self._meaning(*pair, found.whole) for pair, found in zip(own, scored, strict=True)]

    def _meaning(self, ask: str, reply: str, scores: Scores) -> ReplyReading:
        chance = dict(zip(self.heads.labels, map(float, scores), strict=True))
        best = max(MEANINGS, key=lambda meaning: chance[f"reply:{meaning}"])
        sure = round(chance[f"reply:{best}"], 4)
        if not reply:
            return ReplyReading(label="unclear", confidence=1.0, why="nothing was written")
        if (language := language_of(reply, "en")) != "en":
            return ReplyReading(label="unclear", confidence=sure, why=f"not read: not in English ({language})")
        if sure < self.heads.thresholds[f"reply:{best}"]:
            return ReplyReading(label="unclear", confidence=sure, why=f"perhaps {best}, but not surely")
        if best == "granted" and (why := doubt(ask, reply, certain=sure >= CERTAIN)):
            return ReplyReading(label="unclear", confidence=sure, why=f"perhaps granted, but {why}")
        conditions: tuple[ReplyCondition, ...] = ()
        if best == "conditional":
            named = [c for c in CONDITIONS if chance[f"condition:{c}"] >= self.heads.thresholds[f"condition:{c}"]]
            conditions = tuple(named) or (max(CONDITIONS, key=lambda c: chance[f"condition:{c}"]),)
        return ReplyReading(label=best, conditions=conditions, confidence=sure)
