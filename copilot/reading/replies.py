"""What a reply to a permission ask means. Anything doubtful is `unclear` and goes to a person; a grant is never guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from copilot.reading.heads import Heads, Scores
from copilot.reading.language import language_of
from copilot.reading.model import Model
from copilot.reading.models import CONDITIONS, MEANINGS, ReplyCondition, ReplyReading
from copilot.reading.pieces import answers_of
from copilot.text import clean
from copilot.tickets.quotes import fold

SHIPPED_REPLIES = Path(__file__).parent / "heads" / "replies.npz"


YES_IN_NO = re.compile(
    r"\b(no (problems?|worries|objections?|issues?|bother|trouble|qualms|hesitation|concerns?)|not at all|not a problem|not in the least"
    r"|why (ever )?not|(do|would)(n['’]?t| not) mind|(can|do)(n['’]?t| not) see why not|no need to ask|you (don['’]?t|needn['’]?t) (even )?(have to )?ask"
    r"|without (a doubt|hesitation|(any )?(limit\w*|restrictions?|reservations?))|no doubt|couldn['’]?t be (happier|prouder)|no reason not to|can['’]?t wait)\b",
    re.IGNORECASE,
)
"""Words of refusal that grant."""
HOLDING_BACK = re.compile(
    r"\b(without|if|long as|provided|providing|except|apart from|unless|until|till|instead|anonym\w*|initials|surname|last name"
    r"|embargo|have to|later|however|although|though|changed?"
    r"|approval|whole or|withdraw|revoke|sorry|afraid|unfortunately|declin\w*|refus\w*|scrap|delete|supposed?"
    r"|subject to|footing|correct|omit|(?:miss|leave|take|cut) out|nowhere|closed|paid|nah|naw|nope|neither|minus|after)\b|\?",
    re.IGNORECASE,
)
"""Words that may hold something back of a yes: conditions, doubts, refusals, questions."""
GRUDGING = re.compile(
    r"\b(whatever|anyways?|as if|i (suppose|guess)|if you (must|have to|insist)|suit yourself|you always do|like i have a choice"
    r"|maybe|perhaps|might|think (about|it over)|let me(?! know)|check with|get back|if i remember|depends?|wouldn['’]?t dream"
    r"|(?:no|not) (?:such )?\w* ?(?:is |been |being )?(?:granted|approved|permitted|authori[sz]ed))\b",
    re.IGNORECASE,
)
"""Words of somebody who gives in, puts it off, does not mean it, or withholds what is usually given."""
NEGATION = re.compile(
    r"\b(no|not|never|none|nobody|nothing|nor|hardly|cannot|but|only|just|still)\b|n['’]t\b", re.IGNORECASE
)
"""Words that turn a yes only where it is not plain ("only just saw this: yes, use it")."""
AFFIRMING = re.compile(
    r"(?<!\w)(yes+|yep+|yup+|ye(ah|a|p)|sure|of course|ofc|absolutely|definitely|certainly|ok(ay)?|fine|go (right )?ahead|go for it"
    r"|please do|by all means|feel free|be my guest|happy (to|for|with)|more than happy|gladly|with pleasure|lgtm|approved|granted"
    r"|use it|share (it|away)|post (it|away)|quote (me|away|it)|(i|we)['’]?d be (honou?red|delighted|happy|glad|proud|flattered|thrilled)"
    r"|honou?red|works for me|you (can|may)|(fine|ok|okay|good|cool) (by|with) (me|us)|love (to|that)|consider it done|aye|why not"
    r"|don['’]?t mind|no (problems?|worries|objections?)|not at all|knock yourself)(?!\w)|👍|✅|👌",
    re.IGNORECASE,
)
"""Words that grant plainly."""
DOING = re.compile(
    r"(?:^|[.!?,;:\n…—-]\s*|\b(?:yes|yep|sure|ok|okay|then|please|and|so|just|you)\s+)"
    r"(?:add|air|beam|blast|blog|borrow|bring|broadcast|bung|carry|chuck|cite|consider|copy|count|crack|credit|display|do|enjoy|feature"
    r"|film|fire|forward|frame|give|go|hang|have|help|host|include|keep|leave|let|lift|light|link|list|make|mention|name|pass|paste|pick"
    r"|pin|plaster|play|plug|point|pop|post|pour|print|proceed|publish|put|quote|read|re-?share|record|reprint|reproduce|retweet|roll"
    r"|run|say|send|serve|set|share|ship|shoot|shout|show|sing|slap|sling|spread|stick|tag|take|tell|tweet|use|wave|whack)\b"
    r"(?=\s+(?:it|them|that|this|me|us|mine|away|on|ahead|the|my|our|all|every\w*|both|what\w*|where\w*|as|to|up|out|in|at|with|freely"
    r"|for|so|right|an?|any|yourself|yourselves|him|her|by)\b|\s*[.!,;…]|\s*$)",
    re.IGNORECASE,
)
"""Somebody tells us to do it ("Lift away", "put them up")."""
ASSENTING = re.compile(
    r"(?<![\w-])(?:y|ye+|yh|ya+s+|yis|kk?|okey\w*|okies?|oki|aight|bet|deal|done|agreed?|agreeable|confirm(?:ed|s)?|permi(?:t|tted|ssion)"
    r"|allow(?:ed)?|consent(?:ed|s)?|approv(?:e|es|ed)|authori[sz]ed?|accepted?|cleared|signed off|blessing|green light|thumbs up"
    r"|100%?|10/10|(?:count me|i['’]?m|im|we['’]?re|all|me) in|in favour|up for (?:it|that)|game|good to go|good (?:by|with|for) me"
    r"|sounds? (?:good|great|fine|lovely|perfect|right|like a plan)"
    r"|(?:that|this|it|all|both)(?:['’]?s| is| are)? (?:fine|alright|all right|good|great|perfect|okay|ok|fair|works?|cool|grand|lovely|right|spot on)"
    r"|(?:it|that|this) (?:can|could|may|might|shall|does|do|will|would|holds?|works?|stands?)(?= *[.!,]| *$)"
    r"|(?:we|you) (?:shall|may|can|could|have)(?= *[.!,]| *$)"
    r"|(?:i|we) (?:do|would|am|are|will|can|have|approve|agree|consent|confirm|trust you|insist)(?= *[.!,]| *$)"
    r"|as you (?:see fit|like|please|wish)|at will|all yours|be (?:an )?honou?r(?:ed)?|pleas(?:ed|ure)|delight(?:ed)?|thrilled|chuffed"
    r"|flattered|proud|tickled?|content|alright|all right|quite right|right you are|fair enough|no-brainer|let['’]?s|help yoursel\w+"
    r"|have at it|fill your boots|out with it|natch|obvs|obviously|totally|deffo|defo|exactly|indeed|very much so|by me|by us|with us"
    r"|with me|both|all three|any(?:where|time)|wherever|every word|word for word|on the record|happ(?:y|ily)|glad(?:ly)?)(?!\w)"
    r"|💯|🙋|🤝|🫡|🙌|🆗|☑️|✔️",
    re.IGNORECASE,
)
"""Words that grant to many an ask and mean nothing to others."""
GRANTING = re.compile(
    r"\b(?:(?:i|we)(?: (?:hereby|do|gladly|happily|both|all|certainly))* (?:grant|give|consent|authori[sz]e|permit|agree|approve|allow)\b"
    r"|(?:you|they) (?:have|['’]ve got|got)(?: got)? (?:my|our|his|her|their|all the) (?:\w+ ){0,2}(?:permission|consent|blessing|approval|agreement|ok(?:ay)?|yes)\b"
    r"|(?:permission|consent|approval|request)(?: is| has been|:)?(?: \w+)? (?:granted|given|approved)\b)",
    re.IGNORECASE,
)
"""Words that are the grant itself."""
SENTENCE_END = re.compile(r"[.!?;\n]")
TURNED_ASK = re.compile(
    r"\brather (we|you|it|us)\b|\b(keep|leave|left) (it|this|that|your|you|the)\b.{0,40}\b(private|between|out|off|alone)\b"
    r"|\btake (it|this|that|your|the)\b.{0,30}\bdown\b|\bdelete\b|\bscrap\b|off limits|\bprivate\b|\bthat'?s a no\b|\bsay no\b"
    r"|\bunless you\b|which (bits|parts|lines)|keep it to ourselves|\bprefer\b|\bagainst\b|\bopposed\b|\btrouble you\b"
    r"|\beither\b|, and (?:is|are|do|does|may|can|could|would) [^?]{0,200}\?|\bopt out\b|\bupset\b|\bbother|\bconcerns?\b|\boverstep|\bdoes any(one|body)\b|\bembarrass|\boffend|\bannoy",
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


NAMED_WORD = re.compile(
    r"\b(?:reply(?:ing)?|text|send|say|answer|type|write|comment|respond|drop)(?: (?:back|us|me|with|just|simply|a|the|word|hashtag))*[ :]+"
    r"[\"“'‘*]?(?P<word>#(?!no|dont|stop)\w*(?:yes|ok|agree|allow|consent|share)\w*|\+1|y(?:es)?|ok(?:ay)?|agreed?|approved?)(?!\w)(?P<rest>[^.?!,;\n]{0,200})",
    re.IGNORECASE,
)
"""The word that an ask wants to hear from whoever agrees, and what the ask says of it."""
NAMED_FOR_NO = re.compile(
    r"\b(not?|never|stop|opt(?:ing)?[- ]out|object\w*|mind|rather|remove|delete|private|against|unless|down|keep|withdraw)\b|n['’]t\b",
    re.IGNORECASE,
)
"""Words by which an ask wants it from whoever does not."""
OR_NO = re.compile(r"(\bor\b|/).*", re.IGNORECASE)
"""What an ask says of the other word."""
UNSAID = re.compile(r"[^\w+]")


class Caution(NamedTuple):
    """How sure the network must be that a reply grants, and why it must be surer than of a plain yes."""

    sure: float
    why: str = ""


SAID, PLAIN, HELD_BACK, ASSENT, ANY, TURNED = 0.75, 0.90, 0.94, 0.91, 0.975, 0.97
"""Chances from which a grant is claimed: where words grant in so many words; of a plain yes; beside words that may hold something
back; of words that often grant; of any others, and of a yes that sounds grudging; to an ask whose yes may be a no. Chosen on held-out
replies, so that of all that is claimed one in a hundred is wrong at most."""


def caution(ask: str, reply: str) -> Caution:
    """What speaks against reading a reply as a grant. However sure the network is, a person's key records it."""
    if TURNED_ASK.search(ask) or (MINDING_ASK.search(ask) and not (INVITING.search(reply) or YES_IN_NO.search(reply))):
        return Caution(TURNED, "a yes to this ask may be a no")
    bare = YES_IN_NO.sub(" ", reply)
    if (found := GRUDGING.search(bare)) is not None:
        return Caution(ANY, f"“{found.group()}” is seldom a plain yes")
    if (found := HOLDING_BACK.search(bare)) is not None:
        return Caution(HELD_BACK, f"“{found.group()}” may hold something back")
    if (grant := GRANTING.search(bare)) is not None and NEGATION.search(_sentence_before(bare, grant)) is None:
        return Caution(SAID)
    if AFFIRMING.search(reply) or bare != reply:
        return Caution(PLAIN)
    if (ASSENTING.search(reply) or DOING.search(reply)) and NEGATION.search(bare) is None:
        return Caution(ASSENT, "it does not say so plainly")
    return Caution(ANY, "nothing in it says so")


def says_named_word(ask: str, reply: str) -> bool:
    """Whether a reply is the very word by which the ask lets one agree ("Reply #YesMarlow", "Text Y or N"), and nothing else."""
    said = _bare(reply)
    return any(
        said == _bare(named["word"])
        and NAMED_FOR_NO.search(_sentence_before(ask, named) + OR_NO.sub("", named["rest"])) is None
        for named in NAMED_WORD.finditer(ask)
    )


def _sentence_before(text: str, found: re.Match[str]) -> str:
    """What stands before `found` in its sentence."""
    return SENTENCE_END.split(text[max(found.start() - 200, 0) : found.start()])[-1]


def _bare(text: str) -> str:
    return UNSAID.sub("", text).casefold()


def own_words(reply: str) -> str:
    """What the customer wrote, without what the mail quotes above, between or below it."""
    text = fold(clean(reply))[0]
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(">")).strip()


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
        answers = answers_of(own, self.model.tokenise)
        scored = self.model.read(answers, self.heads)
        return [
            self._meaning(*pair, found.whole, cut=answer.left_out is not None)
            for pair, answer, found in zip(own, answers, scored, strict=True)
        ]

    def _meaning(self, ask: str, reply: str, scores: Scores, *, cut: bool) -> ReplyReading:
        chance = dict(zip(self.heads.labels, map(float, scores), strict=True))
        best = max(MEANINGS, key=lambda meaning: chance[f"reply:{meaning}"])
        sure = round(chance[f"reply:{best}"], 4)
        if not reply:
            return ReplyReading(label="unclear", confidence=1.0, why="nothing was written")
        if (language := language_of(reply, "en")) != "en" or (language := language_of(ask, "en")) != "en":
            return ReplyReading(label="unclear", confidence=sure, why=f"not read: not in English ({language})")
        if says_named_word(ask, reply):
            return ReplyReading(label="granted", confidence=1.0)
        if sure < self.heads.thresholds[f"reply:{best}"]:
            return ReplyReading(label="unclear", confidence=sure, why=f"perhaps {best}, but not surely")
        if best == "granted" and cut:
            return ReplyReading(label="unclear", confidence=sure, why="perhaps granted, but too long to be read whole")
        if best == "granted" and sure < (wanted := caution(ask, reply)).sure:
            why = f"perhaps granted, but {wanted.why or 'not surely'}"
            return ReplyReading(label="unclear", confidence=sure, why=why)
        conditions: tuple[ReplyCondition, ...] = ()
        if best == "conditional":
            named = [c for c in CONDITIONS if chance[f"condition:{c}"] >= self.heads.thresholds[f"condition:{c}"]]
            conditions = tuple(named) or (max(CONDITIONS, key=lambda c: chance[f"condition:{c}"]),)
        return ReplyReading(label=best, conditions=conditions, confidence=sure)
