"""Teacher and student of a conversion: two networks of model.py over one set of embeddings, norms and MLPs.

Only the student's attention is trained; the rest is frozen and shared, so that a step runs each layer's two halves apart:
`Attend` (norm and attention) and `Feed` (residual and MLP), compiled for training and plain for measuring.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attention import PlainOps
from model import Architecture, HySparse, Layer, Oracle


class TiledOps(PlainOps):
    """attention.PlainOps for a CPU, with dense attention that does not keep its matrix of weights."""

    @staticmethod
    def full(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Dense causal attention."""
        k, v = (x.repeat_interleave(q.shape[2] // k.shape[2], 2).transpose(1, 2) for x in (k, v))
        return F.scaled_dot_product_attention(q.transpose(1, 2), k, v, is_causal=True).transpose(1, 2)


class Drawn:
    """Attention operations whose selection is drawn: one map of random visible blocks for all layers, new with `draw`.

    The tensors stay where they are, because compiled layers hold on to them.
    """

    def __init__(self, ops, block: int, count: int, kv_heads: int) -> None:
        self.ops, self.block, self.count, self.kv_heads = ops, block, count, kv_heads
        self.full, self.window, self.sparse = ops.full, ops.window, ops.sparse
        self.maps: dict[tuple[int, int], tuple[Tensor, ...]] = {}

    def draw(self, batch: int, length: int, device: torch.device) -> None:
        """New blocks for inputs of this shape."""
        blocks = -(-length // self.block)
        seen = torch.arange(blocks, device=device)[:, None] <= torch.arange(length, device=device) // self.block
        order = torch.rand(batch, self.kv_heads, blocks, length, device=device).masked_fill(~seen, -1.0)
        best = order.topk(min(self.count, blocks), dim=2).indices
        chosen = torch.zeros(order.shape, dtype=torch.uint8, device=device).scatter_(2, best, 1) * seen.to(torch.uint8)
        made: tuple[Tensor, ...] = (chosen,)
        if chosen.is_cuda:
            import kernels

            made = (chosen, *kernels.tile_lists(chosen))
        held = self.maps.setdefault((batch, length), made)
        for old, new in zip(held, made):
            old.copy_(new)

    def selection(self, q: Tensor, k: Tensor, block: int, count: int) -> tuple[Tensor, ...]:
        """The drawn map, whatever q and k are."""
        return self.maps[q.shape[0], q.shape[1]]


class Attend(nn.Module):
    """Residual stream [B, T, hidden] to what attention adds to it (float32), and what a full layer hands on."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.norm, self.attention = layer.input_layernorm, layer.self_attn

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], oracle: Oracle | None, ops) -> tuple[Tensor, Oracle | None]:
        """The first half of model.Layer."""
        y, oracle = self.attention(self.norm(x), rope, oracle, ops)
        return y.float(), oracle


class Feed(nn.Module):
    """The second half of model.Layer: adds the attention's output, then the MLP's."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.norm, self.mlp = layer.post_attention_layernorm, layer.mlp

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The next residual stream."""
        x = x + y
        return x + self.mlp(self.norm(x)).float()


class Halves(nn.Module):
    """A network of model.py as halves of layers. `eager`: plain calls (measuring), else compiled ones if there are any."""

    def __init__(self, net: HySparse) -> None:
        super().__init__()
        self.net, self.arch, self.eager = net, net.arch, True
        self.attends = nn.ModuleList(Attend(layer) for layer in net.model.layers)
        self.feeds = nn.ModuleList(Feed(layer) for layer in net.model.layers)
        self.kinds = [layer.self_attn.kind for layer in net.model.layers]
        weight = net.model.embed_tokens.weight
        self.table = weight.detach().to(torch.bfloat16 if weight.is_cuda else weight.dtype)

    @property
    def ops(self):
        """The attention operations."""
        return self.net.ops

    @ops.setter
    def ops(self, ops) -> None:
        self.net.ops = ops

    def compile_parts(self) -> None:
        """Compile every half."""
        for part in [*self.attends, *self.feeds]:
            part.compile(dynamic=False)

    def call(self, part: nn.Module, *args):
        """A half, compiled or plain."""
        return part.forward(*args) if self.eager else part(*args)

    def autocast(self) -> torch.autocast:
        """bfloat16 on a GPU, float32 elsewhere."""
        return torch.autocast(self.table.device.type, torch.bfloat16, enabled=self.table.is_cuda)

    def attend(self, index: int, x: Tensor, rope: tuple[Tensor, Tensor], oracle: Oracle | None) -> tuple[Tensor, Oracle | None]:
        """One layer's attention."""
        with self.autocast():
            return self.call(self.attends[index], x, rope, oracle, self.ops)

    def rope(self, length: int) -> tuple[Tensor, Tensor]:
        """RoPE tables."""
        return self.net.rope(length, self.table.device)

    def forward(self, tokens: Tensor, keep: bool = False, oracles: dict[int, Oracle] | None = None):
        """tokens [B, T] to final normed states in the table's type; with `keep`, each layer's input and attention output."""
        x = F.embedding(tokens, self.net.model.embed_tokens.weight)
        if torch.is_grad_enabled():
            x = x.requires_grad_()
        rope, oracle, kept = self.rope(tokens.shape[1]), None, []
        for index, feed in enumerate(self.feeds):
            y, oracle = self.attend(index, x, rope, oracle)
            if keep:
                kept.append((x, y))
            if oracles is not None and self.kinds[index] == "full":
                oracles[index] = oracle
            if not keep or index + 1 < len(self.feeds):
                with self.autocast():
                    x = self.call(feed, x, y)
        return kept if keep else self.net.model.norm(x).to(self.table.dtype)

    def groups(self) -> list[list[int]]:
        """Each full layer that others follow, with them."""
        out: list[list[int]] = []
        for index, kind in enumerate(self.kinds):
            if kind == "full":
                out.append([])
            out[-1].append(index)
        return [group for group in out if len(group) > 1]


def build(arch: Architecture, tensors: dict[str, Tensor], ops, design: str) -> Halves:
    """A network over the given tensors themselves (not copies), frozen; what they lack (gates, sinks, queries of the
    selected branch) starts at 0."""
    with torch.device("meta"):
        net = HySparse(arch, ops, design)
    device = tensors["model.embed_tokens.weight"].device
    missing = {name: torch.zeros(p.shape, device=device) for name, p in net.state_dict().items() if name not in tensors}
    made_up = [name for name in missing if not name.endswith(("sinks", "gate_proj.weight", "sparse_q_proj.weight"))]
    if made_up:
        raise ValueError(f"the checkpoint lacks {made_up[:3]} ({len(made_up)} tensors)")
    net.load_state_dict({**tensors, **missing}, assign=True)
    net.requires_grad_(False)
    return Halves(net)


def student_of(arch: Architecture, tensors: dict[str, Tensor], ops, design: str) -> Halves:
    """A student: attention of its own, a copy of the teacher's, that is trained; everything else shared and frozen."""
    own = {name: value.clone() if ".self_attn." in name else value for name, value in tensors.items()}
    made = build(arch, own, ops, design)
    for layer in made.net.model.layers:
        layer.self_attn.requires_grad_(True)
    return made
