"""A dense llama-family checkpoint as a HySparse model of design `full`: one GGUF file or a Hugging Face folder.

Whatever this repository's decoder does not do (biases, norms of q and k, scaled RoPE, an untied output matrix, windows)
is refused by name. GGUF is read and dequantized by PyPI's `gguf` (ggml's own, MIT), which is only needed for such files.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

from model import Architecture

NAMES = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
         "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
OUTER = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}


class Unsupported(ValueError):
    """The checkpoint needs something that this repository's decoder does not do."""


def rotate_half_rows(w: np.ndarray, head_dim: int) -> np.ndarray:
    """Undo the llama architecture's order of q and k rows in GGUF: neighbouring pairs to (i, i + d / 2)."""
    return np.ascontiguousarray(w.reshape(-1, head_dim // 2, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape))


def read_gguf(path: Path) -> tuple[Architecture, dict[str, Tensor]]:
    """Shape and float32 tensors by this repository's names."""
    from gguf import GGUFReader, dequantize

    reader = GGUFReader(path)

    def meta(name: str, default=None):
        field = reader.get_field(name)
        if field is None and default is None:
            raise Unsupported(f"{path} does not say {name}")
        return field.contents() if field else default
    kind = meta("general.architecture")
    if kind != "llama":
        raise Unsupported(f"{path} has architecture {kind!r}; only 'llama' is read")
    if meta("llama.rope.scaling.type", "none") != "none":
        raise Unsupported(f"{path} scales RoPE")
    heads, hidden = meta("llama.attention.head_count"), meta("llama.embedding_length")
    dim = meta("llama.attention.key_length", hidden // heads)
    out: dict[str, Tensor] = {}
    for tensor in reader.tensors:
        part = tensor.name.split(".")
        name = OUTER.get(tensor.name)
        if part[0] == "blk" and part[2] in NAMES and part[3] == "weight":
            name = f"model.layers.{part[1]}.{NAMES[part[2]]}.weight"
        if name is None:
            raise Unsupported(f"{path} holds {tensor.name}, for which this repository's decoder has no place")
        value = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if part[0] == "blk" and part[2] in ("attn_q", "attn_k"):
            value = rotate_half_rows(value, dim)
        out[name] = torch.from_numpy(np.array(value))
    return Architecture(
        layers=meta("llama.block_count"), hidden=hidden, intermediate=meta("llama.feed_forward_length"), queryHeads=heads,
        kvHeads=meta("llama.attention.head_count_kv", heads), headDim=dim, vocabulary=len(out[OUTER["token_embd.weight"]]),
        ropeBase=meta("llama.rope.freq_base", 10000.0), normEps=meta("llama.attention.layer_norm_rms_epsilon"),
        maxContext=meta("llama.context_length")), out


def read_folder(path: Path) -> tuple[Architecture, dict[str, Tensor]]:
    """The same from config.json and one or several safetensors files."""
    from safetensors.torch import load_file

    config = json.loads((path / "config.json").read_text())
    if config.get("model_type") != "llama":
        raise Unsupported(f"{path} has model_type {config.get('model_type')!r}; only 'llama' is read")
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise Unsupported(f"{path} scales RoPE")
    if config.get("hidden_act", "silu") != "silu":
        raise Unsupported(f"{path} uses {config['hidden_act']} where this repository's decoder has SiLU")
    tensors = {name: value.float() for file in sorted(path.glob("*.safetensors")) for name, value in load_file(file).items()}
    table = tensors["model.embed_tokens.weight"]
    head = tensors.pop("lm_head.weight", None)
    if head is not None and not torch.equal(head, table):
        raise Unsupported(f"{path} has an output matrix of its own (lm_head.weight); only tied ones are converted")
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    return Architecture(
        layers=config["num_hidden_layers"], hidden=hidden, intermediate=config["intermediate_size"], queryHeads=heads,
        kvHeads=config.get("num_key_value_heads", heads), headDim=config.get("head_dim") or hidden // heads,
        vocabulary=len(table), ropeBase=rope.get("rope_theta", config.get("rope_theta", 10000.0)),
        normEps=config["rms_norm_eps"], maxContext=config["max_position_embeddings"]), tensors


def read(path: Path) -> tuple[Architecture, dict[str, Tensor]]:
    """Shape and float32 tensors of a file or folder. Raises Unsupported."""
    return read_folder(path) if path.is_dir() else read_gguf(path)


def open_tokenizer(path: Path) -> Tokenizer:
    """The checkpoint's tokenizer; of GGUF files byte-level BPE that splits like SmolLM (digits one by one) or GPT-2."""
    if path.is_dir():
        return Tokenizer.from_file(str(path / "tokenizer.json"))
    from gguf import GGUFReader

    reader = GGUFReader(path)
    get = {name: reader.get_field(f"tokenizer.ggml.{name}").contents() for name in ("model", "pre", "tokens", "token_type", "merges")}
    splits = {"smollm": [pre_tokenizers.Digits(individual_digits=True)], "gpt-2": []}
    if get["model"] != "gpt2" or get["pre"] not in splits:
        raise Unsupported(f"{path} has a tokenizer of model {get['model']!r} that splits like {get['pre']!r}; "
                          f"known: 'gpt2' that splits like {', '.join(splits)}. Take the Hugging Face folder instead")
    made = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(get["tokens"])}, merges=[tuple(m.split(" ")) for m in get["merges"]]))
    made.pre_tokenizer = pre_tokenizers.Sequence([*splits[get["pre"]], pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    made.decoder = decoders.ByteLevel()
    special = [t for t, kind in zip(get["tokens"], get["token_type"]) if kind == 3]
    made.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    return made
