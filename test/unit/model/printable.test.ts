import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { message, messageLines, visible, visibleJson, visibleLines } from "../../../src/model/printable.ts";

/** Every character that steers a terminal, a reader's eye or a line reader. */
const HOSTILE = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)),
  ...Array.from({ length: 0x21 }, (_, i) => String.fromCharCode(0x7f + i)),
  ...[0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069].map((code) =>
    String.fromCharCode(code),
  ),
  "\ud83d",
  "\ude00",
];
const STEERS = new RegExp(`[${HOSTILE.map((c) => `\\u{${c.charCodeAt(0).toString(16)}}`).join("")}]`, "u");

describe("what is printed", () => {
  it("shows what would steer, and leaves every other character alone", () => {
    assert.equal(visible("\u001b[31mred\u0007\u007f"), "␛[31mred␇␡");
    assert.equal(visible("a\u202eb\u0085\u2028"), "a\\u202eb\\u0085\\u2028");
    assert.equal(visible("half \ud83d and whole \u{1f600}"), "half \\ud83d and whole \u{1f600}");
    assert.equal(visible("Ünïcode 漢字 עברית"), "Ünïcode 漢字 עברית");
    for (const character of HOSTILE) {
      assert.doesNotMatch(visible(`a ${character} b`), STEERS);
      assert.doesNotMatch(message(`a ${character} b`), STEERS);
      assert.doesNotMatch(visibleLines(`a ${character} b`).replaceAll("\n", ""), STEERS);
      assert.doesNotMatch(messageLines(`a ${character} b`).replaceAll("\n", ""), STEERS);
    }
  });

  it("keeps the lines of a text of lines, and folds those of a message", () => {
    assert.equal(visibleLines("a\n\u001bb\r\n"), "a\n␛b␍\n");
    assert.equal(message(" a\n  b\r\n\n c "), "a b c");
    assert.equal(messageLines("Error: a\n    at b"), "Error: a\n    at b");
  });

  it("shortens one long word or quotation and keeps the rest of the message", () => {
    const word = message(`there is no file ${"x".repeat(5000)}; look again`);
    assert.match(word, /^there is no file x+\.\.\. \(\d+ more characters\) \.\.\.x+; look again$/u);
    assert.ok(word.length < 400);
    assert.match(message(`"${"a b ".repeat(1000)}" is no engine`), /" is no engine$/u);
  });

  it("shortens a message of megabytes to 2,000 characters, soon", () => {
    const start = process.cpuUsage().user;
    for (const piece of ["x", "x ", '"', '" ', " \n", "\u001b", "\u{1f600}", "a\ud83d"]) {
      const said = message(piece.repeat(4_000_000 / piece.length));
      assert.ok(said.length < 2100, `${said.length} characters for ${JSON.stringify(piece)}`);
      assert.doesNotMatch(said, STEERS);
    }
    assert.ok(message("many words ".repeat(1000)).length < 2100);
    assert.ok(process.cpuUsage().user - start < 3_000_000);
  });

  it("escapes JSON by JSON's own rules", () => {
    const value = { [HOSTILE.join("")]: HOSTILE.join("x"), plain: "Ünïcode 漢字 \u{1f600}" };
    for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
      const safe = visibleJson(text);
      assert.doesNotMatch(safe.replaceAll("\n", ""), STEERS);
      assert.deepEqual(JSON.parse(safe), value);
    }
  });
});
