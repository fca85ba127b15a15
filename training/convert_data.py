"""Text for a conversion, tokenized with the base model's own tokenizer.

    python training/convert_data.py --model BASE --work DIR --out DIR/data --tokens 70
    python training/convert_data.py ... --own BOOKS --own-mb 60                            # and your own .txt and .md files

Trains on corpus.py's Debian packages (permissive licences or public domain). Never trained on: three long documents to
watch a run by (`heldout/watch`: files beside them and books of the same author are trained), and six documents of
packages that corpus.py does not know, for the figures (`heldout/test`: nothing is chosen by them). Writes
tokens.xz (uint16), the documents and summary.json.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

import corpus
from base_model import open_tokenizer

WATCH = {"code.py": ("python3-tornado", "*/tornado/*.py"), "docs.md": ("postgresql-doc-15", "*/html/[ipm][nev][drc][efc]*.html"),
         "prose.txt": ("r-cran-janeaustenr", "*northangerabbey*")}
WATCH_BYTES, TEST_BYTES = 140_000, 120_000
TEST = {  # read for measuring only, never distributed
    "code-1.py": corpus.Package("python3-click", "BSD-3-Clause", "code", ("*/click/core.py",)),
    "code-2.go": corpus.Package("golang-github-spf13-cobra-dev", "Apache-2.0", "code", ("*/cobra/command.go", "*/cobra/command_test.go")),
    "docs-1.md": corpus.Package("libcurl4-doc", "curl", "docs", ("*/libcurl4/*.md", "*/libcurl4/*.md.gz")),
    "docs-2.md": corpus.Package("python-flask-doc", "BSD-3-Clause", "docs", ("*/_sources/*.txt", "*/_sources/*.rst")),
    "prose-1.txt": corpus.Package("anarchism", "GFDL-1.1+", "prose", ("*/html/sec[A-C]*.html",)),
    "prose-2.txt": corpus.Package("debian-history", "GPL-2+", "prose", ("*/docs/*.en.html",)),
}


def joined(chosen: list[tuple[str, str]], limit: int) -> str:
    """Documents as one text of at most so many characters, cut at a line's end."""
    return "\n\n".join(text.strip("\n") for _, text in chosen)[:limit].rsplit("\n", 1)[0] + "\n"


def own(folder: Path, seen: corpus.Seen, most_mb: float) -> tuple[list[str], dict]:
    """Texts of a folder of the user's, in an order that hangs on their names alone, until so many MB; and their line of the summary."""
    kept, used = [], 0
    for path in sorted((p for p in folder.rglob("*") if p.suffix in (".txt", ".md")), key=lambda p: corpus.key(p.name)):
        if used > most_mb * 1e6:
            break
        clean = seen.keep(path.read_text(errors="replace"), by_paragraph=True)
        if clean is not None:
            kept.append(clean)
            used += len(clean.encode())
    return kept, {"package": folder.name, "licence": "the user's own", "kind": "own", "documents": len(kept), "bytes": used}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="GGUF file or Hugging Face folder: whose tokenizer to use")
    parser.add_argument("--work", type=Path, required=True, help="scratch folder: packages")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=float, default=70, help="millions, at most")
    parser.add_argument("--own", type=Path, help="a folder of .txt and .md files to train on besides")
    parser.add_argument("--own-mb", type=float, default=60, help="of those, at most")
    args = parser.parse_args()
    tokenizer = open_tokenizer(args.model)
    if tokenizer.get_vocab_size() > 1 << 16:
        raise SystemExit(f"tokens are packed in 16 bits, and {args.model} has {tokenizer.get_vocab_size()} of them")
    seen, held = corpus.Seen(), set()
    texts = {p.name: corpus.documents(p, corpus.unpack(p, args.work)) for p in corpus.PACKAGES}
    folders = {name: args.out / "heldout" / name for name in ("watch", "test")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    for name, (package, glob) in WATCH.items():
        chosen = [(n, t) for n, t in texts[package] if fnmatch(n, glob)]
        held |= {package + n for n, _ in chosen}
        for _, text in chosen:
            seen.hold_out(text)
        (folders["watch"] / name).write_text(joined(chosen, WATCH_BYTES))
    for name, package in TEST.items():
        chosen = corpus.documents(package, corpus.unpack(package, args.work))
        for _, text in chosen:
            seen.hold_out(text)
        text = joined(chosen, TEST_BYTES)
        if len(text) < TEST_BYTES // 3:
            raise SystemExit(f"{package.name} gives only {len(text)} characters for {name}: correct its globs in TEST")
        (folders["test"] / name).write_text(text)
    kept, summary = [], []
    for p in corpus.PACKAGES:
        used, count = 0, 0
        for name, text in sorted(texts[p.name], key=lambda d: corpus.key(d[0])):
            if p.name + name in held or used > p.limit_mb * 1e6:
                continue
            text = corpus.without_licence_header(text) if p.kind == "code" else text
            clean = seen.keep(text, by_paragraph=p.kind == "docs")
            if clean is not None:
                kept.append(clean)
                used, count = used + len(clean.encode()), count + 1
        summary.append({"package": p.name, "licence": p.licence, "kind": p.kind, "documents": count, "bytes": used})
        print(f"{p.name:28s} {p.kind:6s} {count:6d} {used / 1e6:8.2f} MB", flush=True)
    if args.own:
        texts_of_own, line = own(args.own, seen, args.own_mb)
        kept += texts_of_own
        summary.append(line)
    random.Random(1).shuffle(kept)
    pieces, used, size = [], 0, 0
    for at in range(0, len(kept), 128):
        if size > args.tokens * 1e6:
            break
        for encoding in tokenizer.encode_batch(kept[at:at + 128]):
            pieces.append(np.array([*encoding.ids, 0], dtype=np.uint16))
            size += len(pieces[-1])
        used += sum(len(t.encode()) for t in kept[at:at + 128])
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 26, "lc": 0, "lp": 1, "pb": 1}]
    packed = lzma.compress(np.concatenate(pieces).tobytes(), format=lzma.FORMAT_XZ, filters=filters)
    (args.out / "tokens.xz").write_bytes(packed)
    report = {"packages": summary, "available_bytes": sum(len(t.encode()) for t in kept), "bytes": used, "tokens": size}
    (args.out / "summary.json").write_text(json.dumps(report, indent=1))
    print(f"{used / 1e6:.1f} MB, {size / 1e6:.2f} M tokens, {used / size:.3f} bytes per token, {len(packed) / 1e6:.1f} MB xz")


if __name__ == "__main__":
    main()
