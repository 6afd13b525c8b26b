/** What a fuzzed decoder is: how its inputs look, and what it does with one. */

import type { Field } from "./mutate.js";

export interface FuzzTarget {
  /** Also the name of its folder in the corpus. */
  readonly name: string;
  /** Inputs that its encoder wrote, and bombs: what the corpus is written from. */
  samples(): Promise<Record<string, Buffer>>;
  /** Numbers that say how long or how many something is. */
  fieldsOf?(bytes: Buffer): Field[];
  /** Puts the checksums right, in place, so that what was changed gets past them. */
  reseal?(bytes: Buffer): void;
  /** Decodes all of an input. Throws what the decoder throws. */
  feed(bytes: Buffer): void | Promise<void>;
  /** Errors that it may give beside FastKVError. */
  isRefusal?(error: unknown): boolean;
}
