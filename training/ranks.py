"""Processes that train one run together, a GPU each, as torchrun starts them; one process alone is a group of one.

    torchrun --nproc-per-node 4 training/convert.py --model BASE ...
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor


class Ranks:
    """This process among those of the run. Each sees other rows; all hold the same parameters."""

    def __init__(self, device: torch.device) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.index = int(os.environ.get("RANK", "0"))
        self.device = device
        if device.type == "cuda" and self.count > 1:
            self.device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(self.device)
        if self.count > 1:
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")

    @property
    def leads(self) -> bool:
        """Whether this process writes, measures and decides."""
        return self.index == 0

    def same(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite tensors with the leader's."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def mean(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite tensors with their mean over the processes."""
        if self.count > 1:
            for tensor in tensors:
                dist.all_reduce(tensor)
                tensor /= self.count

    def agreed(self, values: Sequence[float]) -> list[float]:
        """The leader's numbers: clocks differ, and a rate or an end that differs would part the parameters."""
        if self.count == 1:
            return list(values)
        held = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.broadcast(held, 0)
        return held.tolist()

    def close(self) -> None:
        """Leave the group."""
        if self.count > 1:
            dist.destroy_process_group()
