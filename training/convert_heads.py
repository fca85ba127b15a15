"""Whole heads for the selected branch: HySparse as published, started so that some query heads read far and the others near.

In each group of query heads `count` are given up as readers of the window: they take the oracle's query, so that they find in the oracle's
keys, from the first step on, what the oracle finds there, and their columns of the output projection are fitted anew (ridge regression in the
space of the layer's output) to what the window heads that stay leave of the dense layer's output. Gates say which branch a head reads: along
the mean of the layer's inputs, half open for its own branch, shut to SHUT for the other. No parameter is added, so that the result can be
exported. Given up is the head whose window adds least to the output; which of the oracle's heads it becomes is tried. Asked for only where it gains,
layers without such a head start as any other, quiet (convert_start.py).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SHUT = 0.02
RIDGE = 0.02


def ridge(x: Tensor, y: Tensor) -> Tensor:
    """The matrix [columns of y, columns of x] that gives y [N, m] from x [N, n] best, held back a little."""
    gram = x.T @ x
    held = (RIDGE * gram.trace() / len(gram)).clamp_min(1e-12) * torch.eye(len(gram), device=x.device)
    return torch.linalg.solve(gram + held, x.T @ y).T


def far_outputs(fit, layer: int, oracle: int) -> tuple[Tensor, Tensor]:
    """What every head of the oracle would read for the layer's inputs [Hkv, G, N, d], and its sinks [Hkv, G]: as high as leaves the
    branch `opened` of its softmax on average."""
    outs, lses = [], []
    for window, chosen in enumerate(fit.selected(oracle)):
        _, k, v = fit.qkv(window, oracle)
        scores = fit.scores(fit.far(window, layer, oracle), k, chosen[:, None])
        lses.append(scores.logsumexp(-1))
        outs.append(torch.einsum("hgrt,thd->hgrd", scores.softmax(-1), v))
    lse = torch.cat(lses, 2)
    grid = torch.arange(-4.0, 44.0, 0.25, device=lse.device)
    share = torch.stack([torch.sigmoid(lse - s).mean(-1) for s in grid])
    sinks = grid[((share >= fit.opened).sum(0) - 1).clamp_min(0)]
    return torch.cat(outs, 2) * torch.sigmoid(lse - sinks[..., None])[..., None], sinks


def window_outputs(fit, layer: int) -> tuple[Tensor, Tensor]:
    """Dense attention and that of the window alone [2, Hkv, G, N, d], and the window's sinks [Hkv, G] by least squares."""
    denses, outs, lses = [], [], []
    for window in range(fit.windows):
        q, k, v = fit.qkv(window, layer)
        denses.append(torch.einsum("hgrt,thd->hgrd", fit.scores(q, k, fit.seen).softmax(-1), v))
        near = fit.scores(q, k, fit.near)
        lses.append(near.logsumexp(-1))
        outs.append(torch.einsum("hgrt,thd->hgrd", near.softmax(-1), v))
    dense, out, lse = (torch.cat(x, 2) for x in (denses, outs, lses))
    grid = torch.arange(-6.0, 40.0, 0.25, device=lse.device)
    miss = torch.stack([((out * torch.sigmoid(lse - s)[..., None] - dense) ** 2).sum((-1, -2)) for s in grid])
    sinks = grid[miss.argmin(0)]
    return torch.stack([dense, out * torch.sigmoid(lse - sinks[..., None])[..., None]]), sinks


def left(x: Tensor, rest: Tensor) -> float:
    """Squared error of the best output columns for far outputs x [N, n], fitted on every other sample and asked of the others; in all
    of them."""
    fitted = ridge(x[::2], rest[::2]) if x.shape[1] else torch.zeros(rest.shape[1], 0, device=x.device)
    return 2 * (rest[1::2] - F.linear(x[1::2], fitted)).square().sum().item()


def choose(near: Tensor, far: Tensor, goal: Tensor, count: int, only_gain: bool) -> list[tuple[int, int, int]]:
    """Which heads are given up, as (group, own head, oracle's head), from what each own head adds to the output through its window
    [Hkv, G, N, hidden], far outputs [Hkv, G, N, d] and the dense layer's output [N, hidden].

    With `only_gain` a head goes only where the layer's error falls by it on samples that the fit has not seen.
    """
    groups, size = near.shape[:2]
    heads: list[tuple[int, int, int]] = []
    rest = goal - near.sum((0, 1))
    x = rest.new_zeros(len(rest), 0)
    error = left(x, rest)
    for g in range(groups):
        for b in near[g].square().sum((-1, -2)).argsort()[:count].tolist():
            free = [a for a in range(size) if (g, a) not in [(group, taken) for group, _, taken in heads]]
            tried = {a: left(torch.cat([x, far[g, a]], -1), rest + near[g, b]) for a in free}
            a = min(tried, key=tried.__getitem__)
            if only_gain and tried[a] >= error:
                continue
            heads.append((g, b, a))
            rest, x, error = rest + near[g, b], torch.cat([x, far[g, a]], -1), tried[a]
    return heads


def give_heads(fit, layer: int, oracle: int, count: int, only_gain: bool, attention, far_gate: float) -> list | None:
    """Start a sparse layer so; returns relative squared errors of the layer's output: the window alone, without the heads given up, with
    far heads in their place; and those heads. None, and nothing is changed, where no head is given up."""
    arch, teacher = fit.arch, fit.teacher.attends[layer]
    groups, size, d = arch.kvHeads, arch.queryHeads // arch.kvHeads, arch.headDim
    if not 0 < count < size:
        raise ValueError(f"a group has {size} query heads: {count} of them cannot read far")
    (dense, window), window_sinks = window_outputs(fit, layer)
    far, far_sinks = far_outputs(fit, layer, oracle)
    columns = teacher.attention.o_proj.weight.view(arch.hidden, groups, size, d)
    near = torch.einsum("hgnd,ohgd->hgno", window, columns)
    goal = torch.einsum("hgnd,ohgd->no", dense, columns)
    heads = choose(near, far, goal, count, only_gain)
    if not heads:
        return None
    alone = goal - near.sum((0, 1))
    rest = alone + sum(near[g, b] for g, b, _ in heads)
    x = torch.cat([far[g, a] for g, _, a in heads], -1)
    fitted = ridge(x, rest)
    asks = fit.far_query(layer, oracle).view(groups, size, d, -1)
    q, o = teacher.attention.q_proj.weight.clone().view(groups, size, d, -1), columns.clone()
    sinks, reads_near = far_sinks.clone(), torch.ones(groups, size, device=goal.device)
    for place, (g, b, a) in enumerate(heads):
        q[g, b], o[:, g, b], sinks[g, b] = asks[g, a], fitted[:, place * d:(place + 1) * d], far_sinks[g, a]
        reads_near[g, b] = 0
    attention.q_proj.weight.copy_(q.reshape(-1, arch.hidden))
    attention.o_proj.weight.copy_(2 * o.reshape(arch.hidden, -1))
    for name in "kv":
        getattr(attention, f"{name}_proj").weight.copy_(getattr(teacher.attention, f"{name}_proj").weight)
    mean = teacher.norm(fit.inputs[layer]).mean((0, 1))
    unit, shut = mean / mean.square().sum(), math.log(SHUT / (1 - SHUT))
    reads_near = reads_near.flatten()[:, None]
    attention.window_gate_proj.weight.copy_((1 - reads_near) * shut * unit)
    attention.sparse_gate_proj.weight.copy_((reads_near * shut + (1 - reads_near) * math.log(far_gate / (1 - far_gate))) * unit)
    attention.sparse_sinks.copy_(sinks.flatten())
    attention.window_sinks.copy_(window_sinks.flatten())
    scale = goal.square().sum()
    return [*(round((e.square().sum() / scale).item(), 4) for e in (alone, rest, rest - F.linear(x, fitted))), heads]
