import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadTokenizer } from "../../../src/model/bpe.ts";
import { UserError } from "../../../src/model/errors.ts";
import { Random } from "../../../src/model/random.ts";
import type { Tokenizer } from "../../../src/model/tokenizer.ts";
import { tinyTokenizerJson } from "../../fixtures/model/tiny-tokenizer.ts";

/** As the tokenizers of GPT-4 and after: a Split by pattern, then bytes without a pattern of their own. */
const SPLIT_PATTERN = {
  type: "Sequence",
  pretokenizers: [
    {
      type: "Split",
      pattern: {
        Regex:
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" +
          "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      },
      behavior: "Isolated",
      invert: false,
    },
    { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
  ],
};
const DIGITS = {
  type: "Sequence",
  pretokenizers: [
    { type: "Digits", individual_digits: true },
    { type: "Punctuation", behavior: "Isolated" },
    { type: "ByteLevel", add_prefix_space: false },
  ],
};
const WHOLE = { type: "ByteLevel", add_prefix_space: false, use_regex: false };

const special = { id: 400, content: "<|end|>", special: true };
const load = (preTokenizer?: object): Tokenizer =>
  loadTokenizer(tinyTokenizerJson({ addedTokens: [special], ...(preTokenizer && { preTokenizer }) }), "tiny");

const tokenizers = { "GPT-2": load(), split: load(SPLIT_PATTERN), digits: load(DIGITS), whole: load(WHOLE) };

const vocab = (JSON.parse(tinyTokenizerJson()) as { model: { vocab: Record<string, number> } }).model.vocab;
/** Bytes of each token: one per character of its string in the byte alphabet. */
const byteLengths = new Map(Object.entries(vocab).map(([token, id]) => [id, token.length]));

/** Ranges are exact: in order, without holes, each covering the bytes that its token stands for and no character more. */
function checkRanges(tokenizer: Tokenizer, text: string): void {
  const { ids, starts, ends } = tokenizer.encode(text);
  const bytesUpTo = (at: number): number => Buffer.byteLength(text.slice(0, at));
  let covered = 0;
  let bytes = 0;
  for (const [i, id] of ids.entries()) {
    const [start = -1, end = -1] = [starts[i], ends[i]];
    assert.ok(start < end && start <= covered && end >= covered, `token ${i} [${start}, ${end}) after ${covered}`);
    assert.ok(bytesUpTo(start) <= bytes && bytesUpTo(start) > bytes - 4, `token ${i} starts at byte ${bytes}`);
    bytes += byteLengths.get(id) ?? NaN;
    assert.ok(bytesUpTo(end) >= bytes && bytesUpTo(end) < bytes + 4, `token ${i} ends at byte ${bytes}`);
    // A token of whole characters decodes to its slice of the text.
    const piece = tokenizer.decode([id]);
    if (!piece.includes("\uFFFD")) assert.equal(piece, text.slice(start, end));
    covered = end;
  }
  assert.equal(covered, text.length);
  assert.equal(bytes, Buffer.byteLength(text));
}

const CASES: Record<string, string> = {
  empty: "",
  emoji: "🙂 👩‍👩‍👧‍👦🏳️‍🌈",
  crlf: "a\r\nb\r\n\r\n  c\n",
  cjk: "你好，世界。漢字かな交じり文",
  combining: "e\u0301a\u0308\u0323 n\u0303o",
  nul: "a\0b\0\0",
  "byte order mark": "\uFEFFtext\uFEFF",
  spaces: "   \t \u00a0\u3000 x  ",
  contractions: "it's they're I'LL don't",
  "special token": "before <|end|> after",
};

describe("loadTokenizer", () => {
  for (const [kind, tokenizer] of Object.entries(tokenizers)) {
    for (const [name, text] of Object.entries(CASES)) {
      it(`places the tokens of ${name} (${kind})`, () => {
        checkRanges(tokenizer, text);
        assert.equal(tokenizer.decode(tokenizer.encode(text).ids), text);
      });
    }

    it(`is lossless and exact on random text (${kind})`, () => {
      const random = new Random(11);
      const alphabet = [
        "a",
        "Z",
        "the ",
        "'s",
        " ",
        "\n",
        "\r\n",
        "1",
        "é",
        "e\u0301",
        "好",
        "🙂",
        "\0",
        "{",
        "  ",
        "ſ",
        "\u2028",
      ];
      for (let round = 0; round < 200; round++) {
        let text = "";
        for (let length = random.below(40); length > 0; length--) {
          text +=
            random.below(4) === 0
              ? String.fromCodePoint(random.below(0xd800))
              : (alphabet[random.below(alphabet.length)] ?? "");
        }
        checkRanges(tokenizer, text);
        assert.equal(tokenizer.decode(tokenizer.encode(text).ids), text);
      }
    });
  }

  it("encodes lone surrogates as U+FFFD and places them in the original text", () => {
    const text = "a\ud800b\udc00\ud83d\ude42\ud83d";
    for (const tokenizer of Object.values(tokenizers)) {
      const { ids, starts, ends } = tokenizer.encode(text);
      assert.equal(tokenizer.decode(ids), "a\uFFFDb\uFFFD🙂\uFFFD");
      assert.equal(ends.at(-1), text.length);
      assert.ok(
        [...starts].every((start) => start !== 5),
        "no token starts inside a pair",
      );
    }
  });

  it("lets the pre-tokenizer treat lone surrogates as the U+FFFD they are encoded as", () => {
    const preTokenizer = {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: "\\p{S}" }, behavior: "Isolated" },
        { type: "ByteLevel", use_regex: false },
      ],
    };
    const tokenizer = loadTokenizer(tinyTokenizerJson({ preTokenizer, sample: "\uFFFD\uFFFD \uFFFD\uFFFD" }), "tiny");
    assert.deepEqual(tokenizer.encode("\ud800\ud800"), tokenizer.encode("\uFFFD\uFFFD"));
  });

  it("encodes text that spells a special token as ordinary text, and decodes the token itself", () => {
    const tokenizer = tokenizers["GPT-2"];
    assert.ok(!tokenizer.encode("<|end|>").ids.includes(400));
    assert.equal(tokenizer.decode([400]), "<|end|>");
    assert.equal(tokenizer.vocabulary, 401);
  });

  it("does so too when the vocabulary holds the special token and whole words skip the merges", () => {
    const inVocabulary = { [special.content]: special.id, "a b": 401 };
    const addedTokens = [special, { ...special, content: "a b", id: 401 }];
    const json = tinyTokenizerJson({ inVocabulary, addedTokens, preTokenizer: WHOLE, ignoreMerges: true });
    const tokenizer = loadTokenizer(json, "tiny");
    assert.ok(!tokenizer.encode("<|end|>").ids.includes(400));
    assert.equal(tokenizer.decode([400, 401]), "<|end|>a b");
  });

  it("keeps added tokens that are not special, with exact ranges", () => {
    const json = tinyTokenizerJson({ addedTokens: [{ id: Object.keys(vocab).length, content: "«漢»" }] });
    const { ids, starts, ends } = loadTokenizer(json, "tiny").encode("é«漢»z");
    const at = ids.indexOf(Object.keys(vocab).length);
    assert.deepEqual([starts[at], ends[at]], [1, 4]);
    assert.equal(ends.at(-1), 5);
  });

  it("decodes ids without a token as U+FFFD", () => {
    assert.equal(tokenizers["GPT-2"].decode([]), "");
    assert.equal(tokenizers["GPT-2"].decode([vocab.a ?? 0, 399, 1e6]), "a\uFFFD\uFFFD");
  });
});

describe("what a tokenizer does to a text before it cuts it", () => {
  const json = JSON.parse(tinyTokenizerJson()) as { model: { vocab: Record<string, number> } };
  const load = (file: object): Tokenizer => loadTokenizer(JSON.stringify(file), "tokenizer.json");

  it("composes it where the file says NFC, and finds the characters that each token came from", () => {
    const tokenizer = load({ ...json, normalizer: { type: "NFC" } });
    const text = "na\u0131\u0308ve e\u0301\u0323 \u1112\u1161\u11ab, plain";
    const { ids, starts, ends } = tokenizer.encode(text);
    assert.equal(tokenizer.decode(ids), text.normalize("NFC"));
    // The bytes of one composed character all stand for the characters that it was composed of.
    const syllable = text.indexOf("\u1112");
    const of = [...starts.keys()].filter((token) => starts[token] === syllable);
    assert.deepEqual(new Set(of.map((token) => ends[token])), new Set([syllable + 3]));
    assert.equal(ends.at(-1), text.length);
    for (let token = 1; token < starts.length; token++) assert.ok(starts[token]! <= ends[token - 1]!);
    const plain = "no marks";
    assert.deepEqual(tokenizer.encode(plain), load(json).encode(plain));
  });

  it("refuses a text with a byte that no token stands for, and no other", () => {
    const vocab = Object.fromEntries(Object.entries(json.model.vocab).filter(([token]) => token !== "\u0104"));
    const tokenizer = load({ ...json, model: { ...json.model, vocab } });
    assert.ok(tokenizer.encode("a text").ids.length > 0);
    assert.throws(() => tokenizer.encode("a\u0004"), /no token stands for the byte 0x04, which this text holds/);
  });
});

describe("loadTokenizer refuses", () => {
  const json = JSON.parse(tinyTokenizerJson()) as {
    model: { vocab: Record<string, number>; merges: [string, string][] };
  };
  const pre = (part: object): object => ({ ...json, pre_tokenizer: part });
  const wrong: [string, unknown, RegExp][] = [
    ["what is not a tokenizer", {}, /not a byte-level BPE tokenizer\.json: model/],
    ["another model", { ...json, model: { ...json.model, type: "WordPiece" } }, /the model is "WordPiece"/],
    ["most bytes missing", { ...json, model: { ...json.model, vocab: { q: 0 }, merges: [] } }, /lacks 255 of the 256/],
    ["a merge without a token", { ...json, model: { ...json.model, merges: [["q", "z"]] } }, /lacks "qz"/],
    ["a broken merge", { ...json, model: { ...json.model, merges: ["q"] } }, /model\.merges\.0/],
    [
      "SentencePiece",
      { ...json, model: { ...json.model, vocab: { ...json.model.vocab, "▁a": 999 } } },
      /byte alphabet/,
    ],
    [
      "an id given twice",
      { ...json, model: { ...json.model, vocab: { ...json.model.vocab, qz: 5 } } },
      /id 5, which another/,
    ],
    [
      "an added token with another's id",
      { ...json, added_tokens: [{ id: 5, content: "<x>", special: true }] },
      /id 5, which another/,
    ],
    ["a normalizer", { ...json, normalizer: { type: "NFKC" } }, /normalizer "NFKC" is not supported/],
    ["no pre-tokenizer", pre({}), /no ByteLevel/],
    ["Metaspace", pre({ type: "Metaspace" }), /pre-tokenizer "Metaspace" is not supported/],
    ["a prefix space", pre({ type: "ByteLevel", add_prefix_space: true }), /space in front/],
    [
      "a split that drops text",
      pre({
        type: "Sequence",
        pretokenizers: [{ type: "Split", pattern: { String: " " }, behavior: "Removed" }, { type: "ByteLevel" }],
      }),
      /behavior Removed/,
    ],
    [
      "greedy added tokens",
      { ...json, added_tokens: [{ id: 999, content: "<x>", lstrip: true }] },
      /swallows the spaces/,
    ],
  ];
  for (const [name, content, message] of wrong) {
    it(name, () => {
      assert.throws(
        () => loadTokenizer(JSON.stringify(content), "some/tokenizer.json"),
        (error: unknown) => {
          assert.ok(error instanceof UserError, String(error));
          assert.match(error.message, message);
          assert.match(error.message, /^some\/tokenizer\.json/);
          return true;
        },
      );
    });
  }

  it("text that the pattern of a Split does not match", () => {
    const preTokenizer = {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: "\\p{L}+" }, behavior: "Removed", invert: true },
        { type: "ByteLevel", use_regex: false },
      ],
    };
    const tokenizer = loadTokenizer(tinyTokenizerJson({ preTokenizer }), "tiny");
    checkRanges(tokenizer, "letters");
    assert.throws(() => tokenizer.encode("two words"), /drops part of this text/);
  });
});

describe("patterns that backtrack without end", () => {
  const evil = (Regex: string): Tokenizer =>
    load({
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex }, behavior: "Isolated" },
        { type: "ByteLevel", use_regex: false },
      ],
    });
  for (const pattern of ["(\\p{L}+)+!", "(a|a)*b", "(.*)*x"]) {
    it(`${pattern} is ended, and named`, { timeout: 60_000 }, () => {
      assert.throws(
        () => evil(pattern).encode("a".repeat(3000)),
        (error: unknown) =>
          error instanceof UserError && error.message.includes(`its pattern ${JSON.stringify(pattern)} backtracks`),
      );
    });
  }

  it("those that JavaScript cannot read are refused when the file is loaded", () => {
    for (const pattern of ["(a", "[".repeat(1000), "(".repeat(2000), "\\p{Nope}", "a".repeat(5000)]) {
      assert.throws(
        () => evil(pattern),
        (error: unknown) => error instanceof UserError && error.message.length < 500,
      );
    }
  });
});

describe("long texts", () => {
  const MB = 1_000_000;
  const lines = "  const value = compute(left, right); // it's 12345 or so\r\n";
  const texts: Record<string, string> = {
    "a single word": "ab".repeat(MB / 2),
    spaces: " ".repeat(MB),
    code: lines.repeat(MB / lines.length),
    emoji: "🙂".repeat(MB / 4),
  };
  for (const [name, text] of Object.entries(texts)) {
    it(`takes a megabyte of ${name} in seconds`, { timeout: 20_000 }, () => {
      const { ids, ends } = tokenizers["GPT-2"].encode(text);
      assert.equal(ends.at(-1), text.length);
      assert.equal(tokenizers["GPT-2"].decode(ids), text);
    });
  }
});
