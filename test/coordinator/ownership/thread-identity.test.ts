import { EventEmitter, once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect } from "chai";
import { acquireOwnership } from "../../../coordinator/ownership/owner-lock.js";
import { currentProcess, type ProcessSource } from "../../../coordinator/ownership/process-identity.js";
import {
  currentHolder,
  type HolderIdentity,
  isHolderAlive,
} from "../../../coordinator/ownership/thread-identity.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";
import { expectError } from "./expect-error.js";
import { slot, type ThreadTask } from "./thread-fixture.js";

const files = new NodeFileSystem();
const fixture = new URL("thread-fixture.js", import.meta.url);

function statLine(id: number, startTime: string): string {
  const between = Array.from({ length: 16 }, (_, at) => at + 100).join(" ");
  return `${id} (node) S ${between} 9 0 ${startTime} 3133440 358\n`;
}

/** A /proc of the given files; folders are there where a file in them is. */
function procOf(texts: Record<string, string>, unreadable: readonly string[] = []): ProcessSource {
  return {
    platform: "linux",
    readText: (path) => (unreadable.includes(path) ? undefined : texts[path]),
    exists: (path) => {
      if (unreadable.includes(path)) {
        throw new Error("EACCES");
      }
      return Object.keys(texts).some((name) => name === path || name.startsWith(`${path}/`));
    },
    run: () => undefined,
    signal: () => undefined,
  };
}

describe("the thread that holds a folder", () => {
  const { pid } = process;
  const proc = {
    "/proc/sys/kernel/random/boot_id": "boot\n",
    "/proc/thread-self/stat": statLine(77, "50"),
    [`/proc/${pid}/stat`]: statLine(pid, "5"),
    [`/proc/${pid}/task/${pid}/stat`]: statLine(pid, "5"),
    [`/proc/${pid}/task/77/stat`]: statLine(77, "50"),
  };
  const holder: HolderIdentity = { pid, startTime: "5", bootId: "boot", thread: { id: 77, startTime: "50" } };
  const { [`/proc/${pid}/task/77/stat`]: _ended, ...withoutThread } = proc;

  it("is known where it is not the first of its process", () => {
    expect(currentHolder(procOf(proc))).to.deep.equal(holder);
    const { thread: _, ...process } = holder;
    const first = { ...proc, "/proc/thread-self/stat": statLine(pid, "5") };
    expect(currentHolder(procOf(first))).to.deep.equal(process);
    expect(currentHolder(procOf({ ...proc, "/proc/thread-self/stat": "" }))).to.deep.equal(process);
    expect(currentHolder(procOf(withoutThread)), "nobody would find it again").to.deep.equal(process);
  });

  it("lives while it is there, and has ended when it is gone or another one has its id", () => {
    expect(isHolderAlive(holder, procOf(proc))).to.equal(true);
    expect(isHolderAlive(holder, procOf(withoutThread))).to.equal(false);
    const reused = { ...proc, [`/proc/${pid}/task/77/stat`]: statLine(77, "51") };
    expect(isHolderAlive(holder, procOf(reused))).to.equal(false);
  });

  it("has ended with its process", () => {
    const { [`/proc/${pid}/stat`]: _, ...rest } = proc;
    expect(isHolderAlive({ ...holder, startTime: "6" }, procOf(proc))).to.equal(false);
    const gone = procOf(rest);
    const source = {
      ...gone,
      signal: () => {
        throw Object.assign(new Error("no such process"), { code: "ESRCH" });
      },
    };
    expect(isHolderAlive(holder, source)).to.equal(false);
  });

  it("is taken to live where nobody can tell", () => {
    const task = `/proc/${pid}/task`;
    expect(isHolderAlive(holder, procOf(withoutThread, [`${task}/77`])), "unreadable thread").to.equal(true);
    expect(isHolderAlive(holder, procOf(proc, [`${task}/77/stat`])), "unreadable stat").to.equal(true);
    expect(isHolderAlive(holder, procOf(withoutThread, [task])), "unreadable folder").to.equal(true);
    expect(isHolderAlive(holder, procOf(withoutThread, [`/proc/${pid}/stat`])), "process").to.equal(true);
    const { thread: _, ...process } = holder;
    expect(isHolderAlive(process, procOf(proc)), "an older record").to.equal(true);
    const noTasks = procOf({ ...withoutThread, [`${task}/${pid}/stat`]: "" });
    expect(isHolderAlive(holder, { ...noTasks, exists: () => false }), "no folder of threads").to.equal(true);
  });

  it("is this one, as the system says", () => {
    expect(currentHolder()).to.deep.equal(currentProcess());
    expect(isHolderAlive(currentHolder())).to.equal(true);
  });
});

describe("a folder that threads of a process open", () => {
  if (process.platform !== "linux") {
    it("is held by the process, where threads cannot be told apart", () => {
      expect(currentHolder()).not.to.have.property("thread");
    });
    return;
  }
  const threads = new Set<Worker>();
  afterEach("end the threads", async () => {
    await Promise.all([...threads].map((thread) => thread.terminate()));
    threads.clear();
  });
  // Its folder goes after the threads, since hooks run in this order.
  const temporaryFolder = useTemporaryFolder();

  function start(task: ThreadTask): Worker {
    const thread = new Worker(fixture, { workerData: task });
    threads.add(thread);
    return thread;
  }

  it("is locked while the thread runs, and free as soon as it was terminated", async () => {
    const folder = temporaryFolder();
    for (let round = 0; round < 5; round++) {
      const shared = new SharedArrayBuffer(16);
      const thread = start({ kind: "hold", folder, shared, name: 1 });
      await once(thread, "message");
      const error = await expectError("FASTKV_LOCKED", () =>
        acquireOwnership(files, folder, { clock: Date.now }),
      );
      expect(error.message).to.include(`in this process (pid ${process.pid})`);
      await thread.terminate();
      (await acquireOwnership(files, folder, { clock: Date.now })).release();
    }
  });

  it("never has two inside, though threads are terminated at any moment", async () => {
    const folder = temporaryFolder();
    const shared = new SharedArrayBuffer(16);
    const state = new Int32Array(shared);
    const entries = new EventEmitter();
    let name = 0;
    function startOne(): Worker {
      const thread = start({ kind: "contend", folder, shared, name: ++name });
      return thread.on("message", () => entries.emit("entry"));
    }
    const running = Array.from({ length: 3 }, startOne);
    const endMs = performance.now() + 4_000;
    for (let round = 0; performance.now() < endMs; round++) {
      // Whoever was terminated, the others get in.
      await once(entries, "entry", { signal: AbortSignal.timeout(10_000) });
      await once(entries, "entry", { signal: AbortSignal.timeout(10_000) });
      const victim = round % running.length;
      await running[victim]!.terminate();
      threads.delete(running[victim]!);
      running[victim] = startOne();
    }
    expect(name, "threads that were started").to.be.above(10);
    expect(Atomics.load(state, slot.violations), "two were inside").to.equal(0);
  });
});
