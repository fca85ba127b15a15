"""The decoder: pre-norm RMSNorm, SwiGLU, RoPE, grouped-query attention, and HySparse's hybrid blocks.

Layer l is full when l mod (sparsePerFull + 1) == 0 or l is the last one, else sparse (arXiv 2602.03560, section 3).
With `lastFull` off the last one is no exception: for asking what hybrid blocks can do by themselves.
Parameter names are those of the exported checkpoint. Shapes: x [B, T, hidden]; q [B, T, Hq, d]; k, v [B, T, Hkv, d].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Architecture:
    """Everything that the exported config.json says about the network.

    `farQuery`: the selected branch asks with a query projection of its own. An experiment of convert.py, which is not exported.
    """

    layers: int = 13
    hidden: int = 384
    intermediate: int = 1024
    queryHeads: int = 6
    kvHeads: int = 2
    headDim: int = 64
    vocabulary: int = 12288
    sparsePerFull: int = 3
    block: int = 64
    selectedTokens: int = 512
    window: int = 128
    gate: str = "head"
    sinks: bool = True
    ropeBase: float = 640000
    normEps: float = 1e-6
    maxContext: int = 16384
    tieEmbeddings: bool = True
    lastFull: bool = True
    fullLayers: tuple[int, ...] | None = None
    farQuery: bool = False

    def full_layers(self) -> list[int]:
        """Layers with dense attention in every design: by the schedule, or as `fullLayers` lists them."""
        if self.fullLayers is not None:
            return list(self.fullLayers)
        last = self.layers - 1 if self.lastFull else -1
        return [i for i in range(self.layers) if i % (self.sparsePerFull + 1) == 0 or i == last]

    def last_oracle(self) -> int:
        """The last full layer that is followed by another kind in the hybrid designs."""
        full = self.full_layers()
        return max(i for i in full if i + 1 < self.layers and i + 1 not in full)

    def kind(self, layer: int, design: str = "hysparse") -> str:
        """Kind of one layer: `full`, or what the design puts between full layers."""
        if design not in BETWEEN:
            raise ValueError(f"unknown design {design!r}; known: {', '.join(BETWEEN)}")
        return "full" if layer in self.full_layers() else BETWEEN[design]


BETWEEN = {"full": "full", "hybrid-swa": "window", "hysparse": "sparse", "hysparse-no-swa": "sparse-alone",
           "hysparse-shared-kv": "sparse-shared"}


class Oracle(NamedTuple):
    """What a full layer hands to the sparse layers after it: its K, V (K after RoPE), the selection, its own q."""

    q: Tensor
    k: Tensor
    v: Tensor
    selection: tuple[Tensor, ...] | None


class RMSNorm(nn.Module):
    """x / rms(x) * weight, computed in float32."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalize the last dimension."""
        return F.rms_norm(x.float(), (x.shape[-1],), self.weight.float(), self.eps)


def rope_table(length: int, dim: int, base: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """cos and sin [T, d / 2] of angle t * base^(-2 i / d), built in float64."""
    inverse = base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * inverse
    return angle.cos().float().to(device), angle.sin().float().to(device)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate-half RoPE over the whole head: pairs (i, i + d / 2). x [B, T, H, d]."""
    a, b = x.float().chunk(2, dim=-1)
    c, s = cos[None, :, None], sin[None, :, None]
    return torch.cat([a * c - b * s, b * c + a * s], dim=-1).to(x.dtype)


def owns_keys(kind: str) -> bool:
    """Has a layer of this kind its own key and value projections."""
    return kind in ("full", "window", "sparse")


class Attention(nn.Module):
    """Attention of one layer: `full`, `window` (own K, V), `sparse` (the oracle's K, V, gated beside such a window).

    Two ablations of `sparse`: `sparse-alone` has no window branch, and in `sparse-shared` the window, too, reads the
    oracle's K, V.
    """

    def __init__(self, arch: Architecture, kind: str, emits: bool) -> None:
        super().__init__()
        self.arch, self.kind, self.emits = arch, kind, emits
        self.far, self.near = kind.startswith("sparse"), kind in ("window", "sparse", "sparse-shared")
        inner, kv = arch.queryHeads * arch.headDim, arch.kvHeads * arch.headDim
        self.q_proj = nn.Linear(arch.hidden, inner, bias=False)
        if owns_keys(kind):
            self.k_proj = nn.Linear(arch.hidden, kv, bias=False)
            self.v_proj = nn.Linear(arch.hidden, kv, bias=False)
        self.o_proj = nn.Linear(inner, arch.hidden, bias=False)
        if self.near:
            self.window_sinks = nn.Parameter(torch.zeros(arch.queryHeads))
        if self.far:
            self.sparse_sinks = nn.Parameter(torch.zeros(arch.queryHeads))
            self.sparse_gate_proj = nn.Linear(arch.hidden, arch.queryHeads, bias=False)
            if arch.farQuery:
                self.sparse_q_proj = nn.Linear(arch.hidden, inner, bias=False)
        if self.far and self.near:
            self.window_gate_proj = nn.Linear(arch.hidden, arch.queryHeads, bias=False)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], oracle: Oracle | None,
                ops) -> tuple[Tensor, Oracle | None]:
        """x is the normed layer input; returns the projected output and, for a full layer, what it hands on."""
        arch, batch, length = self.arch, x.shape[0], x.shape[1]
        q = rotate(self.q_proj(x).view(batch, length, arch.queryHeads, arch.headDim), *rope)
        if owns_keys(self.kind):
            k = rotate(self.k_proj(x).view(batch, length, arch.kvHeads, arch.headDim), *rope)
            v = self.v_proj(x).view(batch, length, arch.kvHeads, arch.headDim)
        else:
            assert oracle is not None
            k, v = oracle.k, oracle.v
        if self.kind == "full":
            out = ops.full(q, k, v)
            count = arch.selectedTokens // arch.block
            oracle = Oracle(q, k, v, ops.selection(q, k, arch.block, count) if self.emits else None)
        if self.near:
            out = ops.window(q, k, v, self.window_sinks, arch.window)
        if self.far:
            assert oracle is not None and oracle.selection is not None
            if arch.farQuery:
                q = rotate(self.sparse_q_proj(x).view(batch, length, arch.queryHeads, arch.headDim), *rope)
            chosen = ops.sparse(q, oracle.k, oracle.v, self.sparse_sinks, oracle.selection, arch.block)
            chosen = self.sparse_gate_proj(x).sigmoid()[..., None] * chosen
            out = chosen + self.window_gate_proj(x).sigmoid()[..., None] * out if self.near else chosen
        return self.o_proj(out.reshape(batch, length, -1)), oracle


class MLP(nn.Module):
    """SwiGLU: down(silu(gate(x)) * up(x))."""

    def __init__(self, arch: Architecture, width: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(arch.hidden, width, bias=False)
        self.up_proj = nn.Linear(arch.hidden, width, bias=False)
        self.down_proj = nn.Linear(width, arch.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, hidden] to the same."""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


def mlp_width(arch: Architecture, kind: str) -> int:
    """Inner width: a layer without key and value projections gets their parameters here, so that designs stay equal."""
    missing = 0 if owns_keys(kind) else 2 * arch.kvHeads * arch.headDim
    return arch.intermediate + -(-missing // 24) * 8


class Layer(nn.Module):
    """Pre-norm residual layer."""

    def __init__(self, arch: Architecture, kind: str, emits: bool) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(arch.hidden, arch.normEps)
        self.self_attn = Attention(arch, kind, emits)
        self.post_attention_layernorm = RMSNorm(arch.hidden, arch.normEps)
        self.mlp = MLP(arch, mlp_width(arch, kind))

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], oracle: Oracle | None,
                ops) -> tuple[Tensor, Oracle | None]:
        """One layer; the oracle passes through sparse layers unchanged."""
        out, oracle = self.self_attn(self.input_layernorm(x), rope, oracle, ops)
        x = x + out
        return x + self.mlp(self.post_attention_layernorm(x)), oracle


class Body(nn.Module):
    """Embedding, layers, final norm (the checkpoint's `model.` prefix)."""

    def __init__(self, arch: Architecture, design: str) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(arch.vocabulary, arch.hidden)
        kinds = [arch.kind(layer, design) for layer in range(arch.layers)]
        after = kinds[1:] + ["full"]
        emits = [kind == "full" and following.startswith("sparse") for kind, following in zip(kinds, after)]
        self.layers = nn.ModuleList(Layer(arch, kind, emit) for kind, emit in zip(kinds, emits))
        self.norm = RMSNorm(arch.hidden, arch.normEps)


class HySparse(nn.Module):
    """The decoder with tied embeddings. `ops` is the attention implementation (plain or Triton, see attention.py)."""

    def __init__(self, arch: Architecture, ops, design: str = "hysparse") -> None:
        super().__init__()
        self.arch, self.ops = arch, ops
        self.model = Body(arch, design)
        self.rope_base = arch.ropeBase
        self.ropes: dict[tuple[int, float, str], tuple[Tensor, Tensor]] = {}
        deep = (2 * arch.layers) ** -0.5
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                std = 0.0 if "gate_proj" in name and "self_attn" in name else 0.02
                nn.init.normal_(weight, std=std * (deep if "o_proj" in name or "down_proj" in name else 1.0))

    def rope(self, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """RoPE tables of a length at the current base (an early phase of training may have a smaller one), kept."""
        where = (length, self.rope_base, str(device))
        if where not in self.ropes:
            self.ropes[where] = rope_table(length, self.arch.headDim, self.rope_base, device)
        return self.ropes[where]

    def forward(self, tokens: Tensor) -> tuple[Tensor, dict[int, Oracle]]:
        """tokens [B, T] to the final normed states [B, T, hidden] and each full layer's oracle."""
        x = self.model.embed_tokens(tokens)
        rope, oracle, oracles = self.rope(tokens.shape[1], tokens.device), None, {}
        for index, layer in enumerate(self.model.layers):
            x, handed = layer(x, rope, oracle, self.ops)
            if layer.self_attn.kind == "full":
                oracle = oracles[index] = handed
        return self.model.norm(x), oracles

    def logits(self, states: Tensor) -> Tensor:
        """Vocabulary logits of final states (tied embeddings)."""
        return F.linear(states, self.model.embed_tokens.weight.to(states.dtype))
