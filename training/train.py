"""Train the embedded HySparse model, one script end to end.

    python training/train.py --smoke                                    # a minute on a CPU, plain PyTorch
    python training/train.py --tokens DIR/pack/tokens.xz --out DIR      # on one GPU; resumes from DIR/state.pt

The plan is in seconds of training per context length, not in steps: the learning rate follows the share of the plan
that has passed, so a run ends fully decayed whatever the device's speed, and a stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import lzma
import math
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from attention import attention_ops
from checkpoint import export, load_weights
from model import Architecture, HySparse, Oracle
from rows import Batches, RowMaker


@dataclass
class Config:
    """Everything a run depends on."""

    arch: Architecture = field(default_factory=Architecture)
    design: str = "hysparse"
    phases: tuple[tuple[int, float], ...] = ((4096, 1000.0),)
    tokens_per_step: int = 65536
    learning_rate: float = 2e-3
    warmup_steps: int = 150
    decay_share: float = 0.4
    final_share: float = 0.01
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0
    retrieval: float = 0.25
    free_wording: float = 0.0
    oracle_weight: float = 0.1
    oracle_mass: float = 0.5
    probes: int = 16
    seed: int = 7
    workers: int = 12

    def total(self) -> float:
        """Planned seconds of training."""
        return sum(seconds for _, seconds in self.phases)

    def phase(self, seconds: float) -> int:
        """Index of the phase that a moment belongs to."""
        for index, (_, length) in enumerate(self.phases):
            seconds -= length
            if seconds < 0:
                return index
        return len(self.phases) - 1

    def rate(self, step: int, seconds: float) -> float:
        """Learning rate: linear warm-up in steps, flat, then linear decay over the last share of the plan."""
        left = max(0.0, 1.0 - seconds / self.total())
        share = max(self.final_share, min(1.0, left / self.decay_share))
        return self.learning_rate * min(1.0, (step + 1) / self.warmup_steps) * share


def oracle_loss(oracle: Oracle, probes: Tensor, mass: float) -> tuple[Tensor, Tensor]:
    """How far the last oracle is from looking at the value that a question asks for, and the share of hits.

    For each probe (the position that predicts an answer's first token) and KV head, the attention probability of the
    value's span is summed per query head, the best head of the group counts, and the loss is max(0, log mass - log p):
    nothing is asked beyond `mass`. A hit is a probe whose value's first block is selected by some KV head.
    probes [B, P, 3] holds position, start, end, or -1; q [B, T, Hq, d]; k [B, T, Hkv, d].
    """
    q, k = oracle.q, oracle.k
    batch, length, heads, dim = q.shape
    kv = k.shape[2]
    valid = probes[..., 0] >= 0
    position, start, end = probes.clamp_min(0).unbind(-1)
    asked = q.gather(1, position[..., None, None].expand(-1, -1, heads, dim)).view(batch, -1, kv, heads // kv, dim)
    scores = torch.einsum("bpkgd,btkd->bpkgt", asked, k).float() * dim ** -0.5
    place = torch.arange(length, device=q.device)
    seen = place <= position[..., None]
    inside = seen & (place >= start[..., None]) & (place < torch.maximum(end, start + 1)[..., None])
    everything = scores.masked_fill(~seen[:, :, None, None], -1e4).logsumexp(-1)
    span = scores.masked_fill(~inside[:, :, None, None], -1e4).logsumexp(-1)
    short = (math.log(mass) - (span - everything).amax(-1)).clamp_min(0)
    count = valid.sum().clamp_min(1)
    loss = (short.mean(-1) * valid).sum() / count
    chosen = oracle.selection[0]
    block = ((start + 1) // (length // chosen.shape[2])).clamp_max(chosen.shape[2] - 1)
    rows = torch.arange(batch, device=q.device)[:, None]
    hit = chosen[rows, :, block, position].amax(-1)
    return loss, (hit * valid).sum() / count


def language_loss(states: Tensor, table: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted cross entropy per token, and (text, answer) means without weights."""
    dtype = torch.bfloat16 if states.is_cuda else states.dtype
    logits = F.linear(states.to(dtype), table.to(dtype))
    each = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
    flat = weights.flatten()
    text, answer = (flat == 1).float(), (flat > 1).float()
    means = torch.stack([(each * m).sum() / m.sum().clamp_min(1) for m in (text, answer)])
    return (each * flat).sum() / flat.numel(), means.detach()


class Trainer:
    """Model, optimizer and progress of one run."""

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config, self.device = config, device
        torch.manual_seed(config.seed)
        self.model = HySparse(config.arch, attention_ops(device), config.design).to(device)
        decayed = [p for p in self.model.parameters() if p.ndim == 2]
        plain = [p for p in self.model.parameters() if p.ndim != 2]
        groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        cuda = device.type == "cuda"
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=cuda)
        self.step, self.seconds, self.tokens = 0, 0.0, 0
        emitting = [i for i, layer in enumerate(self.model.model.layers) if layer.self_attn.emits]
        self.supervised = emitting[-1] if emitting else None
        self.oracle_loss, self.language_loss = oracle_loss, language_loss
        if cuda:
            torch._dynamo.config.recompile_limit = 64
            torch.backends.cuda.enable_flash_sdp(False)
            torch.backends.cuda.enable_mem_efficient_sdp(False)
            for layer in self.model.model.layers:
                layer.compile(dynamic=False)
            self.oracle_loss = torch.compile(oracle_loss, dynamic=False)
            self.language_loss = torch.compile(language_loss, dynamic=False)

    def losses(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Total loss of a batch and its parts (text, answers, oracle loss, oracle hits)."""
        tokens = batch["tokens"]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            states, oracles = self.model(tokens[:, :-1])
        loss, means = self.language_loss(states, self.model.model.embed_tokens.weight, tokens[:, 1:].contiguous(),
                                         batch["weights"])
        extra = torch.zeros(2, device=self.device)
        if self.supervised is not None:
            aim, hits = self.oracle_loss(oracles[self.supervised], batch["probes"], self.config.oracle_mass)
            loss = loss + self.config.oracle_weight * aim
            extra = torch.stack([aim.detach(), hits.float()])
        return loss, torch.cat([means, extra])

    def update(self, batch: dict[str, Tensor]) -> Tensor:
        """One optimizer step; returns the parts of the loss and the gradient norm."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate(self.step, self.seconds)
        loss, parts = self.losses(batch)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += batch["weights"].numel()
        return torch.cat([parts, norm.detach().reshape(1)])

    def warm_up(self, batch: dict[str, Tensor]) -> None:
        """Compile for the batch's shape without training."""
        self.losses(batch)[0].backward()
        self.optimizer.zero_grad(set_to_none=True)

    def save(self, path: Path) -> None:
        """Write everything needed to go on."""
        state = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step,
                 "seconds": self.seconds, "tokens": self.tokens}
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a saved state."""
        state = torch.load(path, map_location=self.device)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds, self.tokens = state["step"], state["seconds"], state["tokens"]


def run(trainer: Trainer, maker: RowMaker, out: Path, stop_at: float, export_to: Path) -> None:
    """Train until the plan is done or the clock reaches `stop_at` (time.monotonic())."""
    config, device = trainer.config, trainer.device
    saved = time.monotonic()
    while trainer.seconds < config.total() - 0.5 and time.monotonic() < stop_at:
        phase = config.phase(trainer.seconds)
        length = config.phases[phase][0]
        batches = Batches(maker, config.seed + phase, config.tokens_per_step // length, length, config.retrieval,
                          config.probes * (1 if length <= 4096 else 2))
        loader = iter(DataLoader(batches, batch_size=None, sampler=range(trainer.step, 10 ** 7), pin_memory=True,
                                 num_workers=config.workers, prefetch_factor=6))
        begun = time.monotonic()
        trainer.warm_up({k: v.to(device) for k, v in next(loader).items()})
        torch.cuda.synchronize()
        print(f"context {length}: ready after {time.monotonic() - begun:.1f} s", flush=True)
        before, mark, mark_step = trainer.seconds, time.monotonic(), trainer.step
        start = mark
        while (config.phase(trainer.seconds) == phase and trainer.seconds < config.total()
               and time.monotonic() < stop_at):
            parts = trainer.update({k: v.to(device, non_blocking=True) for k, v in next(loader).items()})
            trainer.seconds = before + time.monotonic() - start
            if trainer.step % 50 == 0:
                text, answer, aim, hits, norm = parts.tolist()
                now = time.monotonic()
                speed = (trainer.step - mark_step) * config.tokens_per_step / (now - mark)
                mark, mark_step = now, trainer.step
                line = {"step": trainer.step, "seconds": round(trainer.seconds, 1), "tokens": trainer.tokens,
                        "context": length, "text": round(text, 4), "answer": round(answer, 4), "oracle": round(aim, 3),
                        "hits": round(hits, 3), "norm": round(norm, 3), "tokens_per_s": round(speed),
                        "rate": round(config.rate(trainer.step, trainer.seconds), 6)}
                print(json.dumps(line), flush=True)
                with open(export_to / "log.jsonl", "a") as log:
                    log.write(json.dumps(line) + "\n")
                if now - saved > 150:
                    trainer.save(out / "state.pt")
                    export(trainer.model, export_to / "model.safetensors")
                    saved = time.monotonic()
        del loader
    torch.cuda.synchronize()
    trainer.save(out / "state.pt")
    export(trainer.model, export_to / "model.safetensors")
    progress = {"step": trainer.step, "tokens": trainer.tokens, "seconds": trainer.seconds, "plan": config.phases}
    (export_to / "progress.json").write_text(json.dumps(progress))
    print(json.dumps(progress), f"{torch.cuda.max_memory_allocated() / 2 ** 30:.1f} GiB", flush=True)


def smoke() -> None:
    """A tiny model on the CPU: the loss falls, gradients reach every parameter, the export reads back unchanged."""
    from tempfile import TemporaryDirectory

    torch.set_num_threads(1)
    arch = Architecture(layers=6, hidden=48, intermediate=96, queryHeads=4, kvHeads=2, headDim=16, vocabulary=96,
                        block=16, selectedTokens=32, window=24, maxContext=256)
    trainer = Trainer(Config(arch=arch, learning_rate=5e-3, warmup_steps=5, phases=((128, 1e9),)), torch.device("cpu"))
    rng = np.random.default_rng(0)
    losses = []
    for step in range(60):
        tokens = torch.from_numpy((rng.integers(0, 96, (4, 1)) + 7 * np.arange(129)) % 96)
        probes = torch.tensor([[[100, 37, 38], [-1, -1, -1]]]).repeat(4, 1, 1)
        batch = {"tokens": tokens, "weights": torch.ones(4, 128), "probes": probes}
        if step == 0:
            trainer.losses(batch)[0].backward()
            silent = [n for n, p in trainer.model.named_parameters() if p.grad is None]
            assert not silent, f"no gradient reaches {silent}"
        losses.append(trainer.update(batch)[0].item())
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        export(trainer.model, path)
        other = HySparse(arch, trainer.model.ops)
        load_weights(other, path)
        gap = (other(tokens)[0] - trainer.model(tokens)[0]).abs().max().item()
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}, export differs by {gap:.1e}")
    assert losses[-1] < losses[0] - 0.3 and gap < 0.05


def main() -> None:
    """Command line."""
    started = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--tokens", type=Path, help="tokens.xz of corpus.py")
    parser.add_argument("--tokenizer", type=Path, default=Path("media/model/tokenizer.json"))
    parser.add_argument("--out", type=Path, help="folder of the resumable state")
    parser.add_argument("--export", type=Path, help="folder of the exported weights and log (default: --out)")
    parser.add_argument("--init", type=Path, help="exported weights to start from when there is no saved state")
    parser.add_argument("--plan", default="4096:700,16384:450", help="context:seconds, ...")
    parser.add_argument("--stop-after", type=float, default=1e9, help="seconds of wall clock for this call")
    parser.add_argument("--retrieval", type=float, default=Config.retrieval)
    parser.add_argument("--free-wording", type=float, default=Config.free_wording,
                        help="share of the needles whose wording is made up, see phrases.free_forms")
    parser.add_argument("--warmup", type=int, default=Config.warmup_steps)
    parser.add_argument("--decay-share", type=float, default=Config.decay_share)
    parser.add_argument("--seed", type=int, default=Config.seed)
    parser.add_argument("--rate", type=float, default=Config.learning_rate)
    parser.add_argument("--oracle-weight", type=float, default=Config.oracle_weight)
    parser.add_argument("--design", default="hysparse", help="hysparse, hybrid-swa or full")
    args = parser.parse_args()
    if args.smoke:
        smoke()
        return
    from tokenizers import Tokenizer

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    phases = tuple((int(a), float(b)) for a, b in (part.split(":") for part in args.plan.split(",")))
    config = Config(phases=phases, retrieval=args.retrieval, learning_rate=args.rate, design=args.design,
                    oracle_weight=args.oracle_weight, free_wording=args.free_wording, warmup_steps=args.warmup,
                    decay_share=args.decay_share, seed=args.seed)
    export_to = args.export or args.out
    for folder in (args.out, export_to):
        folder.mkdir(parents=True, exist_ok=True)
    tokens = np.frombuffer(lzma.decompress(args.tokens.read_bytes()), dtype=np.uint16)
    maker = RowMaker(tokens, Tokenizer.from_file(str(args.tokenizer)), config.free_wording)
    trainer = Trainer(config, torch.device("cuda"))
    if (args.out / "state.pt").exists():
        trainer.load(args.out / "state.pt")
    elif args.init:
        load_weights(trainer.model, args.init)
    print(json.dumps(asdict(config)), f"start-up {time.monotonic() - started:.1f} s", flush=True)
    run(trainer, maker, args.out, started + args.stop_after, export_to)


if __name__ == "__main__":
    main()
