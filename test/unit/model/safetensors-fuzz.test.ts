import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UserError } from "../../../src/model/errors.ts";
import { Random } from "../../../src/model/random.ts";
import { parseHeader } from "../../../src/model/safetensors.ts";
import { rawSafetensors } from "../../fixtures/model/safetensors-bytes.ts";

const HEADER = JSON.stringify({
  __metadata__: { format: "pt" },
  a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
  b: { dtype: "BF16", shape: [4], data_offsets: [24, 32] },
  c: { dtype: "F16", shape: [], data_offsets: [32, 34] },
});

/** What attackers and broken tools put in place of a number, a name or a bracket. */
const SPLICES = [
  "-1",
  "1e99",
  "0.5",
  "null",
  "9007199254740993",
  '"a"',
  "{}",
  "[",
  "]",
  "}",
  ",",
  ":",
  '"',
  "\\",
  "\0",
  "",
];

function mutate(header: string, random: Random): string {
  const at = random.below(header.length);
  const kind = random.below(4);
  if (kind === 0) return header.slice(0, at) + String.fromCharCode(random.below(128)) + header.slice(at + 1);
  if (kind === 1) return header.slice(0, at) + (SPLICES[random.below(SPLICES.length)] ?? "") + header.slice(at + 1);
  if (kind === 2) return header.slice(0, at) + header.slice(at + random.below(8));
  const from = random.below(header.length);
  return header.slice(0, at) + header.slice(from, from + random.below(40)) + header.slice(at);
}

describe("parseHeader under mutation", () => {
  it("either refuses with a UserError or gives tensors that tile the data", () => {
    const random = new Random(20260203);
    let refused = 0;
    for (let round = 0; round < 4000; round++) {
      let header = HEADER;
      for (let times = 1 + random.below(3); times > 0; times--) header = mutate(header, random);
      let file = rawSafetensors(header, new Uint8Array(34));
      // One file in eight is damaged outside its header as well: cut, or with another length field.
      const damage = random.below(16);
      if (damage === 0) file = file.slice(0, random.below(file.length));
      else if (damage === 1) file[random.below(8)] = random.below(256);
      try {
        let end: number | undefined;
        for (const entry of parseHeader(file, file.length, "fuzzed")) {
          assert.ok(end === undefined || entry.start === end, header);
          end = entry.end;
        }
        assert.ok(end === undefined || end === file.length, header);
      } catch (error) {
        assert.ok(error instanceof UserError, `${header}: ${String(error)}`);
        refused++;
      }
    }
    assert.ok(refused > 1000, `only ${refused} refused: the mutations are too tame`);
  });
});
