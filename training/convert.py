"""Convert a dense checkpoint into HySparse: only attention is trained, to answer as the dense model does.

    python training/convert.py --model BASE --tokens DIR/tokens.xz --heldout DIR/heldout --out RUN       # one GPU
    python training/convert.py ... --init RUN --kl-rate 1e-3 --out RUN-2                                 # go on from a run
    torchrun --nproc-per-node 4 training/convert.py ...                                  # several GPUs: --batch rows on each
    python training/convert.py --smoke                                                            # CPU, a tiny random model

Start: sinks, order and basis of each sparse layer fitted on some rows (convert_start.py). Stage A, off unless --local-tokens asks for
it: each layer's attention output on the teacher's inputs. Stage B: KL to the teacher's logits, end to end (distill.py). The plan is
in tokens, so that designs see the same rows at the same rate; --stop-after shortens it, and the rate falls with the shorter plan.
--design hybrid-swa has no sparse branch at all, `random` reads random blocks: the controls. Gates and sinks learn at a twentieth of
the rate. results.json is rewritten after every measurement; measuring comes last, the weights are written before it.
"""

from __future__ import annotations

import argparse
import json
import lzma
import math
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

import base_model
import convert_files
import convert_measure as measure
from attention import attention_ops
from convert_net import Drawn, TiledOps, build, student_of
from convert_rows import STANDARD, WORDINGS, Rows, Steps, needle_trials
from convert_start import start
from distill import distill, local_losses
from ranks import Ranks


@dataclass
class Plan:
    """Everything that a run's training depends on besides its data."""

    design: str = "hysparse"
    local_tokens: int = 0
    kl_tokens: int = 76_000_000
    local_rate: float = 4e-3
    kl_rate: float = 2e-3
    sink_rate: float = 0.05
    gate_rate: float = 0.05
    opened: float = 0.98
    far_gate: float = 0.15
    far_query: str = "shared"
    far_heads: int = 0
    only_gain: bool = False
    batch: int = 8
    length: int = 4096
    chunk: int = 8192
    warmup: int = 20
    clip: float = 1.0
    start_rows: int = 4
    final: dict[str, float] = field(default_factory=lambda: {"local": 0.3, "kl": 0.02})
    seed: int = 1


class Report:
    """results.json of a run, rewritten with every entry, and its lines on the terminal; `quiet` keeps both back."""

    def __init__(self, folder: Path, facts: dict, quiet: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.begun, self.quiet = folder / "results.json", time.monotonic(), quiet
        self.entries: dict = {**facts, "log": [], "checks": []}

    def seconds(self) -> float:
        """Since the report was opened."""
        return time.monotonic() - self.begun

    def say(self, **what) -> None:
        """One line."""
        if not self.quiet:
            print(json.dumps({"s": round(self.seconds(), 1), **what}), flush=True)

    def write(self) -> None:
        """The file as it stands."""
        if not self.quiet:
            self.path.write_text(json.dumps(self.entries) + "\n")

    def keep(self, name: str, value) -> None:
        """Add an entry."""
        self.entries[name] = value
        self.write()
        self.say(**{name: value})

    def note(self, where: str, line: dict, loud: bool = True) -> None:
        """Add a line to `log` or `checks`."""
        self.entries[where].append({"s": round(self.seconds(), 1), **line})
        if loud:
            self.say(**line)


class Converter:
    """Teacher, student and rows of one run."""

    def __init__(self, plan: Plan, arch, tensors: dict[str, Tensor], rows: Rows, ranks: Ranks, workers: int,
                 compiled: bool) -> None:
        device = ranks.device
        self.plan, self.ranks, self.device, self.compiled = plan, ranks, device, compiled and device.type == "cuda"
        torch.backends.cuda.enable_flash_sdp(False)
        torch.backends.cuda.enable_mem_efficient_sdp(False)
        torch.manual_seed(plan.seed)
        ops = attention_ops(device) if device.type == "cuda" else TiledOps
        tensors = {name: value.to(device) for name, value in tensors.items()}
        self.teacher = build(arch, tensors, ops, "full")
        if plan.design == "random":
            drawn = Drawn(ops, arch.block, arch.selectedTokens // arch.block, arch.kvHeads)
            self.student = student_of(arch, tensors, drawn, "hysparse")
        else:
            self.student = student_of(arch, tensors, ops, convert_files.DESIGNS[plan.design])
        if self.compiled:
            torch._dynamo.config.recompile_limit = 64
            self.teacher.compile_parts()
            self.student.compile_parts()
        self.rows, self.workers, self.seen = rows, workers, 0
        self.paired = {index for group in self.student.groups() for index in group}

    def measuring(self, on: bool) -> None:
        """Plain layers to measure (other shapes, no gradients), compiled ones to train."""
        self.teacher.eager = self.student.eager = on or not self.compiled

    def batches(self):
        """Batches from where the run stands: a run that goes on sees other rows, and so does every process of one."""
        steps = Steps(self.rows, self.plan.seed, self.plan.batch, self.plan.length)
        first = self.seen // (self.plan.batch * self.plan.length) + self.ranks.index
        return iter(DataLoader(steps, batch_size=None, sampler=range(first, 10 ** 7, self.ranks.count), num_workers=self.workers,
                               prefetch_factor=8 if self.workers else None, pin_memory=self.device.type == "cuda"))

    def take(self, batches) -> tuple[Tensor, Tensor]:
        """The next batch on the device, and for the random design other blocks."""
        tokens, weights = (x.to(self.device, non_blocking=True) for x in next(batches))
        if isinstance(self.student.ops, Drawn):
            self.student.ops.draw(tokens.shape[0], tokens.shape[1] - 1, self.device)
        return tokens, weights

    def optimizer(self, stage: str) -> torch.optim.Optimizer:
        """AdamW; gates and sinks slower."""
        groups: dict[str, list[Tensor]] = {"matrix": [], "sinks": [], "gate": []}
        for name, p in convert_files.trained(self.student).items():
            p.grad = None
            if stage == "kl" or int(name.split(".")[2]) in self.paired:
                groups["gate" if "gate_proj" in name else "sinks" if name.endswith("sinks") else "matrix"].append(p)
        share = {"matrix": 1.0, "sinks": self.plan.sink_rate, "gate": self.plan.gate_rate}
        made = [{"params": params, "share": share[name]} for name, params in groups.items() if params]
        return torch.optim.AdamW(made, lr=0.0, betas=(0.9, 0.95), weight_decay=0.0, fused=self.device.type == "cuda")

    def update(self, optimizer: torch.optim.Optimizer, rate: float) -> Tensor:
        """Mean over the processes, clip, step, forget; returns the gradient's norm."""
        params = [p for p in convert_files.trained(self.student).values() if p.grad is not None]
        self.ranks.mean(p.grad for p in params)
        size = nn.utils.clip_grad_norm_(params, self.plan.clip)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]
        optimizer.step()
        for p in params:
            p.grad = None
        return size.detach().reshape(1)

    def train(self, stage: str, until: float, report: Report, check_every: int, check) -> None:
        """One stage of the plan, or what fits until a moment of time.monotonic()."""
        plan, begun, batches = self.plan, time.monotonic(), self.batches()
        goal = plan.local_tokens if stage == "local" else plan.kl_tokens
        top = plan.local_rate if stage == "local" else plan.kl_rate
        optimizer, done, step, sums, noted = self.optimizer(stage), 0, 0, 0, 0
        mark, mark_done, next_check = time.monotonic(), 0, check_every
        self.measuring(False)
        while done < goal:
            progress = self.ranks.agreed([max(done / goal, (time.monotonic() - begun) / (until - begun))])[0]
            if progress >= 1:
                break
            tokens, weights = self.take(batches)
            read = weights.numel() * self.ranks.count
            rate = top * min(1.0, (step + 1) / plan.warmup) * (1 - (1 - plan.final[stage]) * progress)
            found = (local_losses(self.teacher, self.student, tokens) if stage == "local"
                     else distill(self.teacher, self.student, tokens, weights, plan.chunk))
            sums = sums + torch.cat([found, self.update(optimizer, rate)])
            step, done, self.seen = step + 1, done + read, self.seen + read
            if step in (1, 2, 4, 8) or step % 20 == 0 or done >= goal:
                mean = (sums / (step - noted)).tolist()
                if not math.isfinite(sum(mean)):
                    raise SystemExit(f"{stage} step {step}: not finite: {mean}")
                line = {"stage": stage, "step": step, "tokens": self.seen, "rate": round(rate, 6), "norm": round(mean[-1], 4),
                        "per_s": round((done - mark_done) / (time.monotonic() - mark))}
                if stage == "local":
                    line |= {"error": round(sum(mean[:-1]) / (len(mean) - 1), 4), "layers": [round(v, 3) for v in mean[:-1]]}
                else:
                    line |= dict(zip(("weighted", "kl", "loss", "teacher"), (round(v, 4) for v in mean)))
                report.note("log", line, loud=step % 100 == 0 or step < 3)
                sums, noted, mark, mark_done = 0, step, time.monotonic(), done
            if done >= next_check and done < goal:
                next_check += check_every
                self.measuring(True)
                report.note("checks", {"stage": stage, "tokens": self.seen, **check()})
                self.measuring(False)
                mark, mark_done = time.monotonic(), done
        report.keep(f"trained_{stage}", {"tokens": done, "seconds": round(time.monotonic() - begun, 1),
                                         "cut_by_clock": done < goal})


def attempt(report: Report, name: str, make) -> None:
    """A measurement that may fail without costing the others."""
    try:
        report.keep(name, make())
    except Exception as error:  # noqa: BLE001
        report.keep(name, {"failed": f"{type(error).__name__}: {error}"[:400]})


def measured(converter: Converter, report: Report, tokenizer, texts: dict[str, dict[str, str]], trials: int, limit: int,
             lengths: list[int]) -> None:
    """Everything that the documentation's tables are made of, for each context length."""
    teacher, student = converter.teacher, converter.student
    converter.measuring(True)
    hows = [] if converter.plan.design == "hybrid-swa" else ["random", "recent", "none", "all"]
    if converter.plan.design == "random":
        hows = ["none"]

    def draw(batch: int, length: int) -> None:
        if isinstance(student.ops, Drawn):
            for rows in range(1, batch + 1):
                student.ops.draw(rows, length, converter.device)
    flat = [tokenizer.encode(t).ids for t in texts["watch"].values()]
    for length in lengths:
        batch = max(1, 8 * 4096 // length) if converter.device.type == "cuda" else 1
        draw(batch, length)
        for name, documents in texts.items():
            sets = measure.windows(tokenizer, documents, length, max(1, limit * converter.plan.length // length))
            found = {}
            for who, net, how in [("teacher", teacher, "learned"), ("learned", student, "learned"),
                                  *[(how, student, how) for how in hows]]:
                found[who] = measure.bits(net, sets, how, batch)
                mark = f"{name}_{length}_{who}"
                report.entries[mark] = found[who]
                base = found["teacher" if who in ("teacher", "learned") else "learned"]
                report.keep(f"{mark}_summary", {"bits": measure.per_byte(found[who]), "percent": measure.compare(found[who], base)})
        for name, forms in (("standard", [STANDARD]), ("wordings", WORDINGS)):
            made = needle_trials(tokenizer, flat, trials, length, forms)
            asks = [("teacher", teacher, "learned", {}), ("learned", student, "learned", {"select": bool(hows)}),
                    ("control", student, "learned", {"select": bool(hows), "control": True}),
                    *[(how, student, how, {}) for how in [*hows[:1], *[h for h in ("without", "none") if hows[1:]]]]]
            for who, net, how, more in asks:
                attempt(report, f"needle_{name}_{length}_{who}", lambda: measure.needles(net, made, how, batch=batch, **more))


def quick(converter: Converter, sets: measure.Windows, some: Tensor) -> dict:
    """While a run trains: bits per byte on a few windows, what the sinks leave, gates, and what swaps cost there."""
    found = measure.bits(converter.student, sets)
    out = {"bits": measure.per_byte(found)}
    if converter.plan.design == "hysparse":
        gate, share = measure.gates(converter.student, some), measure.shares(converter.student, some)
        out |= {"alive": measure.alive(gate, share), "far": {i: [gate[i][1], share[i][1]] for i in gate}}
        out["swaps"] = {how: measure.compare(measure.bits(converter.student, sets, how), found)["all"]
                        for how in ("random", "recent", "none")}
    return out


def convert(plan: Plan, arch, tensors: dict[str, Tensor], tokenizer, text: np.ndarray, texts: dict[str, dict[str, str]],
            out: Path, ranks: Ranks, init: Path | None = None, stop_after: float = math.inf, check_every: int = 8_000_000,
            trials: int = 100, windows: int = 8, lengths: list[int] | None = None, workers: int = 8, compiled: bool = True,
            ) -> Converter:
    """A whole run."""
    device = ranks.device
    report = Report(out, {"plan": vars(plan), "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
                          "devices": ranks.count, "init": bool(init)}, quiet=not ranks.leads)
    begun = time.monotonic()
    converter = Converter(plan, arch, tensors, Rows(text, tokenizer), ranks, workers, compiled)
    student, teacher = converter.student, converter.teacher
    watch = measure.windows(tokenizer, texts["watch"], plan.length, 2)
    some = torch.cat([tokens[:1] for tokens, _ in watch.values()])
    before = {"local": 0, "kl": 0}
    if init:
        facts = convert_files.load(student, init)
        before, converter.seen = facts["tokens"], sum(facts["tokens"].values())
    else:
        rows = Steps(converter.rows, plan.seed + 1000, plan.start_rows, plan.length)[0][0]
        report.keep("start_fit", start(student, teacher, torch.from_numpy(rows[:, :-1]).to(device), plan.opened, plan.far_gate,
                                        "oracle" if plan.far_query == "oracle" else "own", plan.far_heads, plan.only_gain))
    ranks.same(p.data for p in convert_files.trained(student).values())
    converter.measuring(True)
    if plan.design == "random":
        student.ops.draw(len(some), plan.length, device)
        student.ops.draw(2, plan.length, device)
    report.keep("teacher_watch", measure.per_byte(measure.bits(teacher, watch)))
    report.note("checks", {"stage": "start", "tokens": converter.seen, **quick(converter, watch, some)})
    for stage, goal in (("local", plan.local_tokens), ("kl", plan.kl_tokens)):
        if goal <= 0:
            continue
        end = begun + stop_after
        until = end if stage == "kl" or plan.kl_tokens <= 0 else time.monotonic() + 0.4 * (end - time.monotonic())
        converter.train(stage, until, report, check_every, lambda: quick(converter, watch, some))
        before = {**before, stage: before[stage] + report.entries[f"trained_{stage}"]["tokens"]}
        converter.measuring(True)
        report.note("checks", {"stage": f"after {stage}", "tokens": converter.seen, **quick(converter, watch, some)})
    ranks.close()
    if not ranks.leads:
        return converter
    convert_files.save(student, out, {"design": plan.design, "tokens": before, "seed": plan.seed})
    report.say(saved=True, memory=round(torch.cuda.max_memory_allocated() / 2 ** 30, 1) if device.type == "cuda" else 0)
    if plan.design == "hysparse":
        gate, share = measure.gates(student, some), measure.shares(student, some)
        report.keep("gates", gate)
        report.keep("shares", share)
        report.keep("alive", measure.alive(gate, share))
    measured(converter, report, tokenizer, texts, trials, windows, lengths or [plan.length])
    report.say(done=True)
    return converter


def count(text: str) -> int:
    """12M, 500k or a plain number."""
    return int(float(text.rstrip("Mk")) * {"M": 10 ** 6, "k": 10 ** 3}.get(text[-1], 1))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a tiny random model on a CPU, end to end")
    parser.add_argument("--model", type=Path, help="GGUF file or Hugging Face folder of the llama architecture")
    parser.add_argument("--tokens", type=Path, help="convert_data.py's tokens.xz")
    parser.add_argument("--heldout", type=Path, help="convert_data.py's folder with watch/ and test/")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--init", type=Path, help="a former run's --out, to go on from its attention")
    parser.add_argument("--design", default="hysparse", choices=tuple(convert_files.DESIGNS))
    parser.add_argument("--ratio", type=int, default=3, help="sparse layers per full one; the last layer is full")
    parser.add_argument("--full", help="the full layers instead, e.g. 0,3,7,12; starts with 0")
    parser.add_argument("--selected", type=int, default=512, help="tokens selected per KV head")
    parser.add_argument("--window", type=int, default=128)
    for name, what in (("local_tokens", "stage A"), ("kl_tokens", "stage B")):
        parser.add_argument(f"--{name.replace('_', '-')}", type=count, default=getattr(Plan, name), help=f"{what}; 0 leaves it out")
    for name in ("local_rate", "kl_rate", "sink_rate", "gate_rate"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(Plan, name),
                            help="of the matrices" if name[0] in "lk" else "as a share of the matrices'")
    parser.add_argument("--opened", type=float, default=Plan.opened, help="least share of its softmax that a sparse branch starts with")
    parser.add_argument("--far-gate", type=float, default=Plan.far_gate, help="mean gate that a sparse branch starts with")
    parser.add_argument("--far-query", default=Plan.far_query, choices=("shared", "own", "oracle"),
                        help="the selected branch asks with the layer's query, or with a projection of its own that starts as "
                             "the layer's or as the oracle's; the last two cannot be exported")
    parser.add_argument("--far-heads", type=int, default=0, metavar="N",
                        help="of each group of query heads N start as the oracle's and read the selected blocks, the others the window; "
                             "adds no parameter and can be exported")
    parser.add_argument("--only-gain", action="store_true", help="with --far-heads: only heads whose layer is nearer to the dense one by it")
    parser.add_argument("--start-rows", type=int, default=Plan.start_rows, help="rows that the start is fitted on")
    parser.add_argument("--batch", type=int, default=Plan.batch, help="rows per step and process")
    parser.add_argument("--length", type=int, default=Plan.length)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--stop-after", type=float, default=math.inf, help="seconds from start to the end of training")
    parser.add_argument("--check-every", type=count, default=8_000_000, help="tokens")
    parser.add_argument("--trials", type=int, default=100, help="needles per wording set")
    parser.add_argument("--windows", type=int, default=8, help="held-out windows per text")
    parser.add_argument("--measure-lengths", default="4096,8192")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    if args.smoke:
        import convert_smoke

        convert_smoke.main()
        return
    if not (args.model and args.tokens and args.heldout and args.out):
        parser.error("--model, --tokens, --heldout and --out are needed")
    if args.far_heads and (args.far_query != "shared" or args.design == "hybrid-swa"):
        parser.error("--far-heads is for a branch that asks with the layer's query: leave out --far-query and hybrid-swa")
    full = tuple(int(i) for i in args.full.split(",")) if args.full else None
    if full and (full[0] != 0 or list(full) != sorted(set(full))):
        parser.error("--full must rise and start with 0: the first layer has no oracle before it")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    arch, tensors = base_model.read(args.model)
    arch = replace(arch, sparsePerFull=args.ratio, fullLayers=full, selectedTokens=args.selected, window=args.window,
                   farQuery=args.far_query != "shared" and args.design != "hybrid-swa")
    text = np.frombuffer(lzma.decompress(args.tokens.read_bytes()), dtype=np.uint16)
    texts = {kind: {p.name: p.read_text() for p in sorted((args.heldout / kind).iterdir())} for kind in ("watch", "test")}
    plan = Plan(**{name: getattr(args, name) for name in ("design", "local_tokens", "kl_tokens", "local_rate", "kl_rate", "sink_rate",
                                                          "gate_rate", "opened", "far_gate", "far_query", "far_heads", "only_gain", "start_rows", "batch",
                                                          "length", "seed")})
    convert(plan, arch, tensors, base_model.open_tokenizer(args.model), text, texts, args.out, Ranks(torch.device(args.device)), args.init,
            args.stop_after, args.check_every, args.trials, args.windows, [int(n) for n in args.measure_lengths.split(",")],
            args.workers, args.compile)


if __name__ == "__main__":
    main()
