"""Write training/fixtures/greedy.json: what the exported weights must give, computed in float32 by plain PyTorch.

    python training/fixtures.py --model media/model [--device cuda]

Three prompts cut from held-out text: token ids, the ten largest last-token logits, 64 greedy tokens, and each oracle's
selected blocks for the prompt's last token with the gap between the last chosen and the first refused log score.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

import needle
import reference
from attention import PlainOps
from checkpoint import load_weights, read_architecture
from evaluate import Texts
from model import HySparse, Oracle


def describe(oracle: Oracle, block: int, count: int) -> list[dict]:
    """Per KV head: selected blocks of the last token, ascending, and the score gap at the boundary."""
    scores = reference.block_scores(oracle.q, oracle.k, block)[0, :, :, -1]
    out = []
    for head, row in enumerate(scores):
        ranked = row.sort(descending=True).values
        gap = (ranked[count - 1] - ranked[count]).item() if len(ranked) > count else None
        blocks = oracle.selection[0][0, head, :, -1].nonzero().flatten().tolist()
        out.append({"blocks": blocks, "gap": None if gap is None else round(gap, 5)})
    return out


@torch.no_grad()
def fixture(model: HySparse, name: str, ids: list[int], steps: int, device: torch.device) -> dict:
    """Everything recorded about one prompt."""
    tokens: Tensor = torch.tensor([ids], device=device)
    record: dict = {"name": name, "tokens": ids}
    greedy: list[int] = []
    margins = []
    for step in range(steps):
        states, oracles = model(tokens)
        logits = model.logits(states[0, -1])
        best = logits.topk(10)
        if step == 0:
            top = zip(best.indices.tolist(), best.values.tolist(), strict=True)
            record["top"] = [{"token": token, "logit": round(value, 5)} for token, value in top]
            count = model.arch.selectedTokens // model.arch.block
            record["selection"] = {str(layer): describe(oracle, model.arch.block, count)
                                   for layer, oracle in oracles.items() if oracle.selection}
        greedy.append(int(best.indices[0]))
        margins.append(round((best.values[0] - best.values[1]).item(), 4))
        tokens = torch.cat([tokens, best.indices[:1][None]], dim=1)
    return record | {"greedy": greedy, "greedyMargins": margins}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("media/model"))
    parser.add_argument("--tokenizer", type=Path, default=Path("media/model/tokenizer.json"))
    parser.add_argument("--out", type=Path, default=Path("training/fixtures/greedy.json"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=64)
    args = parser.parse_args()
    device = torch.device(args.device)
    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    model = HySparse(read_architecture(args.model), PlainOps)
    load_weights(model, args.model / "model.safetensors")
    model = model.to(device).eval()
    texts, rng = Texts(tokenizer), random.Random(5)
    code = tokenizer.encode((needle.HELD_OUT / "code-1.py").read_text()).ids
    prose = tokenizer.encode((needle.HELD_OUT / "prose-1.txt").read_text()).ids
    prompts = [("code", code[10_000:10_200]), ("prose", prose[2_000:3_500]),
               ("needle", texts.trial(needle.TEMPLATES[0], rng, 3000)[1])]
    prompts = [(name, tokenizer.encode(tokenizer.decode(ids)).ids) for name, ids in prompts]
    records = [fixture(model, name, ids, args.steps, device) for name, ids in prompts]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"format": "hysparse-greedy", "formatVersion": 1, "dtype": "float32",
                                    "prompts": records}, separators=(",", ":")) + "\n")
    for record in records:
        print(record["name"], len(record["tokens"]), repr(tokenizer.decode(record["greedy"]))[:200])


if __name__ == "__main__":
    main()
