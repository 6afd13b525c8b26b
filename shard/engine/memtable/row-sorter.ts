import { endianness } from "node:os";
import type { Rows } from "./rows.js";

/** Up to this many rows are sorted by insertion. */
const fewRows = 12;
/** After this many rounds, rows whose keys still agree are compared one by one. */
const mostRounds = 6;
/**
 * The low bits of an integer hold a row's place among the rows that are sorted; the other bits hold five bytes of its
 * key.
 */
const placeBits = 24;
const placeMask = (1 << placeBits) - 1;
/** The most rows that are sorted at once. */
export const mostSortedRows = 1 << placeBits;

/** Which half of a 64-bit integer is the lower one on this machine. */
const lowHalf = endianness() === "LE" ? 0 : 1;
const highHalf = 1 - lowHalf;
/** Scratch memory up to this size is kept for the next sort. */
const keptPlaces = 64 * 1024;
let scratch = new BigUint64Array(2048);

/**
 * Sorts rows by their keys, which are distinct, in place. Five bytes of each key, taken after the bytes that all keys
 * share, make a 64-bit integer together with the row's place. V8 sorts an array of these in native code, several times
 * as fast as it sorts strings. Rows that agree in their five bytes are sorted again by the bytes that follow.
 */
export function sortRows(rows: Rows, order: Uint32Array): void {
  if (scratch.length < order.length) {
    scratch = new BigUint64Array(order.length);
  }
  sortRange(rows, order, 0, order.length, 0, 0);
  if (scratch.length > keptPlaces) {
    scratch = new BigUint64Array(keptPlaces);
  }
}

/** `known`: the number of leading bytes that are the same in all keys of the range. */
function sortRange(
  rows: Rows,
  order: Uint32Array,
  start: number,
  end: number,
  known: number,
  round: number,
): void {
  if (end - start <= fewRows) {
    sortFew(rows, order, start, end, known);
    return;
  }
  if (round === mostRounds) {
    order.subarray(start, end).sort((a, b) => rows.compare(a, b, known));
    return;
  }
  const common = commonBytes(rows, order, start, end, known);
  const alike = sortByPrefix(rows, order, start, end, common);
  for (let at = 0; at < alike.length; at += 2) {
    sortRange(rows, order, alike[at]!, alike[at + 1]!, common, round + 1);
  }
}

/** Sorts by five bytes of the keys. Returns the start and the end of each stretch of rows that agree in them. */
function sortByPrefix(rows: Rows, order: Uint32Array, start: number, end: number, from: number): number[] {
  const count = end - start;
  const halves = new Uint32Array(scratch.buffer, 0, 2 * count);
  for (let place = 0; place < count; place++) {
    const row = order[start + place]!;
    halves[2 * place + highHalf] = rows.keyWord(row, from);
    halves[2 * place + lowHalf] = (rows.keyByte(row, from + 4) << placeBits) | place;
  }
  scratch.subarray(0, count).sort();
  const before = order.slice(start, end);
  const alike: number[] = [];
  let first = 0;
  for (let place = 0; place < count; place++) {
    order[start + place] = before[halves[2 * place + lowHalf]! & placeMask]!;
    if (!isAlike(halves, first, place)) {
      noteAlike(alike, start + first, start + place);
      first = place;
    }
  }
  noteAlike(alike, start + first, end);
  return alike;
}

function isAlike(halves: Uint32Array, a: number, b: number): boolean {
  return (
    halves[2 * a + highHalf] === halves[2 * b + highHalf] &&
    halves[2 * a + lowHalf]! >>> placeBits === halves[2 * b + lowHalf]! >>> placeBits
  );
}

function noteAlike(alike: number[], start: number, end: number): void {
  if (end - start > 1) {
    alike.push(start, end);
  }
}

function commonBytes(rows: Rows, order: Uint32Array, start: number, end: number, known: number): number {
  const first = order[start]!;
  let common = Number.POSITIVE_INFINITY;
  for (let place = start + 1; place < end && common > known; place++) {
    common = rows.commonBytes(first, order[place]!, known, common);
  }
  return common;
}

function sortFew(rows: Rows, order: Uint32Array, start: number, end: number, known: number): void {
  for (let place = start + 1; place < end; place++) {
    const row = order[place]!;
    let at = place;
    while (at > start && rows.compare(order[at - 1]!, row, known) > 0) {
      order[at] = order[at - 1]!;
      at -= 1;
    }
    order[at] = row;
  }
}
