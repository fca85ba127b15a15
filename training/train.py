"""Train one model of the study (or the embedded one), one script end to end.

    python training/train.py --smoke                                    # seconds, CPU, every design in plain PyTorch
    python training/train.py --tokens DIR/pack/tokens.xz --out DIR      # on one GPU; resumes from DIR/state.pt

The plan is in tokens per context length, and the learning rate follows the share of the plan that has passed, so
runs of different designs see the same rows in the same order at the same rate, whatever their speed.
"""

from __future__ import annotations

import argparse
import json
import lzma
import math
import os
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from attention import attention_ops
from checkpoint import export, load_weights, write_config
from families import families
from graph import StepGraph
from model import BETWEEN, Architecture, HySparse, Oracle
from muon import Muon
from rows import CHAIN_WEIGHT, Batches, RowMaker


@dataclass
class Config:
    """Everything a run depends on."""

    arch: Architecture = field(default_factory=Architecture)
    design: str = "hysparse"
    phases: tuple[tuple[int, int], ...] = ((4096, 300_000_000),)
    rope_bases: tuple[float, ...] = ()
    tokens_per_step: int = 16384
    optimizer: str = "muon"
    learning_rate: float = 1.5e-3
    gate_rate: float = 0.05
    warmup_steps: int = 300
    decay_share: float = 0.4
    final_share: float = 0.01
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0
    retrieval: float = 0.8
    free_wording: float = 0.4
    chains: float = 0.7
    oracle_weight: float = 0.1
    oracle_mass: float = 0.5
    probes: int = 16
    seed: int = 7
    workers: int = 12

    def total(self) -> int:
        """Planned tokens."""
        return sum(tokens for _, tokens in self.phases)

    def rope_base(self, phase: int) -> float:
        """RoPE's base in a phase: the architecture's own where nothing else was asked for."""
        return self.rope_bases[phase] if self.rope_bases else self.arch.ropeBase

    def phase(self, tokens: int) -> int:
        """Index of the phase that a moment belongs to."""
        for index, (_, length) in enumerate(self.phases):
            tokens -= length
            if tokens < 0:
                return index
        return len(self.phases) - 1

    def rate(self, step: int, tokens: int) -> float:
        """Learning rate: linear warm-up in steps, flat, then linear decay over the last share of the plan."""
        left = max(0.0, 1.0 - tokens / self.total())
        share = max(self.final_share, min(1.0, left / self.decay_share))
        return self.learning_rate * min(1.0, (step + 1) / self.warmup_steps) * share


def oracle_loss(oracle: Oracle, probes: Tensor, mass: float) -> tuple[Tensor, Tensor]:
    """How far a full layer is from looking at the value that a question asks for, and the share of hits.

    For each probe (the position that predicts an answer's first token), the attention probability of the value's span
    is summed per query head, the best head counts, and the loss is max(0, log mass - log p): one head is asked, the
    others stay free, and nothing is asked beyond `mass`. A hit is a probe whose value's first block is selected by some
    KV head (0 where the layer selects nothing). The same layer is asked in every design.
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
    short = (math.log(mass) - (span - everything).flatten(2).amax(-1)).clamp_min(0)
    count = valid.sum().clamp_min(1)
    loss = (short * valid).sum() / count
    if oracle.selection is None:
        return loss, torch.zeros_like(loss)
    chosen = oracle.selection[0]
    block = ((start + 1) // (length // chosen.shape[2])).clamp_max(chosen.shape[2] - 1)
    rows = torch.arange(batch, device=q.device)[:, None]
    hit = chosen[rows, :, block, position].amax(-1)
    return loss, (hit * valid).sum() / count


def language_loss(states: Tensor, table: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted cross entropy per token; unweighted sums over text, answers and chains' answers, then their counts."""
    dtype = torch.bfloat16 if states.is_cuda else states.dtype
    logits = F.linear(states.to(dtype), table.to(dtype))
    each = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
    flat = weights.flatten()
    parts = (flat == 1, (flat > 1) & (flat < CHAIN_WEIGHT), flat == CHAIN_WEIGHT)
    sums = torch.stack([(each * part).sum() for part in parts] + [part.sum() for part in parts])
    return (each * flat).sum() / flat.numel(), sums.detach()


class Trainer:
    """Model, optimizer and progress of one run."""

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config, self.device = config, device
        torch.manual_seed(config.seed)
        self.model = HySparse(config.arch, attention_ops(device), config.design).to(device)
        self.optimizers = self.make_optimizers()
        self.step, self.seconds, self.tokens = 0, 0.0, 0
        self.supervised = config.arch.last_oracle()
        self.oracle_loss, self.language_loss = oracle_loss, language_loss
        if device.type == "cuda":
            torch._dynamo.config.recompile_limit = 64
            torch.backends.cuda.enable_flash_sdp(False)
            torch.backends.cuda.enable_mem_efficient_sdp(False)
            for layer in self.model.model.layers:
                layer.compile(dynamic=False)
            self.oracle_loss = torch.compile(oracle_loss, dynamic=False)
            self.language_loss = torch.compile(language_loss, dynamic=False)

    def make_optimizers(self) -> list[torch.optim.Optimizer]:
        """AdamW for everything, or Muon for the layers' matrices and AdamW for the rest; branch gates go slower.

        A gate's logit sums over the whole hidden state, so that at the common rate it can run into saturation within
        tens of steps, while what it gates is still noise; a closed branch then hardly learns (LOG.md).
        """
        config, cuda = self.config, self.device.type == "cuda"

        def rate() -> float | Tensor:
            return torch.tensor(config.learning_rate, device=self.device) if cuda else config.learning_rate
        sets: dict[str, list[Tensor]] = {"gate": [], "turned": [], "matrix": [], "plain": []}
        for name, p in self.model.named_parameters():
            matrix = "turned" if config.optimizer == "muon" and ".layers." in name else "matrix"
            gate = name.endswith(("sparse_gate_proj.weight", "window_gate_proj.weight"))
            sets["gate" if gate else matrix if p.ndim == 2 else "plain"].append(p)
        groups = [{"params": sets["matrix"], "lr": rate(), "weight_decay": config.weight_decay},
                  {"params": sets["plain"], "lr": rate(), "weight_decay": 0.0},
                  {"params": sets["gate"], "lr": rate(), "weight_decay": 0.0, "share": config.gate_rate}]
        adam = torch.optim.AdamW([group for group in groups if group["params"]], betas=config.betas, fused=cuda,
                                 capturable=cuda)
        return [adam, Muon(sets["turned"], rate(), weight_decay=config.weight_decay)] if sets["turned"] else [adam]

    def losses(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Total loss of a batch and its parts (language_loss's six sums, oracle loss, hits)."""
        tokens = batch["tokens"]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            states, oracles = self.model(tokens[:, :-1])
        loss, sums = self.language_loss(states, self.model.model.embed_tokens.weight, tokens[:, 1:].contiguous(),
                                        batch["weights"])
        extra = torch.zeros(2, device=self.device)
        if self.config.oracle_weight > 0:
            aim, hits = self.oracle_loss(oracles[self.supervised], batch["probes"], self.config.oracle_mass)
            loss = loss + self.config.oracle_weight * aim
            extra = torch.stack([aim.detach(), hits.float()])
        return loss, torch.cat([sums, extra])

    def optimize(self, batch: dict[str, Tensor]) -> Tensor:
        """Gradients and update on one batch; returns the parts of the loss and the gradient norm."""
        loss, parts = self.losses(batch)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        for optimizer in self.optimizers:
            optimizer.step()
        return torch.cat([parts, norm.detach().reshape(1)])

    def set_rate(self, rate: float) -> None:
        """Learning rate of the next step; in place where a CUDA graph reads it."""
        for group in [group for optimizer in self.optimizers for group in optimizer.param_groups]:
            own = rate * group.get("share", 1.0)
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(own)
            else:
                group["lr"] = own

    def update(self, batch: dict[str, Tensor], graph: StepGraph | None = None) -> Tensor:
        """One optimizer step at the schedule's rate, replayed from a graph where there is one."""
        self.set_rate(self.config.rate(self.step, self.tokens))
        if graph:
            out = graph.replay(batch)
        else:
            out = self.optimize(batch)
            self.forget_gradients()
        self.step += 1
        self.tokens += batch["weights"].numel()
        return out

    def forget_gradients(self) -> None:
        """Before the next backward."""
        self.model.zero_grad(set_to_none=True)

    def warm_up(self, batch: dict[str, Tensor]) -> None:
        """Compile for the batch's shape without training."""
        self.losses(batch)[0].backward()
        self.forget_gradients()

    def save(self, path: Path) -> None:
        """Write everything needed to go on."""
        state = {"model": self.model.state_dict(), "optimizers": [o.state_dict() for o in self.optimizers], "step": self.step,
                 "seconds": self.seconds, "tokens": self.tokens}
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a saved state."""
        state = torch.load(path, map_location=self.device)
        self.model.load_state_dict(state["model"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"]):
            optimizer.load_state_dict(kept)
        self.step, self.seconds, self.tokens = state["step"], state["seconds"], state["tokens"]


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def run(trainer: Trainer, maker: RowMaker, out: Path, stop_at: float, save_every: float,
        graph: bool) -> None:
    """Train until the plan is done or the clock reaches `stop_at` (time.monotonic()); writes into the folder `out`."""
    config, device = trainer.config, trainer.device
    saved = time.monotonic()
    while trainer.tokens < config.total() and time.monotonic() < stop_at:
        phase = config.phase(trainer.tokens)
        length = config.phases[phase][0]
        trainer.model.rope_base = config.rope_base(phase)
        batches = Batches(maker, config.seed + phase, config.tokens_per_step // length, length, config.retrieval,
                          config.probes * (1 if length <= 4096 else 2))
        begun = time.monotonic()
        first = {k: torch.from_numpy(v).to(device) for k, v in batches[trainer.step].items()}
        trainer.warm_up(first)
        step_graph = StepGraph(trainer, first) if graph else None
        synchronize(device)
        loader = iter(DataLoader(batches, batch_size=None, sampler=range(trainer.step, 10 ** 7),
                                 pin_memory=device.type == "cuda", num_workers=config.workers, prefetch_factor=6))
        print(f"context {length}: ready after {time.monotonic() - begun:.1f} s", flush=True)
        before, mark, mark_step = trainer.seconds, time.monotonic(), trainer.step
        start, totals, done = mark, torch.zeros(9, device=device), 0
        while (config.phase(trainer.tokens) == phase and trainer.tokens < config.total()
               and time.monotonic() < stop_at):
            batch = next(loader)
            if step_graph is None:
                batch = {name: value.to(device, non_blocking=True) for name, value in batch.items()}
            totals += trainer.update(batch, step_graph)
            trainer.seconds = before + time.monotonic() - start
            done += 1
            if trainer.step % 100 == 0:
                text, answer, chain = (totals[:3] / totals[3:6].clamp_min(1)).tolist()
                aim, hits, norm = (totals[6:] / done).tolist()
                totals, done = torch.zeros_like(totals), 0
                now = time.monotonic()
                speed = (trainer.step - mark_step) * config.tokens_per_step / (now - mark)
                mark, mark_step = now, trainer.step
                line = {"step": trainer.step, "seconds": round(trainer.seconds, 1), "tokens": trainer.tokens,
                        "context": length, "text": round(text, 4), "answer": round(answer, 4),
                        "chain": round(chain, 4), "oracle": round(aim, 3), "hits": round(hits, 3),
                        "norm": round(norm, 3), "tokens_per_s": round(speed),
                        "rate": round(config.rate(trainer.step, trainer.tokens), 6)}
                print(json.dumps(line), flush=True)
                with open(out / "log.jsonl", "a") as log:
                    log.write(json.dumps(line) + "\n")
                if now - saved > save_every:
                    trainer.save(out / "state.pt")
                    export(trainer.model, out / "model.safetensors")
                    saved = time.monotonic()
        del loader, step_graph
        trainer.forget_gradients()
    synchronize(device)
    if math.isfinite(save_every):
        trainer.save(out / "state.pt")
    export(trainer.model, out / "model.safetensors")
    write_config(out, config.arch, {"design": config.design, "tokens": trainer.tokens, "steps": trainer.step,
                                    "seconds": round(trainer.seconds, 1), "planned": config.total(),
                                    "contexts": [length for length, _ in config.phases], "seed": config.seed,
                                    "oracleWeight": config.oracle_weight})
    print(f"{trainer.tokens} tokens, {torch.cuda.max_memory_allocated() / 2 ** 30:.1f} GiB", flush=True)


def count(text: str) -> int:
    """`75M` to 75000000."""
    return int(float(text.removesuffix("M")) * (1e6 if text.endswith("M") else 1))


def main() -> None:
    """Command line."""
    started = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--tokens", type=Path, help="tokens.xz of corpus.py")
    parser.add_argument("--tokenizer", type=Path, default=Path("media/model/tokenizer.json"))
    parser.add_argument("--out", type=Path, help="folder of the resumable state, the exported weights and the log")
    parser.add_argument("--init", type=Path, help="exported weights to start from when there is no saved state")
    parser.add_argument("--design", default=Config.design, choices=BETWEEN)
    parser.add_argument("--ratio", type=int, default=Architecture.sparsePerFull, help="sparse layers per full one")
    parser.add_argument("--layers", type=int, default=Architecture.layers)
    parser.add_argument("--selected", type=int, default=Architecture.selectedTokens, help="tokens selected per KV head")
    parser.add_argument("--last-full", action=argparse.BooleanOptionalAction, default=True,
                        help="is the last layer full whatever the ratio says, as in the paper")
    parser.add_argument("--plan", default="4096:300M", help="context:tokens, ...")
    parser.add_argument("--rope", default="", help="RoPE's base in each phase of the plan, the last one the exported")
    parser.add_argument("--step", type=int, default=Config.tokens_per_step, help="tokens per optimizer step")
    parser.add_argument("--stop-after", type=float, default=math.inf, help="seconds of wall clock for this call")
    parser.add_argument("--save-every", type=float, default=150, help="seconds; inf: keep no state to resume from")
    parser.add_argument("--retrieval", type=float, default=Config.retrieval, help="share of retrieval rows")
    parser.add_argument("--free-wording", type=float, default=Config.free_wording,
                        help="share of the needles whose wording is made up, see phrases.free_forms")
    parser.add_argument("--warmup", type=int, default=Config.warmup_steps)
    parser.add_argument("--decay-share", type=float, default=Config.decay_share)
    parser.add_argument("--seed", type=int, default=Config.seed, help="of the weights and of the rows")
    parser.add_argument("--optimizer", default=Config.optimizer, choices=("muon", "adamw"))
    parser.add_argument("--rate", type=float, default=Config.learning_rate)
    parser.add_argument("--gate-rate", type=float, default=Config.gate_rate, help="the gates' share of --rate")
    parser.add_argument("--oracle-weight", type=float, default=Config.oracle_weight)
    parser.add_argument("--chains", type=float, default=Config.chains, help="share of chains in the retrieval rows")
    parser.add_argument("--graph", action=argparse.BooleanOptionalAction, default=False,
                        help="replay each step from a CUDA graph: for small steps")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--workers", type=int, default=Config.workers)
    args = parser.parse_args()
    if args.smoke:
        import smoke

        smoke.main()
        return
    from tokenizers import Tokenizer

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    phases = tuple((int(a), count(b)) for a, b in (part.split(":") for part in args.plan.split(",")))
    bases = tuple(float(base) for base in args.rope.split(",") if base)
    if bases and len(bases) != len(phases):
        parser.error(f"--rope names {len(bases)} bases for {len(phases)} phases")
    arch = replace(Architecture(), sparsePerFull=args.ratio, layers=args.layers, lastFull=args.last_full,
                   selectedTokens=args.selected,
                   ropeBase=bases[-1] if bases else Architecture.ropeBase)
    config = Config(arch=arch, phases=phases, rope_bases=bases, optimizer=args.optimizer, learning_rate=args.rate,
                    retrieval=args.retrieval, design=args.design,
                    oracle_weight=args.oracle_weight, free_wording=args.free_wording, warmup_steps=args.warmup,
                    decay_share=args.decay_share, seed=args.seed, tokens_per_step=args.step, workers=args.workers,
                    chains=args.chains, gate_rate=args.gate_rate)
    args.out.mkdir(parents=True, exist_ok=True)
    tokens = np.frombuffer(lzma.decompress(args.tokens.read_bytes()), dtype=np.uint16)
    maker = RowMaker(tokens, Tokenizer.from_file(str(args.tokenizer)), families(config.chains), config.free_wording)
    trainer = Trainer(config, torch.device(args.device))
    if (args.out / "state.pt").exists():
        trainer.load(args.out / "state.pt")
    elif args.init:
        load_weights(trainer.model, args.init)
    print(json.dumps(asdict(config)), f"start-up {time.monotonic() - started:.1f} s", flush=True)
    run(trainer, maker, args.out, started + args.stop_after, args.save_every, args.graph)


if __name__ == "__main__":
    main()
