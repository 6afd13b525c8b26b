import { expect } from "chai";
import { findOrderViolation } from "./call-order.js";
import { missing, present, type RecordedHistory, type RecordedRead } from "./history.js";
import { cut, get, history, inDoubt, late, put, refused, remove } from "./written-histories.js";

function counting(found: number, callAt: number): RecordedRead {
  return { ...cut([callAt, callAt + 1], {}), count: { keys: ["a", "b", "c"], found } };
}

describe("The check of the order of calls", () => {
  const right: Record<string, RecordedHistory> = {
    "nothing at all": history(),
    "a read that was called behind a write, before that was answered": history(
      put(1, [1, 10]),
      get(1, [2, 3]),
    ),
    "a read that was called before a write and answered after it": history(
      get(missing, [1, 10]),
      put(1, [2, 3]),
    ),
    "whole batches": history(
      put(1, [1, 2], "a", "b"),
      cut([3, 4], { a: 1, b: 1, c: missing }),
      put(2, [5, 9], "b", "c"),
      cut([6, 7], { a: 1, b: 2, c: 2 }),
    ),
    "a cut that was taken long before it was read": history(
      put(1, [1, 2], "a", "b"),
      cut([3, 100], { a: 1, b: 1 }),
      put(2, [4, 5], "a"),
      cut([6, 7], { a: 2, b: 1 }),
    ),
    "a read that was sent again and shows a later write": history(
      put(1, [1, 2]),
      late(get(2, [3, 9])),
      put(2, [4, 5]),
    ),
    "several keys that were read again at one later moment": history(
      late(cut([1, 9], { a: 2, b: 2 })),
      put(2, [2, 3], "a", "b"),
      put(3, [4, 5], "a"),
    ),
    "a clear of all keys": history(
      put(1, [1, 2], "a", "b"),
      remove(2, [3, 4], "a", "b", "c"),
      cut([5, 6], { a: missing, b: missing, c: missing }),
    ),
    "a batch in doubt that is there as a whole": history(
      inDoubt(put(1, [1, 50], "a", "b")),
      cut([60, 61], { a: 1, b: 1 }),
    ),
    "a batch in doubt that is not there at all": history(
      inDoubt(put(1, [1, 50], "a", "b")),
      cut([60, 61], { a: missing, b: missing }),
    ),
    "a delete in doubt that happened": history(
      put(1, [1, 2], "a", "b"),
      inDoubt(remove(2, [3, 50], "a", "b")),
      cut([60, 61], { a: missing, b: missing }),
    ),
    "a delete in doubt that did not": history(
      put(1, [1, 2], "a", "b"),
      inDoubt(remove(2, [3, 50], "a", "b")),
      cut([60, 61], { a: 1, b: 1 }),
    ),
    "of two deletes in doubt the one that happened": history(
      put(1, [1, 2], "a"),
      inDoubt(remove(2, [3, 50], "a")),
      cut([4, 5], { a: 1 }),
      inDoubt(remove(3, [6, 50], "a")),
      cut([60, 61], { a: missing }),
    ),
    "of two deletes in doubt the first, before a third": history(
      put(1, [1, 2], "a", "b"),
      inDoubt(remove(2, [3, 50], "a")),
      cut([4, 5], { a: missing }),
      inDoubt(remove(3, [6, 50], "a", "b")),
      cut([60, 61], { a: missing, b: 1 }),
    ),
    "presence and counts": history(
      put(1, [1, 2], "a", "b"),
      cut([3, 4], { a: present, c: missing }),
      counting(2, 5),
    ),
  };
  for (const [name, given] of Object.entries(right)) {
    it(`allows ${name}`, () => expect(findOrderViolation(given)).to.equal(undefined));
  }

  const wrong: Record<string, [RecordedHistory, RegExp]> = {
    "a read that does not see the write called before it": [
      history(put(1, [1, 10]), get(missing, [2, 3])),
      /nothing instead of value 1/,
    ],
    "a stale read": [history(put(1, [1, 2]), put(2, [3, 4]), get(1, [5, 6])), /value 1 instead of value 2/],
    "a lost update": [
      history(put(1, [1, 2]), put(2, [3, 4]), get(2, [5, 6]), get(1, [7, 8])),
      /value 1 instead of value 2/,
    ],
    "writes that took effect against the order of their calls": [
      history(put(1, [1, 10]), put(2, [2, 3]), get(1, [11, 12])),
      /value 1 instead of value 2/,
    ],
    "reads that go backwards while a shard restarts": [
      history(put(1, [1, 2]), put(2, [3, 4]), late(get(2, [5, 9])), late(get(1, [10, 20]))),
      /value 1 instead of value 2/,
    ],
    "a batch in part": [
      history(put(1, [1, 2], "a", "b"), put(2, [3, 4], "a", "b"), cut([5, 6], { a: 2, b: 1 })),
      /b has value 1 instead of value 2/,
    ],
    "a batch in part, in a read that was sent again": [
      history(put(1, [1, 2], "a", "b"), late(cut([3, 9], { a: 2, b: 1 })), put(2, [4, 5], "a", "b")),
      /a has value 2 instead of value 1/,
    ],
    "a cut that is no prefix: a later write without an earlier one": [
      history(put(1, [1, 2], "a"), put(2, [3, 4], "b"), cut([5, 6], { a: missing, b: 2 })),
      /a has nothing instead of value 1/,
    ],
    "a cut with what was called after it": [
      history(cut([1, 10], { a: 1 }), put(1, [2, 3], "a")),
      /a has value 1 instead of nothing/,
    ],
    "two cuts that no order explains": [
      history(
        late(cut([1, 10], { a: 1, b: missing })),
        late(cut([2, 11], { a: missing, b: 2 })),
        put(1, [3, 20], "a"),
        put(2, [4, 21], "b"),
      ),
      /b has value 2 instead of nothing/,
    ],
    "a value that nobody wrote": [history(put(1, [1, 2]), get(7, [3, 4])), /never written/],
    "another key's value": [
      history(put(1, [1, 2], "a"), put(2, [3, 4], "b"), cut([5, 6], { a: 2 })),
      /never written there/,
    ],
    "a value before it was written": [history(get(1, [1, 2]), put(1, [3, 4])), /before it was written/],
    "a refused write that is there": [history(refused(put(1, [1, 2])), get(1, [3, 4])), /was refused/],
    "half of a batch in doubt": [
      history(inDoubt(put(1, [1, 50], "a", "b")), cut([60, 61], { a: 1, b: missing })),
      /b has nothing instead of value 1/,
    ],
    "half of a delete in doubt": [
      history(
        put(1, [1, 2], "a", "b"),
        inDoubt(remove(2, [3, 50], "a", "b")),
        cut([60, 61], { a: missing, b: 1 }),
      ),
      /a has nothing instead of value 1/,
    ],
    "a clear that left a key": [
      history(put(1, [1, 2], "a", "b"), remove(2, [3, 4], "a", "b"), cut([5, 6], { a: missing, b: 1 })),
      /b has value 1 instead of nothing/,
    ],
    "a wrong count": [history(put(1, [1, 2], "a", "b"), counting(3, 5)), /3 keys instead of 2/],
    "a key that should not be there": [
      history(put(1, [1, 2], "a"), remove(2, [3, 4], "a"), cut([5, 6], { a: present })),
      /a has a value instead of nothing/,
    ],
  };
  for (const [name, [given, message]] of Object.entries(wrong)) {
    it(`finds ${name}`, () => expect(findOrderViolation(given)).to.match(message));
  }
});
