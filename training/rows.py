"""Training rows: plain text windows, and retrieval rows (families.py) planted in text.

A row is T + 1 tokens. Retrieval rows ask questions all along the row and always one at its end; the answers' tokens
weigh more in the loss, the needles' own (unpredictable) values nothing. `probes` name, for some questions, the position
that predicts the answer's first token and the span of the value it must look up: train.py's oracle loss reads them.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

import numpy as np
from tokenizers import Tokenizer

import phrases

ANSWER_WEIGHT, CHAIN_WEIGHT = 4.0, 8.0
RESERVED = 5  # every fifth single-token word and name is kept for evaluation


@dataclass
class Piece:
    """Text planted in a row: tokens, the span of its value, and for a question the needle it asks for."""

    depth: float
    tokens: list[int]
    value: tuple[int, int]
    asks: "Piece | None" = None
    weight: float = ANSWER_WEIGHT
    start: int = 0


@dataclass
class Row:
    """tokens [T + 1], weights [T] of the targets, probes (position, value start, value end)."""

    tokens: np.ndarray
    weights: np.ndarray
    probes: list[tuple[int, int, int]] = field(default_factory=list)


class RowMaker:
    """Makes the rows of a training step; the same (seed, step, index) always gives the same row.

    `families` maps a name to (share, maker of pieces); see families.FAMILIES. `reserved` takes the words kept for
    evaluation instead of those for training.
    """

    def __init__(self, tokens: np.ndarray, tokenizer: Tokenizer, families: dict, free: float = 0.0,
                 reserved: bool = False) -> None:
        self.tokens, self.tokenizer, self.families, self.free = tokens, tokenizer, families, free
        names = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
        self.newline = np.array([name.startswith("Ċ") for name in names])
        tests = {*phrases.TEST_ADJECTIVES, *phrases.TEST_NOUNS}
        words = [n[1:] for n in names if re.fullmatch("Ġ[a-z]{4,9}", n) and n[1:] not in tests]
        self.words = [w for i, w in enumerate(words) if (i % RESERVED == 0) == reserved]
        self.capitals = [n[1:] for n in names if re.fullmatch("Ġ[A-Z][a-z]{3,9}", n)]

    def encode(self, text: str) -> list[int]:
        """Token ids of a piece of text."""
        return self.tokenizer.encode(text).ids

    def piece(self, depth: float, before: str, value: str, after: str, asks: Piece | None = None) -> Piece:
        """A planted piece; `before` ends without a space, the value's tokens start with one."""
        head, middle = self.encode(before), self.encode(" " + value)
        tail = self.encode(after) if after else []
        return Piece(depth, head + middle + tail, (len(head), len(head) + len(middle)), asks)

    def window(self, rng: random.Random, length: int) -> np.ndarray:
        """`length` consecutive tokens of the training text."""
        at = rng.randrange(len(self.tokens) - length)
        return self.tokens[at:at + length].astype(np.int64)

    def row(self, seed: int, step: int, index: int, length: int, retrieval: float) -> Row:
        """One row; with probability `retrieval` a retrieval row."""
        rng = random.Random(f"{seed}/{step}/{index}")
        if rng.random() >= retrieval:
            return self.text_row(rng, length)
        shares = [share for share, _ in self.families.values()]
        make = rng.choices([make for _, make in self.families.values()], shares)[0]
        return self.assemble(rng, length, make(self, rng, length))

    def text_row(self, rng: random.Random, length: int) -> Row:
        """Plain text; one row in ten repeats an earlier part of itself."""
        tokens = self.window(rng, length + 1)
        if rng.random() < 0.1:
            size = rng.randint(length // 40, length // 5)
            source = rng.randrange(0, length - 2 * size)
            target = rng.randrange(source + size, length + 1 - size)
            tokens[target:target + size] = tokens[source:source + size]
        return Row(tokens, np.ones(length, dtype=np.float32))

    def assemble(self, rng: random.Random, length: int, pieces: list[Piece]) -> Row:
        """Plant the pieces, each a line of its own, in a text window; the row has exactly length + 1 tokens."""
        pieces.sort(key=lambda p: p.depth)
        while sum(len(p.tokens) for p in pieces) > 0.8 * length:
            gone = pieces.pop(rng.randrange(len(pieces)))
            pieces = [p for p in pieces if p.asks is not gone]
        hay = self.window(rng, length + 1 - sum(len(p.tokens) for p in pieces))
        out: list[np.ndarray] = []
        at, size = 0, 0
        for piece in pieces:
            cut = min(len(hay), int(piece.depth * len(hay)))
            ends = np.flatnonzero(self.newline[hay[cut:cut + 96]])
            cut = max(at, min(len(hay), cut + int(ends[0])) if len(ends) else cut)
            if piece.depth >= 1.0:
                cut = len(hay)
            out += [hay[at:cut], np.array(piece.tokens, dtype=np.int64)]
            piece.start = size + cut - at
            size, at = piece.start + len(piece.tokens), cut
        tokens = np.concatenate([*out, hay[at:]])
        weights = np.ones(length, dtype=np.float32)
        probes = []
        for piece in pieces:
            first, last = piece.start + piece.value[0], piece.start + piece.value[1]
            weights[max(first - 1, 0):last - 1] = 0.0 if piece.asks is None else piece.weight
            source = piece.asks
            if source is not None and source.start < piece.start:
                probes.append((first - 1, source.start + source.value[0] - 1, source.start + source.value[1]))
        rng.shuffle(probes)
        return Row(tokens, weights, probes)


class Batches:
    """Map-style data set of training steps for torch's DataLoader: item `step` is one batch of arrays."""

    def __init__(self, maker: RowMaker, seed: int, rows: int, length: int, retrieval: float, probes: int) -> None:
        self.maker, self.seed, self.rows, self.length = maker, seed, rows, length
        self.retrieval, self.probes = retrieval, probes

    def __getitem__(self, step: int) -> dict[str, np.ndarray]:
        """tokens [rows, T + 1], weights [rows, T], probes [rows, P, 3] (position, start, end), unused ones -1."""
        rows = [self.maker.row(self.seed, step, i, self.length, self.retrieval) for i in range(self.rows)]
        table = np.full((self.rows, self.probes, 3), -1, dtype=np.int64)
        for row, places in zip(rows, table):
            found = row.probes[:self.probes]
            places[:len(found)] = np.array(found, dtype=np.int64).reshape(-1, 3)
        return {"tokens": np.stack([r.tokens for r in rows]), "weights": np.stack([r.weights for r in rows]),
                "probes": table}
