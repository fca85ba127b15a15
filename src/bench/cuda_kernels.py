"""The CUDA engine's kernels as Python calls on torch tensors: the built module, launched through the driver alone."""

import ctypes
import math
import pathlib

import torch

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
