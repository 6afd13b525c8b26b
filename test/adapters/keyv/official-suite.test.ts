/** Keyv's own test suite for storage adapters. */

import keyvTestSuite, { keyvIteratorTests } from "@keyv/test-suite";
import { expect } from "chai";
import Keyv from "keyv";
import { KeyvFastKV } from "../../../coordinator/adapters/keyv/keyv-fastkv.js";
import { useSharedStore } from "../../api/support/stores.js";
import { mochaAsVitest } from "./mocha-as-vitest.js";

/** The types of the suite's first argument are those of vitest, of which it uses four functions. */
const runner = mochaAsVitest as unknown as Parameters<typeof keyvTestSuite>[0];

describe("Keyv's official test suite", () => {
  const database = useSharedStore();
  const store = (): KeyvFastKV => new KeyvFastKV(database());

  describe("on values, namespaces and the API", () => {
    keyvTestSuite(runner, Keyv, store);
  });

  describe("on iterators", () => {
    keyvIteratorTests(runner, Keyv, store);
  });

  it("has left what it wrote in the database, not in memory", async () => {
    const keyv = new Keyv({ store: store() });
    await keyv.set("foo", "bar");
    expect(await database().keys().toArray()).to.deep.equal(["keyv:foo"]);
  });
});
