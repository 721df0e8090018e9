#!/usr/bin/env python3
"""Train what the reader ships: copilot/reading/heads/{layers,heads,replies}.npz and MODEL_CARD.md.

usage: python scripts/train_reader.py SHARED                                                    all from the beginning
       python scripts/train_reader.py SHARED --start FILE.pt … --shares r14=1 project=.3 --epochs 1 --keep NEW.pt    a round
       python scripts/train_reader.py SHARED --tuned NEW.pt … --reply-start FILE.pt --reply-part .25              ship it

SHARED holds bench/written, bench/reading-train.jsonl and data/; what was written or labelled for this project stands in
training/ and playbooks/signals/. First the bundled encoder's layers learn emotions (GoEmotions), then all heads at once:
mood, signals, risks, flags, and what replies to an ask mean, with emotions beside, so that what was written for us does not
drive out how people write; last, low-rank steps on every layer for the replies alone,
which ask for another kind of reading. A tenth of the conversations and a fifth of the asks are
held out: every threshold and every calibration comes from them. The development and sealed sets are never read here.
About an hour and a half on two cores. `--start shipped` goes on from what is shipped.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own name
from transformers import AutoModel

from copilot.playbook.signals import load_definitions
from copilot.reading.compile import (
    BUNDLED_NAME,
    LAYERS,
    PEAK,
    REPLY_STEPS,
    bundled_folder,
    tuned_layers,
    weights_of,
    wide_matrices,
)
from copilot.reading.heads import SHIPPED, Heads
from copilot.reading.model import sequence
from copilot.reading.models import CONDITIONS, FLAGS, MEANINGS, MOODS
from copilot.reading.pieces import Pieces, Turn, answers_of, pieces_of
from copilot.reading.reader import SURELY_HAPPY, is_delight, nearest
from copilot.reading.replies import SHIPPED_REPLIES, caution, own_words
from copilot.text import clean, digest

ROOT = Path(__file__).parent.parent
TRAINING = ROOT / "training"
EMOTIONS = 28
SIGNALS = (
    "proactive_fix", "unexpected_upgrade", "quick_compassionate_reply", "creative_workaround", "saved_deadline",
    "surprise_gesture", "milestone", "loyal_enthusiast", "promoter", "shout_out", "resolved_thanks",
)  # fmt: skip
RISKS = (
    "churn_threat", "refund_request", "legal_threat", "outage", "safety", "repeat_contact", "distress", "security",
)  # fmt: skip
LABELS = [*(f"signal:{s}" for s in SIGNALS), *(f"risk:{r}" for r in RISKS), *(f"flag:{f}" for f in FLAGS)]
MOMENT = LABELS.index("flag:moment")
ANY = len(LABELS)
"""Column of a head that is trained but not shipped: any delight at all."""
WEIGHT = {"real": 2.0, "silver": 1.5}
"""How much a conversation of a source counts; others 1. The real ones are few beside what was written."""
BATCH = 16
RATE = 1e-4
RANK = 32
"""Of the steps that the layers are given for replies: 2.4 MB of half floats."""
EMOTION = 0.3
"""Weight of the emotions' loss beside the others'."""
EMOTION_EVERY = 2
"""Steps of which one has a batch of emotions too."""
EMOTION_HEAD_STEPS = 250
"""For the head of emotions alone, which is not shipped, before going on from what is."""
FROZEN = 2
"""Lower layers that the second step leaves as the first step tuned them."""
HEAD_RATE = 1e-3
LAYER_DECAY = 0.9
FLOOR = 0.25
"""Share of the rate that is left at the end: the mean of weights that still move reads better than where they come to rest."""
MEAN_FROM = 0.4
"""Share of the steps after which the mean of the weights begins."""
SMOOTHING = 0.05
NOT_FOR_THRESHOLDS = ("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "r16", "r17", "r18", "r19")
"""How the ids begin of what says nothing about a threshold: minimal pairs and what was written against the reader were written to be
misread, the most ordinary to be read."""
PROBED = 400
"""Held-out conversations that show how large a matrix's inputs get."""
ORDINAL = 0.15
"""Weight of the squared distance between moods beside the cross-entropy."""
WANTED = {"signal": 0.80, "risk": 0.60, "flag:moment": 0.65, "flag:ask_ok": 0.95, "flag:sarcasm": 0.60}
"""Precision that each threshold must reach on the held-out tenth: an ask that comes at the wrong moment costs most, a signal less,
a risk that nobody sees more than one seen in vain. Of moments it is the precision in life, where they are seldom."""
MOMENTS_IN_LIFE = 0.03
"""Share of conversations that are moments; of the held-out one in eight is."""


@dataclass
class Row:
    """One training item; what is not known of it is masked."""

    source: str
    pieces: Pieces
    mood: int = -1
    labels: dict[int, bool] = field(default_factory=dict)
    reply: int = -1
    conditions: tuple[str, ...] = ()
    held_out: bool = False
    id: str = ""
    """Of a conversation of `training/`."""
    plain: bool = False
    """Of a conversation: neutral, and nothing found; such rows are plenty among the silver ones."""
    sure: float = 1.0
    """Of a reply: how sure one must be to read it as a grant."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument(
        "--start", nargs="+", help="`shipped`, or files of weights to go on from: of several, their mean"
    )
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument(
        "--shares",
        nargs="+",
        type=_share,
        default=[],
        help="NAME=SHARE of the rows to show: of a source, or by the beginning of an id",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write the tuned weights here and stop")
    parser.add_argument(
        "--tuned", type=Path, nargs="+", help="files that `--keep` wrote, instead of tuning: of several, their mean"
    )
    parser.add_argument(
        "--emotions", action="store_true", help="say how well the tuned files read GoEmotions' test set, and stop"
    )
    parser.add_argument("--reply-epochs", type=int, default=5)
    parser.add_argument(
        "--reply-start", type=Path, help="the low-rank steps to go on from, as `--reply-keep` wrote them"
    )
    parser.add_argument("--reply-part", type=float, default=1.0, help="how much of the way from there to go")
    parser.add_argument("--reply-keep", type=Path, default=ROOT / ".adapted.pt", help="write the low-rank steps here")
    parser.add_argument("--adapted", type=Path, help="what `--reply-keep` wrote, instead of tuning to replies")
    args = parser.parse_args()
    if args.emotions and not args.tuned:
        parser.error("--emotions needs --tuned FILE: the head for emotions is not shipped")
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)  # noqa: S311 - an order, not a secret
    tokenise = _tokeniser()
    net = Net()
    goemotions = args.shared / "data" / "goemotions"
    if args.tuned:
        net.load_state_dict(_mean(args.tuned))
    if args.emotions:
        found = [Emotions.load(goemotions / f"{part}.jsonl", tokenise) for part in ("dev", "test")]
        print(f"GoEmotions test, macro-F1 of {EMOTIONS}: {emotions_read(net.eval(), *found):.3f}")
        return
    rows = load_rows(args.shared, tokenise)
    if not args.tuned:
        emotions = Emotions.load(goemotions / "train.jsonl", tokenise)
        if args.start == ["shipped"]:
            take_shipped(net)
            net.bert.encoder.requires_grad_(requires_grad=False)
            head = {"params": net.emo.parameters(), "lr": 5e-3}
            learn_emotions(net, emotions, [head], EMOTION_HEAD_STEPS, rng)
            net.bert.encoder.requires_grad_(requires_grad=True)
        elif args.start:
            net.load_state_dict(_mean(args.start))
        else:
            layers = {"params": list(net.bert.encoder.parameters()), "lr": 1e-4}
            once = math.ceil(len(emotions.pieces) / BATCH)
            learn_emotions(net, emotions, [layers, {"params": net.emo.parameters(), "lr": 2e-3}], once, rng)
            torch.save(net.state_dict(), ROOT / ".emotions.pt")
        net = tune(net, shown(rows, dict(args.shares), rng), emotions, args.epochs, rng)
        torch.save(net.state_dict(), args.keep or ROOT / ".tuned.pt")
    if args.keep:
        return
    if args.adapted:
        adapted = with_steps(net)
        adapted.load_state_dict(torch.load(args.adapted))
    else:
        start = torch.load(args.reply_start) if args.reply_start else None
        adapted = adapt(net, rows, args.reply_epochs, rng, start, args.reply_part)
        torch.save(adapted.state_dict(), args.reply_keep)
    ship(net.eval(), adapted.eval(), rows)


def _share(text: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    return name, float(share)


def _mean(files: Sequence[Path]) -> dict[str, Any]:
    """The mean of several files of weights."""
    kept = [torch.load(file) for file in files]
    return {key: sum(state[key] for state in kept) / len(kept) for key in kept[0]}


class Net(nn.Module):
    """The bundled encoder with its embeddings frozen. Each head is linear over the mean of the message's token vectors,
    weighed by its own attention; `Heads.attend` does the same in numpy."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = AutoModel.from_pretrained(str(bundled_folder()), add_pooling_layer=False)
        self.bert.embeddings.requires_grad_(requires_grad=False)
        size = self.bert.config.hidden_size
        self.drop = nn.Dropout(0.1)
        self.mood = nn.Linear(size, len(MOODS))
        self.bin = nn.Linear(size, len(LABELS) + 1)
        self.rep = nn.Linear(size, len(MEANINGS))
        self.con = nn.Linear(size, len(CONDITIONS))
        self.emo = nn.Linear(size, EMOTIONS)
        self.query = nn.Parameter(torch.zeros(size, sum(head.out_features for head in self.parts)))

    @property
    def parts(self) -> tuple[Any, ...]:
        """The heads, in the order of `query`'s columns."""
        return (self.mood, self.bin, self.rep, self.con)

    def tokens(self, batch: Sequence[Pieces]) -> tuple[Any, Any]:
        """(token vectors, mask of the message's own tokens), shapes (batch, width, dimensions) and (batch, width)."""
        sequences = [sequence(p) for p in batch]
        width = max(map(len, sequences))
        tokens, types, mask, own = (torch.zeros((len(batch), width), dtype=torch.long) for _ in range(4))
        for i, (p, ids) in enumerate(zip(batch, sequences, strict=True)):
            tokens[i, : len(ids)] = torch.tensor(ids)
            mask[i, : len(ids)] = 1
            own[i, : len(p.ids) + 2] = 1
            types[i, len(p.ids) + 2 : len(ids)] = 1
        return self.bert(input_ids=tokens, token_type_ids=types, attention_mask=mask)[0], own.unsqueeze(-1)

    def emotions(self, batch: Sequence[Pieces]) -> Any:
        """Logits of the emotions' head, over the plain mean; it is not shipped."""
        hidden, own = self.tokens(batch)
        return self.emo(self.drop((hidden * own).sum(1) / own.sum(1)))

    def forward(self, batch: Sequence[Pieces]) -> tuple[Any, ...]:
        """Logits of mood, labels, replies and conditions."""
        hidden, own = self.tokens(batch)
        hidden = self.drop(hidden)
        weight = torch.cat([head.weight for head in self.parts])
        bias = torch.cat([head.bias for head in self.parts])
        attention = (hidden @ self.query).masked_fill(own == 0, -1e4).softmax(1)
        logits = (attention * (hidden @ weight.T)).sum(1) + bias
        return torch.split(logits, [head.out_features for head in self.parts], dim=1)


def take_shipped(net: Net) -> None:
    """Layers and heads as they are shipped; calibration, which was put into them, is found anew."""
    net.bert.encoder.load_state_dict({key: torch.from_numpy(value) for key, value in tuned_layers()[0].items()})
    at = 0
    for head, heads, names in (
        (net.mood, Heads.load(SHIPPED), [f"mood:{m}" for m in MOODS]),
        (net.bin, Heads.load(SHIPPED), LABELS),
        (net.rep, Heads.load(SHIPPED_REPLIES), [f"reply:{m}" for m in MEANINGS]),
        (net.con, Heads.load(SHIPPED_REPLIES), [f"condition:{c}" for c in CONDITIONS]),
    ):
        assert heads.query is not None
        for row, name in enumerate(names):
            column = heads.labels.index(name)
            with torch.no_grad():
                head.weight[row] = torch.from_numpy(heads.dense[:, column])
                head.bias[row] = float(heads.bias[column])
                net.query[:, at + row] = torch.from_numpy(heads.query[:, column])
        at += head.out_features


# The rows


def load_rows(shared: Path, tokenise: Callable[[Sequence[str]], list[list[int]]]) -> list[Row]:
    """Everything there is to learn from."""
    bench, data = shared / "bench", shared / "data"
    found = [("written", row) for row in _json_lines(bench / "written" / "conversations.jsonl")]
    found += [("real", row) for row in _json_lines(bench / "reading-train.jsonl")]
    found += [
        ("pair" if row["id"].startswith(NOT_FOR_THRESHOLDS) else "project", row)
        for row in _json_lines(TRAINING / "conversations.jsonl")
    ]
    threads = {
        row["id"]: row["turns"] for name in ("dev", "test") for row in _json_lines(data / "ibm_cdp" / f"{name}.jsonl")
    }
    reviews = _json_lines(data / "skytrax_reviews" / "data.jsonl")
    threads |= {row["id"]: [{"role": "customer", "text": row["text"]}] for row in reviews}
    found += [("silver", {**row, "turns": threads[row["id"]]}) for row in _json_lines(TRAINING / "labels.jsonl")]
    turns = [_turns(row["turns"]) for _, row in found]
    rows = [
        Row(
            source,
            pieces,
            MOODS.index(row["mood"]),
            _labels(row),
            held_out=zlib.crc32(row["turns"][-1]["text"].encode()) % 10 == 0,
            id=row["id"] if source in ("project", "pair") else "",
            plain=row["mood"] == "neutral" and not row["risks"],
        )
        for (source, row), pieces in zip(found, pieces_of(turns, tokenise), strict=True)
    ]
    for row in rows:
        if not row.held_out and _is_open(row):
            del row.labels[MOMENT]
    for definition in load_definitions(ROOT / "playbooks" / "signals"):
        column = LABELS.index(f"{definition.kind}:{definition.id}")
        for present, examples in ((True, definition.examples), (False, definition.near_misses)):
            threads_of = [[Turn(role, clean(text)) for role, text in example.turns] for example in examples]
            known = {column: present}
            if present and is_delight(LABELS[column]):
                known[ANY] = True
            rows += [Row("page", pieces, labels=known) for pieces in pieces_of(threads_of, tokenise)]
    replies = [
        *_json_lines(bench / "written" / "permission_replies.jsonl"),
        *_json_lines(TRAINING / "replies.jsonl"),
    ]
    asked = answers_of([(clean(row["ask"]), own_words(row["reply"])) for row in replies], tokenise)
    rows += [
        Row(
            "reply",
            pieces,
            reply=MEANINGS.index(row["label"]),
            conditions=tuple(row["conditions"]),
            sure=caution(clean(row["ask"]), own_words(row["reply"])).sure,
            held_out=zlib.crc32(row["ask"].encode()) % 5 == 0,
        )
        for row, pieces in zip(replies, asked, strict=True)
    ]
    return rows


def shown(rows: Sequence[Row], shares: dict[str, float], rng: random.Random) -> list[Row]:
    """The rows that a round sees, drawn by chance.

    Args:
        shares: Share of the rows whose id begins so, or of a source; all where nothing is said.
    """

    def share(row: Row) -> float:
        begun = (of for name, of in shares.items() if row.id.startswith(name))
        return next(begun, shares.get(row.source, 1.0))

    return [row for row in rows if rng.random() < share(row)]


def _labels(row: dict[str, Any]) -> dict[int, bool]:
    there = {*(f"signal:{s}" for s in row["signals"]), *(f"risk:{r}" for r in row["risks"])}
    there |= {f"flag:{flag}" for flag in FLAGS if row[flag]}
    known = {column: name in there for column, name in enumerate(LABELS)}
    known[ANY] = any(map(is_delight, there))
    return known


def _is_open(row: Row) -> bool:
    """Whether it is left open that a conversation is a moment: of satisfied customers the bench calls 14 in a hundred moments, those who
    wrote for us twice as many."""
    return row.source in ("project", "pair") and row.mood == MOODS.index("satisfied") and row.labels[MOMENT]


def _turns(turns: Sequence[dict[str, str]]) -> list[Turn]:
    made = [Turn(turn["role"], clean(turn["text"])) for turn in turns]
    while made[-1].role != "customer":
        made.pop()
    return made


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]


def _tokeniser() -> Callable[[Sequence[str]], list[list[int]]]:
    tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return lambda texts: [e.ids for e in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


# The two steps


@dataclass
class Emotions:
    """GoEmotions: what feelings look like in hasty English.

    Attributes:
        truth: Which of the emotions each comment shows, shape (comments, EMOTIONS).
    """

    pieces: list[Pieces]
    truth: Any

    @classmethod
    def load(cls, path: Path, tokenise: Callable[[Sequence[str]], list[list[int]]]) -> Emotions:
        """The comments of a file."""
        found = _json_lines(path)
        names = sorted({label for row in found for label in row["labels"]})
        truth = np.array([[name in row["labels"] for name in names] for row in found], dtype=np.float32)
        return cls(pieces_of([[Turn("customer", clean(row["text"]))] for row in found], tokenise), torch.tensor(truth))

    def batches(self, rng: random.Random) -> Iterator[list[int]]:
        """Batches without end."""
        while True:
            yield from _batches(self.pieces, range(len(self.pieces)), BATCH, rng)

    def loss(self, net: Net, batch: Sequence[int]) -> Any:
        """How wrong the network is about a batch."""
        logits = net.emotions([self.pieces[i] for i in batch])
        return F.binary_cross_entropy_with_logits(logits, self.truth[batch], reduction="none").sum(1).mean()


def learn_emotions(net: Net, emotions: Emotions, groups: list[dict[str, Any]], steps: int, rng: random.Random) -> None:
    """Emotions alone, by some of the network's parameters."""
    batches = emotions.batches(rng)
    for batch, step in _steps(net, groups, lambda: list(islice(batches, steps)), 1, steps, min(400, steps // 2)):
        step(emotions.loss(net, batch))


def emotions_read(net: Net, dev: Emotions, test: Emotions) -> float:
    """Macro-F1 on `test`, each emotion claimed from the chance at which its F1 on `dev` is best."""
    logits = []
    with torch.no_grad():
        for part in (dev, test):
            batches = [part.pieces[start : start + 64] for start in range(0, len(part.pieces), 64)]
            logits.append(np.concatenate([net.emotions(batch).numpy() for batch in batches]))
    truth = [part.truth.numpy() > 0 for part in (dev, test)]

    def f1(part: int, emotion: int, cut: float) -> float:
        fired, there = logits[part][:, emotion] >= cut, truth[part][:, emotion]
        return float(2 * (fired & there).sum() / max(fired.sum() + there.sum(), 1))

    best = [max(np.arange(-3, 2, 0.1), key=lambda cut: f1(0, k, cut)) for k in range(EMOTIONS)]
    return float(np.mean([f1(1, k, cut) for k, cut in enumerate(best)]))


def tune(net: Net, rows: Sequence[Row], emotions: Emotions, epochs: float, rng: random.Random) -> Net:
    """All heads at once over every row that is not held out and half of the replies, emotions beside; returns the mean of the weights."""
    use = [i for i, row in enumerate(rows) if not row.held_out and (row.reply < 0 or rng.random() < 0.5)]
    pieces = [row.pieces for row in rows]
    truth = np.zeros((len(rows), ANY + 1), dtype=np.float32)
    known = np.zeros_like(truth)
    for i, row in enumerate(rows):
        for column, there in row.labels.items():
            truth[i, column], known[i, column] = there, 1
    weights = np.array(
        [WEIGHT.get(row.source, 1.0) * (0.7 if row.plain and row.source == "silver" else 1) for row in rows]
    )
    moods = torch.tensor([row.mood for row in rows])
    share = np.bincount([row.mood for row in rows if row.mood >= 0]) / (moods >= 0).sum().item()
    rare = torch.tensor(share**-0.5, dtype=torch.float)
    positive, seen = (truth * known).sum(0), known.sum(0)
    lift = torch.tensor(np.clip(((seen - positive) / positive) ** 0.4, 1, 4), dtype=torch.float)
    replies = torch.tensor([row.reply for row in rows])
    asked = torch.tensor([[c in row.conditions for c in CONDITIONS] for row in rows], dtype=torch.float)

    groups = [
        {"params": list(layer.parameters()), "lr": RATE * LAYER_DECAY ** (len(net.bert.encoder.layer) - 1 - k)}
        for k, layer in enumerate(net.bert.encoder.layer)
    ]
    groups = groups[FROZEN:]
    groups.append({"params": [p for head in (*net.parts, net.emo) for p in head.parameters()], "lr": HEAD_RATE})
    groups.append({"params": [net.query], "lr": 2 * HEAD_RATE, "weight_decay": 0.0})
    net.bert.encoder.layer[:FROZEN].requires_grad_(requires_grad=False)
    steps = round(math.ceil(len(use) / BATCH) * epochs)
    mean: Net | None = None
    feelings = emotions.batches(rng)
    every_step = _steps(net, groups, lambda: _batches(pieces, use, BATCH, rng), math.ceil(epochs), steps, 150)
    for done, (batch, step) in enumerate(islice(every_step, steps), start=1):
        mood, binary, meaning, condition = net([pieces[i] for i in batch])
        weight = torch.tensor(weights[batch], dtype=torch.float)
        loss = _mood_loss(mood, moods[batch], weight, rare / rare.mean())
        every = F.binary_cross_entropy_with_logits(
            binary, torch.tensor(truth[batch]), pos_weight=lift, reduction="none"
        )
        loss = loss + ((every * torch.tensor(known[batch])).sum(1) * weight).mean()
        loss = loss + _reply_loss(meaning, condition, replies[batch], asked[batch])
        if done % EMOTION_EVERY == 0:
            loss = loss + EMOTION * emotions.loss(net, next(feelings))
        step(loss)
        mean = _mean_so_far(mean, net, done, steps)
    return (mean or net).eval()


class Low(nn.Module):
    """A layer's matrix, left as it is, and a step of low rank on it."""

    def __init__(self, base: Any) -> None:
        super().__init__()
        self.base = base
        self.drop = nn.Dropout(0.1)
        self.down = nn.Linear(base.in_features, RANK, bias=False)
        self.up = nn.Linear(RANK, base.out_features, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, values: Any) -> Any:
        """What the matrix makes of the values, and the step."""
        return self.base(values) + self.up(self.drop(self.down(values)))


def with_steps(net: Net) -> Net:
    """A copy of the network, frozen, with a step of nothing on each matrix of its layers."""
    net = copy.deepcopy(net).requires_grad_(requires_grad=False)
    for module in list(net.bert.encoder.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear) and not isinstance(module, Low):
                setattr(module, name, Low(child))
    return net


def adapt(
    net: Net, rows: Sequence[Row], epochs: int, rng: random.Random, start: dict[str, Any] | None = None, way: float = 1
) -> Net:
    """The network with low-rank steps tuned to replies, and its reply heads; the rest stays as it is.

    Args:
        start: What an earlier network was adapted with, to go on from.
        way: How much of the way from there to where tuning leads is gone.
    """
    net = with_steps(net)
    if start:
        _lay(start, net, 1)
    for part in (net.rep, net.con):
        part.requires_grad_(requires_grad=True)
    net.query.requires_grad_(requires_grad=True)
    asked = [row for row in rows if row.reply >= 0]
    use = [i for i, row in enumerate(asked) if not row.held_out]
    pieces = [row.pieces for row in asked]
    replies = torch.tensor([row.reply for row in asked])
    conditions = torch.tensor([[c in row.conditions for c in CONDITIONS] for row in asked], dtype=torch.float)
    groups = [
        {"params": [p for p in net.bert.parameters() if p.requires_grad], "lr": HEAD_RATE},
        {"params": [*net.rep.parameters(), *net.con.parameters()], "lr": HEAD_RATE},
        {"params": [net.query], "lr": 2 * HEAD_RATE, "weight_decay": 0.0},
    ]
    steps = math.ceil(len(use) / BATCH) * epochs
    mean: Net | None = None
    every_step = _steps(net, groups, lambda: _batches(pieces, use, BATCH, rng), epochs, steps, 100)
    for done, (batch, step) in enumerate(every_step, start=1):
        _, _, meaning, condition = net([pieces[i] for i in batch])
        step(_reply_loss(meaning, condition, replies[batch], conditions[batch]))
        mean = _mean_so_far(mean, net, done, steps)
    adapted = mean or net
    if start:
        _lay(start, adapted, 1 - way)
    return adapted.eval()


def _lay(start: dict[str, Any], net: Net, part: float) -> None:
    """Move the low-rank steps and the reply heads of `net` a part of the way to `start`."""
    for_replies = slice(len(MOODS) + ANY + 1, None)
    with torch.no_grad():
        for name, values in net.named_parameters():
            if name == "query":
                values[:, for_replies].lerp_(start[name][:, for_replies], part)
            elif ".down." in name or ".up." in name or name.startswith(("rep.", "con.")):
                values.lerp_(start[name], part)


def _mood_loss(logits: Any, moods: Any, weight: Any, rare: Any) -> Any:
    known = moods >= 0
    if not known.any():
        return torch.tensor(0.0)
    logits, moods, weight = logits[known], moods[known], weight[known]
    entropy = F.cross_entropy(logits, moods, weight=rare, reduction="none", label_smoothing=SMOOTHING)
    distance = (torch.softmax(logits, -1) @ torch.arange(float(len(MOODS))) - moods.float()) ** 2
    return ((entropy + ORDINAL * distance) * weight).sum() / len(known)


def _reply_loss(meaning: Any, condition: Any, replies: Any, asked: Any) -> Any:
    known = replies >= 0
    if not known.any():
        return torch.tensor(0.0)
    entropy = F.cross_entropy(meaning[known], replies[known], reduction="sum", label_smoothing=0.03)
    every = F.binary_cross_entropy_with_logits(
        condition[known], asked[known], pos_weight=torch.tensor(3.0), reduction="none"
    )
    conditional = every[replies[known] == MEANINGS.index("conditional")].sum()
    return (1.5 * entropy + 0.5 * conditional) / len(known)


def _mean_so_far(mean: Net | None, net: Net, done: int, steps: int) -> Net | None:
    """The mean of the weights, taken every ten steps from `MEAN_FROM` on; None before the first."""
    first = round(MEAN_FROM * steps) // 10
    taken = done // 10 - first
    if done % 10 or taken < 1:
        return mean
    if mean is None:
        return copy.deepcopy(net)
    with torch.no_grad():
        for old, new in zip(mean.parameters(), net.parameters(), strict=True):
            old.lerp_(new, 1 / taken)
    return mean


def _steps(
    net: Net,
    groups: list[dict[str, Any]],
    batches: Callable[[], list[list[int]]],
    epochs: int,
    steps: int,
    warmup: int,
) -> Iterator[tuple[list[int], Callable[[Any], None]]]:
    """Yield each batch with what to call with its loss."""
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda done: min(1, done / warmup) * max(FLOOR, 1 - done / steps)
    )
    net.train()
    done = 0

    def step(loss: Any) -> None:
        nonlocal done
        net.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        done += 1
        if done % 100 == 0:
            print(f"step {done} of {steps}: loss {loss.item():.3f}", flush=True)

    for _ in range(epochs):
        for batch in batches():
            yield batch, step


def _batches(pieces: Sequence[Pieces], use: Sequence[int], size: int, rng: random.Random) -> list[list[int]]:
    """Rows in random order, those of a batch of about one length."""
    order = list(use)
    rng.shuffle(order)
    out: list[list[int]] = []
    for start in range(0, len(order), size * 50):
        part = sorted(order[start : start + size * 50], key=lambda i: len(pieces[i].ids) + len(pieces[i].context))
        out += [part[k : k + size] for k in range(0, len(part), size)]
    rng.shuffle(out)
    return out


# What is shipped


def ship(net: Net, adapted: Net, rows: Sequence[Row]) -> None:
    """Calibrate on what was held out, choose thresholds there, write the files and the card."""
    held = [row for row in rows if row.held_out and row.mood >= 0 and row.source != "pair"]
    asked = [row for row in rows if row.held_out and row.reply >= 0]
    mood, binary, _, _ = _logits(net, held)
    _, _, meaning, _ = _logits(adapted, asked)
    query = net.query.detach().numpy()
    lines: list[str] = []

    moods = np.array([row.mood for row in held])
    dense, bias = _linear(net.mood)
    heat = min(np.arange(0.5, 3.01, 0.05), key=lambda t: _entropy(mood / t, moods))
    columns, offsets, looks = [*(dense / heat).T], [*(bias / heat)], [*query.T[: len(MOODS)]]
    right = float(np.mean(mood.argmax(1) == moods))
    happy = mood.argmax(1) >= MOODS.index("satisfied")
    risky = delight = np.zeros(len(held), dtype=bool)
    surely = happy & (_softmax(mood / heat)[:, MOODS.index("satisfied") :].sum(1) >= SURELY_HAPPY)
    labels = [f"mood:{mood}" for mood in MOODS]
    thresholds: dict[str, float] = {}

    dense, bias = _linear(net.bin)
    for family in ("signal", "risk", *(f"flag:{flag}" for flag in FLAGS)):
        own = [i for i, name in enumerate(LABELS) if name == family or name.startswith(f"{family}:")]
        truth = np.array([[row.labels[i] for i in own] for row in held])
        logits = binary[:, own]
        slope, shift = _platt(logits.ravel(), truth.ravel())
        chances = 1 / (1 + np.exp(-(slope * logits + shift)))
        if family == "signal":  # what the reader itself allows
            chances[~happy] = 0
        elif family == "flag:moment":
            chances[~happy | risky | ~delight] = 0
        elif family == "flag:ask_ok":
            chances[~surely | risky] = 0
        if family.startswith("flag:"):
            never = moods < MOODS.index("neutral") if family == "flag:ask_ok" else np.zeros(len(held), dtype=bool)
            wanted = WANTED[family] if family != "flag:moment" else _held_to(WANTED[family], float(truth.mean()))
            cuts = [_lowest(chances.ravel(), truth.ravel(), wanted, never)]
        else:
            shared = _threshold(chances.ravel(), truth.ravel(), WANTED[family])
            alone = [_threshold(chances[:, k], truth[:, k], WANTED[family]) for k in range(len(own))]
            # a label alone has too few examples to be trusted with its own
            cuts = [(shared + cut) / 2 for cut in alone]
        if family == "signal":
            of_delight = [k for k, i in enumerate(own) if is_delight(LABELS[i])]
            cuts_of_delight = np.array(cuts)[of_delight]
            delight = np.array([nearest(row, cuts_of_delight) is not None for row in chances[:, of_delight]])
        if family == "risk":
            risky = (chances >= np.array(cuts)).any(1)
        for k, (i, threshold) in enumerate(zip(own, cuts, strict=True)):
            fired, there = chances[:, k] >= threshold, truth[:, k]
            hits = int((fired & there).sum())
            lines.append(
                f"| {LABELS[i]} | {int(there.sum())} | {threshold:.2f} | {hits / max(int(fired.sum()), 1):.2f} | {hits / max(int(there.sum()), 1):.2f} |"
            )
            labels.append(LABELS[i])
            thresholds[LABELS[i]] = threshold
            columns.append(slope * dense[:, i])
            offsets.append(slope * bias[i] + shift)
            looks.append(query[:, len(MOODS) + i])

    state = {key: value.numpy().astype(np.float16) for key, value in net.bert.encoder.state_dict().items()}
    state |= _peaks(net, [row.pieces for row in held[:PROBED]])
    buffer = BytesIO()
    np.savez_compressed(buffer, **state)  # type: ignore[arg-type]
    LAYERS.write_bytes(buffer.getvalue())
    reader_name = name = f"{BUNDLED_NAME}-tuned-{weights_of(LAYERS)[:12]}"
    SHIPPED.write_bytes(_heads(labels, columns, offsets, looks, thresholds, name).to_bytes())

    steps = {
        key.removeprefix("bert.encoder."): value.numpy().astype(np.float16)
        for key, value in adapted.state_dict().items()
        if ".down." in key or ".up." in key
    }
    buffer = BytesIO()
    np.savez_compressed(buffer, **steps)  # type: ignore[arg-type]
    REPLY_STEPS.write_bytes(buffer.getvalue())
    name = f"{BUNDLED_NAME}-replies-{weights_of(LAYERS, REPLY_STEPS)[:12]}"
    query = adapted.query.detach().numpy()
    dense, bias = _linear(adapted.rep)
    truth = np.array([row.reply for row in asked])
    heat = min(np.arange(0.5, 3.01, 0.05), key=lambda t: _entropy(meaning / t, truth))
    chances = _softmax(meaning / heat)
    names, columns, offsets = [f"reply:{m}" for m in MEANINGS], [*(dense / heat).T], [*(bias / heat)]
    limits = dict.fromkeys(names, SURE)
    limits["reply:unclear"] = 0.0
    wanted = np.array([row.sure for row in asked])
    granted = (chances.argmax(1) == 0) & (chances[:, 0] >= wanted)
    dense, bias = _linear(adapted.con)
    looks = [*query.T[len(MOODS) + ANY + 1 :]]
    names += [f"condition:{c}" for c in CONDITIONS]
    columns += [*dense.T]
    offsets += [*bias]
    limits |= {f"condition:{c}": 0.5 for c in CONDITIONS}
    SHIPPED_REPLIES.write_bytes(_heads(names, columns, offsets, looks, limits, name).to_bytes())

    sources = {
        source: sum(row.source == source for row in rows)
        for source in ("written", "real", "project", "pair", "silver", "page", "reply")
    }
    told = f"{len(asked)} held-out replies: {float(np.mean(chances.argmax(1) == truth)):.2f} exactly right; granted claimed on {int(granted.sum())} of {int((truth == 0).sum())}, wrongly on {int((granted & (truth != 0)).sum())}"
    (SHIPPED.parent / "MODEL_CARD.md").write_text(_card(reader_name, sources, len(held), right, lines, told), "utf-8")
    print((SHIPPED.parent / "MODEL_CARD.md").read_text("utf-8"))
    print(f"{LAYERS}: {LAYERS.stat().st_size:,} bytes")


SURE = 0.4
"""A meaning is claimed from here, a grant only where `caution` allows it; it is shown to a person anyway."""


def _logits(net: Net, rows: Sequence[Row]) -> list[NDArray[np.float32]]:
    """Logits of each head for `rows`."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].pieces.ids))
    out = [np.zeros((len(rows), head.out_features), dtype=np.float32) for head in net.parts]
    with torch.no_grad():
        for start in range(0, len(order), 64):
            batch = order[start : start + 64]
            for into, logits in zip(out, net([rows[i].pieces for i in batch]), strict=True):
                into[batch] = logits.numpy()
    return out


def _peaks(net: Net, messages: Sequence[Pieces]) -> dict[str, NDArray[np.float16]]:
    """The largest input that each column of a layer's wide matrices got from `messages`: what makes eight bits enough."""
    peaks: dict[str, Any] = {}

    def seen(name: str) -> Callable[[Any, Any], None]:
        def keep(_: Any, inputs: Any) -> None:
            largest = inputs[0].abs().amax((0, 1))
            peaks[name] = torch.maximum(peaks[name], largest) if name in peaks else largest

        return keep

    hooks = [matrix.register_forward_pre_hook(seen(name)) for name, matrix in wide_matrices(net.bert.encoder)]
    with torch.no_grad():
        for message in messages:  # alone: no padding
            net([message])
    for hook in hooks:
        hook.remove()
    return {f"{PEAK}{name}": peak.numpy().astype(np.float16) for name, peak in peaks.items()}


def _linear(head: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return head.weight.detach().numpy().T, head.bias.detach().numpy()


def _heads(
    labels: list[str],
    columns: list[Any],
    offsets: list[Any],
    looks: list[Any],
    thresholds: dict[str, float],
    encoder: str,
) -> Heads:
    dense, query = np.array(columns, dtype=np.float32).T, np.array(looks, dtype=np.float32).T
    version = digest(encoder, str(np.round(dense, 4).tobytes()), json.dumps(thresholds))
    bias = np.array(offsets, dtype=np.float32)
    return Heads(labels, dense, bias, thresholds, encoder=encoder, version=version, query=query)


def _softmax(logits: NDArray[Any]) -> NDArray[Any]:
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(odds / odds.sum(1, keepdims=True))


def _entropy(logits: NDArray[Any], truth: NDArray[Any]) -> float:
    return float(-np.log(_softmax(logits)[np.arange(len(truth)), truth] + 1e-9).mean())


def _platt(logits: NDArray[Any], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and shift that make the logits of a family calibrated."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=100.0).fit(logits.reshape(-1, 1), truth)
    return float(fitted.coef_[0][0]), float(fitted.intercept_[0])


def _threshold(chances: NDArray[Any], truth: NDArray[np.bool_], precision: float) -> float:
    """Where F1 is best among the chances from which at least `precision` is reached."""
    best, score = 0.9, 0.0
    for cut in np.arange(0.1, 0.96, 0.01):
        fired = chances >= cut
        hits = (fired & truth).sum()
        f1 = 2 * hits / max(fired.sum() + truth.sum(), 1)
        if hits and hits / fired.sum() >= precision and f1 > score:
            best, score = float(cut), float(f1)
    return best


def _held_to(precision: float, share: float) -> float:
    """Precision to be reached where `share` of the conversations are moments, so that it is `precision` in life."""
    odds = precision / (1 - precision) * share / (1 - share) * (1 - MOMENTS_IN_LIFE) / MOMENTS_IN_LIFE
    return odds / (1 + odds)


def _lowest(chances: NDArray[Any], truth: NDArray[np.bool_], precision: float, never: NDArray[np.bool_]) -> float:
    """The lowest chance from which at least `precision` is reached: as much as may be found at that care.

    Args:
        never: Rows of which not one may fire: an ask is offered to no unhappy customer.
    """
    for cut in np.arange(0.1, 0.96, 0.01):
        fired = chances >= cut
        if fired.any() and not (fired & never).any() and (fired & truth).sum() / fired.sum() >= precision:
            return float(cut)
    return 0.95


def _card(name: str, sources: dict[str, int], held: int, right: float, lines: list[str], told: str) -> str:
    return (
        "\n".join(
            [
                "# Model card: the reader",
                "",
                "Written by `scripts/train_reader.py`; do not edit by hand.",
                "",
                f"- What: the six layers of {BUNDLED_NAME} tuned to read support conversations (`layers.npz`, half floats), with",
                "  linear heads for mood, signals, risks and flags (`heads.npz`); for replies to a permission ask low-rank steps on the same",
                "  layers (`reply-steps.npz`) and heads of their own (`replies.npz`).",
                f"- Name: `{name}`",
                "- First step: GoEmotions (Apache-2.0, github.com/google-research), one epoch; of the last rounds it was a small part too.",
                f"- Trained on: {sources['written']} conversations and most of {sources['reply']} permission replies written for this",
                f"  project's bench or in `training/`; {sources['project'] + sources['pair']} conversations of `training/`; {sources['real']} real ones labelled by the",
                f"  codebook and {sources['silver']} labelled by us (IBM customer-care Twitter, Apache-2.0; Skytrax reviews, CC0);",
                f"  {sources['page']} examples and near misses of `playbooks/signals/`.",
                "- Not trained or tuned on: any development or sealed set.",
                "- Language: English. Other languages are marked as not read.",
                "- Judges: the customer's words only, never an agent's.",
                f"- Held out for calibration and thresholds: {held} conversations; mood exactly right of five: {right:.2f}.",
                f"- {told}.",
                "",
                "Held-out conversations, at the shipped threshold:",
                "",
                "| head | positives | threshold | precision | recall |",
                "|---|---|---|---|---|",
                *lines,
                "",
                "Known limits: rare signals lean on few examples; the held-out conversations carry more signals than life does, so",
                "a confidence is read as an order, not as a rate. A person's correction always wins.",
            ]
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
