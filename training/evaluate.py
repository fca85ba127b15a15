"""Measure an exported model: bits per byte, needle answers, and which blocks its oracles select.

    python training/evaluate.py --model media/model --out results.json [--trials 120] [--device cuda] [--hide]

On a GPU the forward runs in bfloat16 autocast with the Triton kernels, on a CPU in float32 with plain PyTorch.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

import needle
from attention import attention_ops
from checkpoint import load_weights, read_architecture, read_design
from model import HySparse


def load(folder: Path, device: torch.device) -> HySparse:
    """The exported model, upcast to float32."""
    model = HySparse(read_architecture(folder), attention_ops(device), read_design(folder))
    load_weights(model, folder / "model.safetensors")
    return model.to(device).eval()


def forward(model: HySparse, tokens: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
    """Final states and each oracle's selection map; pads to whole blocks (later tokens change nothing before them)."""
    block = model.arch.block
    padded = F.pad(tokens, (0, -tokens.shape[1] % block))
    with torch.autocast(tokens.device.type, torch.bfloat16, enabled=tokens.is_cuda), torch.no_grad():
        states, oracles = model(padded)
    return states[:, :tokens.shape[1]], {i: o.selection[0] for i, o in oracles.items() if o.selection is not None}


def bits_per_byte(model: HySparse, tokenizer: Tokenizer, text: str, length: int, device: torch.device) -> float:
    """Bits per UTF-8 byte over consecutive windows of `length` tokens, each read from nothing."""
    ids = tokenizer.encode(text).ids
    length = min(length, len(ids) - 1)
    nats, size = 0.0, 0
    for at in range(0, len(ids) - length, length):
        window = torch.tensor([ids[at:at + length + 1]], device=device)
        states, _ = forward(model, window[:, :-1])
        for part, target in zip(states[0].split(4096), window[0, 1:].split(4096)):
            nats += F.cross_entropy(model.logits(part.float()).float(), target, reduction="sum").item()
        size += len(tokenizer.decode(ids[at + 1:at + length + 1]).encode())
    return nats / math.log(2) / size


class Texts:
    """Held-out lines with their token counts."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.lines = needle.held_out_lines()
        self.counts = [len(e.ids) for e in tokenizer.encode_batch([line + "\n" for line in self.lines])]

    def trial(self, template: dict, rng: random.Random, length: int) -> tuple[needle.Trial, list[int], list[int], int]:
        """(trial, prompt ids, answer ids, index of the value's first token)."""
        trial = needle.plant(self.lines, self.counts, template, rng, length, lambda t: self.tokenizer.encode(t).ids)
        encoding = self.tokenizer.encode(trial.prompt)
        at = next(i for i, (_, end) in enumerate(encoding.offsets) if end > trial.needle_at + 1)
        return trial, encoding.ids, self.tokenizer.encode(trial.answer).ids, at


class Hiding:
    """Attention operations whose selections never contain one block (an ablation)."""

    def __init__(self, ops, block: int) -> None:
        self.ops, self.block = ops, block
        self.full, self.sparse, self.window = ops.full, ops.sparse, ops.window

    def selection(self, *args) -> tuple[Tensor, ...]:
        """The selection without the hidden block."""
        chosen, *lists = self.ops.selection(*args)
        chosen = chosen.clone()
        chosen[:, :, self.block] = 0
        return chosen, *lists


def chosen_at(selections: dict[int, Tensor], row: int, block: int, position: int) -> dict[int, list[bool]]:
    """Per oracle, per KV head: is the block selected for the position."""
    return {layer: chosen[row, :, block, position].bool().tolist() for layer, chosen in selections.items()}


def needle_test(model: HySparse, texts: Texts, length: int, trials: int, templates: list[dict], seed: int,
                device: torch.device, ablate: bool = False) -> list[dict]:
    """One record per trial: answered, hit and control per oracle and KV head, depth, tokens, template."""
    rng, records = random.Random(seed), []
    for number in range(trials):
        template = templates[number % len(templates)]
        trial, prompt, answer, at = texts.trial(template, rng, length)
        control = texts.tokenizer.encode(trial.control).ids
        block = at // model.arch.block
        states, selections = forward(model, torch.tensor([prompt + answer], device=device))
        guesses = model.logits(states[0, len(prompt) - 1:-1].float()).argmax(-1).tolist()
        hits = chosen_at(selections, 0, block, len(prompt) - 1)
        _, selections = forward(model, torch.tensor([control], device=device))
        extra = {}
        if ablate:
            ops, model.ops = model.ops, Hiding(model.ops, block)
            states, _ = forward(model, torch.tensor([prompt + answer], device=device))
            model.ops = ops
            extra["answeredHidden"] = model.logits(states[0, len(prompt) - 1:-1].float()).argmax(-1).tolist() == answer
        records.append(extra | {"template": template["name"], "tokens": len(prompt), "depth": at / len(prompt),
                        "answered": guesses == answer, "first": guesses[0] == answer[0], "hits": hits,
                        "control": chosen_at(selections, 0, block, len(control) - 1)})
    return records


def share(values: list[bool]) -> float:
    """Mean of booleans, three decimals."""
    return round(sum(values) / max(1, len(values)), 3)


def summarize(records: list[dict], blocks: int) -> dict:
    """Rates over trials; chance per head is (selected blocks) / (blocks in the prompt)."""
    out: dict = {"trials": len(records), "answered": share([r["answered"] for r in records]),
                 "firstToken": share([r["first"] for r in records]),
                 "chancePerHead": round(sum(min(1, 64 * blocks / r["tokens"]) for r in records) / len(records), 3)}
    if "answeredHidden" in records[0]:
        out["answeredWithNeedleBlockHidden"] = share([r["answeredHidden"] for r in records])
    for layer in records[0]["hits"]:
        for kind in ("hits", "control"):
            heads = list(zip(*(r[kind][layer] for r in records)))
            out[f"layer{layer}.{kind}"] = {"anyHead": share([any(r[kind][layer]) for r in records]),
                                           "perHead": [share(list(h)) for h in heads]}
    last = max(records[0]["hits"])
    for third in range(3):
        part = [any(r["hits"][last]) for r in records if third <= 3 * r["depth"] < third + 1]
        out[f"layer{last}.hitsByDepthThird{third}"] = share(part)
    for name in sorted({r["template"] for r in records}):
        part = [r for r in records if r["template"] == name]
        out[f"template.{name}"] = {"answered": share([r["answered"] for r in part]),
                                   "hits": share([any(r["hits"][last]) for r in part])}
    return out


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("media/model"))
    parser.add_argument("--tokenizer", type=Path, default=Path("media/model/tokenizer.json"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=120)
    parser.add_argument("--lengths", default="4096,8192,16384")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hide", action="store_true", help="answer again with the needle's block never selected")
    parser.add_argument("--needles-only", action="store_true")
    args = parser.parse_args()
    device, started = torch.device(args.device), time.monotonic()
    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    model, texts, results = load(args.model, device), Texts(tokenizer), {}
    count = model.arch.selectedTokens // model.arch.block
    for length in map(int, args.lengths.split(",")):
        for trained in (True, False):
            templates = [t for t in needle.TEMPLATES if t["trained"] == trained]
            trials = args.trials if trained else max(4, args.trials // 2)
            records = needle_test(model, texts, length, trials, templates, args.seed, device, args.hide)
            results[f"needle.{length}.{'trained' if trained else 'unseen'}Wording"] = summarize(records, count)
        print(f"{length}: {time.monotonic() - started:.0f} s", flush=True)
        args.out.write_text(json.dumps(results, indent=1))
    for kind in () if args.needles_only else ("code", "docs", "prose"):
        text = "\n".join((needle.HELD_OUT / n).read_text() for n in needle.FILES if n.startswith(kind))
        for length in (4096, 16384):
            if length <= max(map(int, args.lengths.split(","))):
                bits = bits_per_byte(model, tokenizer, text, length, device)
                results[f"bitsPerByte.{kind}.{length}"] = round(bits, 4)
    args.out.write_text(json.dumps(results, indent=1))
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
