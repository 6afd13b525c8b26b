import { expect } from "chai";
import { type Entry, entryFromJson, entryToLine } from "fastkv-plugin-shell/bulk/entry";
import { readEntries } from "fastkv-plugin-shell/bulk/read-entries";

/** Feeds the text in pieces of the given size, as a stream would. */
async function read(text: string | Uint8Array, pieceBytes = 1_000): Promise<Entry[]> {
  const bytes = Buffer.from(text);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      yield bytes.subarray(start, start + pieceBytes);
    }
  }
  const entries: Entry[] = [];
  for await (const group of readEntries(pieces())) {
    entries.push(...group);
  }
  return entries;
}

async function failure(text: string | Uint8Array): Promise<string> {
  try {
    await read(text);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`${text} was read`);
}

describe("files to load", () => {
  const pair: Entry[] = [
    { key: "key1", value: { json: "value1" } },
    { key: "é𝄞", value: { json: { nested: ["data", 1.5, null] } } },
  ];
  const forms: Record<string, string> = {
    "an array of pairs": '[["key1", "value1"], ["é𝄞", {"nested": ["data", 1.5, null]}]]',
    "an array over several lines":
      '\ufeff[\n  ["key1", "value1"],\n  ["é𝄞",\n {"nested": ["data", 1.5, null]}]\n]\n',
    "an array of objects":
      '[{"key": "key1", "value": "value1"}, {"value": {"nested": ["data", 1.5, null]}, "key": "é𝄞"}]',
    "lines with pairs": '["key1", "value1"]\n\n["é𝄞", {"nested": ["data", 1.5, null]}]',
    "lines with objects":
      '{"key": "key1", "value": "value1"}\r\n{"key": "é𝄞", "value": {"nested": ["data", 1.5, null]}}\r\n',
  };
  for (const [name, text] of Object.entries(forms)) {
    it(`are read as ${name}, however they are cut`, async () => {
      for (const size of [1, 2, 3, 7, 1_000]) {
        expect(await read(text, size), `pieces of ${size}`).to.deep.equal(pair);
      }
    });
  }

  it("may be empty", async () => {
    for (const text of ["", "  \n ", "[]", "[ ]\n"]) {
      expect(await read(text)).to.deep.equal([]);
    }
  });

  it("keep what JSON can say, __proto__ and duplicate names included", async () => {
    const [entry] = await read('[["k", {"__proto__": 1, "a": 1, "a": 2}]]');
    const { json } = entry!.value as { json: object };
    expect(Object.keys(json)).to.deep.equal(["__proto__", "a"]);
    expect(Object.getPrototypeOf(json)).to.equal(Object.prototype);
  });

  const wrong: [text: string | Uint8Array, message: string][] = [
    ['[["a", 1], ["b"]]', "Item 2: expected a pair [key, value], found an array of 1"],
    ['[["a", 1], [1, 2]]', 'Item 2: the key is neither a string nor {"base64": "..."}'],
    ['[["a", 1], 5]', 'Item 2: expected [key, value] or {"key": ..., "value": ...}'],
    ['[["a", 1]', "The JSON ends within the array, behind item 1"],
    ['[["a", 1]] x', "behind item 1"],
    ['[["a", 1],]', "behind item 1"],
    ['["a", 1]\n["b", 2', "Line 2 is not JSON"],
    ['{"a": 1}', 'Line 1: expected [key, value] or {"key": ..., "value": ...}'],
    ['{"key": "a", "value": 1, "ttl": 5}', 'Line 1: unknown field "ttl"'],
    ['{"key": "a", "value": 1, "encoding": "yaml"}', "Line 1: unknown encoding"],
    ['{"key": "a", "value": "AAA=", "encoding": "binary"}', 'must be {"base64": "..."}'],
    ['{"key": {"base64": "?"}, "value": 1}', "the key is neither a string"],
    ['{"key": "a", "value": 1, "expiry": "soon"}', '"expiry" is not a time'],
    [Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x2c, 0x31, 0x5d]), "Line 1 is not UTF-8"],
    [Buffer.from([0x5b, 0x5b, 0x22, 0xff, 0x22, 0x2c, 0x31, 0x5d, 0x5d]), "not UTF-8"],
  ];
  for (const [text, message] of wrong) {
    it(`say where they are wrong: ${text}`, async () => {
      expect(await failure(text)).to.contain(message);
    });
  }
});

describe("lines of an export", () => {
  it("carry key, value, encoding and expiry, and are read back as they were", () => {
    const entries = [
      { key: "a", value: { json: { b: [1] } }, encoding: "json" },
      { key: "t", value: { json: null }, encoding: "json", expiry: 1_790_000_000_000 },
      { key: new Uint8Array([255, 0]), value: { stored: new Uint8Array([0, 1, 255]) }, encoding: "binary" },
      { key: "m", value: { stored: new Uint8Array([0x80]) }, encoding: "msgpack" },
      { key: "", value: { stored: new Uint8Array() }, encoding: "structured" },
    ] as const;
    for (const entry of entries) {
      expect(entryFromJson(JSON.parse(entryToLine(entry)), "it")).to.deep.equal(entry);
    }
    expect(entryToLine(entries[0])).to.equal('{"key":"a","value":{"b":[1]},"encoding":"json"}');
    expect(entryToLine(entries[2])).to.equal(
      '{"key":{"base64":"/wA="},"value":{"base64":"AAH/"},"encoding":"binary"}',
    );
  });
});
