"""Oracle fidelity: how much of what a layer looks at lies in the blocks that it inherits from the full layer before it.

For every layer between two full layers of the schedule and for sampled queries: the share of the layer's own softmax
(without sinks) that falls into the inherited blocks, beside the budget's other uses. In the HySparse designs the keys
are the oracle's; in `full` they are the dense layer's own, with the schedule laid over it: there the full layers of the
schedule select by the same rule, and nobody reads the selection.

Names are those of the product's report (`fidelity` in src/protocol/report.ts). B batch, P sampled queries, T keys,
N blocks, H KV heads, G query heads of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

import reference
from model import Architecture, HySparse

QUERIES = 64
SPACING = 0.6180339887498949  # moves each query in its stratum: else all queries at 32k stood on blocks' first tokens
TASKS = ("chain-1", "chain-2", "chain-3", "multikey-2")
BRIEF = ("inherited", "own", "random")
LOW = 0.1

Forward = Callable[[HySparse, Tensor], object]


def positions(length: int, arch: Architecture, count: int = QUERIES) -> list[int]:
    """Query positions, one from each of `count` equal parts of those that see more blocks than are selected."""
    first = arch.selectedTokens // arch.block * arch.block
    span = max(0, length - first)
    count = min(count, span)
    return [first + int((i + i * SPACING % 1) * span / count) for i in range(count)]


def block_logits(q: Tensor, k: Tensor, rows: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """Log probabilities [B, P, H, G, N * block] of sampled queries q [B, P, Hq, d], and block scores [B, P, H, N].

    k [B, T, H, d]; keys after the query's own position rows [B, P] are -inf. A score is the log of the block's highest
    probability in any head of the group (eq. 3).
    """
    batch, count, heads, dim = q.shape
    kv, length = k.shape[2], k.shape[1]
    grouped = q.float().view(batch, count, kv, heads // kv, dim)
    scores = torch.einsum("bphgd,bthd->bphgt", grouped, k.float()) * dim ** -0.5
    scores = F.pad(scores, (0, -length % block))
    later = torch.arange(scores.shape[-1], device=q.device) > rows[..., None]
    logs = scores.masked_fill_(later[:, :, None, None], float("-inf")).log_softmax(-1)
    return logs, logs.unflatten(-1, (-1, block)).amax((3, 5))


def best_blocks(scores: Tensor, count: int) -> Tensor:
    """The blocks that a full layer would select for its queries: scores and result (bool) [B, P, H, N]."""
    return reference.select(scores.permute(0, 2, 3, 1), count).permute(0, 3, 1, 2).bool()


def shares(q: Tensor, k: Tensor, inherited: Tensor, rows: Tensor, arch: Architecture) -> dict[str, Tensor]:
    """Every share for every sampled query: `mass.*` [B, P, H, G], `blocks.*` [B, P, H] (`*.random` [B, P]).

    q [B, P, Hq, d] stands at rows [B, P]; k [B, T, H, d]; inherited (bool) [B, P, H, N].
    """
    block, count = arch.block, arch.selectedTokens // arch.block
    logs, scores = block_logits(q, k, rows, block)
    own, inherited = best_blocks(scores, count), inherited[:, :, :, None]
    each = logs.exp_()
    token = torch.arange(each.shape[-1], device=q.device)
    near = token > rows[..., None] - arch.window
    mass = each.unflatten(-1, (-1, block)).sum(-1)
    near_mass = (each * near[:, :, None, None]).unflatten(-1, (-1, block)).sum(-1)
    number, mine = torch.arange(mass.shape[-1], device=q.device), rows[..., None] // block
    recent = (number > mine - count)[:, :, None, None]
    enclosed = (number * block > rows[..., None] - arch.window)[:, :, None]
    chance = (count / (mine[..., 0] + 1)).clamp_max(1)

    def inside(chosen: Tensor, window: bool = False) -> Tensor:
        return torch.where(chosen, mass, near_mass if window else torch.zeros_like(mass)).sum(-1)

    def agree(chosen: Tensor) -> Tensor:
        return (own & chosen).sum(-1) / own.sum(-1)

    mine_too, own_group = inherited[:, :, :, 0], own[:, :, :, None]
    return {
        "mass.inherited": inside(inherited), "mass.inheritedOrWindow": inside(inherited, True),
        "mass.own": inside(own_group), "mass.ownOrWindow": inside(own_group, True), "mass.recent": inside(recent),
        "mass.random": chance, "mass.window": near_mass.sum(-1),
        "blocks.inherited": agree(mine_too), "blocks.inheritedOrWindow": agree(mine_too | enclosed),
        "blocks.random": chance,
    }


class Watching:
    """Attention operations that compute `shares` of the layers between full ones, and change nothing."""

    def __init__(self, ops, arch: Architecture, design: str, rows: Tensor) -> None:
        """rows [B, P]: the queries to look at in the next forward, made for one design."""
        self.ops, self.arch, self.design, self.rows = ops, arch, design, rows
        self.window, self.selection = ops.window, ops.selection
        self.batch = torch.arange(rows.shape[0], device=rows.device)[:, None]
        self.layer, self.chosen = -1, None
        self.seen: dict[int, dict[str, Tensor]] = {}

    def full(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Dense attention of the next layer."""
        self.layer += 1
        if self.design == "full":
            if self.layer in self.arch.full_layers():
                with torch.autocast(q.device.type, enabled=False):
                    scores = block_logits(q[self.batch, self.rows], k, self.rows, self.arch.block)[1]
                self.chosen = best_blocks(scores, self.arch.selectedTokens // self.arch.block)
            else:
                self.look(q, k)
        return self.ops.full(q, k, v)

    def sparse(self, q: Tensor, k: Tensor, v: Tensor, sinks: Tensor, selection: tuple[Tensor, ...],
               block: int) -> Tensor:
        """Sparse branch of the next layer; k and the selection are its oracle's."""
        self.layer += 1
        self.chosen = selection[0][self.batch, :, :, self.rows].bool()
        self.look(q, k)
        return self.ops.sparse(q, k, v, sinks, selection, block)

    def look(self, q: Tensor, k: Tensor) -> None:
        """Keep the shares of this layer on the CPU, flat."""
        assert self.chosen is not None
        with torch.autocast(q.device.type, enabled=False):
            found = shares(q[self.batch, self.rows], k, self.chosen, self.rows, self.arch)
        self.seen[self.layer] = {name: value.flatten().cpu() for name, value in found.items()}


def watch(model: HySparse, design: str, runs: Iterable[tuple[Tensor, Tensor]],
          forward: Forward) -> dict[int, dict[str, Tensor]]:
    """Shares by layer over all runs (tokens [B, T], rows [B, P]); `forward` runs the model on tokens."""
    parts: dict[int, dict[str, list[Tensor]]] = {}
    ops = model.ops
    for tokens, rows in runs:
        model.ops = watching = Watching(ops, model.arch, design, rows)
        try:
            forward(model, tokens)
        finally:
            model.ops = ops
        for layer, found in watching.seen.items():
            for name, value in found.items():
                parts.setdefault(layer, {}).setdefault(name, []).append(value)
    return {layer: {name: torch.cat(values) for name, values in found.items()} for layer, found in parts.items()}


def summarize(found: dict[int, dict[str, Tensor]], arch: Architecture) -> dict[str, dict]:
    """By layer: its oracle, the distance to it, and means over texts, queries and heads (`inheritedLow`: 10th %)."""
    out: dict[str, dict] = {}
    for layer, values in found.items():
        oracle = max(full for full in arch.full_layers() if full < layer)
        entry: dict = {"oracle": oracle, "distance": layer - oracle, "mass": {}, "blocks": {}}
        for name, value in values.items():
            kind, of = name.split(".")
            entry[kind][of] = round(value.mean().item(), 5)
        entry["mass"]["inheritedLow"] = round(values["mass.inherited"].quantile(LOW).item(), 5)
        out[str(layer)] = entry
    return out


def of_texts(model: HySparse, design: str, texts: list[Tensor], forward: Forward) -> dict:
    """Fidelity on text: `texts` are batches of tokens [B, T], on the model's device, all of one length."""
    places = positions(texts[0].shape[1], model.arch)
    runs = ((part, torch.tensor(places, device=part.device).expand(part.shape[0], -1)) for part in texts)
    return {"texts": sum(len(part) for part in texts), "queries": len(places),
            "layers": summarize(watch(model, design, runs, forward), model.arch)}


def of_questions(model: HySparse, design: str, trials: list[tuple[Tensor, Tensor]], forward: Forward) -> dict:
    """Fidelity at the last token of questions: batches of tokens [B, T] and that token's place [B, 1]."""
    found = summarize(watch(model, design, trials, forward), model.arch)
    return {"trials": sum(len(part) for part, _ in trials),
            "layers": {layer: {name: one["mass"][name] for name in BRIEF} for layer, one in found.items()}}
