/** Imports by the command, as a real process. */

import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { FastKV } from "../../../coordinator/index.js";
import { type CliResult, cliEnvironment, cliProgram, Workspace } from "./cli.js";
import { TestTerminal } from "./terminal.js";

export class Imports {
  readonly workspace: Workspace;
  /** The command's temporary folder: what it leaves behind lies here. */
  readonly temporary: string;
  #targets = 0;

  constructor(workspace: Workspace) {
    this.workspace = workspace;
    this.temporary = workspace.path("tmp");
    mkdirSync(this.temporary);
  }

  freshTarget(): string {
    this.#targets += 1;
    return this.workspace.path(`target-${this.#targets}`);
  }

  run(args: string, cwd?: string): Promise<CliResult> {
    const env = { TMPDIR: this.temporary };
    return this.workspace.run(["import", ...args.split(" ")], cwd === undefined ? { env } : { env, cwd });
  }

  async entriesOf(target: string): Promise<[string, unknown][]> {
    await using db = await FastKV.open(target, { createIfMissing: false });
    return await db.scan().toArray();
  }

  async expectImported(args: string, target: string, count: number, cwd?: string): Promise<void> {
    const isNew = !existsSync(target);
    expect(await this.run(`${args} --path ${target}`, cwd)).to.deep.equal({
      code: 0,
      stdout: `Imported ${count} entries: ${count} in the source, ${count} loaded, ${count} in the database\n`,
      stderr: isNew ? `Database created at ${target}\n` : "",
    });
  }

  /** One line, exit code 2, and not even an empty database. */
  async expectUnusable(args: string, message: RegExp, cwd?: string): Promise<void> {
    const target = this.freshTarget();
    const { code, stdout, stderr } = await this.run(`${args} --path ${target}`, cwd);
    expect({ code, stdout }, stderr).to.deep.equal({ code: 2, stdout: "" });
    expect(stderr)
      .to.match(/^Error: [^\n]*\n$/)
      .and.to.match(message);
    expect(statSync(target, { throwIfNoEntry: false })).to.equal(undefined);
  }

  /** Of a failure while it was loaded: the database is there and empty, and takes an import afterwards. */
  async expectNothingIn(target: string): Promise<void> {
    await using db = await FastKV.open(target, { createIfMissing: false });
    expect(await db.count()).to.equal(0);
  }

  damagedCopy(source: string, damage: (folder: string) => void): string {
    this.#targets += 1;
    const copy = this.workspace.path(`damaged-${this.#targets}`);
    cpSync(source, copy, { recursive: true });
    damage(copy);
    return copy;
  }

  /** Starts an import, and resolves when it has opened its target. */
  async startImport(from: string, source: string, target: string, cwd?: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, [cliProgram, "import", "--from", from, source, "--path", target], {
      cwd: cwd ?? this.workspace.folder,
      env: cliEnvironment(this.workspace.folder, { TMPDIR: this.temporary }),
      stdio: "pipe",
    });
    while (statSync(join(target, "FASTKV"), { throwIfNoEntry: false }) === undefined) {
      expect(child.exitCode, "ended too early").to.equal(null);
      await delay(5);
    }
    return child;
  }
}

/** Call it in a `describe` block: its tests share one folder. */
export function useImports(): () => Imports {
  let imports: Imports | undefined;
  before(async () => {
    imports = new Imports(await Workspace.create());
  });
  afterEach(() => {
    // Newer Nodes keep compiled code there.
    const left = readdirSync(imports!.temporary).filter((name) => name.startsWith("fastkv"));
    expect(left, "left in the temporary folder").to.deep.equal([]);
  });
  after(async () => {
    TestTerminal.killAll();
    await imports?.workspace.remove();
  });
  return () => imports!;
}

/** All that a folder holds. */
export function listing(folder: string): string[] {
  return readdirSync(folder).map((name) => {
    const { size, mtimeMs } = statSync(join(folder, name));
    return `${name} ${size} ${mtimeMs} ${readFileSync(join(folder, name)).toString("base64")}`;
  });
}

export function flipByte(file: string, position: number): void {
  const bytes = readFileSync(file);
  bytes[position]! ^= 0x40;
  writeFileSync(file, bytes);
}
