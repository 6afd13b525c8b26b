import assert from "node:assert/strict";
import { cp, open, readdir, rm, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { FastKV } from "fastkv";
import type { SelfTest } from "../self-test.js";

const count = 5_000;

/** The largest files are the tables and the batch log, which hold values. */
const damagedFiles = 3;

export const damageDetection: SelfTest = {
  name: "Damage detection (a flipped bit is reported, never returned)",
  async run(folder) {
    const whole = join(folder, "whole");
    {
      await using db = await FastKV.open(whole);
      await db.batchPut(
        Array.from({ length: count }, (_, index): [string, string] => [keyOf(index), recordOf(index)]),
      );
      await db.flush();
    }
    const codes: unknown[] = [];
    for (const name of (await filesBySize(whole)).slice(0, damagedFiles)) {
      const copy = join(folder, "damaged");
      await cp(whole, copy, { recursive: true });
      await flipBit(join(copy, name));
      codes.push(await readAll(copy));
      await rm(copy, { recursive: true });
    }
    assert.ok(
      codes.includes("FASTKV_CORRUPTION"),
      `expected FASTKV_CORRUPTION for one of the ${damagedFiles} largest files at least, seen ${codes.join(", ")}`,
    );
    assert.equal(await readAll(whole), "no error");
  },
};

/** Reads every key. @returns the code of the error, if there was one */
async function readAll(folder: string): Promise<unknown> {
  let wrong = 0;
  try {
    await using db = await FastKV.open(folder);
    const keys = Array.from({ length: count }, (_, index) => keyOf(index));
    const values = await db.getMany(keys);
    wrong = values.filter((value, index) => value !== recordOf(index)).length;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  assert.equal(wrong, 0, "wrong answers from a damaged file");
  return "no error";
}

function keyOf(index: number): string {
  return `key:${index}`;
}

function recordOf(index: number): string {
  return `value ${index} `.repeat(8);
}

/** Returns the paths of all files in the folder, the largest first. */
async function filesBySize(folder: string): Promise<string[]> {
  const files: { path: string; size: number }[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      files.push({ path: relative(folder, path), size: (await stat(path)).size });
    }
  }
  return files.sort((left, right) => right.size - left.size).map((file) => file.path);
}

async function flipBit(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { size } = await file.stat();
    const byte = Buffer.alloc(1);
    const offset = Math.floor(size / 3);
    await file.read(byte, 0, 1, offset);
    byte[0]! ^= 0x10;
    await file.write(byte, 0, 1, offset);
  } finally {
    await file.close();
  }
}
