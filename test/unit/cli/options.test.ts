import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { command, parseOptions } from "../../../src/cli/options.ts";
import { UserError } from "../../../src/model/errors.ts";
import { SETTINGS, type SettingFacts } from "../../../src/model/setting-table.ts";
import { chosenSchema, placeSchema } from "../../../src/protocol/settings.ts";

function refuses(args: string, message: RegExp): void {
  assert.throws(
    () => parseOptions(args.split(" ").map((word) => (word === "EMPTY" ? "" : word))),
    (error) => {
      assert.ok(error instanceof UserError, `${args}: ${String(error)}`);
      assert.match(error.message, message, args);
      assert.ok(!error.message.includes("\n"));
      return true;
    },
  );
}

describe("options", () => {
  it("have defaults for everything but the file", () => {
    assert.deepEqual(parseOptions(["a.md"]), {
      file: "a.md",
      place: { engine: "auto", model: "embedded" },
      chosen: {
        variants: ["hysparse", "full", "hybrid-swa"],
        decodeTokens: 16,
        repetitions: "auto",
        importance: "last-token",
        includeText: false,
      },
      listDevices: false,
      quiet: false,
      debug: false,
    });
  });

  it("are those of the settings, with their bounds, words and defaults", () => {
    const { options } = command();
    const { place, chosen } = parseOptions(["a.md"]);
    const unsaid: Readonly<Record<string, unknown>> = { ...place, ...chosen };
    for (const [name, facts] of Object.entries<SettingFacts>(SETTINGS)) {
      const { option, least, most, choices, default: byTable } = facts;
      const found = options.find(({ long }) => long === option);
      assert.ok(found, option);
      if (name !== "variants") assert.deepEqual(unsaid[name], byTable, option);
      assert.deepEqual(found.argChoices, choices, option);
      if (least === undefined || most === undefined) continue;
      for (const bad of [least - 1, most + 1]) refuses(`a.md ${option} ${bad}`, new RegExp(option));
      for (const good of [least, most]) assert.ok(parseOptions(["a.md", option, String(good)]), option);
    }
    const settings = Object.keys({ ...placeSchema.shape, ...chosenSchema.shape });
    assert.deepEqual(settings.sort(), Object.keys(SETTINGS).sort());
  });

  it("take designs with parameters, each in an option of its own, and refuse what they are not", () => {
    const { chosen } = parseOptions(["a.md", "--design", "streaming:window=1020", "--design", "hysparse:k=512"]);
    assert.deepEqual(chosen.designs, ["streaming:window=1020", "hysparse:k=512"]);
    refuses("a.md --design stream", /unknown design "stream"/);
    refuses("a.md --design streaming:windows=5", /no parameter "windows": it has first, window/);
    refuses("a.md --design hysparse:k=0", /k must be a whole number from 1/);
  });

  it("name a GPU, and need no file to list devices", () => {
    assert.equal(parseOptions(["a.md", "--gpu", "H200"]).place.gpu, "H200");
    assert.equal(parseOptions(["--list-devices"]).listDevices, true);
    assert.throws(() => parseOptions([]), /file/);
  });

  it("take all that is offered, in any order", () => {
    const args =
      "--variants full,hysparse --max-tokens 400 --decode 0 - --chunk 64 --threads 2 --json - --html a.html --csv b.csv " +
      "--trace c.json --compare old.hysparse.json --sweep 4k,512,1K";
    const options = parseOptions([
      ...args.split(" "),
      "--importance",
      "document",
      "--include-text",
      "--quiet",
      "--fidelity",
      "--swaps",
    ]);
    const { chosen, place } = options;
    assert.deepEqual(chosen.variants, ["full", "hysparse"]);
    assert.deepEqual([options.file, options.json, options.html, options.csv], ["-", "-", "a.html", "b.csv"]);
    assert.deepEqual([options.trace, options.compare], ["c.json", "old.hysparse.json"]);
    assert.deepEqual(chosen.sweep, [512, 1024, 4096]);
    assert.deepEqual([chosen.maxTokens, chosen.decodeTokens, chosen.chunk, place.threads], [400, 0, 64, 2]);
    assert.ok(chosen.importance === "document" && chosen.includeText && options.quiet);
    assert.ok(chosen.fidelity && chosen.swaps);
  });

  it("refuse numbers that cannot be meant", () => {
    for (const bad of ["0", "-1", "1.5", "NaN", "1e3", "0x10", "EMPTY", "9999999999", "ten", "+3"]) {
      for (const name of ["max-tokens", "repetitions", "chunk", "threads"])
        refuses(`a.md --${name} ${bad}`, new RegExp(`--${name}`));
      if (bad !== "0") refuses(`a.md --decode ${bad}`, /--decode/);
    }
  });

  it("refuse unknown words, naming those there are", () => {
    refuses("a.md --variants full,mamba", /Unknown variant "mamba"\. Available: hysparse, full, hybrid-swa/);
    refuses("a.md --variants full,full", /"full" is listed twice/);
    refuses("a.md --variants EMPTY", /Unknown variant ""/);
    refuses("a.md --importance all", /last-token, document/);
    refuses("a.md --jsn x", /unknown option '--jsn' \(Did you mean --json\?\)/);
    refuses("--quiet", /no document: name a file/);
    refuses("a.md b.md", /too many arguments/);
    refuses("a.md --json", /argument missing/);
  });

  it("read the lengths of a sweep as people write them", () => {
    const sweep = (text: string): unknown => parseOptions(["a.md", "--sweep", text]).chosen.sweep;
    assert.equal(sweep("auto"), "auto");
    assert.deepEqual(sweep("1k, 2k;8k 2048"), [1024, 2048, 8192]);
    assert.deepEqual(sweep("1024k"), [2 ** 20]);
    for (const bad of ["", " ", ",", "0", "-1", "1.5k", "1e3", "k", "4kb", "auto,1k", "1025k", "9999999999", "long"]) {
      assert.throws(
        () => sweep(bad),
        (error) => error instanceof UserError && /--sweep .* is invalid\./.test(error.message),
        bad,
      );
    }
    const many = Array.from({ length: 25 }, (_, i) => String(i + 1)).join(",");
    assert.throws(() => sweep(many), /Too many context lengths \(maximum 24\)/);
  });

  it("write only JSON to stdout", () => {
    refuses("a.md --trace -", /^--trace needs a file/);
    refuses("a.md --html -", /^--html needs a file/);
    refuses("a.md --csv -", /^--csv needs a file/);
  });
});
