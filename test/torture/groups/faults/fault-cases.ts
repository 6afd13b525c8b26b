/** Which faults there are: every call of the scripted runs, with all that it may come to. */

import { crc32 } from "node:zlib";
import type { Random } from "../../../support/random.js";
import type { Part } from "../../arguments.js";
import type { BaseName } from "./bases.js";
import type { CallPoint, Injection } from "./strace.js";

/** The program that has the database open, or one of its shards. */
export type Place = "coordinator" | 0 | 1;
export const places: readonly Place[] = ["coordinator", 0, 1];

export interface FaultCase extends Injection {
  base: BaseName;
  place: Place;
}

/** Errors that mean the same to FastKV; one call meets one of them once, and the next one from then on. */
type Alike = readonly string[];

const noRoom: Alike = ["ENOSPC", "EDQUOT"];
const otherwise: Alike = ["EIO", "EROFS"];
/** What a call may fail with. */
const errorsOf: Record<string, readonly Alike[]> = {
  pwrite64: [noRoom, otherwise],
  fdatasync: [noRoom, otherwise],
  fsync: [noRoom, otherwise],
  rename: [noRoom, otherwise],
  link: [noRoom, otherwise],
  mkdir: [noRoom, otherwise],
  openat: [noRoom, otherwise, ["EMFILE"]],
  unlink: [otherwise],
  ftruncate: [otherwise],
  pread64: [["EIO"]],
};
const errorsOfReading: readonly Alike[] = [["EIO"], ["EMFILE"]];

/** Some systems have only the newer calls. */
function plainName(call: string): string {
  return call.replace(/at2?$/, (end) => (call === "openat" ? end : ""));
}

function changesFiles({ call, isCreation }: CallPoint): boolean {
  return call !== "pread64" && (call !== "openat" || isCreation);
}

/** All that may become of one call, the `at`-th of its process. */
export function casesAt(base: BaseName, place: Place, point: CallPoint, at: number): FaultCase[] {
  const { call, file, isCreation } = point;
  if (call === "openat" && file === undefined) {
    // It cannot be told from the opening of a module.
    return [];
  }
  const isReading = call === "openat" && !isCreation;
  const errors = isReading ? errorsOfReading : (errorsOf[plainName(call)] ?? []);
  const common = { base, place, call };
  const once = { ...common, file, nth: file === undefined ? point.nthInThread : point.nthOnFile };
  // A process opens and reads modules too: there only the one file fails for good.
  const readsModules = call === "openat" || call === "pread64";
  const lasting = readsModules ? once : { ...common, file: undefined, nth: point.nthInThread };
  return [
    ...(changesFiles(point) ? [{ ...once, isLasting: false, fault: "death" }] : []),
    ...errors.flatMap((alike) => [
      { ...once, isLasting: false, fault: alike[at % alike.length]! },
      { ...lasting, isLasting: true, fault: alike[(at + 1) % alike.length]! },
    ]),
  ];
}

export function kindOf({ call, fault, isLasting }: FaultCase): string {
  return `${plainName(call)} ${fault}${isLasting ? " from then on" : ""}`;
}

/** Two runs with the same seed see nearly the same calls, in nearly the same order: what a case is says where it belongs. */
export function isInPart({ base, place, call, file, nth, fault, isLasting }: FaultCase, part: Part): boolean {
  const name = [base, place, call, file ?? "", nth, fault, isLasting].join(" ");
  return crc32(name) % part.of === part.number - 1;
}

/** In an order drawn by the seed that has every kind early: a short run has seen something of each. */
export function drawn(cases: readonly FaultCase[], random: Random): FaultCase[] {
  const kinds = new Map<string, FaultCase[]>();
  for (const one of random.shuffle([...cases])) {
    const kind = kindOf(one);
    kinds.set(kind, [...(kinds.get(kind) ?? []), one]);
  }
  const order: FaultCase[] = [];
  for (let at = 0; order.length < cases.length; at++) {
    const row = [...kinds.values()].flatMap((all) => (at < all.length ? [all[at]!] : []));
    order.push(...random.shuffle(row));
  }
  return order;
}
