/** A place inside a value, for error messages: `$.cities[3].name`, `$.index<map value 0>`. */

import { excerpt } from "../bytes.js";
import { maxValueDepth } from "../limits.js";

/** The meaning of a step's key; determines how it is written. */
export const stepKind = { field: 0, index: 1, mapKey: 2, mapValue: 3, setElement: 4, hookAnswer: 5 } as const;
export type StepKind = (typeof stepKind)[keyof typeof stepKind];

/** A path longer than twice this is written without its middle. */
const shownSteps = 8;

const plainName = /^[A-Za-z_$][\w$]{0,59}$/;

/**
 * The steps from the root to the current place. A walker at depth d (the number of surrounding containers) sets step d
 * - 1 as it proceeds. That takes two stores per element; nothing is formatted unless something is refused.
 */
export class ValuePath {
  readonly keys: (string | number)[] = new Array(maxValueDepth + 2).fill(0);
  readonly kinds: Uint8Array = new Uint8Array(maxValueDepth + 2);

  /** Formats the first `depth` steps. */
  format(depth: number): string {
    let text = "$";
    for (let at = 0; at < depth; at += 1) {
      if (at === shownSteps && depth > shownSteps * 2) {
        text += "...";
        at = depth - shownSteps;
      }
      text += this.#step(at);
    }
    return text;
  }

  #step(at: number): string {
    const key = this.keys[at]!;
    switch (this.kinds[at]) {
      case stepKind.index:
        return `[${key}]`;
      case stepKind.mapKey:
        return `<map key ${key}>`;
      case stepKind.mapValue:
        return `<map value ${key}>`;
      case stepKind.setElement:
        return `<set element ${key}>`;
      case stepKind.hookAnswer:
        return "<answer of the encode hook>";
      default:
        return plainName.test(String(key)) ? `.${key}` : `[${excerpt(String(key))}]`;
    }
  }
}

/**
 * Returns the depth, among the containers from the root on, of the first one that contains itself; undefined if there
 * is none.
 */
export function depthOfRepeat(containers: readonly object[]): number | undefined {
  const seen = new Set<object>();
  const depth = containers.findIndex((container) => seen.size === seen.add(container).size);
  return depth === -1 ? undefined : depth;
}
