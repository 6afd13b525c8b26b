import { execFile } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import { errorCodes, FastKV } from "../../coordinator/index.js";
import { resolveOptions } from "../../coordinator/options.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const readme = readFileSync(`${root}README.md`, "utf8");
const examples = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map((match) => match[1]!);
const run = promisify(execFile);

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

describe("README", () => {
  const folder = useTemporaryFolder();

  examples.forEach((example, index) => {
    const title = /^const db = .*open.*?"\.\/([^"]+)"/m.exec(example)?.[1] ?? String(index);
    it(`has an example that runs as it stands: ${title}`, async () => {
      const file = `${folder()}/example.mjs`;
      symlinkSync(`${root}node_modules`, `${folder()}/node_modules`);
      writeFileSync(file, example);
      const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder(), timeout: 30_000 });
      expect(stderr).to.equal("");
      expectLines(stdout, promised(example));
    });
  });

  it("names every method, option and error code", () => {
    const methods = Object.getOwnPropertyNames(FastKV.prototype).filter((name) => name !== "constructor");
    const options = Object.keys(resolveOptions({}));
    for (const name of [...methods, ...options, ...Object.keys(errorCodes)]) {
      expect(readme, name).to.include(name);
    }
  });
});
