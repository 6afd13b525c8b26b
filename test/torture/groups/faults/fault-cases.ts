/** Which faults there are: every call of the scripted runs, with all that it may come to. */

import type { Random } from "../../../support/random.js";
import type { BaseName } from "./bases.js";
import type { CallPoint, Injection } from "./strace.js";

/** The program that has the database open, or one of its shards. */
export type Place = "coordinator" | 0 | 1;
export const places: readonly Place[] = ["coordinator", 0, 1];

export interface FaultCase extends Injection {
  base: BaseName;
  place: Place;
}

const ofWrites = ["ENOSPC", "EIO", "EROFS", "EDQUOT"];
/** What a call may fail with. */
const errorsOf: Record<string, readonly string[]> = {
  pwrite64: ofWrites,
  fdatasync: ofWrites,
  fsync: ofWrites,
  rename: ofWrites,
  link: ofWrites,
  mkdir: ofWrites,
  openat: [...ofWrites, "EMFILE"],
  unlink: ["EIO", "EROFS"],
  ftruncate: ["EIO", "EROFS"],
  pread64: ["EIO"],
};
const errorsOfReading = ["EIO", "EMFILE"];

/** Some systems have only the newer calls. */
function plainName(call: string): string {
  return call.replace(/at2?$/, (end) => (call === "openat" ? end : ""));
}

function changesFiles({ call, isCreation }: CallPoint): boolean {
  return call !== "pread64" && (call !== "openat" || isCreation);
}

export function casesAt(base: BaseName, place: Place, point: CallPoint): FaultCase[] {
  const { call, file, isCreation } = point;
  if (call === "openat" && file === undefined) {
    // It cannot be told from the opening of a module.
    return [];
  }
  const isReading = call === "openat" && !isCreation;
  const errors = isReading ? errorsOfReading : (errorsOf[plainName(call)] ?? []);
  const common = { base, place, call };
  const once = { ...common, file, nth: file === undefined ? point.nthInThread : point.nthOnFile };
  // A process opens modules too: there only the one file fails for good.
  const lasting = call === "openat" ? once : { ...common, file: undefined, nth: point.nthInThread };
  return [
    ...(changesFiles(point) ? [{ ...once, isLasting: false, fault: "death" }] : []),
    ...errors.flatMap((fault) => [
      { ...once, isLasting: false, fault },
      { ...lasting, isLasting: true, fault },
    ]),
  ];
}

export function kindOf({ call, fault, isLasting }: FaultCase): string {
  return `${plainName(call)} ${fault}${isLasting ? " from then on" : ""}`;
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
