"""One whole optimizer step as a CUDA graph: small steps are otherwise bound by launching kernels one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from train import Trainer


class StepGraph:
    """A captured step; its losses are compared with an ordinary step's before it is used."""

    def __init__(self, trainer: Trainer, batch: dict[str, Tensor]) -> None:
        """Capture for the shape of `batch`; nothing is trained. Raises RuntimeError if the graph computes otherwise."""
        self.batch = {name: value.clone() for name, value in batch.items()}
        trainer.set_rate(0.0)
        side, fresh = torch.cuda.Stream(), not trainer.optimizers[0].state
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                if fresh:
                    trainer.optimize(self.batch)
                else:
                    trainer.losses(self.batch)[0].backward()
                trainer.forget_gradients()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.out = trainer.optimize(self.batch)
        expected = trainer.losses(self.batch)[1]
        self.graph.replay()
        gap = ((self.out[:3] - expected[:3]).abs() / expected[:3].abs().clamp_min(1)).max().item()
        if not gap < 0.02 or not torch.isfinite(self.out).all():
            raise RuntimeError(f"the captured step's losses differ by {gap}")
        print(f"captured, losses differ by {gap:.1e}", flush=True)
        if fresh:
            for state in [state for o in trainer.optimizers for state in o.state.values()]:
                for value in state.values():
                    value.zero_()

    def replay(self, batch: dict[str, Tensor]) -> Tensor:
        """Run the step on another batch of the same shape."""
        for name, value in self.batch.items():
            value.copy_(batch[name], non_blocking=True)
        self.graph.replay()
        return self.out
