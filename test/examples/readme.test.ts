import { execFile } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { resolveOptions } from "../../coordinator/calls/options.js";
import { errorCodes, FastKV } from "../../coordinator/index.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const run = promisify(execFile);

/** What users read, each with its examples. */
const documents = [
  "README.md",
  ...["guide", "options", "errors", "operations", "migrating"].map((name) => `docs/${name}.md`),
].map((name) => {
  const text = readFileSync(root + name, "utf8");
  const examples = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map((match) => match[1]!);
  return { name, text, examples };
});

/** What the comments of an example say that it prints: those behind a console.log, without a remark in parentheses. */
function promised(example: string): string[] {
  return example
    .split("\n")
    .map((line) => /console\.log\(.*\); \/\/ (.*)$/.exec(line)?.[1])
    .filter((text) => text !== undefined)
    .map((text) => text.replace(/ \([^()]*\)$/, ""));
}

/** Each of `texts` must be a line of `output`, or several with commas between them, in this order. */
function expectLines(output: string, texts: readonly string[]): void {
  let rest = output.split("\n");
  for (const text of texts) {
    const at = rest.findIndex((_, start) =>
      [1, 2, 3].some((count) => rest.slice(start, start + count).join(", ") === text),
    );
    expect(at, `"${text}" among\n${rest.join("\n")}`).to.be.at.least(0);
    rest = rest.slice(at + 1);
  }
}

for (const { name, examples } of documents) {
  describe(name, () => {
    const folder = useTemporaryFolder();

    examples.forEach((example, index) => {
      const title = /^const (?:db|from) = .*open.*?"\.\/([^"]+)"/m.exec(example)?.[1] ?? String(index);
      it(`has an example that runs as it stands: ${title}`, async () => {
        const file = `${folder()}/example.mjs`;
        symlinkSync(`${root}node_modules`, `${folder()}/node_modules`);
        writeFileSync(file, example);
        const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder(), timeout: 30_000 });
        expect(stderr).to.equal("");
        expectLines(stdout, promised(example));
      });
    });
  });
}

describe("What users read", () => {
  it("has examples in the README and in each page for users", () => {
    for (const { name, examples } of documents) {
      expect(examples, name).not.to.have.lengthOf(0);
    }
  });

  it("names every method, option and error code", () => {
    const methods = Object.getOwnPropertyNames(FastKV.prototype).filter((name) => name !== "constructor");
    const options = Object.keys(resolveOptions({}));
    const textOf = (...names: string[]): string =>
      documents
        .filter(({ name }) => names.includes(name))
        .map(({ text }) => text)
        .join("\n");
    for (const name of methods) {
      expect(textOf("README.md", "docs/guide.md"), name).to.include(name);
    }
    for (const name of options) {
      expect(textOf("docs/options.md"), name).to.include(`\`${name}\``);
    }
    for (const code of Object.keys(errorCodes)) {
      expect(textOf("docs/errors.md"), code).to.include(`| \`${code}\` |`);
    }
  });
});
