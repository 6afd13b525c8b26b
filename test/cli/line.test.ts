import { expect } from "chai";
import { displayKey, quoteKey, quoteKeyAs } from "fastkv-plugin-shell/text/key";
import { parseLine } from "fastkv-plugin-shell/text/line";

function words(line: string): unknown[] {
  return parseLine(line).words.map((word) => word.value);
}

describe("the shell's line parser", () => {
  const cases: [line: string, words: unknown[]][] = [
    ["", []],
    ["   \t ", []],
    ["get key", ["get", "key"]],
    ["  get\tkey  ", ["get", "key"]],
    [`put k "MyApp"`, ["put", "k", "MyApp"]],
    [`put k '{"name": "Alice"}'`, ["put", "k", '{"name": "Alice"}']],
    [`put k "{\\"a\\": 1}"`, ["put", "k", '{"a": 1}']],
    ['scan "" 5', ["scan", "", "5"]],
    ["scan '' 5", ["scan", "", "5"]],
    ["a\\ b", ["a b"]],
    ["a'b c'd", ["ab cd"]],
    [`'it'\\''s'`, ["it's"]],
    [`"a\\nb"`, ["a\\nb"]],
    [`"a\\\\b \\$x \\\`"`, ["a\\b $x `"]],
    ["'a\\'", ["a\\"]],
    ["$'a\\tb\\n'", ["a\tb\n"]],
    ["$'\\x41\\u00e9\\U0001F600\\101'", ["Aé😀A"]],
    ["$'\\xc3\\xa9'", ["é"]],
    ["$'\\xff\\x00'", [new Uint8Array([0xff, 0])]],
    ["$'\\q'", ["\\q"]],
    ["a$b $HOME *.ts | > & ;", ["a$b", "$HOME", "*.ts", "|", ">", "&", ";"]],
    ["# a comment 'with a quote", []],
    ["put k #5", ["put", "k", "#5"]],
    ["a\\\nb", ["ab"]],
    ["'a\nb'", ["a\nb"]],
    ["é 𝄞", ["é", "𝄞"]],
  ];
  for (const [line, expected] of cases) {
    it(`splits ${JSON.stringify(line)}`, () => {
      const parsed = parseLine(line);
      expect(words(line)).to.deep.equal(expected);
      expect(parsed.open).to.equal(undefined);
    });
  }

  const open: [line: string, quote: string, at: number][] = [
    ["put 'a", "'", 4],
    ['put "a', '"', 4],
    ["put $'a\\'", "$'", 4],
    ["put a\\", "\\", 5],
    [`put "a\\"`, '"', 4],
    ["put 'a' b'c\nd", "'", 9],
  ];
  for (const [line, quote, at] of open) {
    it(`asks for more after ${JSON.stringify(line)}`, () => {
      expect(parseLine(line).open).to.deep.equal({ quote, at });
    });
  }

  it("keeps each word as it was typed", () => {
    const { words } = parseLine(` put  a\\ b 'c'$'\\x41'"d\ne" `);
    expect(words.map(({ raw }) => raw)).to.deep.equal(["put", "a\\ b", `'c'$'\\x41'"d\ne"`]);
  });
});

describe("keys as words", () => {
  const keys = [
    "a",
    "user:1",
    "two words",
    "it's",
    '"',
    "$x",
    "#x",
    "",
    "a\\b",
    "\n",
    "\x1b[31m",
    "\u202e",
    "é",
    "-x",
  ];
  const bytes = new Uint8Array([0, 0x27, 0x5c, 0xff]);

  it("read back as they were, in every way of quoting", () => {
    for (const key of keys) {
      expect(words(quoteKey(key)), key).to.deep.equal([key]);
      for (const quote of [undefined, "'", '"', "$'"] as const) {
        expect(words(quoteKeyAs(key, quote)), `${key} ${quote}`).to.deep.equal([key]);
      }
    }
    expect(words(quoteKey(bytes))).to.deep.equal([bytes]);
  });

  it("are shown plainly where that is clear", () => {
    expect(displayKey("user:1")).to.equal("user:1");
    expect(displayKey("two words")).to.equal("two words");
    expect(displayKey("")).to.equal("''");
    expect(displayKey(" x")).to.equal("' x'");
  });

  it("cannot drive the terminal", () => {
    expect(displayKey("\x1b[2J")).to.equal("$'\\x1b[2J'");
    expect(displayKey("a\u009bb\u202e")).to.equal("$'a\\u009bb\\u202e'");
    expect(displayKey(bytes)).to.equal("$'\\x00\\'\\\\\\xff'");
  });
});
