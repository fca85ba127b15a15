"""Train and measure several runs of the study side by side, one GPU each, and keep every result as it comes.

    python training/study.py --tokens DIR/pack/tokens.xz --work DIR/study --out DIR/results --limit 450 --reserve 60 \
        --plan 1024:50M,4096:105M,16384:45M --runs full:1,hybrid-swa:1,hysparse:1,hysparse:2 --ship hysparse:1

A run is DESIGN:SEED, or DESIGN:SEED:NAME=VALUE:... with options of train.py. `study.json` holds config, log and
measurements of all runs; the weights of the run named by --ship are copied in pieces of at most 15 MiB (`cat` joins
them).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
PIECE = 15 * 2 ** 20
PARTS = {  # measured side by side on the run's GPU: most of each is waiting for the CPU
    "a": ["--lengths", "1024,4096", "--text-lengths", "4096,16384"], "b": ["--lengths", "8192"],
    "c": ["--lengths", "16384"], "d": ["--lengths", "32768"], "e": ["--swap-lengths", "4096"],
    "f": ["--swap-lengths", "8192"], "g": ["--swap-lengths", "16384"], "h": ["--needle-lengths", "4096,8192"],
    "i": ["--needle-lengths", "16384"],
}
DENSE_PARTS = "abcd"


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
    """The weights in pieces: weights.00, weights.01, ..."""
    data = (folder / "model.safetensors").read_bytes()
    for number, at in enumerate(range(0, len(data), PIECE)):
        (out / f"weights.{number:02}").write_bytes(data[at:at + PIECE])


def main() -> None:
    """Command line."""
    started = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", required=True)
    parser.add_argument("--plan", required=True)
    parser.add_argument("--ratio", type=int, default=5)
    parser.add_argument("--limit", type=float, default=580, help="seconds for everything")
    parser.add_argument("--reserve", type=float, default=90, help="seconds kept for measuring")
    parser.add_argument("--trials", type=float, default=1.0, help="share of the usual number of trials")
    parser.add_argument("--lengths", default="1024,4096,8192,16384,32768", help="of the trials to make")
    parser.add_argument("--parts", default="".join(PARTS), help="what to measure, see PARTS")
    parser.add_argument("--eager-step", type=int, default=49152,
                        help="tokens per step of all runs once a run with --graph has failed")
    parser.add_argument("--train", default="", help="more options of train.py for every run, NAME=VALUE:...")
    parser.add_argument("--ship", help="run whose weights are copied to --out")
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    names = args.runs.split(",")
    runs = [Run(name, args.work / name.replace(":", "-").replace("=", "-"), gpu) for gpu, name in enumerate(names)]
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
                if run.spec == args.ship:
                    ship(run.folder, args.out)
                parts = args.parts if run.spec.startswith("hysparse") else set(args.parts) & set(DENSE_PARTS)
                run.start("measure", {f"measure-{part}": [
                    str(HERE / "measure.py"), "--model", str(run.folder), "--trials", str(trials), "--out",
                    str(run.folder / f"results-{part}.json"), "--device", args.device, *PARTS[part]]
                    for part in sorted(parts)})
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
