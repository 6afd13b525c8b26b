/** Medians over the rounds, and ratios: one for each round, then the median of those. */

import type { Measurement } from "../measure/measurement.js";
import type { Run } from "../run/runner.js";
import { bestPeer, type Mark, type Target } from "./targets.js";

export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) {
    return undefined;
  }
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export class Summary {
  readonly run: Run;
  readonly peers: string[];
  readonly workloads: string[];

  constructor(run: Run) {
    this.run = run;
    this.peers = run.peers.filter((peer) => peer.missing === undefined).map((peer) => peer.name);
    this.workloads = [...new Set(run.results.map((result) => result.workload))];
  }

  /** The FastKV that is compared with the others: the default one, or the first. */
  get subject(): string | undefined {
    return this.peers.find((peer) => peer === "fastkv" || peer === "fastkv-2") ?? this.#fastkvs()[0];
  }

  get others(): string[] {
    return this.peers.filter((peer) => !this.#fastkvs().includes(peer));
  }

  measurements(peer: string, workload: string): Measurement[] {
    return this.run.results
      .filter((result) => result.peer === peer && result.workload === workload)
      .map((result) => result.measurement);
  }

  /** The median over the rounds of the value that `pick` returns for each. */
  figure(peer: string, workload: string, pick: (one: Measurement) => number | undefined): number | undefined {
    const values = this.measurements(peer, workload).map(pick);
    return median(values.filter((value) => value !== undefined));
  }

  rate(peer: string, workload: string): number | undefined {
    return this.figure(peer, workload, (one) => one.entriesPerSecond);
  }

  /** How many times as fast as `other`, which may be "the best": the median of the rounds' ratios. */
  ratio(peer: string, other: string, workload: string): number | undefined {
    const named = other === bestPeer ? this.#best(workload) : other;
    if (named === undefined) {
      return undefined;
    }
    const rates = (name: string): Map<number, number> =>
      new Map(
        this.run.results
          .filter((result) => result.peer === name && result.workload === workload)
          .map((result) => [result.round, result.measurement.entriesPerSecond]),
      );
    const theirs = rates(named);
    const ratios = [...rates(peer)].flatMap(([round, rate]) =>
      theirs.has(round) ? [rate / theirs.get(round)!] : [],
    );
    return median(ratios);
  }

  verdict(target: Target): { verdict: string; atLeast: string; aim: string } {
    const atLeast = target.atLeast.map((mark) => this.#judge(mark, target.workload));
    const aim = target.aim.map((mark) => this.#judge(mark, target.workload));
    const all = [...atLeast, ...aim];
    const isKnown = all.every((one) => one.isReached !== undefined);
    const verdict = !atLeast.every((one) => one.isReached !== false)
      ? "MISSED"
      : !isKnown
        ? "unknown"
        : all.every((one) => one.isReached)
          ? "aim reached"
          : "reached";
    return {
      verdict,
      atLeast: atLeast.map((one) => one.text).join("; "),
      aim: aim.map((one) => one.text).join("; "),
    };
  }

  #judge(mark: Mark, workload: string): { isReached: boolean | undefined; text: string } {
    const { subject } = this;
    const ratio = subject === undefined ? undefined : this.ratio(subject, mark.peer, workload);
    const best = mark.peer === bestPeer ? this.#best(workload) : undefined;
    const name = best === undefined ? mark.peer : `${mark.peer} (${best})`;
    return {
      isReached: ratio === undefined ? undefined : ratio >= mark.factor,
      text: `${ratio === undefined ? "-" : ratio.toFixed(2)} of ${mark.factor} x ${name}`,
    };
  }

  #best(workload: string): string | undefined {
    const rated = this.others
      .map((name) => ({ name, rate: this.rate(name, workload) }))
      .filter((one): one is { name: string; rate: number } => one.rate !== undefined);
    return rated.sort((left, right) => right.rate - left.rate)[0]?.name;
  }

  #fastkvs(): string[] {
    return this.peers.filter((peer) => peer.startsWith("fastkv"));
  }
}
