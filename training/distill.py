"""The two losses of a conversion.

Local (stage A): each layer's attention output on the teacher's inputs against the teacher's. Global (stage B): KL to the teacher's
next-token distribution over the whole vocabulary, a chunk of tokens at a time, its gradient made in the forward pass.
"""

from __future__ import annotations

import torch
from torch import Tensor

from convert_net import Halves


def kl_rows(s: Tensor, t: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """KL(teacher || student), student's and teacher's loss per row of logits; `s` is overwritten by the weighted gradient."""
    if s.is_cuda:
        import distill_kernel

        return distill_kernel.kl_rows(s, t, target, weight)
    a, b = s.float().log_softmax(-1), t.float().log_softmax(-1)
    losses = [-x.gather(1, target[:, None])[:, 0] for x in (a, b)]
    s.copy_(weight[:, None] * (a.exp() - b.exp()))
    return (b.exp() * (b - a)).sum(-1), losses[0], losses[1]


class Distill(torch.autograd.Function):
    """Weighted mean KL of normed states [N, hidden] against the teacher's, through the frozen tied embedding [V, hidden]."""

    @staticmethod
    def forward(ctx, xs: Tensor, xt: Tensor, table: Tensor, target: Tensor, weight: Tensor, chunk: int):
        """Returns the loss and (weighted KL, KL, student's loss, teacher's loss), means per token, without gradient."""
        grad = torch.empty_like(xs)
        share = weight / weight.sum()
        sums = torch.zeros(4, device=xs.device)
        for at in range(0, len(xs), chunk):
            part = slice(at, at + chunk)
            s, t = xs[part] @ table.T, xt[part] @ table.T
            kl, nll, nll_t = kl_rows(s, t, target[part], share[part])
            grad[part] = s @ table
            sums += torch.stack([(kl * share[part]).sum(), *[x.sum() / len(xs) for x in (kl, nll, nll_t)]])
        ctx.save_for_backward(grad)
        ctx.mark_non_differentiable(sums)
        return sums[0].clone(), sums

    @staticmethod
    def backward(ctx, d: Tensor, _):
        """The gradient that forward made."""
        return ctx.saved_tensors[0] * d, None, None, None, None, None


def distill(teacher: Halves, student: Halves, tokens: Tensor, weights: Tensor, chunk: int) -> Tensor:
    """KL of a batch [B, T + 1]; gradients are left. Returns Distill's four means."""
    with torch.no_grad():
        theirs = teacher(tokens[:, :-1])
    mine = student(tokens[:, :-1])
    loss, sums = Distill.apply(mine.flatten(0, 1), theirs.flatten(0, 1), student.table, tokens[:, 1:].flatten(),
                               weights.flatten(), chunk)
    loss.backward()
    return sums


def local_losses(teacher: Halves, student: Halves, tokens: Tensor) -> Tensor:
    """Relative squared error of every paired layer's attention output [layers]; gradients are left.

    A sparse layer reads K, V and blocks of its oracle as the student has it, so that the oracle learns for its readers too.
    """
    out = []
    with torch.no_grad():
        kept = teacher(tokens[:, :-1], keep=True)
    rope = student.rope(tokens.shape[1] - 1)
    for group in student.groups():
        oracle, loss = None, 0.0
        for index in group:
            x, target = kept[index]
            kept[index] = None
            y, oracle = student.attend(index, x.detach().requires_grad_(), rope, oracle)
            size = target.square().sum(-1)
            one = ((y - target).square().sum(-1) / (size + 0.1 * size.mean())).mean()
            loss = loss + one
            out.append(one.detach())
        loss.backward()
    return torch.stack(out)
