"""Markdown tables of a study's results: `python training/table.py training/runs/2026-11-22-study-2/hybrid-blocks.json`.

`--keep OUT --about TEXT` writes the condensed form that is kept in training/runs instead: every fifth line of the log
in columns, the results as they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path

KEPT_LINES = 5
HOWS = {"learned": "learned", "all": "every block", "recent": "newest blocks", "random": "random blocks", "none": "none (branch silent)",
        "last": "last full layer reads only its oracle's blocks", "gold": "learned and all right blocks"}


def condensed(study: dict, about: str) -> dict:
    """The study without what only matters while it runs."""
    runs = []
    for run in study["runs"]:
        columns = list(run["log"][0])
        rows = [[line[name] for name in columns] for line in run["log"] if line["step"] // 100 % KEPT_LINES == 0]
        config = {key: run["config"][key] for key in ("architecture", "training")} if run["config"] else None
        runs.append({"run": run["run"], "config": config, "log": {"columns": columns, "rows": rows},
                     "results": run["results"]})
    return {"about": about, "seconds": study["seconds"], "runs": runs}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print one table."""
    lines = [list(head), *[list(row) for row in rows]]
    print("\n| " + " | ".join(lines[0]) + " |\n|" + " --- |" * len(lines[0]))
    for line in lines[1:]:
        print("| " + " | ".join(line) + " |")


def cell(results: dict, key: str, read: Callable[[dict], str]) -> str:
    """What `read` makes of a result, or a dash where it was not measured."""
    return read(results[key]) if key in results else "–"


def percent(share: float) -> str:
    """0.64 as 64."""
    return f"{100 * share:.0f}"


def lengths(runs: list[dict], prefix: str) -> list[int]:
    """Lengths for which any run has results `prefix`.LENGTH."""
    return sorted({int(key.split(".")[1]) for run in runs for key in run["results"] if key.startswith(prefix + ".")})


def show(runs: list[dict]) -> None:
    """Every table of one study."""
    names = [run["run"] for run in runs]
    every = [run["results"] for run in runs]
    rows = [["parameters", *(cell(r, "parameters", "{:,}".format) for r in every)],
            ["KV bytes per token", *(cell(r, "cacheBytes", lambda c: f"{c['perToken']:,}") for r in every)],
            ["KV bytes that do not grow", *(cell(r, "cacheBytes", lambda c: f"{c['fixed']:,}") for r in every)]]
    for length in lengths(runs, "bitsPerByte"):
        for part in ("all", "code", "docs", "prose", *[f"from{edge}" for edge in (0, 1024, 2048, 4096, 8192)]):
            made = [cell(r, f"bitsPerByte.{length}", lambda b: str(b.get(part, ""))) for r in every]
            if any(made):
                rows.append([f"bits per byte, {length}: {part}", *made])
    table(["", *names], rows)
    for length in lengths(runs, "retrieval"):
        key = f"retrieval.{length}"
        tasks = next(r[key] for r in every if key in r)
        table([f"{length} tokens, %", *names, "trials"], (
            [task, *(cell(r, key, lambda made: percent(made[task]["score"])) for r in every), str(one["trials"])]
            for task, one in tasks.items()))
    selecting = [run for run in runs if any(key.startswith("swap.") for key in run["results"])]
    for length in lengths(runs, "swap"):
        for run in selecting:
            results = run["results"]
            start = f"swap.{length}."
            found = {key.removeprefix(start): made for key, made in results.items() if key.startswith(start)}
            tasks = list(next(iter(found.values()), {}))
            table([f"{run['run']}, {length} tokens, %", *tasks, "bits per byte"], (
                [HOWS.get(how, how), *(percent(scores[task]) for task in tasks),
                 cell(results, f"swapBits.{length}.{how}", str)] for how, scores in found.items()))
    for length in lengths(runs, "fidelity"):
        for run in runs:
            made = run["results"].get(f"fidelity.{length}")
            if made:
                columns = ("inherited", "inheritedOrWindow", "own", "recent", "window", "random")
                table([f"{run['run']}, {length} tokens, layer", "from oracle", *columns, "own blocks inherited"], (
                    [layer, str(one["distance"]), *(f"{one['mass'][c]:.2f}" for c in columns),
                     f"{one['blocks']['inherited']:.2f}"] for layer, one in made["layers"].items()))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, help="study.json, or its condensed form")
    parser.add_argument("--keep", type=Path, help="write the condensed form here")
    parser.add_argument("--about", default="", help="its first words: what was run")
    args = parser.parse_args()
    study = json.loads(args.study.read_text())
    if args.keep:
        args.keep.write_text(json.dumps(condensed(study, args.about), separators=(",", ":")) + "\n")
    else:
        show(study["runs"])


if __name__ == "__main__":
    main()
