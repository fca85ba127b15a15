"""Does the selection matter? Attention operations whose selection is replaced at evaluation.

learned: as trained. top-N: as learned, with a budget of N blocks. all: every visible block. recent: the newest blocks. random:
blocks drawn anew for every query and KV head. none: the sparse branch is silent. last: the last full layer may only read its
oracle's blocks (the selection itself is as learned).
gold: the learned blocks and, beyond the budget, the blocks named in `gold`: what a perfect selection would allow.
without: the learned blocks but for those named in `gold`: what the branch answers when it may not read them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from model import Architecture

SWAPS = ("learned", "all", "recent", "random", "none", "last")


def with_lists(ops, chosen: Tensor) -> tuple[Tensor, ...]:
    """A selection map [B, Hkv, blocks, T] with whatever lists the implementation's kernels need."""
    if chosen.is_cuda:
        import kernels

        return chosen, *kernels.tile_lists(chosen)
    return (chosen,)


class Swapped:
    """The operations with another selection; see the file's head for `how`."""

    def __init__(self, ops, how: str, arch: Architecture, seed: int = 0) -> None:
        self.ops, self.how, self.arch, self.seed = ops, how, arch, seed
        self.window = ops.window
        self.gold: Tensor | None = None
        self.calls, self.last = 0, None

    def full(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Dense attention; under `last`, the last full layer of a forward reads only the selected blocks."""
        self.calls += 1
        if self.how == "last" and self.calls % len(self.arch.full_layers()) == 0:
            assert self.last is not None
            without = torch.full((q.shape[2],), -1e30, device=q.device)
            return self.ops.sparse(q, k, v, without, self.last, self.arch.block)
        return self.ops.full(q, k, v)

    def selection(self, q: Tensor, k: Tensor, block: int, count: int) -> tuple[Tensor, ...]:
        """The replaced selection."""
        if self.how.startswith("top-"):
            count = int(self.how.removeprefix("top-"))
        learned = self.ops.selection(q, k, block, count)
        if self.how in ("all", "recent", "random"):
            learned = with_lists(self.ops, self.replacement(learned[0], count))
        elif self.gold is not None:
            chosen, own = learned[0].clone(), torch.arange(q.shape[1], device=q.device)
            for row, blocks in enumerate(self.gold):
                for one in blocks.tolist():
                    chosen[row, :, one, own >= one * block] = 0 if self.how == "without" else 1
            learned = with_lists(self.ops, chosen)
        self.last = learned
        return learned

    def replacement(self, learned: Tensor, count: int) -> Tensor:
        """Every visible block; or as many as the learned map has, the newest or random visible ones."""
        blocks, length = learned.shape[2:]
        mine = torch.arange(length, device=learned.device) // self.arch.block
        number = torch.arange(blocks, device=learned.device)[:, None]
        seen = number <= mine
        if self.how == "all":
            return seen.to(torch.uint8).expand_as(learned).contiguous()
        if self.how == "recent":
            return (seen & (number > mine - count)).to(torch.uint8).expand_as(learned).contiguous()
        generator = torch.Generator(device=learned.device).manual_seed(self.seed)
        order = torch.rand(learned.shape, device=learned.device, generator=generator).masked_fill(~seen, -1.0)
        best = order.topk(min(count, blocks), dim=2).indices
        return torch.zeros_like(learned).scatter_(2, best, 1) * seen.to(torch.uint8)

    def sparse(self, q: Tensor, k: Tensor, v: Tensor, sinks: Tensor, selection: tuple[Tensor, ...],
               block: int) -> Tensor:
        """The sparse branch, or zeros."""
        return torch.zeros_like(q) if self.how == "none" else self.ops.sparse(q, k, v, sinks, selection, block)


def swapped(ops, how: str, arch: Architecture):
    """Operations for one swap."""
    return ops if how == "learned" else Swapped(ops, how, arch)
