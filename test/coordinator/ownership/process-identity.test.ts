import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "chai";
import {
  currentProcess,
  identityOf,
  isAlive,
  killAndAwait,
  type ProcessSource,
  parseLinuxStat,
  parsePsLine,
} from "../../../coordinator/ownership/process-identity.js";
import { expectError } from "./expect-error.js";

function statLine(name: string, state: string, threads: number, startTime: string): string {
  const between = Array.from({ length: 16 }, (_, at) => at + 100).join(" ");
  return `4711 (${name}) ${state} ${between} ${threads} 0 ${startTime} 3133440 358\n`;
}

function errno(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe("process identity", () => {
  const children: ChildProcess[] = [];

  function sleeper(): ChildProcess {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    children.push(child);
    return child;
  }

  afterEach("kill the sleepers", () => {
    for (const child of children.splice(0)) {
      child.kill("SIGKILL");
    }
  });

  describe("reading /proc/<pid>/stat", () => {
    for (const name of ["node", "a b", "a) R 1 2 (b", ")", "((", "", "x) Z 1"]) {
      it(`counts the fields behind a program named ${JSON.stringify(name)}`, () => {
        expect(parseLinuxStat(statLine(name, "S", 7, "144386"))).to.deep.equal({
          startTime: "144386",
          isDead: false,
        });
      });
    }

    it("takes a zombie for dead only when no other thread of it is left", () => {
      expect(parseLinuxStat(statLine("node", "Z", 1, "5"))?.isDead).to.equal(true);
      expect(parseLinuxStat(statLine("node", "Z", 2, "5"))?.isDead).to.equal(false);
      expect(parseLinuxStat(statLine("node", "X", 1, "5"))?.isDead).to.equal(true);
      expect(parseLinuxStat(statLine("node", "T", 1, "5"))?.isDead).to.equal(false);
    });

    it("makes nothing of a text that is no status", () => {
      for (const text of ["", ")", "1 (a) S 1 2", statLine("node", "S", 1, "x")]) {
        expect(parseLinuxStat(text), text).to.equal(undefined);
      }
    });
  });

  it("reads what ps prints", () => {
    const line = "Ss   Sat Nov 22 20:45:00 2025    \n";
    expect(parsePsLine(line)).to.deep.equal({ startTime: "Sat Nov 22 20:45:00 2025", isDead: false });
    expect(parsePsLine("Z+   Sat Nov 22 20:45:00 2025\n")?.isDead).to.equal(true);
    expect(parsePsLine("")).to.equal(undefined);
  });

  it("asks ps and sysctl on macOS", () => {
    const asked: string[] = [];
    const source: ProcessSource = {
      platform: "darwin",
      readText: () => undefined,
      exists: () => false,
      run: (command, commandArguments) => {
        asked.push([command, ...commandArguments].join(" "));
        return command === "/bin/ps" ? "S Sat Nov 22 20:45:00 2025\n" : "BOOT-UUID\n";
      },
      signal: () => undefined,
    };
    expect(identityOf(7, source)).to.deep.equal({
      pid: 7,
      startTime: "Sat Nov 22 20:45:00 2025",
      bootId: "BOOT-UUID",
    });
    expect(asked).to.deep.equal([
      "/bin/ps -o stat=,lstart= -p 7",
      "/usr/sbin/sysctl -n kern.bootsessionuuid",
    ]);
  });

  describe("where start times are not known", () => {
    let answer: Error | undefined;
    let signals: (0 | "SIGKILL")[] = [];
    const source: ProcessSource = {
      platform: "freebsd",
      readText: () => undefined,
      exists: () => false,
      run: () => undefined,
      signal: (_, signal) => {
        signals.push(signal);
        if (answer !== undefined) {
          throw answer;
        }
      },
    };

    beforeEach("nothing asked yet", () => {
      answer = undefined;
      signals = [];
    });

    it("goes by the pid", () => {
      const identity = { pid: 7, startTime: "", bootId: "" };
      expect(isAlive(identity, source)).to.equal(true);
      answer = errno("EPERM");
      expect(isAlive(identity, source), "somebody else's process is there, too").to.equal(true);
      answer = errno("ESRCH");
      expect(isAlive(identity, source)).to.equal(false);
    });

    it("waits for a process but never kills it", async () => {
      const identity = { pid: 7, startTime: "", bootId: "" };
      const waiting = killAndAwait(identity, 5000, source);
      answer = errno("ESRCH");
      await waiting;
      answer = undefined;
      await expectError("FASTKV_LOCKED", () => killAndAwait(identity, 20, source));
      expect(signals).to.not.include("SIGKILL");
    });
  });

  it("says when a process may not be killed", async () => {
    const source: ProcessSource = {
      platform: "linux",
      readText: (path) => (path.endsWith("stat") ? statLine("node", "S", 1, "5") : "boot\n"),
      exists: () => true,
      run: () => undefined,
      signal: () => {
        throw errno("EPERM");
      },
    };
    const error = await expectError("FASTKV_LOCKED", () =>
      killAndAwait({ pid: 7, startTime: "5", bootId: "boot" }, 100, source),
    );
    expect(error.message).to.include("7").and.to.include("cannot be killed");
  });

  it("knows this very process", () => {
    const own = currentProcess();
    expect(own.pid).to.equal(process.pid);
    expect(own.startTime).to.not.equal("");
    expect(own.bootId).to.not.equal("");
    expect(own).to.deep.equal(currentProcess());
    expect(isAlive(own)).to.equal(true);
  });

  it("tells a process from an earlier one with its pid, and from one of another boot", () => {
    const identity = identityOf(sleeper().pid!)!;
    expect(isAlive(identity)).to.equal(true);
    expect(isAlive({ ...identity, startTime: "1" })).to.equal(false);
    expect(isAlive({ ...identity, bootId: "another" })).to.equal(false);
  });

  it("answers nothing for a process that has ended", async () => {
    const child = sleeper();
    const identity = identityOf(child.pid!)!;
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(isAlive(identity)).to.equal(false);
    expect(identityOf(child.pid!)).to.equal(undefined);
  });

  it("takes a zombie for dead", async () => {
    // The shell's child ends while the program that took the shell's place never asks for it.
    const parent = spawn("sh", ["-c", "sleep 0.01 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    children.push(parent);
    const [printed] = await once(parent.stdout!, "data");
    const zombie = Number(String(printed));
    for (let wait = 0; wait < 200 && identityOf(zombie) !== undefined; wait += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(identityOf(zombie)).to.equal(undefined);
    expect(() => process.kill(zombie, 0), "its pid is still taken").to.not.throw();
  });

  it("kills a process, stopped or not, and is back when it has gone", async () => {
    for (const isStopped of [false, true]) {
      const child = sleeper();
      const identity = identityOf(child.pid!)!;
      if (isStopped) {
        child.kill("SIGSTOP");
      }
      await killAndAwait(identity, 5000);
      expect(isAlive(identity)).to.equal(false);
    }
  });

  it("does not kill a process that only has the pid of the one meant", async () => {
    const child = sleeper();
    const identity = identityOf(child.pid!)!;
    await killAndAwait({ ...identity, startTime: "1" }, 1000);
    await killAndAwait({ ...identity, bootId: "another" }, 1000);
    expect(isAlive(identity)).to.equal(true);
  });
});
