"""Measure one trained model of the study: retrieval by task and length, bits per byte, swaps of the selection.

    python training/measure.py --model DIR --trials DIR --out results.json --lengths 4096,8192 --text-lengths 4096 \
        --swap-lengths 4096 --needle-lengths 4096 --fidelity-lengths 4096

Answers are read with the right answer's earlier tokens given, which scores as greedy decoding does for exact answers.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

import evaluate
import fidelity
import needle
import swaps
import tasks
from checkpoint import read_design
from model import HySparse

TOKENS_AT_ONCE = {"cuda": 131072, "cpu": 4096}
KINDS = ("code", "docs", "prose")
EDGES = (0, 1024, 2048, 4096, 8192, 16384)
SWAP_TASKS = ("single-2", "multikey-2", "multikey-3", "chain-1", "chain-2", "chain-3")
TASK_TOKENS = 409600  # per task of the swaps and of fidelity, so that long trials are fewer


def at_once(length: int, device: torch.device) -> int:
    """Rows of a length that fit in one forward."""
    return max(1, TOKENS_AT_ONCE[device.type] // length)


def batches(trials: list[tasks.Trial], device: torch.device) -> list[list[tasks.Trial]]:
    """Trials in groups that fit in one forward."""
    size = at_once(len(trials[0].tokens) - 1, device) if trials else 1
    return [trials[i:i + size] for i in range(0, len(trials), size)]


def score(model: HySparse, trials: list[tasks.Trial], device: torch.device) -> tuple[list[float], dict[int, list]]:
    """Per trial the share of the answer's items that are right, and per oracle which places' blocks it selects."""
    block = model.arch.block
    tokens = torch.from_numpy(np.stack([t.tokens for t in trials]).astype(np.int64)).to(device)
    if isinstance(model.ops, swaps.Swapped) and model.ops.how == "gold":
        model.ops.gold = torch.tensor([[p // block for p in t.places] for t in trials])
    states, selections = evaluate.forward(model, tokens[:, :-1])
    rights, chosen = [], {}
    for row, trial in enumerate(trials):
        first, last = trial.groups[0][0], trial.groups[-1][1]
        guesses = model.logits(states[row, first - 1:last - 1].float()).argmax(-1)
        right = (guesses == tokens[row, first:last]).tolist()
        rights.append(sum(all(right[a - first:b - first]) for a, b in trial.groups) / len(trial.groups))
    rows = torch.tensor([[row] for row in range(len(trials))])
    blocks = torch.tensor([[place // block for place in trial.places] for trial in trials])
    asks = torch.tensor([[trial.ask] for trial in trials])
    for layer, table in selections.items():
        chosen[layer] = table[rows, :, blocks, asks].amax(-1).bool().tolist()
    return rights, chosen


def retrieval(model: HySparse, trials: dict[str, list[tasks.Trial]], device: torch.device) -> dict[str, dict]:
    """Score of each task, and of each oracle the share of trials whose i-th place is selected by some KV head."""
    out = {}
    for name, made in trials.items():
        rights: list[float] = []
        hits: dict[int, list] = {}
        for part in batches(made, device):
            right, chosen = score(model, part, device)
            rights += right
            for layer, table in chosen.items():
                hits.setdefault(layer, []).extend(table)
        out[name] = {"score": round(sum(rights) / len(rights), 4), "trials": len(rights)}
        for layer, table in hits.items():
            out[name][f"hits{layer}"] = [round(sum(column) / len(column), 3) for column in zip(*table)]
    return out


def byte_sizes(tokenizer: Tokenizer) -> Tensor:
    """Bytes of every token: a byte-level BPE token has as many characters as bytes."""
    vocabulary = tokenizer.get_vocab()
    return torch.tensor([len(name) for name in sorted(vocabulary, key=vocabulary.get)])


def windows(tokenizer: Tokenizer, kind: str, length: int) -> Tensor | None:
    """Consecutive windows [windows, length + 1] of the held-out text of a kind, or None where it is too short."""
    text = "\n".join((needle.HELD_OUT / n).read_text() for n in needle.FILES if n.startswith(kind))
    ids = torch.tensor(tokenizer.encode(text).ids)
    count = (len(ids) - 1) // length
    return torch.stack([ids[i * length:(i + 1) * length + 1] for i in range(count)]) if count else None


def bits_per_byte(model: HySparse, tokenizer: Tokenizer, length: int, device: torch.device) -> dict[str, float]:
    """Bits per byte of held-out text by domain, of all, and of all by position in the window."""
    sizes, out = byte_sizes(tokenizer).to(device), {}
    nats, size = torch.zeros(length, dtype=torch.float64), torch.zeros(length, dtype=torch.float64)
    for kind in KINDS:
        made = windows(tokenizer, kind, length)
        if made is None:
            continue
        before = nats.sum().item(), size.sum().item()
        for part in made.to(device).split(at_once(length, device)):
            states, _ = evaluate.forward(model, part[:, :-1])
            for state, target in zip(states, part[:, 1:]):
                pieces = zip(state.split(4096), target.split(4096))
                each = [F.cross_entropy(model.logits(s.float()), t, reduction="none") for s, t in pieces]
                nats += torch.cat(each).double().cpu()
                size += sizes[target].double().cpu()
        out[kind] = round((nats.sum().item() - before[0]) / math.log(2) / (size.sum().item() - before[1]), 4)
    out["all"] = round(nats.sum().item() / math.log(2) / size.sum().item(), 4)
    for low, high in zip(EDGES, EDGES[1:]):
        if high <= length:
            out[f"from{low}"] = round((nats[low:high].sum() / math.log(2) / size[low:high].sum()).item(), 4)
    return out


def oracle_fidelity(model: HySparse, design: str, tokenizer: Tokenizer, trials: dict[str, list[tasks.Trial]],
                    length: int, device: torch.device) -> dict:
    """What inherited blocks hold of each layer's attention (fidelity.py): on held-out text, and at questions by task."""
    made = [part for part in (windows(tokenizer, kind, length) for kind in KINDS) if part is not None]
    if not made:
        raise ValueError(f"no held-out text has {length} tokens")
    parts = torch.cat(made)[:, :-1].to(device).split(at_once(length, device))
    out = fidelity.of_texts(model, design, list(parts), evaluate.forward)
    out["retrieval"] = {}
    for name in fidelity.TASKS:
        asked = []
        for group in batches(trials.get(name, [])[:TASK_TOKENS // length], device):
            tokens = torch.from_numpy(np.stack([t.tokens for t in group]).astype(np.int64))[:, :-1]
            asked.append((tokens.to(device), torch.tensor([[t.ask] for t in group], device=device)))
        if asked:
            out["retrieval"][name] = fidelity.of_questions(model, design, asked, evaluate.forward)
    return out


def cache_bytes(model: HySparse, design: str) -> dict[str, int]:
    """KV cache at 16 bits: bytes per token of context, and bytes that do not grow with it (windows)."""
    arch, kinds = model.arch, [layer.self_attn.kind for layer in model.model.layers]
    one = 2 * arch.kvHeads * arch.headDim * 2
    return {"perToken": one * kinds.count("full"),
            "fixed": one * arch.window * sum(kind in ("window", "sparse") for kind in kinds)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, default=Path("media/model/tokenizer.json"))
    parser.add_argument("--trials", type=Path, required=True, help="folder written by tasks.py")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--lengths", default="")
    parser.add_argument("--text-lengths", default="")
    parser.add_argument("--swap-lengths", default="")
    parser.add_argument("--swaps", default=",".join((*swaps.SWAPS, "gold")), help="which (swaps.py)")
    parser.add_argument("--swap-text-lengths", default="4096", help="of those, where the text is measured, too")
    parser.add_argument("--swap-tasks", default=",".join(SWAP_TASKS))
    parser.add_argument("--swap-trials", type=int, default=TASK_TOKENS, help="per task, at most")
    parser.add_argument("--fidelity-lengths", default="", help="of text and trials, except for hybrid-swa")
    parser.add_argument("--needle-lengths", default="", help="of the needle test with control (evaluate.py)")
    parser.add_argument("--needles", type=int, default=40, help="trials per length of it")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    device, started = torch.device(args.device), time.monotonic()
    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    model, design = evaluate.load(args.model, device), read_design(args.model)
    base, sparse = model.ops, design.startswith("hysparse")
    results: dict = {"design": design, "parameters": sum(p.numel() for p in model.parameters()),
                     "cacheBytes": cache_bytes(model, design),
                     "training": json.loads((args.model / "config.json").read_text())["training"]}

    def keep(name: str, value) -> None:
        results[name] = value
        args.out.with_suffix(".tmp").write_text(json.dumps(results))
        args.out.with_suffix(".tmp").replace(args.out)
        print(f"{name}: {time.monotonic() - started:.1f} s", flush=True)

    def numbers(text: str) -> list[int]:
        return [int(n) for n in text.split(",") if n]

    for length in numbers(args.lengths):
        keep(f"retrieval.{length}", retrieval(model, tasks.read(args.trials, length), device))
    for length in numbers(args.text_lengths):
        keep(f"bitsPerByte.{length}", bits_per_byte(model, tokenizer, length, device))
    for length in numbers(args.swap_lengths) if sparse else ():
        most = min(args.swap_trials, TASK_TOKENS // length)
        trials = {k: v[:most] for k, v in tasks.read(args.trials, length).items() if k in args.swap_tasks.split(",")}
        for how in args.swaps.split(","):
            if how == "last" and not model.arch.lastFull:
                continue
            model.ops = swaps.swapped(base, how, model.arch)
            keep(f"swap.{length}.{how}", {k: v["score"] for k, v in retrieval(model, trials, device).items()})
            if how != "gold" and length in numbers(args.swap_text_lengths):
                model.ops = swaps.swapped(base, how, model.arch)
                keep(f"swapBits.{length}.{how}", bits_per_byte(model, tokenizer, length, device)["all"])
        model.ops = base
    for length in numbers(args.fidelity_lengths) if design != "hybrid-swa" else ():
        trials = tasks.read(args.trials, length) if (args.trials / f"trials-{length}.npz").exists() else {}
        keep(f"fidelity.{length}", oracle_fidelity(model, design, tokenizer, trials, length, device))
    texts, count = evaluate.Texts(tokenizer), model.arch.selectedTokens // model.arch.block
    for length in numbers(args.needle_lengths) if sparse else ():
        for trained in (True, False):
            templates = [t for t in needle.TEMPLATES if t["trained"] == trained]
            records = evaluate.needle_test(model, texts, length, args.needles, templates, 1, device)
            keep(f"needle.{length}.{'trained' if trained else 'unseen'}", evaluate.summarize(records, count))


if __name__ == "__main__":
    main()
