"""Train and measure several runs of the study side by side, one GPU each, and keep every result as it comes.

    python training/study.py --tokens DIR/pack/tokens.xz --work DIR/study --out DIR/results --limit 700 --reserve 200 \
        --plan 1024:155M,4096:70M,16384:30M --train graph:rope=10000,640000,640000 \
        --runs full:1,hybrid-swa:1,hysparse:1,hysparse:2 --ship hysparse:1

A run is DESIGN:SEED, or DESIGN:SEED:NAME=VALUE:... with options of train.py. `study.json` holds config, log and
measurements of all runs; the weights of the runs named by --ship are deflated and cut into pieces of at most 15 MiB
(`study.py --join weights-RUN --out model.safetensors` puts one together again).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
PIECE = 15 * 2 ** 20
MEASURES = {"retrieval": "--lengths", "text": "--text-lengths", "swaps": "--swap-lengths",
            "needle": "--needle-lengths", "fidelity": "--fidelity-lengths"}
SELECTING = ("swaps", "needle")  # ask for a selection: nothing for dense designs
EVERYTHING = ("retrieval:1024:4096,retrieval:8192,retrieval:16384,retrieval:32768,text:4096:16384,swaps:4096,swaps:8192,"
              "swaps:16384,needle:4096:8192,needle:16384,fidelity:4096:16384")


def measures(text: str, design: str) -> dict[str, list[str]]:
    """Options of measure.py for each of its processes, which run side by side: most of each is waiting for the CPU."""
    out = {}
    for number, part in enumerate(text.split(",")):
        kind, *lengths = part.split(":")
        if design.startswith("hysparse") or kind not in SELECTING:
            out[f"{kind}-{number}"] = [MEASURES[kind], ",".join(lengths)]
    return out


@dataclass
class Run:
    """One design and seed on one GPU: train, then measure."""

    spec: str
    folder: Path
    gpu: int
    stage: str = "waiting"
    processes: list[subprocess.Popen] = field(default_factory=list)

    def start(self, stage: str, commands: dict[str, list[str]]) -> None:
        """Start a stage of one or more named processes; their output goes to the run's folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.stage, self.processes = stage, []
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": str(self.gpu), "PYTHONUNBUFFERED": "1"}
        for name, command in commands.items():
            with open(self.folder / f"{name}.txt", "a") as out:
                self.processes.append(subprocess.Popen([sys.executable, *command], stdout=out, stderr=out,
                                                       env=environment))

    def report(self) -> dict:
        """What is known of the run so far."""
        log, results = self.folder / "log.jsonl", {}
        for path in sorted(self.folder.glob("results-*.json")):
            results |= json.loads(path.read_text())
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        tails = {path.stem: path.read_text()[-700:] for path in self.folder.glob("*.txt")}
        config = self.folder / "config.json"
        return {"run": self.spec, "stage": self.stage, "log": lines, "tails": tails, "results": results,
                "config": json.loads(config.read_text()) if config.exists() else None}


def collect(runs: list[Run], out: Path, started: float) -> None:
    """Write study.json."""
    text = json.dumps({"seconds": round(time.monotonic() - started, 1), "runs": [run.report() for run in runs]})
    (out / "study.tmp").write_text(text)
    (out / "study.tmp").replace(out / "study.json")


def ship(folder: Path, out: Path) -> None:
    """The weights, deflated, in pieces: weights-RUN.00, weights-RUN.01, ..."""
    data = zlib.compress((folder / "model.safetensors").read_bytes())
    for number, at in enumerate(range(0, len(data), PIECE)):
        (out / f"weights-{folder.name}.{number:02}").write_bytes(data[at:at + PIECE])


def join(first: Path, out: Path) -> None:
    """One file of weights from the pieces that start with this name; fails where one is missing or cut."""
    pieces = sorted(first.parent.glob(first.name + ".[0-9][0-9]"))
    whole = zlib.decompressobj()
    data = b"".join(whole.decompress(piece.read_bytes()) for piece in pieces)
    if not whole.eof:
        raise SystemExit(f"{first}: {len(pieces)} pieces are not all of the weights")
    out.write_bytes(data)


def main() -> None:
    """Command line."""
    started = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs")
    parser.add_argument("--plan")
    parser.add_argument("--join", type=Path, help="only put shipped weights together")
    parser.add_argument("--ratio", type=int, default=5)
    parser.add_argument("--limit", type=float, default=580, help="seconds for everything")
    parser.add_argument("--reserve", type=float, default=90, help="seconds kept for measuring")
    parser.add_argument("--trials", type=float, default=1.0, help="share of the usual number of trials")
    parser.add_argument("--lengths", default="1024,4096,8192,16384,32768", help="of the trials to make")
    parser.add_argument("--measure", default=EVERYTHING, help="KIND:LENGTH:..., each part a process of its own")
    parser.add_argument("--gpus", type=int, help="share so many among the runs; one for each where not given")
    parser.add_argument("--eager-step", type=int, default=49152,
                        help="tokens per step of all runs once a run with --graph has failed")
    parser.add_argument("--train", default="", help="more options of train.py for every run, NAME=VALUE:...")
    parser.add_argument("--ship", default="", help="runs whose weights are copied to --out")
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    if args.join:
        join(args.join, args.out)
        return
    if not (args.tokens and args.work and args.runs and args.plan):
        parser.error("--tokens, --work, --runs and --plan are needed")
    args.out.mkdir(parents=True, exist_ok=True)
    names = args.runs.split(",")
    runs = [Run(name, args.work / name.replace(":", "-").replace("=", "-"), number % (args.gpus or len(names)))
            for number, name in enumerate(names)]
    trials = args.work / "trials"
    making = subprocess.Popen([sys.executable, str(HERE / "tasks.py"), "--out", str(trials), "--lengths", args.lengths,
                               "--share", str(args.trials)])

    def train(run: Run, *more: str) -> None:
        design, seed, *options = run.spec.split(":")
        pairs = [option.split("=") for option in [*args.train.split(":"), *options] if option]
        extra = [part for pair in pairs for part in ("--" + pair[0], *pair[1:])]
        run.start("train", {"train": [
            str(HERE / "train.py"), "--tokens", str(args.tokens), "--out", str(run.folder), "--design", design,
            "--seed", seed, "--plan", args.plan, "--ratio", str(args.ratio), "--save-every", "inf", "--stop-after",
            str(args.limit - args.reserve - (time.monotonic() - started)), "--device", args.device, *extra, *more]})

    for run in runs:
        train(run)
    graphs = "graph" in args.train.split(":")
    while any(run.stage in ("train", "measure") for run in runs) and time.monotonic() - started < args.limit:
        time.sleep(1)
        for run in runs:
            if run.stage not in ("train", "measure") or any(p.poll() is None for p in run.processes):
                continue
            failed = any(p.returncode != 0 for p in run.processes)
            if run.stage == "train" and failed and graphs:
                # Equal footing: all runs start again with large steps that need no graph.
                graphs = False
                print(f"{time.monotonic() - started:.0f} s: {run.spec} failed with a graph", flush=True)
                for other in runs:
                    for process in other.processes:
                        process.kill()
                        process.wait()
                    (other.folder / "log.jsonl").unlink(missing_ok=True)
                    train(other, "--no-graph", "--step", str(args.eager_step))
                break
            if run.stage == "train" and not failed:
                if making.poll() is None:
                    continue
                if run.spec in args.ship.split(","):
                    ship(run.folder, args.out)
                parts = measures(args.measure, run.spec.split(":")[0])
                run.start("measure", {f"measure-{part}": [
                    str(HERE / "measure.py"), "--model", str(run.folder), "--trials", str(trials), "--out",
                    str(run.folder / f"results-{part}.json"), "--device", args.device, *options]
                    for part, options in parts.items()})
            else:
                run.stage = f"{run.stage} failed" if failed else "done"
            print(f"{time.monotonic() - started:.0f} s: {run.spec} {run.stage}", flush=True)
        collect(runs, args.out, started)
    for run in runs:
        for process in run.processes:
            if process.poll() is None:
                process.kill()
    collect(runs, args.out, started)


if __name__ == "__main__":
    main()
