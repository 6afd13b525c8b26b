/** What every call to the simulated disk goes through: counting, planned crashes and injected errors. */

import type { Random } from "../random.js";
import { type CallRecorder, type DiskCall, describeCall } from "./call-recorder.js";
import { type CallMatcher, Fault, type InjectedError, systemError } from "./faults.js";
import { SimulatedCrash } from "./simulated-crash.js";

type CrashPoint = "before" | "within" | "after";

/** A call that changes the disk. */
export interface Mutation<T> {
  call: DiskCall;
  /** What error messages say that it tried. */
  action: string;
  effect: () => T;
  /** For a write: its length, and how a part of it is written. */
  writeBytes?: number;
  writePart?: (bytes: number) => void;
  /** What an injected error does to the disk. */
  onFault?: () => void;
}

export class CallGate {
  operationsUntilCrash: number | undefined;
  mutations = 0;
  onMutation: ((call: DiskCall) => void) | undefined;
  readonly recorder: CallRecorder;
  readonly #random: Random;
  readonly #maxAsyncTurns: number;
  #faults: Fault[] = [];
  #crashed: string | undefined;

  constructor(random: Random, maxAsyncTurns: number, recorder: CallRecorder) {
    this.#random = random;
    this.#maxAsyncTurns = maxAsyncTurns;
    this.recorder = recorder;
  }

  get hasCrashed(): boolean {
    return this.#crashed !== undefined;
  }

  halt(reason: string): void {
    if (this.#crashed === undefined) {
      this.#crashed = reason;
      this.recorder.note(`-- crash: ${reason}`);
    }
  }

  checkAlive(): void {
    if (this.#crashed !== undefined) {
      throw new SimulatedCrash(`The simulated disk has crashed: ${this.#crashed}`);
    }
  }

  failNext(matcher: CallMatcher, error: InjectedError): Fault {
    const fault = new Fault(matcher, error);
    this.#faults.push(fault);
    return fault;
  }

  clearFaults(): void {
    this.#faults = [];
    this.operationsUntilCrash = undefined;
  }

  /** A call that changes nothing. */
  observe<T>(call: DiskCall, action: string, effect: () => T): T {
    this.checkAlive();
    this.recorder.record(call);
    const fault = this.#strike(call);
    if (fault !== undefined) {
      throw errorOf(fault, action, call);
    }
    return effect();
  }

  mutate<T>(mutation: Mutation<T>): T {
    this.checkAlive();
    this.recorder.record(mutation.call);
    this.mutations += 1;
    this.onMutation?.(mutation.call);
    const crash = this.#countDown(mutation.writePart !== undefined);
    if (crash !== undefined) {
      this.#crashAt(mutation, crash);
    }
    const fault = this.#strike(mutation.call);
    if (fault !== undefined) {
      mutation.writePart?.(fault.partBytes ?? this.#random.int(mutation.writeBytes ?? 0));
      mutation.onFault?.();
      throw errorOf(fault, mutation.action, mutation.call);
    }
    return mutation.effect();
  }

  /** The same some turns later, as from a thread pool; a crash in between rejects. */
  async mutateLater<T>(mutation: Mutation<T>): Promise<T> {
    this.checkAlive();
    const most = this.#maxAsyncTurns;
    for (let turns = most > 1 ? this.#random.between(1, most) : most; turns > 0; turns -= 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (most === 0) {
      await undefined;
    }
    return this.mutate(mutation);
  }

  #strike(call: DiskCall): Fault | undefined {
    if (this.#faults.length === 0) {
      return undefined;
    }
    const fault = this.#faults.find((candidate) => candidate.strikes(call));
    this.#faults = this.#faults.filter((candidate) => !candidate.isSpent);
    return fault;
  }

  #countDown(isWrite: boolean): CrashPoint | undefined {
    if (this.operationsUntilCrash === undefined) {
      return undefined;
    }
    this.operationsUntilCrash -= 1;
    if (this.operationsUntilCrash > 0) {
      return undefined;
    }
    return this.#random.pick<CrashPoint>(isWrite ? ["before", "within", "after"] : ["before", "after"]);
  }

  #crashAt(mutation: Mutation<unknown>, point: CrashPoint): void {
    try {
      if (point === "after") {
        mutation.effect();
      } else if (point === "within") {
        mutation.writePart?.(this.#random.int(mutation.writeBytes ?? 0));
      }
    } catch {
      // What the call would have thrown, nobody lives to see.
    }
    this.halt(`${point} ${describeCall(mutation.call)}`);
    this.checkAlive();
  }
}

function errorOf(fault: Fault, action: string, call: DiskCall): Error {
  const path = call.operation === "rename" ? (call.from ?? call.path) : call.path;
  return typeof fault.error === "string" ? systemError(action, path, fault.error) : fault.error;
}
