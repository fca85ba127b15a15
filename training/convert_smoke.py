"""Smoke run of the conversion on a CPU: a tiny random llama as a Hugging Face folder and as GGUF, converted in every design."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

import base_model
import convert_files
import convert_measure as measure
from checkpoint import load_weights, read_architecture
from convert import Plan, convert
from convert_net import TiledOps, build, student_of
from convert_rows import STANDARD, Rows, needle_trials
from convert_start import fold, start
from distill import Distill, distill, local_losses
from model import Architecture, HySparse
from ranks import Ranks

SHAPE = {"model_type": "llama", "num_hidden_layers": 5, "hidden_size": 48, "intermediate_size": 64, "num_attention_heads": 6,
         "num_key_value_heads": 2, "head_dim": 16, "rms_norm_eps": 1e-5, "max_position_embeddings": 1024, "hidden_act": "silu",
         "rope_theta": 10000.0, "vocab_size": 12288, "tie_word_embeddings": True}
TOKENIZER = Path("media/model/tokenizer.json")
LENGTH = 256


def random_llama(folder: Path) -> None:
    """A Hugging Face folder with weights large enough for attention to matter."""
    arch = Architecture(layers=5, hidden=48, intermediate=64, queryHeads=6, kvHeads=2, headDim=16, vocabulary=12288)
    torch.manual_seed(3)
    with torch.device("meta"):
        names = HySparse(arch, None, "full").state_dict()
    tensors = {n: torch.ones(p.shape) if p.ndim == 1 else torch.randn(p.shape) * (2.5 * p.shape[1] ** -0.5) for n, p in names.items()}
    tensors["model.embed_tokens.weight"] *= 0.3
    folder.mkdir()
    save_file(tensors, str(folder / "model.safetensors"))
    (folder / "config.json").write_text(json.dumps(SHAPE))
    (folder / "tokenizer.json").write_text(TOKENIZER.read_text())


def as_gguf(tensors: dict[str, Tensor], path: Path) -> None:
    """The same weights as llama.cpp would store them: other names, q and k rows in neighbouring pairs."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(5)
    writer.add_context_length(1024)
    writer.add_embedding_length(48)
    writer.add_feed_forward_length(64)
    writer.add_head_count(6)
    writer.add_head_count_kv(2)
    writer.add_key_length(16)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    back = {f"model.{o.removeprefix('model.')}": t for t, o in base_model.OUTER.items()}
    for name, value in tensors.items():
        part, w = name.split("."), value.numpy()
        if name in back:
            writer.add_tensor(back[name], w)
            continue
        theirs = next(t for t, ours in base_model.NAMES.items() if name.endswith(f"{ours}.weight"))
        if theirs in ("attn_q", "attn_k"):
            w = np.ascontiguousarray(w.reshape(-1, 2, 8, 48).swapaxes(1, 2).reshape(w.shape))
        writer.add_tensor(f"blk.{part[2]}.{theirs}.weight", w)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def reading(folder: Path) -> tuple[Architecture, dict[str, Tensor]]:
    """Folder and GGUF give the same network; what the decoder does not do is refused."""
    random_llama(folder / "base")
    arch, tensors = base_model.read(folder / "base")
    as_gguf(tensors, folder / "base.gguf")
    other, theirs = base_model.read(folder / "base.gguf")
    assert replace(other, normEps=arch.normEps) == arch and abs(other.normEps - arch.normEps) < 1e-9, (arch, other)
    assert theirs.keys() == tensors.keys() and all(torch.equal(theirs[n], tensors[n]) for n in tensors), "GGUF reads otherwise"
    for change, word in (({"model_type": "gpt2"}, "gpt2"), ({"rope_scaling": {"rope_type": "yarn"}}, "RoPE")):
        (folder / "base" / "config.json").write_text(json.dumps(SHAPE | change))
        try:
            base_model.read(folder / "base")
            raise AssertionError(f"{change} must be refused")
        except base_model.Unsupported as error:
            assert word in str(error), error
    (folder / "base" / "config.json").write_text(json.dumps(SHAPE))
    return replace(arch, selectedTokens=128, window=32), tensors


def folding(arch: Architecture, tensors: dict[str, Tensor]) -> None:
    """A fitted layer computes what the teacher's does on its own keys and values: all in the window, sinks away, branch off."""
    wide = replace(arch, window=LENGTH)
    tokens = torch.randint(0, 12288, (2, LENGTH), generator=torch.Generator().manual_seed(1))
    teacher, student = build(wide, tensors, TiledOps, "full"), student_of(wide, tensors, TiledOps, "hysparse")
    narrow = student_of(arch, tensors, TiledOps, "hysparse")
    found = start(narrow, teacher, tokens, 0.3, 0.12)
    assert sorted(found) == ["1", "2", "3"] and all(0.29 < row[3] for row in found.values()), found
    own = convert_files.trained(student)
    for name, p in convert_files.trained(narrow).items():
        own[name].data.copy_(torch.full_like(p, -1e4) if name.endswith("window_sinks") else p)
    with measure.operations(student, measure.swapped(student, "none")), torch.no_grad():
        gap = (student(tokens) - teacher(tokens)).abs().max().item()
    listed = student_of(replace(arch, fullLayers=(0, 3)), tensors, TiledOps, "hysparse")
    assert listed.kinds == ["full", "sparse", "sparse", "full", "sparse"] and listed.groups() == [[0, 1, 2], [3, 4]], listed.kinds
    assert gap < 1e-3, f"folding changes what a layer computes by {gap}"
    halves, rng = {n: torch.randn(s) for n, s in (("q", (96, 48)), ("k", (32, 48)), ("v", (32, 48)), ("o", (48, 96)))}, [1, 0]
    made = fold(halves, {"to": rng, "basis": torch.eye(16).repeat(2, 1, 1)}, arch)
    assert torch.equal(made["k"][:16], halves["k"][16:]) and torch.allclose(made["o"][:, :48], 2 * halves["o"][:, 48:])
    print(f"folded layers differ from the teacher's by {gap:.1e}")


def asking(arch: Architecture, tensors: dict[str, Tensor]) -> None:
    """A projection of the branch's own that starts as the layer's changes nothing at first; the oracle's asks as the oracle does."""
    tokens = torch.randint(0, 12288, (2, LENGTH), generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(4)
    tensors = {n: v * (0.5 + torch.rand(v.shape, generator=generator)) if v.ndim == 1 else v for n, v in tensors.items()}
    teacher, states = build(arch, tensors, TiledOps, "full"), {}
    for name, apart, asks in (("shared", False, "own"), ("own", True, "own"), ("oracle", True, "oracle")):
        student = student_of(replace(arch, farQuery=apart), tensors, TiledOps, "hysparse")
        start(student, teacher, tokens, 0.3, 0.12, asks)
        with torch.no_grad():
            states[name] = student(tokens)
    gap = (states["own"] - states["shared"]).abs().max().item()
    assert gap < 1e-4 < (states["oracle"] - states["shared"]).abs().max().item(), f"an own projection starts otherwise, by {gap}"
    x, part = torch.randn(7, 48), student.attends[2]
    mine = part.attention.sparse_q_proj(part.norm(x))
    oracles = F.linear(teacher.attends[0].norm(x), tensors["model.layers.0.self_attn.q_proj.weight"])
    assert torch.allclose(mine, oracles, atol=1e-4), "the branch does not ask as its oracle does"


def giving(arch: Architecture, tensors: dict[str, Tensor]) -> None:
    """Heads that are given up ask as the oracle's do; the others and the keys stay the layer's."""
    tokens = torch.randint(0, 12288, (2, LENGTH), generator=torch.Generator().manual_seed(1))
    teacher, student = build(arch, tensors, TiledOps, "full"), student_of(arch, tensors, TiledOps, "hysparse")
    found = start(student, teacher, tokens, 0.9, 0.5, "oracle", 1)
    window, without, fitted, heads = found["2"]
    assert fitted < without and window < without, found["2"]
    given = {(g, b): a for g, b, a in heads}
    x, size = torch.randn(7, 48), arch.queryHeads // arch.kvHeads
    part, own, oracle = student.attends[2], teacher.attends[2], teacher.attends[0]
    asked = [layer.attention.q_proj(layer.norm(x)).unflatten(-1, (arch.kvHeads, size, -1)) for layer in (part, own, oracle)]
    for g in range(arch.kvHeads):
        for h in range(size):
            wanted = asked[2][:, g, given[g, h]] if (g, h) in given else asked[1][:, g, h]
            assert torch.allclose(asked[0][:, g, h], wanted, atol=1e-4), (g, h, heads)
    assert len(heads) == arch.kvHeads, heads
    few = start(student, teacher, tokens, 0.9, 0.5, "oracle", 1, only_gain=True)
    assert few.keys() == found.keys()


def gradients() -> None:
    """Distill's gradient, made by hand in chunks, is autograd's."""
    torch.manual_seed(1)
    xs, xt, table = torch.randn(7, 6, requires_grad=True), torch.randn(7, 6), torch.randn(11, 6)
    target, weight = torch.randint(0, 11, (7,)), torch.rand(7)
    loss, sums = Distill.apply(xs, xt, table, target, weight, 3)
    (3 * loss).backward()
    mine, xs.grad = xs.grad, None
    a, b = (xs @ table.T).log_softmax(-1), (xt @ table.T).log_softmax(-1)
    kl = (b.exp() * (b - a)).sum(-1)
    (3 * (kl * weight).sum() / weight.sum()).backward()
    assert torch.allclose(mine, xs.grad, atol=1e-5) and torch.isclose(sums[1], kl.mean(), atol=1e-5)


def learning(arch: Architecture, tensors: dict[str, Tensor]) -> None:
    """On one batch, seen again and again, both losses fall."""
    tokens = torch.randint(0, 12288, (2, LENGTH + 1), generator=torch.Generator().manual_seed(2))
    teacher = build(arch, tensors, TiledOps, "full")
    for design in ("hysparse", "hybrid-swa"):
        student, found = student_of(arch, tensors, TiledOps, design), {"local": [], "kl": []}
        start(student, teacher, tokens[:, :-1], 0.9, 0.15)
        optimizer = torch.optim.AdamW(list(convert_files.trained(student).values()), lr=2e-3)
        for stage in ("local", "kl"):
            for _ in range(10):
                losses = (local_losses(teacher, student, tokens).mean() if stage == "local"
                          else distill(teacher, student, tokens, torch.ones(2, LENGTH), 200)[1])
                found[stage].append(losses.item())
                optimizer.step()
                optimizer.zero_grad()
        text = ", ".join(f"{stage} {row[0]:.3f} -> {row[-1]:.3f}" for stage, row in found.items())
        print(f"{design}: {text}")
        assert all(row[-1] < 0.9 * row[0] for row in found.values()), f"{design} does not learn: {text}"


def designs(folder: Path, arch: Architecture, tensors: dict[str, Tensor]) -> None:
    """Every design trains through both stages, is measured, is saved and goes on; HySparse exports for the profiler."""
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    words = (Path("media/heldout") / "docs-3.md").read_text()
    text = np.array(tokenizer.encode(words).ids, dtype=np.uint16)
    texts = {"watch": {"docs.md": words}, "test": {"docs.md": words}}
    row = Rows(text, tokenizer).make(1, 2, LENGTH)
    assert len(row.tokens) == LENGTH + 1 and len(row.weights) == LENGTH
    trial = needle_trials(tokenizer, [text.tolist()], 1, LENGTH, [STANDARD])[0]
    assert trial.tokens[trial.value_at] in trial.tokens[slice(*trial.answer)] and trial.value_at < LENGTH - 40
    plan = Plan(local_tokens=4 * 2 * LENGTH, kl_tokens=4 * 2 * LENGTH, batch=2, length=LENGTH, warmup=2, start_rows=2)
    more = {"check_every": 10 ** 9, "trials": 1, "windows": 1, "workers": 0}
    for design in (*convert_files.DESIGNS, "apart"):
        out, apart = folder / design, design == "apart"
        made = convert(replace(plan, design="hysparse" if apart else design, far_query="oracle" if apart else "shared"),
                       replace(arch, farQuery=apart), tensors, tokenizer, text, texts, out, Ranks(torch.device("cpu")), **more)
        results = json.loads((out / "results.json").read_text())
        stages = [line["stage"] for line in results["log"]]
        assert stages == sorted(stages, reverse=True) and set(stages) == {"local", "kl"}, stages
        failed = [name for name, value in results.items() if isinstance(value, dict) and "failed" in value]
        assert not failed, (failed, results[failed[0]])
        frozen = made.student.net.state_dict()
        assert all(torch.equal(frozen[n], tensors[n]) for n in tensors if ".self_attn." not in n), "only attention is trained"
    assert results["alive"]["layers"] == 3
    refused(folder, folder / "apart", "query projection")
    results = json.loads((folder / "random" / "results.json").read_text())
    assert results["plan"]["design"] == "random" and "test_256_none_summary" in results
    hysparse = json.loads((folder / "hysparse" / "results.json").read_text())
    assert hysparse["test_256_random_summary"]["percent"]["all"][0] != 0 and hysparse["alive"]["layers"] == 3
    again = convert(replace(plan, local_tokens=0, kl_tokens=2 * LENGTH, kl_rate=0.0), arch, tensors, tokenizer, text, texts,
                    folder / "again", Ranks(torch.device("cpu")), init=folder / "hysparse", **more)
    assert again.seen == 9 * 2 * LENGTH and convert_files.facts_of(folder / "again")["tokens"]["kl"] == 5 * 2 * LENGTH
    before = [json.loads((folder / n / "results.json").read_text())["test_256_learned_summary"]["bits"]["all"] for n in ("hysparse", "again")]
    assert abs(before[0] - before[1]) < 2e-3, f"attention does not read back: {before}"
    try:
        convert_files.load(again.student, folder / "hybrid-swa")
        raise AssertionError("another design's attention must be refused")
    except ValueError as error:
        assert "another design" in str(error), error
    exported(folder, again, arch)


def export(folder: Path, run: Path) -> None:
    """convert_files.py as from the command line."""
    import sys

    before, sys.argv = sys.argv, ["convert_files.py", "--model", str(folder / "base"), "--init", str(run),
                                  "--out", str(folder / "checkpoint"), "--name", "tiny"]
    try:
        convert_files.main()
    finally:
        sys.argv = before


def refused(folder: Path, run: Path, word: str) -> None:
    """The export says why it does not take a run."""
    try:
        export(folder, run)
        raise AssertionError(f"{run} must be refused")
    except SystemExit as error:
        assert word in str(error), error


def exported(folder: Path, run, arch: Architecture) -> None:
    """The exported folder is the student, in the profiler's form."""
    export(folder, folder / "again")
    assert read_architecture(folder / "checkpoint") == arch
    model, own = HySparse(arch, TiledOps), run.student.net.state_dict()
    load_weights(model, folder / "checkpoint" / "model.safetensors")
    for name, value in model.state_dict().items():
        kept = own[name] if name.endswith("sinks") else own[name].half().float()
        assert torch.equal(value, kept), f"{name} is exported otherwise"
    with torch.no_grad():
        gap = (model(torch.arange(LENGTH)[None] % 12288)[0] - run.student(torch.arange(LENGTH)[None] % 12288)).abs().mean().item()
    assert gap < 5e-3, f"the exported checkpoint answers otherwise, by {gap} on average"
    print(f"exported checkpoint differs by {gap:.1e} on average")


def main() -> None:
    """Everything."""
    torch.set_num_threads(1)
    gradients()
    with TemporaryDirectory() as name:
        folder = Path(name)
        arch, tensors = reading(folder)
        folding(arch, tensors)
        asking(arch, tensors)
        giving(arch, tensors)
        learning(arch, tensors)
        # By a list, so that the exported folder shows that one too.
        designs(folder, replace(arch, fullLayers=(0, 3)), tensors)
    print("smoke run passed")


if __name__ == "__main__":
    main()
