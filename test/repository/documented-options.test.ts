/** Options document themselves in the editor: each field has a comment, and each of `FastKV.open` its default. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Where users meet options; the declarations are what their editors read. */
const declarations = [
  "coordinator/calls/options.d.ts",
  "coordinator/calls/call-options.d.ts",
  "coordinator/calls/ranges.d.ts",
  "coordinator/maintenance/options.d.ts",
  "coordinator/adapters/keyv/keyv-fastkv.d.ts",
  "coordinator/adapters/abstract-level/fastkv-level.d.ts",
  "shared/codec/value-codec.d.ts",
];

interface Field {
  name: string;
  comment: string;
}

/** The fields of each interface of options that is given to us; "Resolved" ones are our own. */
function optionsIn(text: string): Map<string, Field[]> {
  const found = new Map<string, Field[]>();
  for (const [, name, body] of text.matchAll(
    /^export interface ((?!Resolved)\w*Options)\b[^{]*\{\n(.*?)^\}/gms,
  )) {
    const fields = [
      ...body!.matchAll(/^ {4}(?:\/\*\*((?:(?!\*\/).)*)\*\/\n {4})?(?:readonly )?(\w+)\??: /gms),
    ];
    found.set(
      name!,
      fields.map(([, comment = "", field]) => ({ name: field!, comment })),
    );
  }
  return found;
}

const all = new Map(
  declarations.flatMap((file) => [...optionsIn(readFileSync(`${root}dist/${file}`, "utf8"))]),
);

describe("the declarations of options", () => {
  it("are found", () => {
    expect([...all.keys()]).to.include.members([
      "OpenOptions",
      "PutOptions",
      "ScanOptions",
      "FastKVLevelOptions",
    ]);
    expect(all.get("OpenOptions")).to.have.length.above(20);
  });

  it("say of each field what it does", () => {
    const silent = [...all].flatMap(([name, fields]) =>
      fields.filter(({ comment }) => comment.trim().length < 10).map((field) => `${name}.${field.name}`),
    );
    expect(silent).to.deep.equal([]);
  });

  it("say the default of each field of FastKV.open", () => {
    const silent = all.get("OpenOptions")!.filter(({ comment }) => !comment.includes("@default"));
    expect(silent.map(({ name }) => name)).to.deep.equal([]);
  });
});
