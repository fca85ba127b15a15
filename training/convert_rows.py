"""Rows of T + 1 tokens for distillation, and the needle tests.

Half are plain text. The rest, where the tokenizer has chat turns: text as a turn; planted statements that later turns ask for;
passages of the text itself that later turns ask to be gone on with (real text, no planted line). And planted statements and
questions without a chat (rows.py, families.py). Weights [T] of the predicted tokens: answers 4.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

import families
import phrases
from rows import ANSWER_WEIGHT, Piece, Row, RowMaker

SYSTEM = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
USER, ASSISTANT, END = "<|im_start|>user\n", "<|im_start|>assistant\n", "<|im_end|>\n"
ASKS = ["What is the {thing} for {key}?", "What is the {thing} of {key}?", "Which {thing} belongs to {key}?",
        "Find the {thing} for {key} in the text.", "Tell me the {thing} of {key}.", "And the {thing} of {key}?"]
ANSWERS = ["The {thing} for {key} is {value}.", "The {thing} of {key} is {value}.", "{key} has the {thing} {value}.",
           "It is {value}.", "The text says that the {thing} of {key} is {value}."]
QUOTES = ["How does the passage go on that begins like this?", "Quote what follows these words in the text:",
          "Continue the passage, word for word:", "What comes after this in the document above?", "Complete the quotation:"]
OPENINGS = ["Here is a text. Read it carefully.", "Memorize the important facts in the following text.",
            "Read this document, I will ask you about it.", "I have a question about the text below.", "Text:"]
TASKS = ["Continue this text.", "Explain this.", "What does the following code do?", "Rewrite the following text.",
         "Summarize the document below.", "Review this.", "Please repeat the following text."]

# The tests. `standard` is the usual wording; none of the others, nor their keys, occur in training. {code}: inside code.
STANDARD = ("The special magic number for {key} is {value}.", "What is the special magic number for {key} mentioned in the provided text?",
            "The special magic number for {key} mentioned in the provided text is")
WORDINGS = [
    ("To get past {key} you must dial {value} first.", "Which number must be dialled to get past {key}?", "To get past {key} one must dial"),
    ("Witnesses saw {key} carry parcel {value} across the square.", "Which parcel did {key} carry?", "{key} carried parcel"),
    ("Nobody believed that {key} would cost {value} coins.", "How many coins would {key} cost?", "{key} would cost"),
    ("The lighthouse keeper logged {value} ships under {key}.", "How many ships were logged under {key}?", "Under {key} the keeper logged"),
    ("By noon the scale showed {value} grams for {key}.", "What did the scale show for {key}?", "For {key} the scale showed"),
    ("Flight {value} was renamed {key} after the storm.", "Which flight was renamed {key}?", "The flight that was renamed {key} is flight"),
    ("{key} retired after painting {value} doors.", "How many doors had {key} painted?", "{key} had painted"),
    ("register(\"{key}\", slot= {value})", "Which slot is registered for \"{key}\"?", "The slot for \"{key}\" is"),
    ("const retries_of[\"{key}\"] = {value};", "How many retries has \"{key}\"?", "retries_of[\"{key}\"] ="),
    ("if name == \"{key}\": timeout = {value}", "Which timeout is set when the name is \"{key}\"?", "The timeout for \"{key}\" is"),
]


class Rows(RowMaker):
    """Rows by (seed, index): the same index always gives the same row."""

    def __init__(self, tokens: np.ndarray, tokenizer: Tokenizer) -> None:
        super().__init__(tokens, tokenizer, {}, free=0.4)
        self.chat = tokenizer.token_to_id("<|im_start|>") is not None
        self.things = [thing for thing in phrases.THINGS if thing != "magic number"]

    def make(self, seed: int, index: int, length: int) -> Row:
        """One row."""
        rng = random.Random(f"{seed}/{index}")
        kind = rng.random()
        if kind < (0.5 if self.chat else 0.75):
            return self.text_row(rng, length)
        if self.chat and kind < 0.87:
            return (self.chat_text if kind < 0.58 else self.chat_needles if kind < 0.75 else self.chat_quotes)(rng, length)
        make = families.needles if rng.random() < 0.8 else families.repeats
        row = self.assemble(rng, length, make(self, rng, length))
        row.weights[row.weights == 0] = 1
        return row

    def chat_text(self, rng: random.Random, length: int) -> Row:
        """Text as a user's turn, its continuation as the answer."""
        head, middle = self.encode(SYSTEM + USER + rng.choice(TASKS) + "\n\n"), self.encode(END + ASSISTANT)
        text = self.window(rng, length + 1 - len(head) - len(middle))
        cut = rng.randrange(length // 4, len(text) - 64)
        return Row(np.concatenate([head, text[:cut], middle, text[cut:]]).astype(np.int64), np.ones(length, np.float32))

    def facts(self, rng: random.Random, count: int) -> list[tuple[str, str, str, str]]:
        """(statement, key, thing, value) with different keys."""
        out: dict[str, tuple[str, str, str, str]] = {}
        forms = rng.choices(phrases.STATEMENTS, k=1 if rng.random() < 0.4 else count)
        thing = rng.choice(self.things)
        while len(out) < count:
            key, value = phrases.prose_key(rng, self.words), phrases.some_value(rng, self.words)
            if rng.random() < 0.5:
                thing = rng.choice(self.things)
            form = forms[len(out) % len(forms)]
            out[key] = (form.replace("{key}", key).replace("{thing}", thing).replace("{value}", value), key, thing, value)
        return list(out.values())

    def asked(self, head: list[int], planted: np.ndarray, tail: list[int], marks: list[tuple[int, int]]) -> Row:
        """A first turn and its questions as a row; `marks` are the answers' spans in the tail."""
        tokens = np.concatenate([head, planted, tail]).astype(np.int64)
        weights = np.ones(len(tokens) - 1, np.float32)
        before = len(tokens) - len(tail) - 1
        for first, last in marks:
            weights[before + first:before + last] = ANSWER_WEIGHT
        return Row(tokens, weights)

    def chat_needles(self, rng: random.Random, length: int) -> Row:
        """A long first turn with planted statements, then questions for them, turn by turn."""
        facts = self.facts(rng, rng.choice((1, 1, 2, 3, 4, 6, 10, 16)))
        head = self.encode(SYSTEM + USER + rng.choice(OPENINGS) + "\n\n")
        tail: list[int] = []
        marks: list[tuple[int, int]] = []
        for number in range(rng.randint(2, 7)):
            _, key, thing, value = rng.choice(facts)
            ask = rng.choice(ASKS).replace("{thing}", thing).replace("{key}", key)
            before, after = rng.choice(ANSWERS).replace("{thing}", thing).replace("{key}", key).split(" {value}")
            tail += self.encode(("\n\n" if number == 0 else USER) + ask + END + ASSISTANT + before)
            found = self.encode(" " + value)
            marks.append((len(tail), len(tail) + len(found)))
            tail += found + self.encode(after + END)
        pieces = [Piece(rng.random(), self.encode("\n" + statement), (0, 0)) for statement, *_ in facts]
        return self.asked(head, self.assemble(rng, length - len(head) - len(tail), pieces).tokens, tail, marks)

    def chat_quotes(self, rng: random.Random, length: int) -> Row:
        """A long first turn of text, then passages of it to go on with: the first words as a question, the next as the answer."""
        head = self.encode(SYSTEM + USER + rng.choice(OPENINGS) + "\n\n")
        text = self.window(rng, length + 1)
        tail: list[int] = []
        marks: list[tuple[int, int]] = []
        for number in range(rng.randint(2, 6)):
            at, cue, size = rng.randrange(length // 2), rng.randint(8, 20), rng.randint(8, 40)
            words = text[at:at + cue + size].tolist()
            tail += (self.encode(("\n\n" if number == 0 else USER) + rng.choice(QUOTES) + "\n") + words[:cue]
                     + self.encode(END + ASSISTANT))
            marks.append((len(tail), len(tail) + size))
            tail += words[cue:] + self.encode(END)
        return self.asked(head, text[:length + 1 - len(head) - len(tail)], tail, marks)


class Steps:
    """Data set for torch's DataLoader: item `step` is one batch."""

    def __init__(self, rows: Rows, seed: int, batch: int, length: int) -> None:
        self.rows, self.seed, self.batch, self.length = rows, seed, batch, length

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """tokens [batch, T + 1], weights [batch, T]."""
        made = [self.rows.make(self.seed, step * self.batch + i, self.length) for i in range(self.batch)]
        return np.stack([r.tokens for r in made]), np.stack([r.weights for r in made])


@dataclass
class Trial:
    """tokens [T] (answer included), the same without the needle, places of the answer and of the needle's value."""

    tokens: np.ndarray
    control: np.ndarray
    answer: tuple[int, int]
    value_at: int


def needle_trials(tokenizer: Tokenizer, texts: list[list[int]], count: int, length: int, forms: list[tuple[str, str, str]],
                  seed: int = 5) -> list[Trial]:
    """Needles at a random depth of held-out text, six digits; the answer is primed up to the number. Forms take turns."""
    rng, out = random.Random(seed), []
    chat = tokenizer.token_to_id("<|im_start|>") is not None
    system, user, turn = (SYSTEM, USER, END + ASSISTANT) if chat else ("", "", "\n")

    def encode(text: str) -> list[int]:
        return tokenizer.encode(text).ids
    while len(out) < count:
        key = rng.choice(phrases.TEST_ADJECTIVES) + "-" + rng.choice(phrases.TEST_NOUNS)
        value = phrases.digits(rng, 6, 6)
        statement, question, prime = (s.replace("{key}", key) for s in forms[len(out) % len(forms)])
        before, after = statement.split(" {value}")
        head = encode(system + user + "Memorize the important fact that is hidden in the following text. I will ask for it.\n\n")
        start, number = encode("\n" + before), encode(f" {value}")
        planted = start + number + encode(after + "\n")
        tail = encode("\n\n" + question + turn + prime)
        room = length - len(head) - len(planted) - len(tail) - len(number)
        text = texts[len(out) % len(texts)]
        at, cut = rng.randrange(len(text) - room - len(planted)), int(rng.random() * room)
        hay, other = text[at:at + room], text[at + room:at + room + len(planted)]
        made = [np.array(head + hay[:cut] + middle + hay[cut:] + tail + number, dtype=np.int64) for middle in (planted, other)]
        digit = next(i for i, token in enumerate(number) if any(c.isdigit() for c in tokenizer.decode([token])))
        out.append(Trial(made[0], made[1], (length - len(number), length), len(head) + cut + len(start) + digit))
    return out
