"""Check every Triton kernel against reference.py in float64, on fresh random inputs.

    python training/check_kernels.py            # on a GPU
    TRITON_INTERPRET=1 python training/check_kernels.py --small   # on a CPU, slow

Errors are ||out - ref|| / ||ref||. The selection must be equal except where two scores are closer than the dtype's
error.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

import kernels  # noqa: F401  (registers torch.ops.hysparse)
import reference


def error(out: Tensor, ref: Tensor) -> float:
    """Normalized error."""
    return ((out.double() - ref).norm() / ref.norm().clamp_min(1e-30)).item()


def check(batch: int, length: int, hq: int, hkv: int, count: int, window: int, dtype: torch.dtype,
          device: str) -> float:
    """Worst normalized error of one shape over forward and backward of both branches; raises beyond the tolerance."""
    kind = dict(device=device, dtype=dtype)
    q = torch.randn(batch, length, hq, 64, **kind)
    k, v = torch.randn(batch, length, hkv, 64, **kind), torch.randn(batch, length, hkv, 64, **kind)
    sinks = torch.randn(hq, device=device, dtype=torch.float32)
    dout = torch.randn_like(q)
    chosen, *lists = torch.ops.hysparse.selection(q, k, count)
    scores = reference.block_scores(q.double(), k.double(), 64)
    expected = reference.select(scores, count)
    wrong = (chosen != expected).sum().item() / expected.sum().item()
    gap = scores.masked_fill(chosen == 0, float("inf")).amin(2) - scores.masked_fill(chosen == 1, float("-inf")).amax(2)
    assert (chosen.sum(2) == expected.sum(2)).all(), "a query selects the wrong number of blocks"
    limit = 2e-2 if dtype == torch.bfloat16 else 1e-5
    assert gap.min().item() > -limit, f"selection off by {gap.min().item()}"
    worst = 0.0
    for name, width in (("sparse", 0), ("window", window)):
        ours = [x.clone().requires_grad_() for x in (q, k, v, sinks)]
        theirs = [x.double().requires_grad_() for x in (q, k, v, sinks)]
        out = torch.ops.hysparse.attend(*ours, chosen, *lists, width)[0]
        ref = (reference.window_attention(*theirs, width) if width else
               reference.sparse_attention(*theirs, chosen, 64))
        out.backward(dout)
        ref.backward(dout.double())
        errors = {"out": error(out.detach(), ref.detach())}
        errors |= {f"d{n}": error(a.grad, b.grad) for n, a, b in zip(("q", "k", "v", "sink"), ours, theirs)}
        print(f"{name} B={batch} T={length} Hq={hq} Hkv={hkv} blocks={count} window={width} {str(dtype)[6:]}: "
              + " ".join(f"{n} {e:.1e}" for n, e in errors.items()) + f" selection differs {wrong:.1e}", flush=True)
        worst = max(worst, *errors.values())
    assert worst < (2e-2 if dtype == torch.bfloat16 else 1e-4), "a kernel disagrees with the reference"
    return worst


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="two small float32 shapes on the CPU")
    if parser.parse_args().small:
        torch.set_num_threads(1)
        check(1, 256, 2, 1, 2, 128, torch.float32, "cpu")
        check(2, 192, 6, 2, 8, 65, torch.float32, "cpu")
        return
    for shape in ((1, 64, 6, 2, 8, 128), (2, 128, 6, 2, 1, 64), (1, 1024, 6, 2, 8, 128), (2, 640, 4, 4, 3, 129),
                  (1, 2048, 6, 2, 8, 128)):
        check(*shape, torch.bfloat16, "cuda")


if __name__ == "__main__":
    main()
