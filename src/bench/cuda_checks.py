"""Every attention kernel and product of the CUDA engine against float64. What is wrong is printed and kept in FAULTS."""

import math

import torch

from cuda_kernels import (
    BLOCK,
    SLOTS,
    Shape,
    block_buffers,
    buffers,
    choose,
    decode,
    decode_split,
    full,
    grouped,
    linear,
    listed,
    score,
    scratch,
    windowed,
)


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
