"""What is measured of a converted network: bits per byte with intervals, swaps, gates, what the sinks leave, needles."""

from __future__ import annotations

import math
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from convert_net import Halves
from convert_rows import Trial
from swaps import Swapped

Windows = dict[str, tuple[Tensor, Tensor]]


@contextmanager
def operations(net: Halves, ops):
    """A network with other attention operations for a while."""
    before, net.ops = net.ops, ops
    try:
        yield ops
    finally:
        net.ops = before


def swapped(net: Halves, how: str):
    """The operations of a swap (swaps.py)."""
    return net.ops if how == "learned" else Swapped(net.ops, how, net.arch)


def windows(tokenizer: Tokenizer, texts: dict[str, str], length: int, limit: int) -> Windows:
    """By text: windows [n, length] of its tokens, and the bytes [n, length - 1] of each token but a window's first."""
    size = {i: len(name) for name, i in tokenizer.get_vocab().items()}  # byte-level names: one character per byte
    out = {}
    for name, text in texts.items():
        ids = tokenizer.encode(text).ids
        count = min(limit, len(ids) // length)
        if count == 0:
            raise ValueError(f"{name} has {len(ids)} tokens, fewer than a window of {length}")
        cut = np.array(ids[:count * length]).reshape(count, length)
        out[name] = torch.from_numpy(cut), torch.tensor([[size[i] for i in row[1:]] for row in cut.tolist()])
    return out


@torch.no_grad()
def bits(net: Halves, sets: Windows, how: str = "learned", batch: int = 8) -> dict[str, list[list[float]]]:
    """By text, for each window: (bits, bytes) of all its predictions, logits in float32."""
    out: dict[str, list[list[float]]] = {}
    with operations(net, swapped(net, how)):
        for name, (tokens, lengths) in sets.items():
            found = []
            for part in tokens.split(batch):
                part = part.to(net.table.device)
                for row, states in zip(part, net(part)):
                    nats = F.cross_entropy(F.linear(states[:-1], net.table).float(), row[1:].clone(), reduction="sum")
                    found.append(nats.item() / math.log(2))
            out[name] = [[round(b, 2), size] for b, size in zip(found, lengths.sum(1).tolist())]
    return out


def per_byte(found: dict[str, list[list[float]]]) -> dict[str, float]:
    """Bits per byte of each text and of `all` windows together."""
    rows = {**found, "all": [row for one in found.values() for row in one]}
    return {name: round(sum(b for b, _ in one) / sum(n for _, n in one), 5) for name, one in rows.items()}


def compare(found: dict, base: dict, draws: int = 4000) -> dict[str, list[float]]:
    """By text and for `all`: by how many per cent the bits exceed those of `base` on the same windows, and a 95 % interval.

    The interval is a bootstrap over windows, which says how much it depends on the text, not on the seed of a training.
    """
    out, rng = {}, np.random.default_rng(1)
    sets = {name: (found[name], base[name]) for name in found}
    sets["all"] = tuple([row for one in x.values() for row in one] for x in (found, base))
    for name, (mine, theirs) in sets.items():
        a, b = (np.array([row[0] for row in x]) for x in (mine, theirs))
        drawn = rng.integers(0, len(a), (draws, len(a)))
        ratios = a[drawn].sum(1) / b[drawn].sum(1)
        out[name] = [round(100 * (r - 1), 3) for r in (a.sum() / b.sum(), *np.quantile(ratios, (0.025, 0.975)))]
    return out


@torch.no_grad()
def gates(net: Halves, tokens: Tensor) -> dict[str, list]:
    """By sparse layer: mean window gate, mean sparse gate, the least and greatest head's mean of it."""
    kept, out = net(tokens.to(net.table.device), keep=True), {}
    for index, (part, (x, _)) in enumerate(zip(net.attends, kept)):
        if part.attention.kind == "sparse":
            h = part.norm(x)
            near, far = (F.linear(h, gate.weight).sigmoid().mean((0, 1))
                         for gate in (part.attention.window_gate_proj, part.attention.sparse_gate_proj))
            out[str(index)] = [round(v.item(), 3) for v in (near.mean(), far.mean(), far.min(), far.max())]
    return out


class Watching:
    """Attention operations that note what each sink leaves of its softmax: the branch's output where every value is 1."""

    def __init__(self, ops) -> None:
        self.ops, self.full, self.selection = ops, ops.full, ops.selection
        self.near: list[Tensor] = []
        self.far: list[Tensor] = []

    def window(self, q: Tensor, k: Tensor, v: Tensor, sinks: Tensor, window: int) -> Tensor:
        """Window branch."""
        self.near.append(self.ops.window(q, k, torch.ones_like(v), sinks, window)[..., 0].float())
        return self.ops.window(q, k, v, sinks, window)

    def sparse(self, q: Tensor, k: Tensor, v: Tensor, sinks: Tensor, selection: tuple[Tensor, ...], block: int) -> Tensor:
        """Sparse branch."""
        self.far.append(self.ops.sparse(q, k, torch.ones_like(v), sinks, selection, block)[..., 0].float())
        return self.ops.sparse(q, k, v, sinks, selection, block)


@torch.no_grad()
def shares(net: Halves, tokens: Tensor) -> dict[str, list]:
    """What the sinks leave, by sparse layer: of the window, of the sparse branch, and how many heads' mean of that is below .05."""
    with operations(net, Watching(net.ops)) as seen:
        net(tokens.to(net.table.device))
    layers = [str(i) for i, kind in enumerate(net.kinds) if kind == "sparse"]
    return {i: [round(near.mean().item(), 4), round(far.mean().item(), 4), int((far.mean((0, 1)) < 0.05).sum().item())]
            for i, near, far in zip(layers, seen.near, seen.far)}


def alive(gate: dict[str, list], share: dict[str, list]) -> dict[str, int]:
    """How many sparse branches do something: mean gate at least .1 *and* a sink that leaves at least 5 % of the softmax."""
    open_, kept = {i for i, row in gate.items() if row[1] >= 0.1}, {i for i, row in share.items() if row[1] >= 0.05}
    return {"layers": len(gate), "gate": len(open_), "share": len(kept), "both": len(open_ & kept)}


@torch.no_grad()
def needles(net: Halves, trials: list[Trial], how: str = "learned", control: bool = False, batch: int = 8,
            select: bool = False) -> dict:
    """Share of trials whose every answer token is the most likely one, which they are, and the answer's mean loss.

    `select`: the share of trials in which each oracle selects the block of the needle's value for the token that predicts the first
    digit, in some KV head and on average over heads. `control`: the same prompts without the needle. `how` also takes
    `without`: the needle's block is taken out of every selection.
    """
    device, right, loss, rows = net.table.device, [], 0.0, {}
    with operations(net, swapped(net, how)):
        for at in range(0, len(trials), batch):
            part = trials[at:at + batch]
            tokens = torch.from_numpy(np.stack([t.control if control else t.tokens for t in part])).to(device)
            if how == "without":
                last = net.arch.block
                net.ops.gold = torch.tensor([[t.value_at // last, (t.value_at + 5) // last] for t in part])
            oracles: dict = {}
            states = net(tokens, oracles=oracles)
            for row, trial in enumerate(part):
                first, last = trial.answer
                logits = F.linear(states[row, first - 1:last - 1], net.table).float()
                target = tokens[row, first:last]
                right.append(int((logits.argmax(-1) == target).all()))
                loss += F.cross_entropy(logits, target).item()
            for index, one in oracles.items():
                if select and one.selection is not None:
                    hit = torch.stack([one.selection[0][row, :, t.value_at // net.arch.block, t.answer[0]]
                                       for row, t in enumerate(part)]).float()
                    rows.setdefault(index, []).append(hit.cpu())
    out = {"recall": round(sum(right) / len(right), 4), "loss": round(loss / len(right), 4), "trials": len(right), "right": right}
    if select:
        hits = {i: torch.cat(h) for i, h in rows.items()}
        out["selected"] = {str(i): [round(h.amax(1).mean().item(), 3), round(h.mean().item(), 3)] for i, h in hits.items()}
    return out
