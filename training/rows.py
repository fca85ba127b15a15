"""Training rows: plain text windows, and retrieval rows (needles, tables of pairs, assignment chains) planted in text.

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

ANSWER_WEIGHT = 4.0


@dataclass
class Piece:
    """Text planted in a row: tokens, the span of its value, and for a question the needle it asks for."""

    depth: float
    tokens: list[int]
    value: tuple[int, int]
    asks: "Piece | None" = None
    probe: bool = True
    start: int = 0


@dataclass
class Row:
    """tokens [T + 1], weights [T] of the targets, probes (position, value start, value end)."""

    tokens: np.ndarray
    weights: np.ndarray
    probes: list[tuple[int, int, int]] = field(default_factory=list)


class RowMaker:
    """Makes the rows of a training step; the same (seed, step, index) always gives the same row."""

    def __init__(self, tokens: np.ndarray, tokenizer: Tokenizer, free: float = 0.0) -> None:
        self.tokens, self.tokenizer, self.free = tokens, tokenizer, free
        names = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
        self.newline = np.array([name.startswith("Ċ") for name in names])
        tests = {*phrases.TEST_ADJECTIVES, *phrases.TEST_NOUNS}
        self.words = [n[1:] for n in names if re.fullmatch("Ġ[a-z]{4,9}", n) and n[1:] not in tests]

    def encode(self, text: str) -> list[int]:
        """Token ids of a piece of text."""
        return self.tokenizer.encode(text).ids

    def piece(self, depth: float, before: str, value: str, after: str, asks: Piece | None = None) -> Piece:
        """A planted piece; `before` ends without a space, the value's tokens start with one."""
        head, middle = self.encode(before), self.encode(" " + value)
        return Piece(depth, head + middle + self.encode(after), (len(head), len(head) + len(middle)), asks)

    def window(self, rng: random.Random, length: int) -> np.ndarray:
        """`length` consecutive tokens of the training text."""
        at = rng.randrange(len(self.tokens) - length)
        return self.tokens[at:at + length].astype(np.int64)

    def row(self, seed: int, step: int, index: int, length: int, retrieval: float) -> Row:
        """One row; with probability `retrieval` a retrieval row."""
        rng = random.Random(f"{seed}/{step}/{index}")
        if rng.random() >= retrieval:
            return self.text_row(rng, length)
        pieces = self.chains(rng) if rng.random() < 0.12 else self.needles(rng, length)
        return self.assemble(rng, length, pieces)

    def text_row(self, rng: random.Random, length: int) -> Row:
        """Plain text; one row in thirty repeats an earlier part of itself."""
        tokens = self.window(rng, length + 1)
        if rng.random() < 1 / 30:
            size = rng.randint(100, 800)
            source = rng.randrange(0, length - 2 * size)
            target = rng.randrange(source + size, length + 1 - size)
            tokens[target:target + size] = tokens[source:source + size]
        return Row(tokens, np.ones(length, dtype=np.float32))

    def forms(self, rng: random.Random) -> tuple[bool, tuple[str, list[str]]]:
        """(is the key an identifier, (statement, questions)) of the next needles."""
        if self.free > 0 and rng.random() < self.free:
            return rng.random() < 0.3, phrases.free_forms(rng, self.words)
        code = rng.random() < 0.4
        return code, rng.choice(phrases.CODE) if code else (rng.choice(phrases.STATEMENTS), phrases.QUESTIONS)

    def needles(self, rng: random.Random, length: int) -> list[Piece]:
        """Needles with values, and questions about some of them, the last ones at the row's end."""
        scale = length / 4096
        dense = rng.random() < 0.25
        count = rng.randint(30, int(90 * min(scale, 2))) if dense else rng.choice((1, 1, 2, 3, 4, 6, 8, 12, 16, 24))
        code, forms = self.forms(rng)
        thing = rng.choice(phrases.THINGS)
        low = rng.random() * 0.6 if dense else 0.0
        high = low + rng.choice((0.0, 0.2)) if dense else 1.0
        facts, used = [], set()
        for _ in range(count):
            if not dense and rng.random() < 0.5:
                code, forms = self.forms(rng)
                thing = rng.choice(phrases.THINGS)
            key = phrases.code_key(rng, self.words) if code else phrases.prose_key(rng, self.words)
            if key in used:
                continue
            used.add(key)
            value = phrases.some_value(rng, self.words)
            before, after = forms[0].replace("{key}", key).replace("{thing}", thing).split(" {value}")
            needle = self.piece(rng.uniform(low, high), "\n" + before, value, after)
            facts.append((needle, key, thing, value, forms[1], after))
        pieces = [fact[0] for fact in facts]
        asked = rng.randint(20, 50) if dense else rng.randint(2, 7) + (rng.randint(0, 8) if scale > 1 else 0)
        for number in range(asked):
            needle, key, thing, value, questions, _ = rng.choice(facts)
            depth = 1.0 if number < 2 else rng.uniform(min(1.0, needle.depth + 0.03), 1.0)
            before = "\n" + rng.choice(questions).replace("{key}", key).replace("{thing}", thing)
            pieces.append(self.piece(depth + number * 1e-6, before, value, "", needle))
        return pieces

    def chains(self, rng: random.Random) -> list[Piece]:
        """Variable tracking: `A = 17`, later `B = A`, later `C = B`; asked for A, B and C's value."""
        pieces = []
        ends = []
        for _ in range(rng.randint(1, 5)):
            value = phrases.digits(rng, 3, 6)
            hops = sorted(rng.uniform(0, 0.95) for _ in range(rng.randint(2, 4)))
            right, needle = value, None
            for depth in hops:
                name = phrases.code_key(rng, self.words)
                needle = self.piece(depth, f"\n{name} =", right, "")
                pieces.append(needle)
                ends.append((name, value, needle, right == value))
                right = name
        for number in range(rng.randint(4, 8)):
            name, value, needle, direct = rng.choice(ends)
            depth = 1.0 if number < 2 else rng.uniform(needle.depth + 0.03, 1.0)
            form = rng.choice(["print({})  # prints", "assert {} ==", "# {} is"])
            question = self.piece(depth + number * 1e-6, "\n" + form.format(name), value, "", needle)
            question.probe = direct
            pieces.append(question)
        return pieces

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
            weights[max(first - 1, 0):last - 1] = 0.0 if piece.asks is None else ANSWER_WEIGHT
            source = piece.asks
            if source is not None and piece.probe and source.start < piece.start:
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
