/** Faults through `node:fs`: short reads and writes, and where strace is missing errors and deaths at drawn calls. */

import fs from "node:fs";
import type { Random } from "../../../support/random.js";
import { type Place, places } from "./fault-cases.js";
import { type FileFault, fileFaultVariable } from "./preload.js";
import type { CaseFolder, FaultyLife } from "./run-case.js";

export type DrawnFault = Pick<FileFault, "call" | "fault" | "nth"> & { place: Place };

const calls = ["write", "sync", "rename", "remove", "truncate", "open", "link", "read"] as const;
const faults = ["death", "ENOSPC", "EIO", "EROFS", "EDQUOT", "EMFILE"];
/** A life has about so many calls of the more frequent kinds in a process. */
const mostCalls = 30;

export function drawShort(random: Random): DrawnFault {
  return { call: random.pick(["read", "write"]), fault: "short", nth: 0, place: random.pick(places) };
}

export function drawFileFault(random: Random): DrawnFault {
  const call = random.pick(calls);
  const fault =
    call === "read" ? "EIO" : call === "open" ? random.pick(faults) : random.pick(faults.slice(0, 5));
  const isRare = call === "rename" || call === "truncate" || call === "link";
  return { call, fault, nth: random.between(1, isRare ? 3 : mostCalls), place: random.pick(places) };
}

const preload = new URL("./preload.js", import.meta.url).href;

/** How the program is started so that the fault strikes; `note` is made when it has. */
export function lifeWith(
  drawnFault: DrawnFault,
  folder: CaseFolder,
  note: string,
  random: Random,
): FaultyLife {
  const { place, call, fault, nth } = drawnFault;
  const seed = random.next32();
  const order: FileFault = { folder: folder.database, note, seed: random.next32(), call, fault, nth };
  const common = { seed, tellsAll: fault !== "death" };
  if (place === "coordinator") {
    const environment = { [fileFaultVariable]: JSON.stringify(order), NODE_OPTIONS: `--import=${preload}` };
    return { ...common, under: [], starters: {}, environment };
  }
  const starter = folder.file("starter.sh");
  const variable = `${fileFaultVariable}='${JSON.stringify(order)}'`;
  fs.writeFileSync(
    starter,
    `#!/bin/sh\n${variable} exec '${process.execPath}' --import '${preload}' "$@"\n`,
    { mode: 0o700 },
  );
  return { ...common, under: [], starters: { [place]: starter }, environment: {} };
}
