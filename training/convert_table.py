"""Tables of conversions from their results.json, and what one run needs over another on the same windows.

    python training/convert_table.py training/runs/2026-11-27-convert/*.json
    python training/convert_table.py --pair hysparse-n3.json hybrid-swa-n3.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from convert_measure import compare

SWAPS = ("random", "recent", "none", "all")


def percent(row: list[float]) -> str:
    """+1.36 [1.02, 1.69]"""
    return f"{row[0]:+.2f} [{row[1]:.2f}, {row[2]:.2f}]"


def show(name: str, run: dict) -> None:
    """One run: bits over the teacher and cost of swaps (per cent, 95 % over windows), needles, branches alive, progress."""
    trained = {s: run[f"trained_{s}"] for s in ("local", "kl") if f"trained_{s}" in run}
    print(f"\n### {name}: " + ", ".join(f"{s} {t['tokens'] / 1e6:.1f} M tokens in {t['seconds']:.0f} s" for s, t in trained.items()))
    print("\n| tokens, text | teacher | student | over it, % | " + " | ".join(SWAPS) + " |\n|" + "---|" * (4 + len(SWAPS)))
    for key in (k for k in run if k.endswith("_learned_summary")):
        text, length, *_ = key.split("_")
        one = {who: run.get(f"{text}_{length}_{who}_summary") for who in ("teacher", "learned", *SWAPS)}
        cells = [percent(one[how]["percent"]["all"]) if one[how] else "" for how in SWAPS]
        print(f"| {length}, {text} | {one['teacher']['bits']['all']:.4f} | {one['learned']['bits']['all']:.4f} | "
              f"{percent(one['learned']['percent']['all'])} | " + " | ".join(cells) + " |")
    for key in (k for k in run if k.startswith("needle_") and k.endswith("_learned")):
        stem = key.removesuffix("_learned")
        asked = [(who, run.get(f"{stem}_{who}")) for who in ("teacher", "learned", "random", "without", "none", "control")]
        print(f"{stem}: " + ", ".join(f"{who} {100 * r['recall']:.0f} %" for who, r in asked if r))
    if "alive" in run:
        print("branches: {both} of {layers} alive (gate .1: {gate}, sink leaves 5 %: {share})".format(**run["alive"]))
    print("on a few windows: " + ", ".join(f"{c['tokens'] / 1e6:.0f} M {c['bits']['all']:.4f}" for c in run["checks"]))


def pair(a: dict, b: dict) -> None:
    """By how many per cent the first run's bits exceed the second's, and needles that only one of them answers."""
    for key in (k for k in a if k.endswith("_learned_summary") and k in b):
        stem = key.removesuffix("_summary")
        found = compare(a[stem], b[stem])
        print(f"{stem.removesuffix('_learned')}: {percent(found['all'])}; " + ", ".join(f"{n} {v[0]:+.2f}" for n, v in found.items()
                                                                                       if n != "all"))
    for key in (k for k in a if k.startswith("needle_") and k.endswith("_learned") and k in b):
        mine, theirs = np.array(a[key]["right"]), np.array(b[key]["right"])
        print(f"{key}: {mine.mean():.2f} against {theirs.mean():.2f}; only the first {((mine == 1) & (theirs == 0)).sum()}, "
              f"only the second {((mine == 0) & (theirs == 1)).sum()}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--pair", type=Path, nargs=2)
    args = parser.parse_args()
    for path in args.runs:
        show(path.stem, json.loads(path.read_text()))
    if args.pair:
        pair(*(json.loads(path.read_text()) for path in args.pair))


if __name__ == "__main__":
    main()
