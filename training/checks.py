"""Write training/fixtures/checks.json: what the product's checks of the selection must find, by plain PyTorch in float32.

    python training/checks.py --model media/model

Of the first tokens of a held-out document: oracle fidelity of the exported model, and of its weights run dense, with the
schedule laid over the layers; and what predicting the text costs when the selection is replaced.

`unsure` counts a layer's choices (sampled queries times KV heads) whose last chosen and first refused block differ by
less than UNSURE in log score: sums of 32 bits in another order may choose the other one. Layer 0 has many.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

import evaluate
import fidelity
import needle
import reference
import swaps
from attention import PlainOps
from checkpoint import read_architecture
from measure import byte_sizes
from model import Architecture, HySparse

SWAPS = ("learned", "all", "recent", "none", "last")  # random ones are drawn differently here and there
UNSURE = 1e-6  # of 2,048 choices of layer 0, float32 changed 51 against float64, the surest of them by a gap of 5.8e-7
ONLY_HYSPARSE = ("window_sinks", "sparse_sinks", "window_gate_proj.weight", "sparse_gate_proj.weight")


class Gaps:
    """Attention operations that count every layer's unsure choices among queries `rows`, and change nothing."""

    def __init__(self, ops, arch: Architecture, rows: list[int]) -> None:
        self.ops, self.arch, self.rows = ops, arch, rows
        self.window, self.selection = ops.window, ops.selection
        self.unsure: list[int] = []

    def full(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Dense attention."""
        self.look(q, k)
        return self.ops.full(q, k, v)

    def sparse(self, q: Tensor, k: Tensor, v: Tensor, sinks: Tensor, selection: tuple[Tensor, ...],
               block: int) -> Tensor:
        """The sparse branch; what the layer would choose among its oracle's keys."""
        self.look(q, k)
        return self.ops.sparse(q, k, v, sinks, selection, block)

    def look(self, q: Tensor, k: Tensor) -> None:
        """Count those of one layer."""
        count = self.arch.selectedTokens // self.arch.block
        scores = reference.block_scores(q.double(), k.double(), self.arch.block)[0, :, :, self.rows]
        ranked = scores.sort(dim=1, descending=True).values
        self.unsure.append(int((ranked[:, count - 1] - ranked[:, count] < UNSURE).sum()))


def shares(model: HySparse, design: str, tokens: Tensor) -> dict[str, dict]:
    """Fidelity by layer of tokens [1, T], each with its unsure choices and those of its oracle."""
    base = model.ops
    model.ops = gaps = Gaps(base, model.arch, fidelity.positions(tokens.shape[1], model.arch))
    layers = fidelity.of_texts(model, design, [tokens], evaluate.forward)["layers"]
    model.ops = base
    return {layer: of | {"unsure": {"own": gaps.unsure[int(layer)], "inherited": gaps.unsure[of["oracle"]]}}
            for layer, of in layers.items()}


def dense(folder: Path) -> HySparse:
    """The exported weights with every layer full: gates and sinks are left out."""
    model = HySparse(read_architecture(folder), PlainOps, "full")
    tensors = load_file(str(folder / "model.safetensors"))
    model.load_state_dict({name: value.float() for name, value in tensors.items()
                           if not name.endswith(ONLY_HYSPARSE)})
    return model.eval()


@torch.no_grad()
def nats(model: HySparse, tokens: Tensor) -> float:
    """Sum of -ln p over all tokens [1, T] but the first."""
    states, _ = evaluate.forward(model, tokens)
    return F.cross_entropy(model.logits(states[0, :-1]).double(), tokens[0, 1:], reduction="sum").item()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("media/model"))
    parser.add_argument("--document", default="docs-3.md", help="a file of media/heldout")
    parser.add_argument("--tokens", type=int, default=1536)
    parser.add_argument("--out", type=Path, default=Path("training/fixtures/checks.json"))
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    tokens = torch.tensor([tokenizer.encode((needle.HELD_OUT / args.document).read_text()).ids[:args.tokens]])
    if tokens.shape[1] < args.tokens:
        raise SystemExit(f"{args.document} has {tokens.shape[1]} tokens, not {args.tokens}")
    model = evaluate.load(args.model, torch.device("cpu"))
    arch, base, cost = model.arch, model.ops, {}
    for how in SWAPS:
        model.ops = swaps.swapped(base, how, arch)
        cost[how] = round(nats(model, tokens), 4)
        print(how, cost[how])
    model.ops = base
    found = {"hysparse": shares(model, "hysparse", tokens), "full": shares(dense(args.model), "full", tokens)}
    args.out.write_text(json.dumps({
        "format": "hysparse-checks", "formatVersion": 1, "dtype": "float32", "document": args.document,
        "tokens": args.tokens, "bytes": byte_sizes(tokenizer)[tokens[0, 1:]].sum().item(),
        "weightsSha256": hashlib.sha256((args.model / "model.safetensors").read_bytes()).hexdigest(),
        "nats": cost, "queries": len(fidelity.positions(args.tokens, arch)), "fidelity": found}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
