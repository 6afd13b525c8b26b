/**
 * Runs rounds over groups over stores: results that are compared are measured one right after the other, in changing
 * order.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Measurement } from "../measure/measurement.js";
import { peerOf } from "../stores/peers.js";
import type { Group } from "../workloads/group.js";
import { chosenGroups } from "../workloads/groups.js";
import type { Job } from "./job.js";
import { runBefore, runJob } from "./run-job.js";
import type { Settings } from "./settings.js";

export interface Result {
  round: number;
  peer: string;
  workload: string;
  measurement: Measurement;
}

export interface PeerFacts {
  name: string;
  settings: string;
  /** Why the peer was left out. */
  missing: string | undefined;
}

export interface Run {
  startedAt: string;
  settings: Settings;
  peers: PeerFacts[];
  results: Result[];
  failures: { round: number; peer: string; group: string; message: string }[];
}

const seedPerRound = 1_000;

export class Runner {
  readonly #settings: Settings;
  readonly #say: (line: string) => void;
  readonly #folder: string;
  readonly #run: Run;
  #jobs = 0;

  constructor(settings: Settings, say: (line: string) => void) {
    this.#settings = settings;
    this.#say = say;
    this.#folder = mkdtempSync(path.join(settings.folder ?? tmpdir(), "fastkv-peers-"));
    this.#run = { startedAt: new Date().toISOString(), settings, peers: [], results: [], failures: [] };
    process.once("exit", () => rmSync(this.#folder, { recursive: true, force: true }));
  }

  /** @param onRound is called with the results so far after each round */
  async run(onRound: (run: Run) => void): Promise<Run> {
    const chosen = chosenGroups(this.#settings.workloads);
    const peers = await this.#usablePeers();
    for (const name of ["records", "ycsb"] as const) {
      const prepare = name === "records" ? "prepare" : "prepare-ycsb";
      if (chosen.some(({ group }) => group.prepared === name || group.name === prepare)) {
        await this.#prepare(peers, prepare);
      }
    }
    const measured = chosen.filter(({ group }) => !group.name.startsWith("prepare"));
    for (let round = 0; round < this.#settings.rounds; round++) {
      for (const [index, { group, workloads }] of measured.entries()) {
        // The first store changes, so that none always finds the machine in the same state.
        for (let turn = 0; turn < peers.length; turn++) {
          await this.#job(round, peers[(turn + round + index) % peers.length]!, group, workloads);
        }
      }
      onRound(this.#run);
    }
    return this.#run;
  }

  async #usablePeers(): Promise<string[]> {
    for (const name of this.#settings.peers) {
      const peer = peerOf(name);
      const missing = await peer.missing();
      this.#run.peers.push({ name, settings: peer.settings, missing });
      if (missing !== undefined) {
        this.#say(`${name} is left out: ${missing}`);
      }
    }
    return this.#run.peers.filter((peer) => peer.missing === undefined).map((peer) => peer.name);
  }

  async #prepare(peers: string[], name: string): Promise<void> {
    const { group } = chosenGroups([name]).find(({ group }) => group.name === name)!;
    for (const peer of peers) {
      await this.#job(0, peer, group, [...group.workloads]);
    }
  }

  async #job(round: number, peer: string, group: Group, workloads: string[]): Promise<void> {
    const isYcsb = group.prepared === "ycsb";
    const folder = path.join(this.#folder, `job-${this.#jobs++}`);
    mkdirSync(folder);
    const job: Job = {
      peer,
      group: group.name,
      workloads,
      folder,
      preparedFolder: path.join(this.#folder, `${peer}-${isYcsb ? "ycsb" : "records"}`),
      records: isYcsb ? this.#settings.ycsbRecords : this.#settings.records,
      valueKind: this.#settings.valueKind,
      seconds: this.#settings.seconds,
      pausesSeconds: this.#settings.pausesSeconds,
      seed: 1 + round * seedPerRound,
    };
    // Data that one store left unwritten must not slow down the next one.
    spawnSync("sync");
    const startedMs = performance.now();
    try {
      if (group.before !== undefined) {
        await runBefore(job);
      }
      await runJob(job, (workload, measurement) => {
        this.#run.results.push({ round, peer, workload, measurement });
      });
      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
      this.#say(`round ${round + 1}, ${group.name}, ${peer}: ${seconds} s`);
    } catch (error) {
      const { message } = error as Error;
      this.#run.failures.push({ round, peer, group: group.name, message });
      this.#say(`round ${round + 1}, ${group.name}, ${peer} FAILED: ${message}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
