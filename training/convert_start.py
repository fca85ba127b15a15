"""Where a student starts: sinks from measured mass, and the teacher's attention rewritten without changing what it computes on
its own keys and values, so that a sparse layer's selected branch finds the oracle's K and V in a basis it can use.

Per sparse layer and KV head, folded into q, k, v and o:
- order: which oracle head each own KV head reads (a permutation; kept as it is beyond MOST_HEADS);
- basis: a d x d matrix between v and o, fitted so that the oracle's V, read through the selected branch, gives what the window
  leaves out.
Sinks: the window's by least squares, which stands for everything far away; the selected branch's as low as costs at most SLACK
of the error, and at most where the branch keeps a share `opened` of its softmax on average: a silent branch learns nothing.
With `farQuery` the branch asks by a projection of its own, which starts as the layer's (`own`) or as the oracle's (`oracle`): the
latter finds in the oracle's keys, from the first step on, what the oracle finds there.
Gates have no bias. The window's starts half open, so that o is doubled; the selected branch's starts at `far_gate` on average, along
the mean of the layer's inputs: what it reads is noise at first, and a loud one is shut for good within a hundred steps. With all sinks at 0 a student of SmolLM2-135M starts three times as badly (LOG.md).
"""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from convert_heads import give_heads
from convert_net import Halves
from model import Architecture, rotate

SHRINK = 0.25  # smallest singular value of a basis against the largest
SLACK = 1.1
QUIET_GATE, QUIET_OPENED = 0.15, 0.98  # of layers that give up no head where others do
MOST_HEADS = 6  # permutations of more are not tried


def least(outs: Tensor, lse: Tensor, target: Tensor, grid: Tensor) -> Tensor:
    """Squared error [grid, heads] of outs * sigmoid(lse - sink) against the target [heads, R, d], for each sink of a grid."""
    return torch.stack([((outs * torch.sigmoid(lse - s)[..., None] - target) ** 2).sum((-1, -2)) for s in grid])


class Fit:
    """Fits sparse layers on a few windows of the teacher's layer inputs [layers][windows, T, hidden], on sampled queries."""

    def __init__(self, teacher: Halves, tokens: Tensor, arch: Architecture, opened: float, asks: str = "own") -> None:
        self.arch, self.teacher, self.opened, self.asks = arch, teacher, opened, asks
        self.inputs = [x for x, _ in teacher(tokens, keep=True)]
        self.windows, length = tokens.shape
        device = tokens.device
        self.rows = torch.arange(arch.selectedTokens + arch.window, length, max(1, length // 240), device=device)
        if not len(self.rows):
            raise ValueError(f"windows of {length} tokens are too short to fit k = {arch.selectedTokens}, w = {arch.window}")
        place = torch.arange(length, device=device)
        self.seen = place <= self.rows[:, None]
        self.near = self.seen & (place > self.rows[:, None] - arch.window)
        self.chosen: tuple[int, list[Tensor]] = (-1, [])

    def qkv(self, window: int, layer: int) -> tuple[Tensor, Tensor, Tensor]:
        """The teacher's q of the sampled rows [R, Hkv, G, d], k and v [T, Hkv, d]."""
        a, part = self.arch, self.teacher.attends[layer]
        h = part.norm(self.inputs[layer][window][None])
        q, k, v = (F.linear(h, getattr(part.attention, f"{n}_proj").weight).unflatten(-1, (-1, a.headDim)) for n in "qkv")
        rope = self.teacher.rope(h.shape[1])
        q, k = rotate(q, *rope)[0, self.rows], rotate(k, *rope)[0]
        return q.unflatten(1, (a.kvHeads, -1)), k, v[0]

    def far_query(self, layer: int, oracle: int) -> Tensor:
        """The projection [Hq d, hidden] that the selected branch starts with, heads as the teacher has them."""
        own, other = (self.teacher.attends[i] for i in (layer, oracle))
        if self.asks == "own":
            return own.attention.q_proj.weight
        return other.attention.q_proj.weight * (other.norm.weight / own.norm.weight)

    def far(self, window: int, layer: int, oracle: int) -> Tensor:
        """The selected branch's q of the sampled rows [R, Hkv, G, d]: like the weights, in the order of own or of oracle heads."""
        h = self.teacher.attends[layer].norm(self.inputs[layer][window][None])
        q = F.linear(h, self.far_query(layer, oracle)).unflatten(-1, (-1, self.arch.headDim))
        return rotate(q, *self.teacher.rope(h.shape[1]))[0, self.rows].unflatten(1, (self.arch.kvHeads, -1))

    def scores(self, q: Tensor, k: Tensor, keep: Tensor) -> Tensor:
        """Scaled scores [Hkv, G, R, T], -1e30 where not kept."""
        return (torch.einsum("rhgd,thd->hgrt", q, k) * self.arch.headDim ** -0.5).masked_fill(~keep, -1e30)

    def selected(self, oracle: int) -> list[Tensor]:
        """Per window the tokens [Hkv, R, T] that are in an oracle's blocks and visible."""
        if self.chosen[0] != oracle:
            made = []
            for window in range(self.windows):
                q, k, _ = self.qkv(window, oracle)
                p = self.scores(q, k, self.seen).log_softmax(-1)
                p = F.pad(p, (0, -p.shape[-1] % self.arch.block), value=-1e30)
                best = p.unflatten(-1, (-1, self.arch.block)).amax(-1).amax(1)
                count = self.arch.selectedTokens // self.arch.block
                kept = torch.zeros_like(best, dtype=torch.bool).scatter_(-1, best.topk(count, -1).indices, True)
                made.append(kept.repeat_interleave(self.arch.block, -1)[..., :self.seen.shape[1]] & self.seen)
            self.chosen = (oracle, made)
        return self.chosen[1]

    def layer(self, layer: int, oracle: int) -> dict[str, Tensor | list]:
        """`window_sinks` and `sparse_sinks` [Hq], `order` [Hkv], `basis` [Hkv, d, d], and `error`: relative squared errors of
        the window alone, of both branches at their best, and of both as opened, with the share that the branch then keeps."""
        data, heads = [], self.arch.kvHeads
        for window, chosen in enumerate(self.selected(oracle)):
            q, k, v = self.qkv(window, layer)
            _, ko, vo = self.qkv(window, oracle)
            dense = torch.einsum("hgrt,thd->hgrd", self.scores(q, k, self.seen).softmax(-1), v)
            near = self.scores(q, k, self.near)
            data.append((self.far(window, layer, oracle), ko, vo, chosen, dense, near.logsumexp(-1), torch.einsum("hgrt,thd->hgrd", near.softmax(-1), v)))
        q, ko, vo, chosen, dense, lse, out = zip(*data)
        grid = torch.arange(-6.0, 40.0, 0.25, device=self.rows.device)
        miss = sum(least(o, e, d, grid) for o, e, d in zip(out, lse, dense))
        sinks = grid[miss.argmin(0)]
        rest = [d - o * torch.sigmoid(e - sinks[..., None])[..., None] for d, o, e in zip(dense, out, lse)]
        pairs = [(g, j) for g in range(heads) for j in range(heads)] if heads <= MOST_HEADS else [(g, g) for g in range(heads)]
        fits = {(g, j): self.pair([x[:, g if self.asks == "own" else j] for x in q], [x[:, j] for x in ko], [x[:, j] for x in vo],
                                  [x[j] for x in chosen], torch.cat([x[g] for x in rest], 1)) for g, j in pairs}
        orders = itertools.permutations(range(heads)) if heads <= MOST_HEADS else [tuple(range(heads))]
        order = min(orders, key=lambda z: sum(fits[g, j]["left"] for g, j in enumerate(z)))
        to = sorted(range(heads), key=lambda g: order[g])  # the own head that goes to each oracle head
        mine = [fits[g, order[g]] for g in to]
        scale = sum(d.square().sum() for d in dense).item()
        error = [miss.min(0).values.sum().item() / scale, *(sum(m[n] for m in mine) / scale for n in ("left", "opened")),
                 sum(m["share"] for m in mine) / heads]
        return {"window_sinks": sinks[to].flatten(), "sparse_sinks": torch.cat([m["sinks"] for m in mine]), "to": to,
                "basis": torch.stack([m["basis"] for m in mine]), "error": [round(e, 4) for e in error]}

    def pair(self, q: list[Tensor], ko: list[Tensor], vo: list[Tensor], chosen: list[Tensor], rest: Tensor) -> dict:
        """One own head on one oracle head: basis and sinks of the selected branch against what the window leaves out."""
        dim, device = self.arch.headDim, rest.device
        outs, lses = [], []
        for q_, k, v, keep in zip(q, ko, vo, chosen):
            a = (torch.einsum("rgd,td->grt", q_, k) * dim ** -0.5).masked_fill(~keep, -1e30)
            lses.append(a.logsumexp(-1))
            outs.append(a.softmax(-1) @ v)
        out, lse = torch.cat(outs, 1), torch.cat(lses, 1)
        coarse = torch.arange(-4.0, 44.0, 1.0, device=device)
        basis = torch.eye(dim, device=device)
        for _ in range(2):
            sinks = coarse[least(out @ basis, lse, rest, coarse).argmin(0)]
            x, y = (out * torch.sigmoid(lse - sinks[:, None])[..., None]).flatten(0, 1), rest.flatten(0, 1)
            gram = x.T @ x
            ridge = (0.02 * gram.trace() / dim).clamp_min(1e-12) * torch.eye(dim, device=device)
            u, size, vt = torch.linalg.svd(torch.linalg.solve(gram + ridge, x.T @ y))
            size = size.clamp_min(SHRINK * size[0].item()).clamp_min(1e-12)
            basis = u @ torch.diag(size / size.log().mean().exp()) @ vt  # its scale is the sinks' business
        fine = torch.arange(-4.0, 44.0, 0.25, device=device)
        miss = least(out @ basis, lse, rest, fine)
        share = torch.stack([torch.sigmoid(lse - s).mean(-1) for s in fine])
        first = (miss <= SLACK * miss.min(0).values).int().argmax(0)
        at = torch.minimum(first, (share >= self.opened).sum(0) - 1).clamp_min(0)
        return {"left": miss.min(0).values.sum().item(), "opened": miss.gather(0, at[None]).sum().item(), "basis": basis,
                "sinks": fine[at], "share": share.gather(0, at[None]).mean().item()}


def fold(weights: dict[str, Tensor], found: dict, arch: Architecture) -> dict[str, Tensor]:
    """q, k, v, o of a sparse layer [rows, columns] in the fitted order and basis, o doubled."""
    heads, d, group = arch.kvHeads, arch.headDim, arch.queryHeads // arch.kvHeads
    q, k, v, o = (weights[n] for n in "qkvo")
    to, basis = found["to"], found["basis"]
    q, k = (w.reshape(heads, -1, arch.hidden)[to].reshape(w.shape) for w in (q, k))
    v = torch.einsum("hde,hdi->hei", torch.linalg.inv(basis), v.reshape(heads, d, -1)[to]).reshape(-1, arch.hidden)
    o = torch.einsum("hde,hgei->hgdi", basis, o.T.reshape(heads, group, d, -1)[to]).reshape(-1, arch.hidden).T
    return {"q": q, "k": k, "v": v, "o": 2 * o.contiguous()}


@torch.no_grad()
def start(student: Halves, teacher: Halves, tokens: Tensor, opened: float, far_gate: float, asks: str = "own",
          far_heads: int = 0, only_gain: bool = False) -> dict[str, list]:
    """Fit every layer that is not full on windows of text [n, T] and put the result into the student; returns each fit's `error`.
    With `far_heads` so many query heads of each group become the oracle's (convert_heads.py), with `only_gain` where the fit gains by it."""
    fit = Fit(teacher, tokens, student.arch, opened, "oracle" if far_heads else asks)
    quiet = Fit(teacher, tokens, student.arch, QUIET_OPENED, asks) if far_heads and only_gain else fit
    report, oracle = {}, 0
    for index, kind in enumerate(student.kinds):
        if kind == "full":
            oracle = index
            continue
        attention, gate = student.attends[index].attention, far_gate
        if kind == "sparse" and far_heads:
            given = give_heads(fit, index, oracle, far_heads, only_gain, attention, far_gate)
            if given is not None:
                report[str(index)] = given
                continue
            gate = QUIET_GATE
        found = quiet.layer(index, oracle)
        if kind == "sparse":
            made = fold({n: getattr(attention, f"{n}_proj").weight for n in "qkvo"}, found, student.arch)
            for name, value in made.items():
                getattr(attention, f"{name}_proj").weight.copy_(value)
            if student.arch.farQuery:
                far = fit.far_query(index, oracle)
                attention.sparse_q_proj.weight.copy_(
                    far.reshape(student.arch.kvHeads, -1, student.arch.hidden)[found["to"]].reshape(far.shape) if asks == "own" else far)
            mean = teacher.attends[index].norm(fit.inputs[index]).mean((0, 1))
            attention.sparse_gate_proj.weight.copy_((math.log(gate / (1 - gate)) * mean / mean.square().sum()).expand_as(
                attention.sparse_gate_proj.weight))
            attention.sparse_sinks.copy_(found["sparse_sinks"])
            attention.window_sinks.copy_(found["window_sinks"])
        else:  # a window by itself keeps the teacher's order of heads
            back = torch.empty(student.arch.kvHeads, dtype=torch.long, device=tokens.device)
            back[torch.tensor(found["to"], device=tokens.device)] = torch.arange(len(back), device=tokens.device)
            attention.window_sinks.copy_(found["window_sinks"].view(len(back), -1)[back].flatten())
        report[str(index)] = found["error"]
    return report
