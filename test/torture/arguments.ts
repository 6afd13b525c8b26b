/** The command line of the suite. */

import { parseArgs } from "node:util";

export const usage = `usage: npm run test:torture -- [--seconds N] [--seed N] [--group NAME]... [--cases N] [--part K/N] [--plant NAME|all]

  --seconds N   time for the whole run, shared by its groups (default 60)
  --seed N      replays a run: 0 to 4294967295 (default: drawn, and printed)
  --group NAME  only this group; may be given several times (default: all)
  --cases N     at most so many cases in each group (default: as many as the time allows)
  --part K/N    only the K-th of N parts of the cases of \`faults\`, so that all of them can be run one part after the other
  --plant NAME  proves the suite: plants this bug, or all, and fails unless the groups named with it find it
`;

/** The `number`-th, from 1, of `of` parts. */
export interface Part {
  readonly number: number;
  readonly of: number;
}

export interface TortureArguments {
  readonly seconds: number;
  /** Undefined: to be drawn. */
  readonly seed: number | undefined;
  /** Empty: all. */
  readonly groups: readonly string[];
  readonly cases: number;
  readonly part: Part;
  readonly plant: string | undefined;
}

/** The arguments are not to be understood: the message says which. */
export class UsageError extends Error {}

const twoTo32 = 0x1_0000_0000;

/** Throws a `UsageError` for anything that is not in `usage`. */
export function parseArguments(given: readonly string[]): TortureArguments {
  const values = parsed(given);
  const { seconds, seed, cases } = values;
  return {
    seconds: seconds === undefined ? 60 : wholeNumber("--seconds", seconds, 1, 86_400),
    seed: seed === undefined ? undefined : wholeNumber("--seed", seed, 0, twoTo32 - 1),
    groups: values.group ?? [],
    cases: cases === undefined ? Number.POSITIVE_INFINITY : wholeNumber("--cases", cases, 1, 1e9),
    part: partOf(values.part ?? "1/1"),
    plant: values.plant,
  };
}

function parsed(given: readonly string[]) {
  try {
    return parseArgs({
      args: [...given],
      options: {
        seconds: { type: "string" },
        seed: { type: "string" },
        group: { type: "string", multiple: true },
        cases: { type: "string" },
        part: { type: "string" },
        plant: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function partOf(text: string): Part {
  const [number = "", of = "", ...more] = text.split("/");
  if (more.length > 0 || of === "") {
    throw new UsageError(`--part takes a part and how many there are, such as 1/3, not "${text}"`);
  }
  const parts = wholeNumber("--part", of, 1, 1000);
  return { number: wholeNumber("--part", number, 1, parts), of: parts };
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new UsageError(`${name} takes a whole number from ${least} to ${most}, not "${text}"`);
  }
  return value;
}
