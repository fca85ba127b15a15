"""Triton kernel of distill.py: KL to the teacher and its gradient, one row of logits per program."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def kl_kernel(S, T, TARGET, WEIGHT, KL, NLL, NLL_T, V, BLOCK: tl.constexpr):
    """KL(teacher || student) and both losses on the target; S becomes weight * (p_s - p_t)."""
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    low = float("-inf")
    ms, mt = low, low
    ls, lt = 0.0, 0.0
    for first in range(0, V, BLOCK):
        cols = first + at
        s = tl.load(S + row * V + cols, mask=cols < V, other=low).to(tl.float32)
        t = tl.load(T + row * V + cols, mask=cols < V, other=low).to(tl.float32)
        ns, nt = tl.maximum(ms, tl.max(s, 0)), tl.maximum(mt, tl.max(t, 0))
        ls = ls * tl.exp(ms - ns) + tl.sum(tl.exp(s - ns), 0)
        lt = lt * tl.exp(mt - nt) + tl.sum(tl.exp(t - nt), 0)
        ms, mt = ns, nt
    ls, lt = ms + tl.log(ls), mt + tl.log(lt)
    target = tl.load(TARGET + row)
    tl.store(NLL + row, ls - tl.load(S + row * V + target).to(tl.float32))
    tl.store(NLL_T + row, lt - tl.load(T + row * V + target).to(tl.float32))
    weight = tl.load(WEIGHT + row)
    total = 0.0
    for first in range(0, V, BLOCK):
        cols = first + at
        s = tl.load(S + row * V + cols, mask=cols < V, other=low).to(tl.float32) - ls
        t = tl.load(T + row * V + cols, mask=cols < V, other=low).to(tl.float32) - lt
        ps, pt = tl.exp(s), tl.exp(t)
        total += tl.sum(tl.where(pt > 0, pt * (t - s), 0.0), 0)
        tl.store(S + row * V + cols, (weight * (ps - pt)).to(S.dtype.element_ty), mask=cols < V)
    tl.store(KL + row, total)


def kl_rows(s: Tensor, t: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """distill.kl_rows on a GPU."""
    kl, nll, nll_t = (torch.empty(len(s), device=s.device) for _ in range(3))
    kl_kernel[(len(s),)](s, t, target, weight, kl, nll, nll_t, s.shape[1], 4096, num_warps=8)
    return kl, nll, nll_t
