/**
 * The official suite is written for vitest and is handed vitest's module. This is the part of it that the suite uses,
 * made of mocha and chai.
 */

import { expect as chaiExpect } from "chai";

interface Matchers {
  toBe(expected: unknown): void;
  toEqual(expected: unknown): void;
  toBeTruthy(): void;
  toBeFalsy(): void;
  toBeNull(): void;
  toBeUndefined(): void;
  toBeDefined(): void;
}

interface Expect {
  (actual: unknown): Matchers;
  /** How many checks the test is to make. */
  assertions(count: number): void;
}

class Checks {
  made = 0;
  promised: number | undefined;

  readonly expect: Expect = Object.assign(
    (actual: unknown): Matchers => {
      this.made += 1;
      return {
        toBe: (expected) => chaiExpect(actual).to.equal(expected),
        toEqual: (expected) => chaiExpect(actual).to.deep.equal(expected),
        toBeTruthy: () => chaiExpect(Boolean(actual), String(actual)).to.equal(true),
        toBeFalsy: () => chaiExpect(Boolean(actual), String(actual)).to.equal(false),
        toBeNull: () => chaiExpect(actual).to.equal(null),
        toBeUndefined: () => chaiExpect(actual).to.equal(undefined),
        toBeDefined: () => chaiExpect(actual).to.not.equal(undefined),
      };
    },
    {
      assertions: (count: number): void => {
        this.promised = count;
      },
    },
  );
}

export const mochaAsVitest = {
  beforeEach,
  afterEach,
  it: (title: string, test: (context: { expect: Expect }) => unknown): void => {
    it(title, async () => {
      const checks = new Checks();
      await test({ expect: checks.expect });
      chaiExpect(checks.made, "checks made").to.be.at.least(1);
      if (checks.promised !== undefined) {
        chaiExpect(checks.made, "checks made").to.equal(checks.promised);
      }
    });
  },
};
