"""Checks the CUDA engine's attention and products against float64 and times them beside cuDNN and cuBLAS, on the card itself.

    python3 src/bench/cuda-bench.py [--quick | --check]

--check times nothing and takes two shapes alone: for compute-sanitizer.

Needs torch and the built kernels, nothing else; ends with a table in Markdown for
docs/cuda-benchmarks.md. Rounds of everything are interleaved in random order, since a card slows down when it is warm.
"""

import datetime
import random
import statistics
import sys

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from cuda_checks import FAULTS, check, check_products, error, expect
from cuda_kernels import (
    CHUNK,
    SLOTS,
    Shape,
    block_buffers,
    buffers,
    choose,
    decode,
    decode_split,
    full,
    linear,
    listed,
    scratch,
    windowed,
)


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
