import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UserError } from "../../../src/model/errors.ts";
import { decodeUtf8, foreignEncoding } from "../../../src/model/utf8.ts";

const LATIN = "A line of text, zwölf Boxkämpfer, 12 %.\r\n";
const CHINESE = "長い文脈の注意機構。\n稀疏注意力\n";

function utf16(text: string, little = true): Buffer {
  const bytes = Buffer.from(text, "utf16le");
  return little ? bytes : bytes.swap16();
}

function utf32(text: string, little = true): Buffer {
  const points = Array.from(text, (character) => character.codePointAt(0)!);
  const bytes = Buffer.alloc(4 * points.length);
  points.forEach((point, i) => (little ? bytes.writeUInt32LE(point, 4 * i) : bytes.writeUInt32BE(point, 4 * i)));
  return bytes;
}

describe("text files", () => {
  it("are UTF-8, and a byte order mark is no part of the text", () => {
    assert.equal(decodeUtf8(Buffer.from(`\ufeff${LATIN}${CHINESE}`), "a"), LATIN + CHINESE);
    assert.equal(decodeUtf8(Buffer.from("a\ufeffb"), "a"), "a\ufeffb", "elsewhere it is a character");
    assert.equal(decodeUtf8(new Uint8Array(), "a"), "");
  });

  it("in UTF-16 and UTF-32 are told by their mark and without one", () => {
    for (const text of [LATIN, CHINESE, "{}\n", `{ "name": "😀" }\n`, "word ".repeat(40_000)]) {
      for (const little of [true, false]) {
        for (const mark of ["", "\ufeff"]) {
          assert.equal(
            foreignEncoding(utf16(mark + text, little)),
            "UTF-16",
            JSON.stringify([text.slice(0, 20), little]),
          );
          assert.equal(
            foreignEncoding(utf32(mark + text, little)),
            "UTF-32",
            JSON.stringify([text.slice(0, 20), little]),
          );
        }
      }
    }
    assert.equal(foreignEncoding(utf16(LATIN).subarray(0, 41)), "UTF-16", "cut off in a unit");
    assert.equal(foreignEncoding(utf16("😀 ".repeat(30_000))), "UTF-16", "a pair across the part that is looked at");
  });

  it("are not mistaken for UTF-16 because of a stray zero byte", () => {
    for (let at = 0; at < LATIN.length; at++) {
      const bytes = Buffer.from(`${LATIN.slice(0, at)}\0${LATIN.slice(at)}`);
      assert.equal(foreignEncoding(bytes), undefined, String(at));
    }
    const png = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 1, 0, 0];
    assert.equal(foreignEncoding(Uint8Array.from(png)), undefined);
    assert.equal(foreignEncoding(new Uint8Array(100)), undefined);
  });

  it("are refused with the encoding and the way out, or with the byte that is wrong", () => {
    const refuses = (bytes: Uint8Array, message: RegExp): void => {
      assert.throws(
        () => decodeUtf8(bytes, "r.json"),
        (error) => {
          assert.ok(error instanceof UserError);
          assert.match(error.message, message);
          return true;
        },
      );
    };
    refuses(
      utf16("\ufeff{}"),
      /^r\.json is UTF-16 text: save it as UTF-8, .*iconv -f UTF-16 -t UTF-8.*Out-File -Encoding utf8/,
    );
    refuses(utf32("\ufeff{}"), /^r\.json is UTF-32 text: save it as UTF-8, .*iconv -f UTF-32 -t UTF-8"$/);
    refuses(Buffer.from("ab\ncé", "latin1"), /^r\.json is not valid UTF-8: byte 4 \(0xe9\) in line 2$/);
  });
});
