import { type EngineOptions, maxSealedMemtables } from "../options.js";

export type StallReason = "none" | "memtables" | "level-zero" | "background-error";

export interface Stall {
  /** "slow": writes are delayed. "stop": writes wait, or are refused if the reason is a background failure. */
  kind: "none" | "slow" | "stop";
  reason: StallReason;
}

const noStall: Stall = { kind: "none", reason: "none" };
const slowForMemtables: Stall = { kind: "slow", reason: "memtables" };
const slowForLevelZero: Stall = { kind: "slow", reason: "level-zero" };
const stopForMemtables: Stall = { kind: "stop", reason: "memtables" };
const stopForLevelZero: Stall = { kind: "stop", reason: "level-zero" };
const stopForError: Stall = { kind: "stop", reason: "background-error" };

/** Whether writes arrive faster than they are flushed and compacted. Pure; called for each frame with writes. */
export function stallOf(
  sealedMemtables: number,
  levelZeroDepth: number,
  isFailing: { flush: boolean; compaction: boolean },
  options: EngineOptions,
): Stall {
  if (sealedMemtables >= maxSealedMemtables) {
    return isFailing.flush ? stopForError : stopForMemtables;
  }
  if (levelZeroDepth >= options.levelZeroStopTrigger) {
    return isFailing.compaction ? stopForError : stopForLevelZero;
  }
  if (sealedMemtables >= maxSealedMemtables - 1) {
    return slowForMemtables;
  }
  return levelZeroDepth >= options.levelZeroSlowdownTrigger ? slowForLevelZero : noStall;
}

/** How close slowed writes are to a stop, from 0 to 1. Pure. */
export function pressureOf(
  sealedMemtables: number,
  activeFill: number,
  levelZeroDepth: number,
  options: EngineOptions,
): number {
  const { levelZeroSlowdownTrigger: slow, levelZeroStopTrigger: stop } = options;
  const ofMemtables = sealedMemtables >= maxSealedMemtables - 1 ? activeFill : 0;
  const ofLevelZero = stop > slow ? (levelZeroDepth - slow) / (stop - slow) : 0;
  return Math.min(1, Math.max(ofMemtables, ofLevelZero, 0));
}
