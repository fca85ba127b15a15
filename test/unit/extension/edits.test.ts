import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TrackedText, type TextEdit } from "../../../src/extension/highlights/edits.ts";
import { Random } from "../../../src/model/random.ts";

describe("TrackedText", () => {
  it("is intact and where it was before any edit", () => {
    const text = new TrackedText(10, 5);
    assert.equal(text.intact, true);
    assert.deepEqual(text.toDocument(2, 4), [7, 9]);
    assert.equal(text.toProfiled(7), 2);
    assert.equal(text.toProfiled(4), undefined);
    assert.equal(text.toProfiled(15), 10);
    assert.equal(text.toProfiled(16), undefined);
  });

  it("moves with edits before it and ignores those behind it", () => {
    const text = new TrackedText(10, 5);
    assert.equal(text.apply([{ offset: 0, removed: 2, inserted: 7 }]), false);
    assert.equal(text.apply([{ offset: 20, removed: 0, inserted: 3 }]), false);
    assert.equal(text.apply([{ offset: 10, removed: 0, inserted: 1 }]), false);
    assert.equal(text.intact, true);
    assert.deepEqual(text.toDocument(0, 10), [11, 21]);
  });

  it("drops ranges that an edit touches and keeps their neighbours", () => {
    const text = new TrackedText(30, 0);
    assert.equal(text.apply([{ offset: 12, removed: 3, inserted: 1 }]), true);
    assert.equal(text.intact, false);
    assert.deepEqual(text.toDocument(0, 10), [0, 10]);
    assert.equal(text.toDocument(10, 20), undefined);
    assert.deepEqual(text.toDocument(20, 30), [18, 28]);
  });

  it("keeps both blocks when text is put exactly between them", () => {
    const text = new TrackedText(20, 0);
    assert.equal(text.apply([{ offset: 10, removed: 0, inserted: 4 }]), true);
    assert.deepEqual(text.toDocument(0, 10), [0, 10]);
    assert.deepEqual(text.toDocument(10, 20), [14, 24]);
    assert.equal(text.toDocument(9, 11), undefined);
    assert.equal(text.toProfiled(11), undefined);
  });

  it("never takes retyped text for the profiled one, until it is told so", () => {
    const text = new TrackedText(10, 0);
    text.apply([{ offset: 4, removed: 1, inserted: 0 }]);
    text.apply([{ offset: 4, removed: 0, inserted: 1 }]);
    assert.equal(text.intact, false);
    assert.equal(text.toDocument(4, 5), undefined);
    text.restore(0);
    assert.equal(text.intact, true);
    assert.deepEqual(text.toDocument(4, 5), [4, 5]);
  });

  it("knows nothing after it was lost", () => {
    const text = new TrackedText(10, 0);
    text.lose();
    assert.equal(text.toDocument(0, 1), undefined);
    assert.equal(text.toProfiled(0), undefined);
    assert.equal(text.base, undefined);
    assert.equal(text.apply([{ offset: 0, removed: 0, inserted: 1 }]), false);
  });

  it("follows 300 random changes like a document in which every character has a name", () => {
    const random = new Random(7);
    const below = (limit: number): number => (limit === 0 ? 0 : random.uint32() % limit);
    let survived = 0;
    for (let run = 0; run < 300; run++) {
      const base = below(6);
      const length = 1 + below(40);
      const text = new TrackedText(length, base);
      // Each character of the document: its place in the profiled text, or -1.
      let characters = Array.from({ length: base + length + below(6) }, (_, i) =>
        i >= base && i < base + length ? i - base : -1,
      );
      for (let round = 0; round < 6; round++) {
        const edits = randomEdits(characters.length, below);
        for (const { offset, removed, inserted } of edits) {
          characters = [
            ...characters.slice(0, offset),
            ...Array<number>(inserted).fill(-1),
            ...characters.slice(offset + removed),
          ];
        }
        text.apply(edits);
      }
      for (let start = 0; start < length; start++) {
        for (let end = start + 1; end <= Math.min(length, start + 5); end++) {
          const at = characters.indexOf(start);
          const there =
            at !== -1 &&
            Array.from({ length: end - start }, (_, i) => characters[at + i]).every((c, i) => c === start + i);
          assert.deepEqual(text.toDocument(start, end), there ? [at, at + end - start] : undefined);
          if (there) survived++;
        }
      }
      for (const [offset, character] of characters.entries()) {
        if (character !== -1) assert.equal(text.toProfiled(offset), character);
        else assert.ok([undefined, length].includes(text.toProfiled(offset)));
      }
    }
    assert.ok(survived > 1000, `only ${survived} ranges survived`);
  });
});

/** Up to three replacements that do not overlap, from the end of the document to its start. */
function randomEdits(length: number, below: (limit: number) => number): TextEdit[] {
  const cuts = Array.from({ length: 2 * (1 + below(3)) }, () => below(length + 1)).sort((a, b) => a - b);
  const edits: TextEdit[] = [];
  for (let i = 0; i + 1 < cuts.length; i += 2) {
    // Short ones, so that something is left to follow.
    const removed = Math.min(cuts[i + 1]! - cuts[i]!, 2);
    edits.push({ offset: cuts[i]!, removed, inserted: below(3) });
  }
  return edits.reverse();
}
