import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { SequenceGate } from "../../../../shard/engine/background/sequence-gate.js";
import { rejection } from "../../../support/errors.js";

/** A gate, and those of its visitors that it has let through or turned away. */
class Scene {
  readonly gate: SequenceGate;
  readonly #passed: number[] = [];
  readonly #refused: number[] = [];

  constructor(sequence: number) {
    this.gate = new SequenceGate(sequence);
  }

  visit(...sequences: number[]): void {
    for (const sequence of sequences) {
      this.gate.reached(sequence).then(
        () => this.#passed.push(sequence),
        () => this.#refused.push(sequence),
      );
    }
  }

  async passed(): Promise<number[]> {
    await turn();
    return this.#passed.toSorted((a, b) => a - b);
  }

  async refused(): Promise<number[]> {
    await turn();
    return this.#refused.toSorted((a, b) => a - b);
  }
}

describe("A sequence gate", () => {
  it("lets through at once what it begins with", async () => {
    const scene = new Scene(5);
    scene.visit(0, 4, 5, 6);
    expect(await scene.passed()).to.deep.equal([0, 4, 5]);
  });

  it("lets everybody through whose number is reached, and keeps the others", async () => {
    const scene = new Scene(0);
    scene.visit(1, 2, 2, 3, 9);
    expect(await scene.passed()).to.deep.equal([]);
    scene.gate.advance(2);
    expect(await scene.passed()).to.deep.equal([1, 2, 2]);
    scene.gate.advance(3);
    expect(await scene.passed()).to.deep.equal([1, 2, 2, 3]);
    scene.gate.advance(100);
    expect(await scene.passed()).to.deep.equal([1, 2, 2, 3, 9]);
  });

  it("never goes back", async () => {
    const scene = new Scene(0);
    scene.gate.advance(7);
    scene.gate.advance(3);
    scene.visit(7, 8);
    expect(await scene.passed()).to.deep.equal([7]);
  });

  it("turns away those who wait when it is closed, and those who come later", async () => {
    const scene = new Scene(5);
    scene.visit(6, 8);
    scene.gate.close();
    expect(await scene.refused()).to.deep.equal([6, 8]);
    scene.visit(7);
    expect(await scene.refused()).to.deep.equal([6, 7, 8]);
    expect(await scene.passed()).to.deep.equal([]);
  });

  it("says that it was closed", async () => {
    const gate = new SequenceGate(0);
    const waiting = rejection(gate.reached(1));
    gate.close();
    expect(await waiting).to.include({ code: "FASTKV_CLOSED" });
  });

  it("lets through what was reached before it was closed", async () => {
    const scene = new Scene(0);
    scene.visit(4, 5);
    scene.gate.advance(4);
    scene.gate.close();
    expect(await scene.passed()).to.deep.equal([4]);
    expect(await scene.refused()).to.deep.equal([5]);
    scene.visit(3);
    expect(await scene.passed()).to.deep.equal([3, 4]);
  });
});
