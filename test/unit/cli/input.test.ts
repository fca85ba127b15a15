import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { describe, it } from "node:test";
import { decode, MAX_DOCUMENT_BYTES, readDocument } from "../../../src/cli/input.ts";
import { UserError } from "../../../src/model/errors.ts";
import { folder } from "./command.ts";

const nothing = Readable.from([]);

function userError(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    return true;
  };
}

describe("decoding a document", () => {
  const refuse = (content: Buffer | string, message: RegExp): void => {
    assert.throws(() => decode(Buffer.from(content as string), "a.txt"), userError(message));
  };

  it("takes UTF-8 as it is, CRLF and controls of terminals included", () => {
    const text = "añ 漢 😀\r\n\u001b[1mbold\f\t end";
    assert.equal(decode(Buffer.from(text), "a.txt"), text);
  });

  it("drops a byte order mark, as editors do", () => {
    assert.equal(decode(Buffer.from("\ufeffabc"), "a.txt"), "abc");
    refuse("\ufeff", /contains only whitespace/);
  });

  it("refuses empty and blank documents", () => {
    refuse("", /^a\.txt is empty\. Give a file/);
    refuse(" \n\t\r\n", /^a\.txt contains only whitespace/);
  });

  it("tells binary files, UTF-16 and broken UTF-8 apart", () => {
    refuse(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0]), /^a\.txt is a binary file, not text$/);
    refuse(Buffer.from([1, 2, 3, 4, 5, 65]), /binary/);
    refuse(Buffer.from("\ufeffhello", "utf16le"), /^a\.txt is UTF-16 text: save it as UTF-8/);
    refuse(Buffer.from("ab\ncé", "latin1"), /^a\.txt is not valid UTF-8: byte 4 \(0xe9\) in line 2$/);
  });

  it("names the first byte of the broken character", () => {
    const at = (bytes: number[]): string => {
      try {
        decode(Buffer.from(bytes), "a");
      } catch (error) {
        return /byte (\d+)/.exec((error as Error).message)![1]!;
      }
      return "none";
    };
    assert.equal(at([0x61, 0xff]), "1");
    assert.equal(at([0x80, 0x61]), "0");
    assert.equal(at([0x61, 0x62, 0xc3, 0x28, 0xff]), "2");
    assert.equal(at([0x61, 0xf0, 0x9f, 0x98]), "1", "cut off at the end");
    assert.equal(at([0x61, 0xed, 0xa0, 0x80]), "1", "a surrogate");
    assert.equal(at([0xc0, 0xaf]), "0", "longer than need be");
    for (let before = 0; before < 40; before++) {
      const bytes = [...Buffer.from("é".repeat(before)), 0xe6, 0xbc, 0x41, ...Buffer.from("漢字".repeat(20))];
      assert.equal(at(bytes), String(2 * before));
    }
  });
});

describe("reading a document", () => {
  it("keeps the name as typed and looks from the given folder", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "note.md"), "text");
    assert.deepEqual(await readDocument("note.md", { folder: path, stdin: nothing }), {
      name: "note.md",
      text: "text",
    });
  });

  it("refuses what is not a readable file", async (t) => {
    const path = folder(t);
    mkdirSync(join(path, "inner"));
    writeFileSync(join(path, "file"), "x");
    const refuse = (file: string, message: RegExp): Promise<void> =>
      assert.rejects(readDocument(file, { folder: path, stdin: nothing }), userError(message));
    await refuse("gone.md", /^gone\.md does not exist$/);
    await refuse("inner", /^inner is a directory, not a document$/);
    await refuse("file/x", /^file\/x does not exist: part of its path is a file$/);
    await refuse("n".repeat(300), /the name is too long$/);
  });

  it("refuses a large file by its size and a large pipe as soon as the limit is passed", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "big"), Buffer.alloc(20 * 2 ** 20, 97));
    await assert.rejects(
      readDocument("big", { folder: path, stdin: nothing }),
      userError(/^big is too large: 20 MiB \(the maximum for a document is 8 MiB\)$/),
    );
    let given = 0;
    const endless = new Readable({
      read() {
        given += 65536;
        this.push(Buffer.alloc(65536, 97));
      },
    });
    await assert.rejects(
      readDocument("-", { folder: path, stdin: endless }),
      userError(/^standard input is too large: more than 8 MiB/),
    );
    assert.ok(given < 2 * MAX_DOCUMENT_BYTES);
  });

  it("stops waiting for a pipe when told to", async () => {
    const stop = new AbortController();
    const reading = readDocument("-", { folder: ".", stdin: new PassThrough(), signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 20);
    await assert.rejects(reading, /enough/);
  });
});
