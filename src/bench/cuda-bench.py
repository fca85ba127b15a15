"""Checks the CUDA engine's attention and products against float64 and times them beside cuDNN and cuBLAS, on the card itself.

    python3 src/bench/cuda-bench.py [--quick | --check]

--check times nothing and takes two shapes alone: for compute-sanitizer.

Needs torch and the built kernels, nothing else; ends with a table in Markdown for
docs/cuda-benchmarks.md. Rounds of everything are interleaved in random order, since a card slows down when it is warm.
"""

import ctypes
import datetime
import math
import pathlib
import random
import statistics
import sys

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

ROOT = pathlib.Path(__file__).resolve()
while not (ROOT / "kernels/built-cuda").exists():
    ROOT = ROOT.parent
BLOCK, SLOTS, CHUNK = 64, 16, 2048
GROUP_TILE = 128
PROCESSORS = torch.cuda.get_device_properties(0).multi_processor_count
CUDA = ctypes.CDLL("libcuda.so.1")
KERNELS = {}


def driver(name, *args):
    result = getattr(CUDA, name)(*args)
    if result != 0:
        raise RuntimeError(f"{name}: CUDA {result}")


torch.zeros(1, device="cuda")  # makes the context
MODULE = ctypes.c_void_p()
driver("cuModuleLoadData", ctypes.byref(MODULE), (ROOT / "kernels/built-cuda/sm_90a.cubin").read_bytes())


class Tiles:
    """Keys or values [heads, room, d] as the copy engine reads them in tiles, of whose rows the first `rows` are there."""

    def __init__(self, tensor, rows, tile):
        heads, room, d = tensor.shape
        raw = ctypes.create_string_buffer(128 + 64)
        self.raw = raw
        self.address = (ctypes.addressof(raw) + 63) // 64 * 64
        sizes, strides = (ctypes.c_uint64 * 3)(d, rows, heads), (ctypes.c_uint64 * 2)(d * 2, room * d * 2)
        box, steps = (ctypes.c_uint32 * 3)(64, tile, 1), (ctypes.c_uint32 * 3)(1, 1, 1)
        to, at = ctypes.c_void_p(self.address), ctypes.c_void_p(tensor.data_ptr())
        driver("cuTensorMapEncodeTiled", to, 6, 3, at, sizes, strides, box, steps, 0, 3, 2, 0)


def launch(name, blocks, threads, args, shared=0):
    """Tensors, None, tiles, ints and floats, in a kernel's order."""
    kernel = KERNELS.get(name)
    if kernel is None:
        kernel = KERNELS[name] = ctypes.c_void_p()
        driver("cuModuleGetFunction", ctypes.byref(kernel), MODULE, name.encode())
        if shared > 48 * 1024:
            driver("cuFuncSetAttribute", kernel, 8, shared)
    values = []
    for arg in args:
        if arg is None or isinstance(arg, torch.Tensor):
            values.append(ctypes.c_uint64(0 if arg is None else arg.data_ptr()))
        elif not isinstance(arg, Tiles):
            values.append(ctypes.c_float(arg) if isinstance(arg, float) else ctypes.c_int32(arg))
        else:
            values.append(arg)
    at = [value.address if isinstance(value, Tiles) else ctypes.addressof(value) for value in values]
    counts = tuple(blocks) + (1,) * (3 - len(blocks))
    stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
    pointers = (ctypes.c_void_p * len(at))(*at)
    driver("cuLaunchKernel", kernel, *counts, threads, 1, 1, shared, stream, pointers, None)


def buffers(*shape, dtype=torch.float32):
    """Poisoned, so that what is not written is seen."""
    if dtype == torch.uint32:
        return torch.full(shape, 123456789, dtype=torch.int32, device="cuda")
    return torch.full(shape, float("nan"), dtype=dtype, device="cuda")


class Shape:
    def __init__(self, query_heads, kv_heads, d):
        self.Hq, self.Hkv, self.d = query_heads, kv_heads, d
        self.G, self.scale = query_heads // kv_heads, 1 / math.sqrt(d)

    def draw(self, rows, room, loud=1.0):
        q = torch.randn(rows, self.Hq, self.d, device="cuda") * loud
        k = torch.randn(self.Hkv, room, self.d, device="cuda").half()
        v = torch.randn(self.Hkv, room, self.d, device="cuda").half()
        return q, k, v

    def query_bytes(self):
        return 4 * 4 * 32 * self.d * 2

    def parts(self):
        return self.Hkv * -(-self.G // 16)


def full(s, q, k, v, out, start, scored=None):
    rows, room = q.shape[0], k.shape[1]
    blocks = -(-(start + rows) // BLOCK)
    maxima, lse = (scored["maxima"], scored["lse"]) if scored else (None, None)
    if not grouped(rows):
        args = [q, k, v, out, maxima, lse, rows, s.Hq, s.Hkv, room, start, BLOCK, blocks, s.scale]
        launch(f"full_tensor_{s.d}", (-(-rows // 128), s.Hq), 256, args, 4 * 64 * s.d * 2)
        return
    count = min(PROCESSORS, group_tiles(rows, start) * s.Hq)
    maps = [Tiles(x, start + rows, GROUP_TILE) for x in (k, v)]
    extra, name = ([maxima, lse], "scores_") if scored else ([], "")
    args = [*maps, q, out, *extra, rows, s.Hq, s.Hkv, start, s.scale]
    launch(f"full_group_{name}{s.d}", (count,), 384, args, (6 if s.d == 128 else 8) * GROUP_TILE * s.d * 2)


def grouped(rows):
    return rows >= 16


def group_tiles(rows, start):
    """Tiles of queries of a chunk."""
    return -(-(start % GROUP_TILE + rows) // GROUP_TILE)


def score(s, scored, rows, start, block=BLOCK):
    blocks = -(-(start + rows) // block)
    args = [scored["maxima"], scored["lse"], scored["scores"], rows, s.Hkv, s.G, blocks]
    if grouped(rows):
        counts = (-(-blocks // 64), group_tiles(rows, start) * GROUP_TILE // 16, s.Hkv)
        launch("tile_scores", counts, 256, args + [block // 64, start])
    else:
        launch("block_scores", (-(-blocks // 256), rows, s.Hkv), 256, args + [block, start])


def choose(s, scored, rows, start):
    score(s, scored, rows, start)
    blocks = -(-(start + rows) // BLOCK)
    args = [scored["scores"], scored["blocks"], scored["kept"], rows * s.Hkv, s.Hkv, blocks, SLOTS, BLOCK, start]
    launch("block_topk", (-(-rows * s.Hkv // 8),), 256, args)


def scratch(s, rows, tokens):
    blocks = -(-tokens // BLOCK)
    tiled = -(-(rows + GROUP_TILE - 1) // GROUP_TILE) * GROUP_TILE if grouped(rows) else rows
    return {
        "maxima": buffers(tiled, s.Hq, blocks + blocks % 2),
        "lse": buffers(tiled, s.Hq),
        "scores": buffers(rows, s.Hkv, blocks),
        "blocks": buffers(rows, s.Hkv, SLOTS, dtype=torch.uint32),
        "kept": buffers(rows, s.Hkv, SLOTS),
    }


def decode(s, q, k, v, out, tokens, scored, choice=True, block=BLOCK):
    """With scores and choice, in one launch."""
    splits = max(1, min(PROCESSORS // s.parts(), -(-tokens // 64 // 7)))
    maps = [Tiles(x, tokens, 64) for x in (k, v)]
    scratch = [scored["maxima"], scored["partial"], scored["sums"]]
    found = [scored[name] if choice else None for name in ("scores", "blocks", "kept")]
    args = [*maps, q, out, *scratch, *found, s.Hq, s.Hkv, tokens, block // 64, SLOTS, s.scale]
    launch(f"decode_ring_{s.d}", (splits, s.parts()), 256, args, 7 * 2 * 64 * s.d * 2)


def decode_split(s, q, k, v, out, tokens, scored):
    """What shapes take that have more heads than the card has processors."""
    splits = max(1, min(-(-(3 if s.d == 64 else 1) * PROCESSORS // s.parts()), -(-tokens // BLOCK) // 4))
    partial, sums = scored["partial"], scored["sums"]
    blocks = -(-tokens // BLOCK)
    args = [q, k, v, out, scored["maxima"], scored["lse"], partial, sums, 1, s.Hq, s.Hkv, k.shape[1], tokens - 1]
    launch(f"decode_tensor_{s.d}", (1, s.parts(), splits), 128, args + [BLOCK, blocks, splits, s.scale], s.query_bytes())
    if splits > 1:
        launch("merge_splits", (s.Hq,), s.d, [partial, sums, out, scored["lse"], s.d, splits])


def listed(s, q, k, v, blocks, sinks, out, start, held=None):
    """Query by query, or with `held` buffers (block_buffers) gathered by block."""
    rows = q.shape[0]
    if held is None:
        args = [q, k, v, blocks, sinks, out, rows, s.Hq, s.Hkv, k.shape[1], start, BLOCK, SLOTS, s.scale]
        launch(f"blocks_tensor_{s.d}", (rows, s.parts()), 128, args, s.query_bytes())
        return
    every, most = -(-(start + rows) // BLOCK), max(1, 256 // s.G)
    lists, chosen = s.Hkv * every, rows * s.Hkv * SLOTS
    counts, offsets, items, entries, partial, logs = held
    counts[:lists].zero_()
    launch("plan_count", (-(-chosen // 256),), 256, [blocks, counts, rows, s.Hkv, SLOTS, every])
    launch("plan_offsets", (1,), 1024, [counts, offsets, items, lists, most])
    launch("plan_scatter", (-(-chosen // 256),), 256, [blocks, counts, entries, rows, s.Hkv, SLOTS, every])
    args = [q, k, v, offsets, items, entries, partial, logs, rows, s.Hq, s.Hkv, k.shape[1], start, SLOTS, every, most]
    launch(f"block_tiles_{s.d}", (-(-chosen // most) + lists,), 128, args + [s.scale], 2 * 64 * s.d * 2)
    args = [partial, logs, blocks, sinks, out, rows * s.Hq, s.Hq, s.Hkv, SLOTS]
    launch(f"merge_blocks_{s.d}", (-(-rows * s.Hq * s.d // 8 // 256),), 256, args)


def block_buffers(s, rows, tokens):
    lists = s.Hkv * -(-tokens // BLOCK)
    plan = [buffers(n, dtype=torch.uint32) for n in (lists, lists + 1, lists + 1, rows * s.Hkv * SLOTS)]
    return plan + [buffers(rows, s.Hq, SLOTS, s.d, dtype=torch.float16), buffers(rows, s.Hq, SLOTS)]


def windowed(s, q, ring_k, ring_v, own_k, own_v, sinks, out, start, window, first=0, by_query=False):
    rows = q.shape[0]
    args = [q, ring_k, ring_v, own_k, own_v, sinks, out, rows, s.Hq, s.Hkv, ring_k.shape[1], start, window, first, s.scale]
    if by_query:
        launch(f"window_tensor_{s.d}", (rows, s.parts()), 128, args, s.query_bytes())
    else:
        launch(f"window_chunk_{s.d}", (-(-rows // 128), s.Hq), 256, args, 4 * 64 * s.d * 2)


def linear(x, w, residual, y):
    """Of float32 rows where there is one, else of float16."""
    rows, inputs, outputs = x.shape[0], x.shape[1], w.shape[0]
    if rows == 1:
        launch("linear_row", (-(-outputs // 8),), 256, [x, w, residual, y, inputs, outputs])
    else:
        args = [x, w, residual, y, rows, inputs, outputs]
        launch("linear_tensor", (-(-rows // 128), -(-outputs // 256)), 256, args, 4 * 48 * 1024 + 1024)


def exact(s, q, k, v, row, start, visible, sinks=None):
    """Attention of one row in float64: out [Hq, d] and each head's probabilities over `visible` keys."""
    t = torch.tensor(visible, device="cuda")
    keys = k[:, t].double().repeat_interleave(s.G, 0)
    values = v[:, t].double().repeat_interleave(s.G, 0)
    logits = torch.einsum("hd,htd->ht", q[row].double(), keys) * s.scale
    if sinks is not None:
        logits = torch.cat([logits, sinks.double()[:, None]], 1)
    p = torch.softmax(logits, 1)[:, : len(visible)]
    return torch.einsum("ht,htd->hd", p, values), p


def error(actual, expected):
    """The worst row's."""
    actual, expected = actual.double(), expected.double()
    worst = ((actual - expected).norm(dim=-1) / expected.norm(dim=-1)).max().item()
    return worst if math.isfinite(worst) else math.inf


def error_of_pairs(wide, scored):
    """Scores of blocks of 128 beside the larger of two blocks of 64."""
    scores = scored["scores"]
    padded = torch.cat([scores, torch.zeros_like(scores[..., :1])], -1)[..., : 2 * wide["scores"].shape[-1]]
    apart = (padded.unflatten(-1, (-1, 2)).amax(-1) - wide["scores"]).abs().max().item()
    return apart if math.isfinite(apart) else math.inf


FAULTS = []


def expect(what, value, most):
    good = value <= most
    if not good:
        FAULTS.append(what)
    print(f"{'ok   ' if good else 'WRONG'} {what}: {value:.2e} (at most {most:.0e})", flush=True)


def check(s):
    name = f"{s.Hq}/{s.Hkv} heads of {s.d}"
    for rows, start in ((200, 0), (300, 1000), (129, 63), (16, 1270), (1000, 2176), (2, 5)):
        tokens = start + rows
        q, k, v = s.draw(rows, tokens + 7)
        k[:, tokens:], v[:, tokens:] = float("nan"), float("nan")
        out, scored = buffers(rows, s.Hq, s.d), scratch(s, rows, tokens)
        full(s, q, k, v, out, start, scored)
        choose(s, scored, rows, start)
        if grouped(rows):
            wide = scored | {"scores": buffers(rows, s.Hkv, -(-tokens // 128))}
            score(s, wide, rows, start, 128)
            expect(f"{name}, {rows} from {start}: scores of blocks of 128", error_of_pairs(wide, scored), 0)
        plain = buffers(rows, s.Hq, s.d)
        full(s, q, k, v, plain, start)
        expect(f"{name}, {rows} from {start}: full with and without scores", error(plain, out), 0)
        sinks = torch.randn(s.Hq, device="cuda")
        sparse = buffers(rows, s.Hq, s.d)
        listed(s, q, k, v, scored["blocks"], sinks, sparse, start)
        gathered = buffers(rows, s.Hq, s.d)
        listed(s, q, k, v, scored["blocks"], sinks, gathered, start, block_buffers(s, rows, tokens))
        expect(f"{name}, {rows} from {start}: blocks gathered and not", error(gathered, sparse), 2e-3)
        worst, in_scores, in_sparse = 0, 0, 0
        for row in sorted({0, 1, rows // 2, rows - 1}):
            seen = start + row + 1
            expected, p = exact(s, q, k, v, row, start, range(seen))
            worst = max(worst, error(out[row], expected))
            blocks = -(-tokens // BLOCK)
            padded = torch.zeros(s.Hq, blocks * BLOCK, dtype=torch.float64, device="cuda")
            padded[:, :seen] = p
            scores = padded.view(s.Hkv, s.G, blocks, BLOCK).amax((1, 3))
            in_scores = max(in_scores, ((scored["scores"][row].double() - scores).abs() / scores.clamp_min(1e-30)).max().item())
            for head in range(s.Hkv):
                mine = scored["scores"][row, head]
                visible = (start + row) // BLOCK + 1
                best = sorted(sorted(range(visible), key=lambda b: (-mine[b].item(), b))[:SLOTS])
                chosen = [b for b in scored["blocks"][row, head].tolist() if b != -1]
                if chosen != best:
                    FAULTS.append(f"{name}: selection of row {row}, head {head}: {chosen}, not {best}")
                kept = [t for b in chosen for t in range(b * BLOCK, min(seen, (b + 1) * BLOCK))]
                one = Shape(s.G, 1, s.d)
                heads = slice(head * s.G, (head + 1) * s.G)
                expected, _ = exact(one, q[:, heads], k[head : head + 1], v[head : head + 1], row, start, kept, sinks[heads])
                in_sparse = max(in_sparse, error(sparse[row, heads], expected))
        expect(f"{name}, {rows} from {start}: full", worst, 3e-3)
        expect(f"{name}, {rows} from {start}: scores", in_scores, 1e-2)
        expect(f"{name}, {rows} from {start}: blocks", in_sparse, 3e-3)
        for window, first in ((128, 0), (100, 0), (100, 4), (1, 70)):
            ring = window + first
            ring_k, ring_v = (torch.full((s.Hkv, ring, s.d), float("nan"), device="cuda").half() for _ in range(2))
            for position in [*range(min(first, start)), *range(max(first, start - window), start)]:
                at = position if position < first else first + (position - first) % window
                ring_k[:, at], ring_v[:, at] = k[:, position], v[:, position]
            own_k, own_v = k[:, start:tokens].contiguous(), v[:, start:tokens].contiguous()
            for by_query in (False, True):
                out = buffers(rows, s.Hq, s.d)
                windowed(s, q, ring_k, ring_v, own_k, own_v, sinks, out, start, window, first, by_query)
                worst = 0
                for row in sorted({0, 1, rows // 2, rows - 1}):
                    seen = start + row + 1
                    heading = range(min(first, seen))
                    visible = [*heading, *range(max(first, seen - window), seen)]
                    expected, _ = exact(s, q, k, v, row, start, visible, sinks)
                    worst = max(worst, error(out[row], expected))
                how = "by query" if by_query else "by chunk"
                expect(f"{name}, {rows} from {start}: window of {window} and {first}, {how}", worst, 3e-3)
    for tokens in (1, 63, 64, 65, 1000, 5000):
        q, k, v = s.draw(1, tokens)
        out, scored = buffers(1, s.Hq, s.d), scratch(s, 1, tokens)
        scored["partial"], scored["sums"] = buffers(400, s.Hq, s.d), buffers(400, s.Hq, 2)
        for again in range(3):
            decode(s, q, k, v, out, tokens, scored)
        expected, p = exact(s, q, k, v, 0, tokens - 1, range(tokens))
        expect(f"{name}, decode at {tokens}", error(out[0], expected), 3e-3)
        wide = scored | {"blocks": scored["blocks"].clone(), "kept": scored["kept"].clone(), "scores": buffers(1, s.Hkv, -(-tokens // 128))}
        decode(s, q, k, v, buffers(1, s.Hq, s.d), tokens, wide, block=128)
        expect(f"{name}, scores of blocks of 128 in decode at {tokens}", error_of_pairs(wide, scored), 0)
        split = buffers(1, s.Hq, s.d)
        chosen, others = scored["blocks"].clone(), scratch(s, 1, tokens) | {name: scored[name] for name in ("partial", "sums")}
        decode(s, q, k, v, split, tokens, others, False)
        expect(f"{name}, decode without scores at {tokens}", error(split, out), 0)
        decode_split(s, q, k, v, split, tokens, others)
        choose(s, others, 1, tokens - 1)
        expect(f"{name}, decode in four launches at {tokens}", error(split[0], expected), 3e-3)
        apart = (others["scores"] - scored["scores"]).abs().max().item()
        expect(f"{name}, its scores at {tokens}", apart, 1e-5)
        kept = scored["scores"][0]
        for head in range(s.Hkv):
            best = sorted(sorted(range(kept.shape[1]), key=lambda b: (-kept[head, b].item(), b))[:SLOTS])
            mine = [b for b in chosen[0, head].tolist() if b != -1]
            if mine != best:
                FAULTS.append(f"{name}: selection in decode at {tokens}, head {head}: {mine}, not {best}")
        blocks = -(-tokens // BLOCK)
        padded = torch.zeros(s.Hq, blocks * BLOCK, dtype=torch.float64, device="cuda")
        padded[:, :tokens] = p
        scores = padded.view(s.Hkv, s.G, blocks, BLOCK).amax((1, 3))
        worst = ((scored["scores"][0].double() - scores).abs() / scores).max().item()
        expect(f"{name}, scores in decode at {tokens}", worst, 1e-2)
    q, k, v = s.draw(256, 256, 16)
    out = buffers(256, s.Hq, s.d)
    full(s, q, k, v, out, 0)
    worst = max(error(out[row], exact(s, q, k, v, row, 0, range(row + 1))[0]) for row in (0, 100, 255))
    expect(f"{name}, full of queries times 16", worst, 6e-3)


def check_products():
    for rows, inputs, outputs in ((1, 4096, 777), (1, 20, 33), (17, 40, 130), (300, 1000, 500), (2048, 4096, 1024)):
        x = torch.randn(rows, inputs, device="cuda")
        w = torch.randn(outputs, inputs, device="cuda").half()
        residual, y = torch.randn(rows, outputs, device="cuda"), buffers(rows, outputs)
        x = x if rows == 1 else x.half()
        linear(x, w, residual, y)
        expect(f"product {rows} x {inputs} x {outputs}", error(y, x.double() @ w.double().T + residual.double()), 1e-3)


def cudnn(q, k, v, causal):
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)


def times(works, rounds):
    """Median milliseconds of each, in rounds of random order."""
    taken = {name: [] for name in works}
    for work in works.values():
        work()
    torch.cuda.synchronize()
    for _ in range(rounds):
        order = list(works)
        random.shuffle(order)
        for name in order:
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            works[name]()
            end.record()
            torch.cuda.synchronize()
            taken[name].append(begin.elapsed_time(end))
    return {name: statistics.median(all) for name, all in taken.items()}


TABLE = []


def show(what, found, reference):
    for name, ms in found.items():
        ratio = f"{ms / found[reference]:.2f}"
        TABLE.append(f"| {what} | {name} | {ms:.3f} | {ratio} |")
        print(TABLE[-1], flush=True)


def bench_prefill(title, s, tokens, rounds):
    q, k, v = s.draw(tokens, tokens)
    out = buffers(tokens, s.Hq, s.d)
    scored = scratch(s, CHUNK, tokens)
    chosen = buffers(tokens, s.Hkv, SLOTS, dtype=torch.uint32)
    sinks = torch.randn(s.Hq, device="cuda")
    qh = q.half().transpose(0, 1)[None].contiguous()
    chunks = range(0, tokens, CHUNK)

    def ours(scores, select):
        for start in chunks:
            part = q[start : start + CHUNK]
            full(s, part, k, v, out[start : start + CHUNK], start, scored if scores else None)
            if select:
                scored["blocks"] = chosen[start : start + CHUNK]
                choose(s, scored, CHUNK, start)

    def blocks():
        for start in chunks:
            part = slice(start, start + CHUNK)
            listed(s, q[part], k, v, chosen[part], sinks, out[part], start, held)

    def window():
        for start in chunks:
            part = slice(start, start + CHUNK)
            windowed(s, q[part], rings[0], rings[1], owns[0], owns[1], sinks, out[part], start, 128)

    held = block_buffers(s, CHUNK, tokens)
    rings = [x[:, :128].contiguous() for x in (k, v)]
    owns = [x[:, :CHUNK].contiguous() for x in (k, v)]
    ours(True, True)
    again = out.clone()
    reference = cudnn(qh, k[None], v[None], True)[0].transpose(0, 1)
    expect(f"{title}: whole output beside cuDNN's", max(error(out[at : at + CHUNK], reference[at : at + CHUNK]) for at in chunks), 6e-3)
    ours(False, False)
    expect(f"{title}: again, without maxima", error(out, again), 0)
    del again, reference
    works = {
        "cuDNN, full (float16)": lambda: cudnn(qh, k[None], v[None], True),
        "ours, full": lambda: ours(False, False),
        "ours, full with block maxima": lambda: ours(True, False),
        "ours, full with scores and top 16": lambda: ours(True, True),
        "ours, 16 blocks, as chosen": blocks,
        "ours, window of 128": window,
    }
    show(title, times(works, rounds), "cuDNN, full (float16)")


def bench_decode(title, s, tokens, rounds):
    q, k, v = s.draw(1, tokens)
    out, scored = buffers(1, s.Hq, s.d), scratch(s, 1, tokens)
    scored["partial"], scored["sums"] = buffers(400, s.Hq, s.d), buffers(400, s.Hq, 2)
    sinks = torch.randn(s.Hq, device="cuda")
    qh = q.half().transpose(0, 1)[None].contiguous()
    rings = [x[:, :128].contiguous() for x in (k, v)]

    def ours():
        decode(s, q, k, v, out, tokens, scored)

    def split():
        decode_split(s, q, k, v, out, tokens, scored)
        choose(s, scored, 1, tokens - 1)

    ours()
    works = {
        "cuDNN, full (float16)": lambda: cudnn(qh, k[None], v[None], False),
        "ours, full": lambda: decode(s, q, k, v, out, tokens, scored, False),
        "ours, full with scores and top 16": ours,
        "ours, the same in four launches": split,
        "ours, 16 blocks, as chosen": lambda: listed(s, q, k, v, scored["blocks"], sinks, out, tokens - 1),
        "ours, window of 128": lambda: windowed(s, q, *rings, None, None, sinks, out, tokens - 1, 128, 0, True),
    }

    def graphed(work):
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            work()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=stream):
                for _ in range(10):
                    work()
        return graph.replay

    found = times({name: graphed(work) for name, work in works.items()}, rounds)
    show(title, {name: ms / 10 for name, ms in found.items()}, "cuDNN, full (float16)")


def bench_products(rounds):
    for rows, inputs, outputs in ((2048, 4096, 6144), (2048, 4096, 22016), (1, 4096, 22016)):
        x = torch.randn(rows, inputs, device="cuda")
        w = torch.randn(outputs, inputs, device="cuda").half()
        y, xh = buffers(rows, outputs), x.half()
        found = times({"cuBLAS (float16)": lambda: xh @ w.T, "ours": lambda: linear(x if rows == 1 else xh, w, None, y)}, rounds)
        show(f"product {rows} x {inputs} x {outputs}", found, "cuBLAS (float16)")


def main():
    torch.manual_seed(random.randrange(2**31))
    shapes = [Shape(8, 2, 64), Shape(34, 2, 128)]
    if "--check" not in sys.argv:
        shapes += [Shape(8, 8, 64), Shape(32, 8, 128), Shape(32, 2, 128)]
    for shape in shapes:
        check(shape)
    check_products()
    if FAULTS:
        print("WRONG:", *FAULTS, sep="\n  ")
        return 1
    if "--check" in sys.argv:
        return 0
    rounds = 5 if "--quick" in sys.argv else 15
    bench_prefill("prefill 32,768, 32/8 heads of 128", Shape(32, 8, 128), 32768, rounds)
    bench_prefill("prefill 32,768, 64/4 heads of 128", Shape(64, 4, 128), 32768, rounds)
    bench_prefill("prefill 32,768, 8/2 heads of 64", Shape(8, 2, 64), 32768, rounds)
    bench_decode("decode at 131,072, 32/8 heads of 128", Shape(32, 8, 128), 131072, rounds)
    bench_decode("decode at 131,072, 64/4 heads of 128", Shape(64, 4, 128), 131072, rounds)
    bench_products(rounds)
    print(f"\n{datetime.date.today()}, {torch.cuda.get_device_name(0)}, torch {torch.__version__}, ", end="")
    print(f"cuDNN {torch.backends.cudnn.version()}\n\n| work | what | ms | x |\n| --- | --- | --- | --- |")
    print("\n".join(TABLE))
    return 0


sys.exit(main())
