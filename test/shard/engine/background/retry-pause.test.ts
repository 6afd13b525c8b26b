import { expect } from "chai";
import { RetryPause } from "../../../../shard/engine/background/retry-pause.js";
import { backgroundRetryMs } from "../../../../shard/engine/options.js";
import { FastKVError } from "../../../../shared/errors.js";

/** Timers that end when they are told to. */
class Scene {
  readonly failures: unknown[] = [];
  readonly delays: number[] = [];
  /** Of each time that the owner was told that a pause is over: whether it still was on. */
  readonly over: boolean[] = [];
  #timer: (() => void) | undefined;
  readonly pause = new RetryPause({
    setTimer: (call, delayMs) => {
      this.delays.push(delayMs);
      this.#timer = call;
      return () => {
        this.#timer = undefined;
      };
    },
    onFailed: (error) => this.failures.push(error),
    onOver: () => this.over.push(this.pause.isOn),
  });

  get isTicking(): boolean {
    return this.#timer !== undefined;
  }

  ring(): void {
    const timer = this.#timer;
    this.#timer = undefined;
    timer!();
  }
}

const noSpace = new FastKVError("FASTKV_NO_SPACE", "The disk is full");

describe("The pause after a background failure", () => {
  it("is not on before anything failed", () => {
    const { pause, isTicking } = new Scene();
    expect([pause.isOn, pause.error, isTicking]).to.deep.equal([false, undefined, false]);
  });

  it("begins with the failure, and is over when its timer ends", () => {
    const scene = new Scene();
    const { pause } = scene;
    pause.failed(noSpace);
    expect([pause.isOn, pause.error, scene.over]).to.deep.equal([true, noSpace, []]);
    expect(scene.failures).to.deep.equal([noSpace]);
    expect(scene.delays).to.deep.equal([backgroundRetryMs]);
    scene.ring();
    expect([pause.isOn, pause.error]).to.deep.equal([false, noSpace]);
    expect(scene.over, "so that the owner can start the work").to.deep.equal([false]);
  });

  it("is one pause for failures that come during it, all of which are told", () => {
    const scene = new Scene();
    const later = new Error("later");
    scene.pause.failed(noSpace);
    scene.pause.failed(later);
    expect(scene.delays).to.have.length(1);
    expect(scene.failures).to.deep.equal([noSpace, later]);
    expect(scene.pause.error).to.equal(later);
  });

  it("begins anew where the next try fails too", () => {
    const scene = new Scene();
    scene.pause.failed(noSpace);
    scene.ring();
    scene.pause.failed(noSpace);
    expect([scene.pause.isOn, scene.delays.length]).to.deep.equal([true, 2]);
    scene.ring();
    expect(scene.over).to.have.length(2);
  });

  it("ends with a success, and its timer with it", () => {
    const scene = new Scene();
    scene.pause.failed(noSpace);
    scene.pause.succeeded();
    expect([scene.pause.isOn, scene.pause.error, scene.isTicking]).to.deep.equal([false, undefined, false]);
    expect(scene.over).to.deep.equal([]);
  });

  it("does not come of work that ended because the shard was closed", () => {
    const scene = new Scene();
    scene.pause.failed(new FastKVError("FASTKV_CLOSED", "The shard was closed"));
    expect([scene.pause.isOn, scene.pause.error, scene.isTicking]).to.deep.equal([false, undefined, false]);
    expect(scene.failures).to.deep.equal([]);
  });

  it("ends when the shard stops, and none begins after that, though failures are still told", () => {
    const scene = new Scene();
    scene.pause.failed(noSpace);
    scene.pause.stop();
    expect([scene.pause.isOn, scene.isTicking]).to.deep.equal([false, false]);
    expect(scene.pause.error, "why the last try failed is still known").to.equal(noSpace);
    const later = new Error("later");
    scene.pause.failed(later);
    expect([scene.pause.isOn, scene.pause.error, scene.isTicking]).to.deep.equal([false, later, false]);
    expect(scene.failures).to.deep.equal([noSpace, later]);
  });

  it("says why the work cannot be done: its last failure, else that the shard is closing", () => {
    const { pause } = new Scene();
    expect(pause.obstacle).to.be.instanceOf(FastKVError).and.include({ code: "FASTKV_IO" });
    pause.failed(noSpace);
    expect(pause.obstacle).to.equal(noSpace);
    pause.succeeded();
    expect(pause.obstacle).to.include({ code: "FASTKV_IO" });
  });
});
