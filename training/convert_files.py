"""A conversion on disk: trained attention to go on from, and the checkpoint folder that the profiler opens.

    python training/convert_files.py --model BASE --init DIR/run --out DIR/checkpoint --name "SmolLM2-135M, converted"
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import base_model
from checkpoint import architecture_of, export, write_config
from convert_net import Halves, TiledOps, student_of

PIECE = 15_000_000  # bytes per file: several small files travel where one large one does not
DESIGNS = {"hysparse": "hysparse", "hybrid-swa": "hybrid-swa", "random": "hysparse"}  # a run's design: the network's


def trained(net: Halves) -> dict[str, Tensor]:
    """The student's own parameters by checkpoint name."""
    return {name: p for name, p in net.net.named_parameters() if ".self_attn." in name}


def save(net: Halves, folder: Path, facts: dict) -> None:
    """Attention in bfloat16 (sinks float32) in pieces, and run.json: shape, design, and how it was trained."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, p in trained(net).items():
        value = p.detach().to(torch.float32 if name.endswith("sinks") else torch.bfloat16).cpu().contiguous()
        if size + value.nbytes > PIECE and parts[-1]:
            parts.append({})
            size = 0
        parts[-1][name], size = value, size + value.nbytes
    for old in folder.glob("attention-*.safetensors"):
        old.unlink()
    for number, part in enumerate(parts):
        save_file(part, str(folder / f"attention-{number}.safetensors"))
    (folder / "run.json").write_text(json.dumps({"architecture": asdict(net.arch), **facts}, indent=1) + "\n")


def facts_of(folder: Path) -> dict:
    """run.json of a saved run."""
    return json.loads((folder / "run.json").read_text())


def load(net: Halves, folder: Path) -> dict:
    """Put saved attention into a network; returns its run.json. Raises ValueError where the two do not fit."""
    files = sorted(folder.glob("attention-*.safetensors"))
    values = {name: v for file in files for name, v in load_file(str(file)).items()}
    own = trained(net)
    if own.keys() != values.keys():
        odd = sorted(own.keys() ^ values.keys())
        raise ValueError(f"{folder} is of another design or schedule, or a piece is missing: {len(odd)} tensors differ, as {odd[0]}")
    with torch.no_grad():
        for name, p in own.items():
            p.copy_(values[name])
    return facts_of(folder)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="the base model that was converted")
    parser.add_argument("--init", type=Path, required=True, help="folder with the run's attention and run.json")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", required=True)
    args = parser.parse_args()
    facts = facts_of(args.init)
    arch = architecture_of(facts["architecture"])
    if arch.farQuery:
        raise SystemExit("the profiler has no place for a query projection of the selected branch: such a run cannot be exported")
    if facts["design"] == "random":
        raise SystemExit("a run with random selection is a control of this training and no design that the profiler runs")
    _, tensors = base_model.read(args.model)
    student = student_of(arch, tensors, TiledOps, DESIGNS[facts["design"]])
    load(student, args.init)
    args.out.mkdir(parents=True, exist_ok=True)
    tokenizer = base_model.open_tokenizer(args.model)
    tokenizer.save(str(args.out / "tokenizer.json"))
    export(student.net, args.out / "model.safetensors")
    write_config(args.out, arch, {k: v for k, v in facts.items() if k != "architecture"}, facts.get("notes"), args.name,
                 {"id": 0, "token": tokenizer.id_to_token(0)})


if __name__ == "__main__":
    main()
