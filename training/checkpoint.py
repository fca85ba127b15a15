"""The exported checkpoint: float16 safetensors (sinks float32) with the names of model.py, and config.json."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from model import Architecture, HySparse

USUAL = (("lastFull", True), ("fullLayers", None), ("farQuery", False))  # left out of config.json


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


def write_config(folder: Path, arch: Architecture, training: dict, notes: list[str] | None = None, name: str = "HySparse 25M",
                 separator: dict | None = None) -> None:
    """config.json beside the weights; `training` names the design where it is not HySparse.

    The design also stands beside the architecture, where the product looks: it runs `hysparse` and `full` and refuses
    the others.
    """
    architecture = {field: value for field, value in asdict(arch).items() if (field, value) not in USUAL}
    config = {
        "format": "hysparse", "formatVersion": 1, "name": name, "weights": "trained",
        "design": training.get("design", "hysparse"), "architecture": architecture, "notes": notes or [],
        "training": training,
        "specialTokens": {"separator": separator or {"id": 0, "token": "<|endoftext|>"}},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def architecture_of(given: dict) -> Architecture:
    """The architecture that a JSON object describes."""
    listed = given.get("fullLayers")
    return Architecture(**{**given, "fullLayers": tuple(listed) if listed else None})


def read_architecture(folder: Path) -> Architecture:
    """Architecture of an exported folder."""
    return architecture_of(json.loads((folder / "config.json").read_text())["architecture"])


def read_design(folder: Path) -> str:
    """Design of an exported folder; older ones name it in `training` only, and HySparse nowhere."""
    config = json.loads((folder / "config.json").read_text())
    return config.get("design") or config["training"].get("design", "hysparse")
