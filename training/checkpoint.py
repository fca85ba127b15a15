"""The exported checkpoint: float16 safetensors (sinks float32) with the names of model.py, and config.json."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from model import Architecture, HySparse

NOTES = ["Layer 8 learned to select under a supervised loss on retrieval questions; layers 0 and 4 select mostly by "
         "position (MODEL_CARD.md)."]


def export(model: HySparse, path: Path) -> None:
    """Write the weights; the tied output matrix is not repeated."""
    tensors = {name: value.detach().to(torch.float32 if name.endswith("sinks") else torch.float16).cpu().contiguous()
               for name, value in model.state_dict().items()}
    save_file(tensors, str(path.with_suffix(".tmp")), metadata={"format": "pt"})
    path.with_suffix(".tmp").chmod(0o644)
    path.with_suffix(".tmp").replace(path)


def load_weights(model: HySparse, path: Path) -> None:
    """Read exported weights into a model (upcast to the model's dtype)."""
    tensors = load_file(str(path))
    model.load_state_dict({name: value.float() for name, value in tensors.items()})


def write_config(folder: Path, arch: Architecture, training: dict) -> None:
    """config.json beside the weights."""
    config = {
        "format": "hysparse", "formatVersion": 1, "name": "HySparse 25M", "weights": "trained",
        "architecture": asdict(arch), "notes": NOTES, "training": training,
        "specialTokens": {"separator": {"id": 0, "token": "<|endoftext|>"}},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def read_architecture(folder: Path) -> Architecture:
    """Architecture of an exported folder."""
    return Architecture(**json.loads((folder / "config.json").read_text())["architecture"])
