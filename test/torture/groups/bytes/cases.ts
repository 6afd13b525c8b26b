/** Every damage to every file of a database: each byte flipped, each length, each file missing or as it was before. */

import { isDeepStrictEqual } from "node:util";
import type { Random } from "../../../support/random.js";
import type { SimulatedFileSystem } from "../../../support/simulated-file-system.js";
import type { Base } from "./base.js";
import type { Damage } from "./tail-rule.js";

export type CaseKind = "flips" | "cuts" | "missing files" | "older versions" | "swaps";

export interface DamageCase {
  readonly kind: CaseKind;
  readonly base: Base;
  readonly path: string;
  /** For a flip the byte's place, for a cut the length, for an older version or a swap its number. */
  readonly at: number;
  /** For a flip: the bits. */
  readonly mask: number;
}

/** All cases of a database. With `allBits` each bit of each byte by itself, else one that is drawn. */
export function casesOf(base: Base, random: Random, allBits: boolean): DamageCase[] {
  const { disk, earlier } = base;
  const cases: DamageCase[] = [];
  const files = disk.files();
  for (const path of files) {
    const sizeBytes = disk.contentOf(path).length;
    for (let at = 0; at < sizeBytes; at++) {
      const masks = allBits ? [1, 2, 4, 8, 16, 32, 64, 128] : [1 << random.int(8)];
      for (const mask of masks) {
        cases.push({ kind: "flips", base, path, at, mask });
      }
      cases.push({ kind: "cuts", base, path, at, mask: 0 });
    }
    cases.push({ kind: "missing files", base, path, at: 0, mask: 0 });
    (earlier.get(path) ?? []).forEach((_, at) => {
      cases.push({ kind: "older versions", base, path, at, mask: 0 });
    });
    files.forEach((other, at) => {
      if (!isDeepStrictEqual(disk.contentOf(other), disk.contentOf(path))) {
        cases.push({ kind: "swaps", base, path, at, mask: 0 });
      }
    });
  }
  return cases;
}

/** The damaged content of the file; undefined: it is missing. */
export function damagedContent({ kind, base, path, at, mask }: DamageCase): Buffer | undefined {
  const sound = base.disk.contentOf(path);
  switch (kind) {
    case "flips":
      sound[at]! ^= mask;
      return sound;
    case "cuts":
      return sound.subarray(0, at);
    case "missing files":
      return undefined;
    case "older versions":
      return base.earlier.get(path)![at]!;
    case "swaps":
      return base.disk.contentOf(base.disk.files()[at]!);
  }
}

export function apply(disk: SimulatedFileSystem, damage: DamageCase): void {
  const content = damagedContent(damage);
  if (content === undefined) {
    disk.remove(damage.path);
  } else {
    disk.install(damage.path, content);
  }
}

/** What of the file is gone, as far as a log's tail is concerned. */
export function extentOf(damage: DamageCase): Damage {
  const { kind, path, at } = damage;
  const start = kind === "flips" || kind === "cuts" ? at : (damagedContent(damage)?.length ?? 0);
  return { path, start, isCut: kind === "cuts" || kind === "older versions" };
}

export function describe({ kind, base, path, at, mask }: DamageCase): string {
  const sizeBytes = base.disk.contentOf(path).length;
  switch (kind) {
    case "flips":
      return `database "${base.name}": ${path}, byte ${at} of ${sizeBytes} flipped by 0x${mask.toString(16)}`;
    case "cuts":
      return `database "${base.name}": ${path} cut to ${at} of ${sizeBytes} bytes`;
    case "missing files":
      return `database "${base.name}": ${path} is missing`;
    case "older versions":
      return `database "${base.name}": ${path} as it was before, with ${base.earlier.get(path)![at]!.length} of ${sizeBytes} bytes`;
    case "swaps":
      return `database "${base.name}": ${base.disk.files()[at]!} stands in the place of ${path}`;
  }
}
