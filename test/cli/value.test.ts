import { expect } from "chai";
import { escapeControls } from "fastkv-cli/kit/escape";
import { parseLine } from "fastkv-plugin-shell/text/line";
import {
  doubtAbout,
  formatInline,
  formatPretty,
  losesQuotes,
  parseValue,
} from "fastkv-plugin-shell/text/value";

describe("values as text", () => {
  it("takes JSON as what it says and anything else as a string", () => {
    expect(parseValue("MyApp", undefined)).to.equal("MyApp");
    expect(parseValue('{"a": [1, null]}', undefined)).to.deep.equal({ a: [1, null] });
    expect(parseValue("5", undefined)).to.equal(5);
    expect(parseValue('"5"', undefined)).to.equal("5");
    expect(parseValue("true", undefined)).to.equal(true);
    expect(parseValue("007", undefined)).to.equal("007");
    expect(parseValue("", undefined)).to.equal("");
    expect(parseValue("5", "binary")).to.deep.equal(new Uint8Array([0x35]));
  });

  const losing = [
    '{"a":1}',
    '["1",2]',
    "['a']",
    '{"a":"b c"}',
    '"{"a": 1}"',
    '"{ "name": "Alice" }"',
    '"[ "a", "b" ]"',
    "'{'a': 1}'",
  ];
  const keeping = [
    `'{"a":1}'`,
    '"{\\"a\\":1}"',
    '{\\"a\\":1}',
    "[1,2]",
    "{a:1}",
    "[it\\'s]",
    'a"[b]"',
    "'[x]'",
    `"{it's}"`,
    `'{it'\\''s}'`,
    `'[it'"'"'s here]'`,
  ];
  it("knows the words that would lose quotes which are JSON's", () => {
    for (const raw of [...losing, ...keeping]) {
      const { words } = parseLine(raw);
      expect(words.length, raw).to.equal(1);
      expect(losesQuotes(raw, words[0]!.value), raw).to.equal(losing.includes(raw));
    }
  });

  it("tells of a value that may have been meant otherwise", () => {
    const doubt = (word: string) => doubtAbout(word, parseValue(word, undefined));
    expect(doubt("{a:1}")).to.equal(
      "Stored as a string, since it is not JSON. Put JSON into single quotes: '{\"a\": 1}'",
    );
    expect(doubt("1.10")).to.equal("Stored as the number 1.1. Put a string into both quotes: '\"1.10\"'");
    expect(doubt("1e3")).to.contain("the number 1000");
    for (const plain of ["1.1", "-5", "0", "text", '{"a": 1}', '"1.10"', "007", "true"]) {
      expect(doubt(plain), plain).to.equal(undefined);
    }
  });

  it("does not change a large number silently", () => {
    expect(() => parseValue("12345678901234567890", undefined)).to.throw("too large");
    expect(parseValue("9007199254740991", undefined)).to.equal(9007199254740991);
  });

  it("shows JSON on one line with blanks behind colons and commas", () => {
    expect(formatInline({ name: "Alice", active: true })).to.equal('{"name": "Alice", "active": true}');
    expect(formatInline([1, [], {}, null, "x"])).to.equal('[1, [], {}, null, "x"]');
    expect(formatInline("MyApp")).to.equal('"MyApp"');
  });

  it("shows JSON on several lines with two blanks", () => {
    expect(formatPretty({ name: "Alice", active: true })).to.equal(
      '{\n  "name": "Alice",\n  "active": true\n}',
    );
    expect(formatPretty(5)).to.equal("5");
  });

  it("shows what is no JSON readably", () => {
    expect(formatInline(new Date(0))).to.equal("1970-01-01T00:00:00.000Z");
    expect(formatInline(new Map([["a", 1n]]))).to.equal("Map(1) { 'a' => 1n }");
    expect(formatInline(-0)).to.equal("-0");
    const cycle: Record<string, unknown> = { a: 1 };
    cycle.self = cycle;
    expect(formatInline(cycle)).to.contain("[Circular *1]");
    expect(formatInline(new Uint8Array([0, 255]))).to.equal("<2 bytes 00ff>");
    expect(formatPretty(new TextEncoder().encode("hello, binary world!"))).to.equal(
      [
        "<20 bytes>",
        "00000000  68 65 6c 6c 6f 2c 20 62  69 6e 61 72 79 20 77 6f  |hello, binary wo|",
        "00000010  72 6c 64 21                                       |rld!|",
      ].join("\n"),
    );
  });

  it("escapes whatever could drive the terminal", () => {
    const nasty = "\x1b]0;title\x07\x9b31m\u202e\r\b\x7f\u2028";
    for (const value of [nasty, { [nasty]: nasty }, new Map([[nasty, nasty]]), new Error(nasty)]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
      expect(formatInline(value)).not.to.match(/[\x00-\x1f\x7f-\x9f\u202e\u2028]/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
      expect(formatPretty(value).replaceAll("\n", "")).not.to.match(/[\x00-\x1f\x7f-\x9f\u202e\u2028]/);
    }
    expect(escapeControls("a\ud800b")).to.equal("a\\ud800b");
    expect(escapeControls("é𝄞")).to.equal("é𝄞");
  });

  it("keeps JSON readable as JSON when it escapes", () => {
    const value = { text: "\x1b\u0085\u202e" };
    expect(JSON.parse(formatInline(value))).to.deep.equal(value);
    expect(JSON.parse(formatPretty(value))).to.deep.equal(value);
  });
});
