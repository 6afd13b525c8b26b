/** Programs that are started with options, loaders and inspectors, which are not for their shards. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { rootCertificates } from "node:tls";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { libraryUrl, programText, runNode, runProgram, shardsOf } from "./support/programs.js";

describe("A program that is started with options of Node", () => {
  const folder = useTemporaryFolder();

  /** A module that writes a line, the value of `expression`, in each process that loads it. */
  function writesDown(expression: string): { module: string; notes: string } {
    const module = path.join(folder(), "trace.mjs");
    const notes = path.join(folder(), "trace.txt");
    const text = `import { appendFileSync } from "node:fs";
      appendFileSync(${JSON.stringify(notes)}, (${expression}) + "\\n");`;
    writeFileSync(module, text);
    return { module: pathToFileURL(module).href, notes };
  }

  /** A module that notes which processes load it. */
  function tracer(): { url: string; pids(): Set<string> } {
    const { module, notes } = writesDown("process.pid");
    return {
      url: module,
      pids: () => new Set(existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n") : []),
    };
  }

  function inspectorsIn(stderr: string): number {
    return stderr.split("Debugger listening").length - 1;
  }

  it("has shards without its inspector, whose port they would ask for, too", async () => {
    const inspect = "--inspect=127.0.0.1:0";
    const byArgument = await runProgram(folder(), programText(libraryUrl), [inspect]);
    const byVariable = await runProgram(folder(), programText(libraryUrl), [], { NODE_OPTIONS: inspect });
    for (const { stdout, stderr } of [byArgument, byVariable]) {
      expect(stdout).to.include("read 100 of 100");
      expect(inspectorsIn(stderr)).to.equal(1);
    }
  });

  it("has shards without its loaders", async () => {
    const trace = tracer();
    await runProgram(folder(), programText(libraryUrl), ["--import", trace.url]);
    expect(trace.pids().size).to.equal(1);
    const output = await runProgram(folder(), programText(libraryUrl), [], {
      NODE_OPTIONS: `--import ${trace.url}`,
    });
    expect(output.stdout).to.include("read 100 of 100");
    expect(trace.pids().size).to.equal(2);
  });

  it("has shards that do not read certificates, which costs Node 20 more than the rest of its start", async () => {
    const { module, notes } = writesDown("process.env.NODE_EXTRA_CA_CERTS ?? 'none'");
    const certificates = path.join(folder(), "certificates.pem");
    writeFileSync(certificates, rootCertificates[0]!);
    const options = `{ execArgv: ["--import", ${JSON.stringify(module)}] }`;
    const output = await runProgram(folder(), programText(libraryUrl, options), [], {
      NODE_EXTRA_CA_CERTS: certificates,
    });
    expect(output.stdout).to.include("read 100 of 100");
    expect(readFileSync(notes, "utf8")).to.equal("none\nnone\n");
  });

  it("gives its shards the options of execArgv, and only them", async () => {
    const trace = tracer();
    const options = `{ execArgv: ["--import", ${JSON.stringify(trace.url)}] }`;
    const output = await runProgram(folder(), programText(libraryUrl, options));
    expect([...trace.pids()].sort()).to.deep.equal(shardsOf(output).sort());
  });

  it("may stand on the command line, as a module or as CommonJS", async () => {
    const asModule = await runNode(folder(), ["--input-type=module", "-e", programText(libraryUrl)]);
    expect(asModule.stdout).to.include("read 100 of 100");
    expect(asModule.stderr).to.equal("");
    const asScript = await runNode(folder(), [
      "--input-type=commonjs",
      "-e",
      `const { FastKV } = require(${JSON.stringify(new URL(libraryUrl).pathname)});
      FastKV.open("./db").then(async (db) => {
        console.log(await db.count());
        await db.close();
      });`,
    ]);
    expect(asScript.stdout).to.equal("100\n");
  });

  it("runs where process.execPath is no Node, given execPath", async () => {
    const elsewhere = `const node = process.execPath; process.execPath = "/nowhere/application";`;
    const output = await runProgram(folder(), programText(libraryUrl, "{ execPath: node }", elsewhere));
    expect(output.stdout).to.include("read 100 of 100");
    const refused = await runProgram(
      folder(),
      `import { FastKV } from ${JSON.stringify(libraryUrl)};
      ${elsewhere}
      await FastKV.open("./other").catch((error) => console.log(error.code, error.message));`,
    );
    expect(refused.stdout).to.match(/^FASTKV_SHARD_UNAVAILABLE .*\/nowhere\/application/);
  });
});
