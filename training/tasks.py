"""Retrieval tasks in the style of RULER, with generators of our own, for the study's evaluation.

    python training/tasks.py --out DIR --lengths 4096,8192      # writes DIR/trials-4096.npz, ...

Haystacks are held-out text (or a repeated remark), keys and names are words that no training row uses as such, except
where they are the answer (variables, common). A trial holds length + 1 tokens and ends with the answer; the prompt is
everything before it.

single-1/2/3: one needle in a repeated remark (number), in text (number), in text (UUID). multikey-1: four needles, one
asked. multikey-2/3: needles fill four fifths of the context, numbers / UUIDs for keys and values. multivalue: four
values of a key. variables: all names of a chain of four beside another chain. common: the frequent words of a list.
chain-N: N dependent lookups (chains.py): six chains of four lines in six clusters, reversed order, so that a guess
among the ends is right once in six; -forward: in forward order; -scattered: 24 places; -unseen: unseen wording.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import chains
import families
import needle
import phrases
from rows import Piece, RowMaker

HELD_OUT = needle.HELD_OUT
REMARK = "The kettle is on and the road is long.\nRain falls on the roof. We wait and listen.\nNobody comes by.\n"
STATEMENT = "The access code for {key} is {value}."
QUESTION = "What is the access code for {key}? The access code for {key} is"
TRIALS = {1024: 50, 4096: 100, 8192: 50, 16384: 30, 32768: 14}
FOCUS = ("multikey-3", "chain-1", "chain-2", "chain-3")  # twice as many trials


@dataclass
class Trial:
    """tokens [length + 1]; spans of the answer's items; first tokens of the values to look up, in order of lookup."""

    tokens: np.ndarray
    groups: list[tuple[int, int]]
    places: list[int]

    @property
    def ask(self) -> int:
        """Position of the prompt's last token."""
        return self.groups[0][0] - 1


class Maker:
    """Makes trials; the same (task, length, number) always gives the same trial."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        text = "\n".join((HELD_OUT / name).read_text() for name in needle.FILES)
        tokens = np.array(tokenizer.encode(text).ids)
        remark = np.array(tokenizer.encode(REMARK * 3000).ids)
        self.text = RowMaker(tokens, tokenizer, {}, reserved=True)
        self.noise = RowMaker(remark, tokenizer, {}, reserved=True)
        self.usual = RowMaker(tokens, tokenizer, {}).words
        self.comma = tokenizer.encode(",").ids[0]

    def trials(self, task: str, length: int, count: int) -> list[Trial]:
        """The first `count` trials of a task."""
        return [self.trial(task, length, number) for number in range(count)]

    def trial(self, task: str, length: int, number: int) -> Trial:
        """One trial."""
        rng = random.Random(f"{task}/{length}/{number}")
        pieces, question, found = TASKS[task](self, rng, length)
        maker = self.noise if task == "single-1" else self.text
        row = maker.assemble(rng, length, [*pieces, question])
        start, end = question.start + question.value[0], question.start + question.value[1]
        if task == "multivalue":
            commas = [start - 1] + [i for i in range(start, end) if row.tokens[i] == self.comma] + [end]
            groups = [(a + 1, b) for a, b in zip(commas, commas[1:])]
        elif task in ("variables", "common"):
            groups = [(i, i + 1) for i in range(start, end)]
        else:
            groups = [(start, end)]
        return Trial(row.tokens.astype(np.uint16), groups, [p.start + p.value[0] for p in found])


def test_key(rng: random.Random) -> str:
    """A key made of words that no training row uses."""
    return f"{rng.choice(phrases.TEST_ADJECTIVES)}-{rng.choice(phrases.TEST_NOUNS)}"


def uuid(rng: random.Random) -> str:
    """A random UUID."""
    return "-".join(phrases.hexadecimal(rng, n) for n in (8, 4, 4, 4, 12))


def fact(maker: Maker, key: str, value: str, depth: float) -> Piece:
    """A needle."""
    before, after = STATEMENT.replace("{key}", key).split(" {value}")
    return maker.text.piece(depth, "\n" + before, value, after)


def needles(values: str, count: int):
    """`count` needles, the first one asked for; `values` is `number` or `uuid`."""
    def make(maker: Maker, rng: random.Random, length: int) -> tuple[list[Piece], Piece, list[Piece]]:
        keys: set[str] = set()
        while len(keys) < count:
            keys.add(test_key(rng))
        facts = [(key, uuid(rng) if values == "uuid" else phrases.digits(rng, 5, 5)) for key in sorted(keys)]
        pieces = [fact(maker, key, value, rng.uniform(0, 0.95)) for key, value in facts]
        asked = rng.randrange(count)
        key, value = facts[asked]
        ask = maker.text.piece(1.0, "\n" + QUESTION.replace("{key}", key), value, "")
        return pieces, ask, [pieces[asked]]
    return make


def crowd(values: str):
    """Needles over four fifths of the context, keys as long as the values."""
    def make(maker: Maker, rng: random.Random, length: int) -> tuple[list[Piece], Piece, list[Piece]]:
        words, pieces, size = maker.text.words, [], 0
        facts: list[tuple[str, str]] = []
        while size < 0.77 * length:
            key = uuid(rng) if values == "uuid" else f"{rng.choice(words)}-{rng.choice(words)}-{rng.randint(10, 99)}"
            facts.append((key, uuid(rng) if values == "uuid" else phrases.digits(rng, 5, 5)))
            pieces.append(fact(maker, *facts[-1], rng.uniform(0, 0.98)))
            size += len(pieces[-1].tokens)
        asked = rng.randrange(len(facts))
        key, value = facts[asked]
        return pieces, maker.text.piece(1.0, "\n" + QUESTION.replace("{key}", key), value, ""), [pieces[asked]]
    return make


def multivalue(maker: Maker, rng: random.Random, length: int) -> tuple[list[Piece], Piece, list[Piece]]:
    """Four values of one key, to be listed in the order of the text."""
    key = test_key(rng)
    depths = sorted(rng.uniform(0, 0.95) for _ in range(4))
    values = [phrases.digits(rng, 4, 4) for _ in depths]
    pieces = [fact(maker, key, value, depth) for value, depth in zip(values, depths)]
    ask = "\n" + families.ALL_VALUES[0].replace("{thing}", "access code").replace("{key}", key)
    return pieces, maker.text.piece(1.0, ask, ", ".join(values), ""), pieces


def chain(hops: int, order: str = "reversed", clusters: int = 6, unseen: bool = False, lists: bool = False):
    """`hops` dependent lookups among six chains of four lines; `lists`: name a chain's names, beside one other."""
    def make(maker: Maker, rng: random.Random, length: int) -> tuple[list[Piece], Piece, list[Piece]]:
        text = maker.text
        words = maker.usual if lists else text.words
        plan = chains.plan(rng, words, text.capitals, [4] * (2 if lists else 6))
        arranged = chains.arrange(rng, plan, clusters, order)
        depths = chains.spread(rng, clusters, 0.0, 0.92, 0.6)
        form = chains.UNSEEN_LINK if unseen else rng.choice(chains.LINKS)
        lines = families.chain_lines(text, arranged, depths, plan, lambda: form)
        asked = rng.randrange(len(plan))
        if lists:
            ask = rng.choice(chains.LISTS).replace("{b}", plan[asked].value)
            question = text.piece(1.0, "\n" + ask, " ".join(plan[asked].names), "")
            return list(lines.values()), question, [lines[asked, hop] for hop in range(4)]
        ask = (chains.UNSEEN_QUESTION if unseen else rng.choice(chains.QUESTIONS))
        question = text.piece(1.0, "\n" + ask.replace("{a}", plan[asked].names[hops - 1]), plan[asked].value, "")
        return list(lines.values()), question, [lines[asked, hop] for hop in reversed(range(hops))]
    return make


def common(maker: Maker, rng: random.Random, length: int) -> tuple[list[Piece], Piece, list[Piece]]:
    """Four words ten times each among 120 that come once or twice."""
    words = rng.sample(maker.usual, 124)
    crowded = words[:4] * 10 + [w for w in words[4:] for _ in range(rng.randint(1, 2))]
    rng.shuffle(crowded)
    listing = maker.text.piece(rng.uniform(0, 0.8), "\nwords:", " ".join(crowded), "")
    answer = sorted(words[:4], key=crowded.index)
    return [listing], maker.text.piece(1.0, "\n" + families.COMMON[0], " ".join(answer), ""), [listing]


TASKS = {
    "single-1": needles("number", 1), "single-2": needles("number", 1), "single-3": needles("uuid", 1),
    "multikey-1": needles("number", 4), "multikey-2": crowd("number"), "multikey-3": crowd("uuid"),
    "multivalue": multivalue, "variables": chain(4, "mixed", 8, lists=True), "common": common,
    "chain-1": chain(1), "chain-2": chain(2), "chain-3": chain(3), "chain-4": chain(4),
    "chain-3-forward": chain(3, "forward"), "chain-3-scattered": chain(3, clusters=24),
    "chain-2-unseen": chain(2, unseen=True), "chain-3-unseen": chain(3, unseen=True),
}


def write(folder: Path, length: int, trials: dict[str, list[Trial]]) -> None:
    """One file per length: tokens [tasks * trials, length + 1] and their description."""
    about = [{"task": name, "groups": t.groups, "places": t.places} for name, made in trials.items() for t in made]
    tokens = np.stack([t.tokens for made in trials.values() for t in made])
    np.savez(folder / f"trials-{length}.tmp.npz", tokens=tokens, about=np.array(json.dumps(about)))
    (folder / f"trials-{length}.tmp.npz").replace(folder / f"trials-{length}.npz")


def read(folder: Path, length: int) -> dict[str, list[Trial]]:
    """What `write` wrote."""
    data = np.load(folder / f"trials-{length}.npz")
    out: dict[str, list[Trial]] = {}
    for tokens, one in zip(data["tokens"], json.loads(str(data["about"]))):
        out.setdefault(one["task"], []).append(Trial(tokens, [tuple(g) for g in one["groups"]], one["places"]))
    return out


def make_task(job: tuple[str, str, int, int]) -> list[Trial]:
    """Trials of one task (a worker's job)."""
    tokenizer, task, length, count = job
    return Maker(Tokenizer.from_file(tokenizer)).trials(task, length, count)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", default="media/model/tokenizer.json")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--lengths", default="4096,8192,16384,32768")
    parser.add_argument("--share", type=float, default=1.0, help="share of the usual number of trials")
    parser.add_argument("--workers", type=int, default=4)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with Pool(args.workers) as pool:
        for length in map(int, args.lengths.split(",")):
            count = max(2, int(TRIALS[length] * args.share))
            jobs = [(args.tokenizer, task, length, count * (2 if task in FOCUS else 1)) for task in TASKS]
            write(args.out, length, dict(zip(TASKS, pool.map(make_task, jobs, chunksize=1))))


if __name__ == "__main__":
    main()
