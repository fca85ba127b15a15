"""The needle test: one line planted in held-out text, a question about it at the end.

    python training/needle.py      # rewrites media/heldout/needle.json

Keys are built from words that no training row uses. The prompt ends right before the answer's leading space.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import phrases

HELD_OUT = Path(__file__).resolve().parent.parent / "media" / "heldout"
FILES = ["code-1.py", "docs-1.md", "docs-2.md", "docs-3.md", "prose-1.txt", "prose-2.txt"]
TEMPLATES = [
    {"name": "access-code", "key": "kebab", "value": "number", "trained": True,
     "needle": "The access code for {key} is {value}.",
     "question": "What is the access code for {key}? The access code for {key} is"},
    {"name": "badge", "key": "kebab", "value": "number", "trained": True,
     "needle": "Remember that the badge number of {key} is {value}.",
     "question": "Question: what is the badge number of {key}?\nAnswer: the badge number of {key} is"},
    {"name": "comment", "key": "kebab", "value": "hex", "trained": True,
     "needle": "# The token for {key} is {value}", "question": "# The token for {key} is"},
    {"name": "python", "key": "constant", "value": "number", "trained": True,
     "needle": "{key} = {value}", "question": "print({key})  # prints"},
    {"name": "config", "key": "kebab", "value": "number", "trained": True,
     "needle": "config[\"{key}\"] = {value}",
     "question": "assert config[\"{key}\"] =="},
    {"name": "unseen-dial", "key": "kebab", "value": "number", "trained": False,
     "needle": "To get past {key} you must dial {value} first.", "question": "At the door of {key} we dialled"},
    {"name": "unseen-parcel", "key": "kebab", "value": "number", "trained": False,
     "needle": "Witnesses saw {key} carry parcel {value} across the square.",
     "question": "Which parcel did {key} carry? Parcel"},
    {"name": "unseen-price", "key": "kebab", "value": "number", "trained": False,
     "needle": "Nobody believed that {key} would cost {value} coins.",
     "question": "How many coins would {key} cost? It would cost"},
    {"name": "unseen-code", "key": "constant", "value": "number", "trained": False,
     "needle": "register({key}, slot= {value})", "question": "unregister({key})  # frees slot"},
]
RULES = {
    "keys": {"kebab": "adjective + '-' + noun, e.g. crimson-walrus",
             "constant": "ADJECTIVE + '_' + NOUN in upper case, e.g. CRIMSON_WALRUS"},
    "values": {"number": "five decimal digits, the first not 0", "hex": "eight lower-case hexadecimal digits"},
    "answer": "' ' + value: one space, then the value; the prompt ends right before that space",
    "planting": [
        "Text: the files in the order of `files`, joined with a newline, split into lines at '\\n'.",
        "Budget: T tokens in all, for the prompt. Choose a random first line so that enough text follows.",
        "Take whole lines from there while the prompt's token count stays at most T.",
        "Depth: u uniform in [0, 0.95); the needle becomes a line of its own before line floor(u * lines).",
        "Prompt: lines with the needle joined by '\\n', then '\\n', then the question (no newline, no space after it).",
        "The needle's block is floor(p / 64), p the index in the prompt's tokens of the value's first token (the one "
        "that carries the leading space).",
        "Hit: that block is among the blocks that the last oracle feeding sparse layers (layer 8) selects for the "
        "prompt's last token, for some KV head.",
        "Control: the same lines and question without the needle, the same block index.",
    ],
}


@dataclass
class Trial:
    """A planted prompt and what it should do."""

    prompt: str
    control: str
    answer: str
    needle_at: int
    template: str


def held_out_lines() -> list[str]:
    """All held-out text as lines."""
    return "\n".join((HELD_OUT / name).read_text() for name in FILES).split("\n")


def words_of(template: dict, rng: random.Random) -> tuple[str, str]:
    """A test key and value for a template."""
    adjective, noun = rng.choice(phrases.TEST_ADJECTIVES), rng.choice(phrases.TEST_NOUNS)
    key = f"{adjective}-{noun}" if template["key"] == "kebab" else f"{adjective}_{noun}".upper()
    value = phrases.digits(rng, 5, 5) if template["value"] == "number" else phrases.hexadecimal(rng, 8)
    return key, value


def fill(text: str, key: str, value: str) -> str:
    """A template with its key and value."""
    return text.replace("{key}", key).replace("{value}", value)


def plant(lines: list[str], counts: list[int], template: dict, rng: random.Random, length: int, encode) -> Trial:
    """One trial of at most `length` tokens. `counts[i]` is the token count of line i with its newline."""
    key, value = words_of(template, rng)
    needle, question = fill(template["needle"], key, value), fill(template["question"], key, value)
    budget = length - len(encode(needle)) - len(encode(question)) - 8
    last = len(lines) - 1
    while sum(counts[last:]) < budget * 1.05:
        last -= max(1, (len(lines) - last) // 2)
    first = rng.randrange(0, last)
    used, stop = 0, first
    while stop < len(lines) and used + counts[stop] <= budget:
        used += counts[stop]
        stop += 1
    chosen = lines[first:stop]
    at = int(rng.random() * 0.95 * len(chosen))
    before = "\n".join([*chosen[:at], ""])
    prompt = "\n".join([*chosen[:at], needle, *chosen[at:]]) + "\n" + question
    value_at = len(before) + needle.index(" " + value)
    return Trial(prompt, "\n".join(chosen) + "\n" + question, " " + value, value_at, template["name"])


def main() -> None:
    """Write needle.json with three worked examples."""
    rng = random.Random(2026)
    text = "def area(w, h):\n    return w * h\n\nprint(area(2, 3))".split("\n")
    examples = []
    for template in (TEMPLATES[0], TEMPLATES[2], TEMPLATES[3]):
        key, value = words_of(template, rng)
        needle = fill(template["needle"], key, value)
        prompt = "\n".join([*text[:2], needle, *text[2:]]) + "\n" + fill(template["question"], key, value)
        examples.append({"template": template["name"], "key": key, "value": value, "lines": text, "needleBeforeLine": 2,
                         "prompt": prompt, "answer": " " + value})
    spec = {"format": "hysparse-needle", "formatVersion": 1, "files": FILES, "adjectives": phrases.TEST_ADJECTIVES,
            "nouns": phrases.TEST_NOUNS, "templates": TEMPLATES, **RULES, "examples": examples}
    (HELD_OUT / "needle.json").write_text(json.dumps(spec, indent=2) + "\n")


if __name__ == "__main__":
    main()
