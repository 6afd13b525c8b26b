/** Who reads of the shell's commands finds all that they take. */

import { readFileSync } from "node:fs";
import { expect } from "chai";
import { shellCommands } from "fastkv-plugin-shell/shell/registry";

const readme = readFileSync(new URL("../../../oclif-cli/README.md", import.meta.url), "utf8");
const section = readme.slice(readme.indexOf("\n## Shell\n"), readme.indexOf("\n## Scripts\n"));
const rows = section.split("\n").filter((line) => line.startsWith("| `"));

describe("the shell's commands", () => {
  for (const { name, usage, options = {} } of shellCommands) {
    it(`stand in the README, and with every option in their usage: ${name}`, () => {
      const row = rows.find((line) => line.includes(`\`${name}\``) || line.includes(`\`${name} `));
      expect(row).to.not.equal(undefined);
      for (const option of Object.keys(options)) {
        expect(usage).to.match(new RegExp(`\\[--${option}[\\] ]`));
        expect(row).to.match(new RegExp(`\\[--${option}[\\] ]`));
      }
    });
  }
});
