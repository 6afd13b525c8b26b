/** The decoders, one after the other, over their corpora and changed inputs. */

import { Random } from "../../../support/random.js";
import type { TortureContext } from "../../group.js";
import { readCorpus, targets } from "./corpus.js";
import { checkPrototypes, feedWithin } from "./limits.js";
import { mutate } from "./mutate.js";
import type { FuzzTarget } from "./target.js";

const casesAtOnce = 40;

export class DecoderFuzz {
  readonly counts: Record<string, number> = {};
  cases = 0;
  readonly #random: Random;
  readonly #corpora: ReadonlyMap<FuzzTarget, ReadonlyMap<string, Buffer>>;

  constructor(random: Random) {
    this.#random = random;
    this.#corpora = new Map(targets.map((target) => [target, readCorpus(target)]));
  }

  /** The corpus as it stands. A decoder without a sample that it takes would prove nothing. */
  async runCorpus(): Promise<void> {
    for (const [target, corpus] of this.#corpora) {
      let taken = 0;
      for (const [name, bytes] of corpus) {
        taken += (await this.#feed(target, `corpus ${name}`, bytes)) ? 1 : 0;
      }
      if (taken === 0) {
        throw new Error(`The decoder "${target.name}" takes none of its ${corpus.size} samples`);
      }
    }
  }

  async runMutations(context: TortureContext, untilMs: number): Promise<void> {
    while (performance.now() < untilMs && this.cases < context.cases) {
      for (const target of targets) {
        for (let one = 0; one < casesAtOnce; one++) {
          await this.#mutation(target);
        }
      }
    }
  }

  /** Each case has a seed of its own, which is named where it fails. */
  async #mutation(target: FuzzTarget): Promise<void> {
    const seed = this.#random.next32();
    const random = new Random(seed);
    const corpus = this.#corpora.get(target)!;
    const name = random.pick([...corpus.keys()]);
    const bytes = mutate(
      corpus.get(name)!,
      [...corpus.values()],
      random,
      (now) => target.fieldsOf?.(now) ?? [],
    );
    const isSealed = target.reseal !== undefined && random.chance(0.75);
    if (isSealed) {
      target.reseal?.(bytes);
    }
    await this.#feed(target, `${name}, changed with seed ${seed}`, bytes);
  }

  async #feed(target: FuzzTarget, what: string, bytes: Buffer): Promise<boolean> {
    try {
      const isTaken = await feedWithin(target, bytes);
      this.cases += 1;
      const kind = isTaken ? "taken" : "refused";
      for (const counted of [target.name, kind]) {
        this.counts[counted] = (this.counts[counted] ?? 0) + 1;
      }
      return isTaken;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const input =
        bytes.length > 2000
          ? `${bytes.toString("base64", 0, 1500)}... (${bytes.length} bytes)`
          : bytes.toString("base64");
      throw new Error(`decoder "${target.name}", ${what}: ${message}\ninput, base64: ${input}`, {
        cause: error,
      });
    } finally {
      checkPrototypes();
    }
  }
}
