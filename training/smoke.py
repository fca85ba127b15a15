"""Smoke run of the training code on a CPU, in seconds: every design learns, every task and swap works."""

from __future__ import annotations

import contextlib
import io
import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from tokenizers import Tokenizer

import fidelity
import measure
import study
import swaps
import table
import tasks
from checkpoint import export, load_weights
from families import FAMILIES, families
from model import BETWEEN, Architecture, HySparse, rotate
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
            trainer.forget_gradients()
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
    for how in (*swaps.SWAPS, "top-1"):
        model.ops = swaps.swapped(base, how, model.arch)
        with torch.no_grad():
            outputs[how] = model(probe)[0]
        result = measure.retrieval(model, small, torch.device("cpu"))
        assert all(0 <= r["score"] <= 1 for r in result.values()), result
    model.ops = base
    same = [how for how, out in outputs.items() if how != "learned" and torch.equal(out, outputs["learned"])]
    assert not same, f"swaps without effect: {same}"


def projections(model: HySparse, tokens: torch.Tensor) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Queries and own keys [T, heads, d] of every layer for one text, from the inputs that its attention is given."""
    found, arch = [], model.arch

    def catch(layer: torch.nn.Module, given: tuple) -> None:
        makers = [layer.q_proj, getattr(layer, "k_proj", None)]
        made = [rotate(make(given[0]).view(*tokens.shape, -1, arch.headDim), *given[1]) if make else None
                for make in makers]
        found.append(tuple(None if one is None else one[0].double().numpy() for one in made))

    hooks = [layer.self_attn.register_forward_pre_hook(catch) for layer in model.model.layers]
    with torch.no_grad():
        model(tokens)
    for hook in hooks:
        hook.remove()
    return found


def fidelity_by_hand(model: HySparse, design: str, text: torch.Tensor, rows: list[int]) -> dict[int, dict[str, list]]:
    """What fidelity.py measures, from its definitions: sets of tokens and blocks, one query and head at a time."""
    arch, made, out = model.arch, projections(model, text[None]), {}
    size, count, group = arch.block, arch.selectedTokens // arch.block, arch.queryHeads // arch.kvHeads

    def look(layer: int, keys: int, row: int, kv: int) -> tuple[list[np.ndarray], set[int]]:
        """A layer's probabilities for a query in each head of a group, and the blocks that they choose."""
        q, k = made[layer][0][row], made[keys][1][:row + 1, kv]
        logits = [k @ q[kv * group + g] / arch.headDim ** 0.5 for g in range(group)]
        each = [np.exp(one - one.max()) / np.exp(one - one.max()).sum() for one in logits]
        score = [max(one[b * size:(b + 1) * size].max() for one in each) for b in range(row // size + 1)]
        return each, set(sorted(range(len(score)), key=lambda b: (-score[b], b))[:count])

    full = arch.full_layers()
    for layer in (n for n in range(arch.layers) if n not in full):
        oracle = max(n for n in full if n < layer)
        found = out[layer] = {}
        for row in rows:
            near, seen = set(range(max(0, row - arch.window + 1), row + 1)), range(row // size + 1)
            chance = count / len(seen)
            for kv in range(arch.kvHeads):
                inherited = look(oracle, oracle, row, kv)[1]
                each, own = look(layer, layer if design == "full" else oracle, row, kv)
                enclosed = {b for b in seen if all(t in near for t in range(b * size, min(row + 1, (b + 1) * size)))}
                values = [("blocks.inherited", len(own & inherited) / len(own)), ("blocks.random", chance),
                          ("blocks.inheritedOrWindow", len(own & (inherited | enclosed)) / len(own))]
                reads = {"inherited": (inherited, set()), "inheritedOrWindow": (inherited, near), "own": (own, set()),
                         "ownOrWindow": (own, near), "recent": (set(seen[-count:]), set()), "window": (set(), near)}
                for one in each:
                    values.append(("mass.random", chance))
                    for name, (blocks, others) in reads.items():
                        held = [p for t, p in enumerate(one) if t // size in blocks or t in others]
                        values.append((f"mass.{name}", sum(held)))
                for name, value in values:
                    found.setdefault(name, []).append(value)
    return out


def check_fidelity(model: HySparse, design: str) -> None:
    """Fidelity agrees with its definitions, on text and at single questions, and leaves the model's output alone."""
    texts = torch.from_numpy(np.random.default_rng(1).integers(0, 96, (2, 139)))
    rows = fidelity.positions(139, model.arch, 40)
    assert len(set(rows)) == 40 and rows[0] >= 32 and rows == sorted(rows) and rows[-1] < 139, rows
    assert len({row % 16 for row in rows}) == 16, "queries must stand at every place of a block"

    def forward(given: HySparse, tokens: torch.Tensor) -> None:
        with torch.no_grad():
            outputs.append(given(torch.nn.functional.pad(tokens, (0, -tokens.shape[1] % 16)))[0])

    outputs: list[torch.Tensor] = []
    base = model.ops
    forward(model, texts)
    mine = fidelity.summarize(fidelity.watch(model, design, [(texts, torch.tensor([rows, rows]))], forward), ARCH)
    assert model.ops is base and torch.equal(*outputs), "watching must change nothing"
    hands = [fidelity_by_hand(model, design, text, rows) for text in texts]
    gaps = []
    assert sorted(map(int, mine)) == sorted(hands[0]) == [1, 2, 3], list(mine)
    for layer, one in mine.items():
        assert one["oracle"] == 0 and one["distance"] == int(layer)
        for name in hands[0][1]:
            kind, of = name.split(".")
            gaps.append(abs(np.mean([hand[int(layer)][name] for hand in hands]) - one[kind][of]))
        every = np.concatenate([hand[int(layer)]["mass.inherited"] for hand in hands])
        gaps.append(abs(np.quantile(every, 0.1) - one["mass"]["inheritedLow"]))
        assert one["mass"]["inherited"] < one["mass"]["inheritedOrWindow"] < 1, one
    asked = fidelity.of_questions(model, design, [(texts, torch.tensor([[138], [100]]))], forward)
    for layer, one in asked["layers"].items():
        hand = [fidelity_by_hand(model, design, text, [row])[int(layer)] for text, row in zip(texts, (138, 100))]
        gaps += [abs(np.mean([h[f"mass.{name}"] for h in hand]) - value) for name, value in one.items()]
    print(f"{design}: fidelity differs from its definition by {max(gaps):.1e}")
    assert max(gaps) < 2e-5, f"{design}: fidelity is not what it says"


def bookkeeping(folder: Path) -> None:
    """Shipped weights read back, a missing piece is noticed, and every kept study has tables."""
    run = folder / "design-1"
    run.mkdir()
    data = np.random.default_rng(1).bytes(3000)
    (run / "model.safetensors").write_bytes(data)
    study.PIECE = 1000
    study.ship(run, folder)
    study.join(folder / "weights-design-1", folder / "joined")
    assert (folder / "joined").read_bytes() == data, "shipped weights must read back"
    (folder / "weights-design-1.02").unlink()
    try:
        study.join(folder / "weights-design-1", folder / "again")
        raise AssertionError("a missing piece must be noticed")
    except SystemExit:
        assert not (folder / "again").exists()
    asked = study.measures("retrieval:1024:4096,swaps:4096", "hybrid-swa")
    assert list(asked.values()) == [["--lengths", "1024,4096"]], "dense designs have no selection to swap"
    for kept in sorted((Path(__file__).parent / "runs").glob("*-study-2/*.json")):
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            table.show(json.loads(kept.read_text())["runs"])
        assert "| " in shown.getvalue(), kept


def main() -> None:
    """Everything."""
    torch.set_num_threads(1)
    same_size()
    with TemporaryDirectory() as folder:
        trials = rows_and_tasks(Path(folder))
        bookkeeping(Path(folder))
    for design in BETWEEN:
        model = train(design)
        if design == "hysparse":
            evaluate(model, trials)
        if design != "hybrid-swa":
            check_fidelity(model, design)
    print("smoke run passed")


if __name__ == "__main__":
    main()
