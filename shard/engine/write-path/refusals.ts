import { SequenceGate } from "../background/sequence-gate.js";

/**
 * Refusals that the coordinator does not know of yet. Until it does, the shard may die, and what was refused is sent
 * again. So nothing with a higher sequence number may become durable before: a restart takes everything up to the
 * highest durable number as done.
 */
export class Refusals {
  readonly #confirmed = new SequenceGate(0);
  #first = 0;
  #last = 0;

  /** The operations from `first` to `last` were refused. */
  note(first: number, last: number): void {
    if (!this.isPending) {
      this.#first = first;
    }
    this.#last = last;
  }

  /** The coordinator knows of all refusals up to `sequence`. */
  confirm(sequence: number): void {
    this.#confirmed.advance(sequence);
    if (sequence >= this.#last) {
      this.#last = 0;
    }
  }

  get isPending(): boolean {
    return this.#last > 0;
  }

  /** Resolves when the coordinator knows of every refusal up to `sequence`. Rejects if this object is closed first. */
  async told(sequence: number): Promise<void> {
    if (this.isPending && this.#first <= sequence) {
      await this.#confirmed.reached(this.#last);
    }
  }

  close(): void {
    this.#confirmed.close();
  }
}
