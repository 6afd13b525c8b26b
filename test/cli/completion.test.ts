import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { complete } from "fastkv-plugin-shell/shell/completion";

/** Answers `keys()` from a list, as the database would. */
function databaseOf(...keys: string[]): Parameters<typeof complete>[0] {
  const fake = {
    keys(options: { prefix: string; limit: number; reverse?: boolean }) {
      const found = keys.filter((key) => key.startsWith(options.prefix)).sort();
      const ordered = options.reverse ? found.reverse() : found;
      return { toArray: async () => ordered.slice(0, options.limit).map((key) => Buffer.from(key)) };
    },
  };
  return fake as unknown as Parameters<typeof complete>[0];
}

describe("completion", () => {
  const db = databaseOf("user:1001", "user:1002", "config:app", "my key", "it's");

  it("knows the commands", async () => {
    expect(await complete(db, "sca")).to.deep.equal([["scan "], "sca"]);
    expect((await complete(db, ""))[0]).to.include.members(["get ", "put ", "exit "]);
    expect(await complete(db, "help co")).to.deep.equal([["count ", "compact "], "co"]);
  });

  it("finds keys by prefix, where a key belongs", async () => {
    expect(await complete(db, "get user:")).to.deep.equal([["user:1001", "user:1002"], "user:"]);
    expect(await complete(db, "get con")).to.deep.equal([["config:app "], "con"]);
    expect((await complete(db, "put user:1001 us"))[0]).to.deep.equal([]);
    expect(await complete(db, "scan --reverse con")).to.deep.equal([["config:app "], "con"]);
    expect(await complete(db, "scan --gte con")).to.deep.equal([["config:app "], "con"]);
    expect((await complete(db, "nothing con"))[0]).to.deep.equal([]);
  });

  it("quotes as the word was begun", async () => {
    expect(await complete(db, "get my")).to.deep.equal([["my\\ key "], "my"]);
    expect(await complete(db, "get 'my")).to.deep.equal([["'my key' "], "'my"]);
    expect(await complete(db, 'get "my k')).to.deep.equal([['"my key" '], '"my k']);
    expect(await complete(db, "get it")).to.deep.equal([["it\\'s "], "it"]);
  });

  it("knows options and fixed words", async () => {
    expect(await complete(db, "scan --rev")).to.deep.equal([["--reverse "], "--rev"]);
    expect(await complete(db, "put k v --encoding m")).to.deep.equal([["msgpack "], "m"]);
    expect(await complete(db, "time o")).to.deep.equal([["on ", "off "], "o"]);
  });

  it("never shows more than it should fill in", async () => {
    const many = databaseOf(
      ...Array.from({ length: 500 }, (_, index) => `a${String(index).padStart(3, "0")}`),
      "b",
    );
    const [candidates] = await complete(many, "get a");
    expect(candidates).to.have.length(101);
    expect(candidates.at(-1)).to.equal("a499");
  });

  it("finds files", async () => {
    const folder = await mkdtemp(join(tmpdir(), "fastkv-completion-"));
    try {
      await mkdir(join(folder, "data folder"));
      await writeFile(join(folder, "data.json"), "[]");
      expect((await complete(db, `bulk ${folder}/da`))[0]).to.have.members([
        `${folder}/data\\ folder/`,
        `${folder}/data.json `,
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
