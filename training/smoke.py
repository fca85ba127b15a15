"""Smoke run of the training code on a CPU, in seconds: every design learns, every task and swap works."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from tokenizers import Tokenizer

import measure
import swaps
import tasks
from checkpoint import export, load_weights
from families import FAMILIES, families
from model import BETWEEN, Architecture, HySparse
from rows import Batches, RowMaker
from train import Config, Trainer

ARCH = Architecture(layers=6, hidden=48, intermediate=96, queryHeads=4, kvHeads=2, headDim=16, vocabulary=96,
                    block=16, selectedTokens=32, window=24, maxContext=256)


def train(design: str) -> HySparse:
    """The loss falls, gradients reach every parameter, the export reads back unchanged."""
    trainer = Trainer(Config(arch=ARCH, design=design, learning_rate=5e-3, warmup_steps=5), torch.device("cpu"))
    rng = np.random.default_rng(0)
    losses = []
    for step in range(25):
        tokens = torch.from_numpy((rng.integers(0, 96, (4, 1)) + 7 * np.arange(129)) % 96)
        probes = torch.tensor([[[100, 37, 38], [-1, -1, -1]]]).repeat(4, 1, 1)
        batch = {"tokens": tokens, "weights": torch.ones(4, 128), "probes": probes}
        if step == 0:
            trainer.losses(batch)[0].backward()
            silent = [n for n, p in trainer.model.named_parameters() if p.grad is None]
            assert not silent, f"{design}: no gradient reaches {silent}"
            trainer.optimizer.zero_grad(set_to_none=True)
        parts = trainer.update(batch)
        losses.append((parts[0] / parts[3]).item())
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        export(trainer.model, path)
        other = HySparse(ARCH, trainer.model.ops, design)
        load_weights(other, path)
        gap = max((a - b).abs().max().item() for a, b in zip(other.parameters(), trainer.model.parameters()))
    size = sum(p.numel() for p in trainer.model.parameters())
    print(f"{design}: {size} parameters, loss {losses[0]:.3f} -> {losses[-1]:.3f}, export rounds by {gap:.1e}")
    assert losses[-1] < losses[0] - 0.3 and gap < 1e-3, f"{design} does not learn or does not read back"
    return trainer.model


def same_size() -> None:
    """All designs have the same number of parameters within 3 % at the size that is trained."""
    with torch.device("meta"):
        sizes = {d: sum(p.numel() for p in HySparse(Architecture(sparsePerFull=5), None, d).parameters())
                 for d in BETWEEN}
    assert max(sizes.values()) < 1.03 * min(sizes.values()), sizes


def rows_and_tasks(folder: Path) -> dict[str, list[tasks.Trial]]:
    """Rows are made of every family and fit; every task's answer stands at the end of its trial."""
    tokenizer = Tokenizer.from_file("media/model/tokenizer.json")
    text = np.array(tokenizer.encode((tasks.HELD_OUT / "docs-3.md").read_text() * 2).ids)
    maker = RowMaker(text, tokenizer, families(0.5), 0.4)
    batch = Batches(maker, 1, 8, 1024, 1.0, 16)[3]
    assert batch["tokens"].shape == (8, 1025) and (batch["weights"] > 1).any(1).all() and (batch["probes"] > 0).any()
    again = Batches(maker, 1, 8, 1024, 1.0, 16)[3]
    assert (batch["tokens"] == again["tokens"]).all(), "the same seed and step must give the same rows"
    for name, make in FAMILIES.items():
        row = maker.assemble(random.Random(5), 512, make(maker, random.Random(5), 512))
        assert len(row.tokens) == 513 and (row.weights > 1).any(), name
    test = tasks.Maker(tokenizer)
    trials = {name: test.trials(name, 1024, 2) for name in tasks.TASKS}
    for name, made in trials.items():
        for trial in made:
            assert len(trial.tokens) == 1025 and trial.groups[-1][1] == 1025 and trial.places, name
    tasks.write(folder, 1024, trials)
    read = tasks.read(folder, 1024)
    assert all((a.tokens == b.tokens).all() and a.groups == b.groups and a.places == b.places
               for name in trials for a, b in zip(trials[name], read[name])), "trials must read back unchanged"
    hop = trials["chain-2"][0]
    print(tokenizer.decode(hop.tokens[-12:].tolist()).strip().splitlines()[-1])
    return trials


def evaluate(model: HySparse, trials: dict[str, list[tasks.Trial]]) -> None:
    """Retrieval under every swap gives shares; swaps do change what the sparse layers read."""
    small = {}
    for name in ("single-2", "chain-2"):
        small[name] = [tasks.Trial(t.tokens[-129:] % 96, [(a - 896, b - 896) for a, b in t.groups], [5, 70])
                       for t in trials[name]]
    base, outputs = model.ops, {}
    probe = torch.from_numpy(small["single-2"][0].tokens[None, :128].astype(np.int64))
    for how in swaps.SWAPS:
        model.ops = swaps.swapped(base, how, model.arch)
        with torch.no_grad():
            outputs[how] = model(probe)[0]
        result = measure.retrieval(model, small, torch.device("cpu"))
        assert all(0 <= r["score"] <= 1 for r in result.values()), result
    model.ops = base
    same = [how for how, out in outputs.items() if how != "learned" and torch.equal(out, outputs["learned"])]
    assert not same, f"swaps without effect: {same}"


def main() -> None:
    """Everything."""
    torch.set_num_threads(1)
    same_size()
    with TemporaryDirectory() as folder:
        trials = rows_and_tasks(Path(folder))
    for design in BETWEEN:
        model = train(design)
        if design == "hysparse":
            evaluate(model, trials)
    print("smoke run passed")


if __name__ == "__main__":
    main()
