import { expect } from "chai";
import {
  type Compaction,
  chooseCompaction,
  chooseFullCompaction,
  levelScore,
} from "../../../../shard/engine/compaction/picker.js";
import { levelCount } from "../../../../shard/engine/version/version.js";
import { itWithRandom, type Random } from "../../../support/random.js";
import { allKeys, TreeModel } from "./tree-model.js";

/** All readers there are see what was written, and no more. */
function checkReads(tree: TreeModel): void {
  for (const at of new Set([...tree.holds, tree.sequence])) {
    const seen = allKeys.map((key) => tree.read(key, at));
    expect(seen, `at ${at}`).to.deep.equal(allKeys.map((key) => tree.readHistory(key, at)));
  }
}

function compact(tree: TreeModel, random: Random): void {
  const busy = new Set(
    Array.from({ length: levelCount }, (_, level) => level).filter(() => random.chance(0.1)),
  );
  const chosen = chooseCompaction(tree.input(busy));
  if (chosen === undefined) {
    return;
  }
  for (const level of levelsOf(chosen, tree)) {
    expect(busy.has(level), `level ${level} is not busy`).to.equal(false);
  }
  tree.perform(chosen);
}

/** All that a job takes for itself. */
function levelsOf(chosen: Compaction, tree: TreeModel): number[] {
  return Array.from({ length: levelCount }, (_, level) => level).filter((level) =>
    chosen.kind === "drop"
      ? tree.version.levels[level]!.some((table) => chosen.tables.includes(table))
      : level >= chosen.fromLevel && level <= chosen.toLevel,
  );
}

function randomStep(tree: TreeModel, random: Random): void {
  const steps: [number, () => void][] = [
    [0.45, () => tree.put()],
    [0.12, () => tree.flush()],
    [0.04, () => tree.load()],
    [0.04, () => tree.deleteRange()],
    [0.03, () => tree.holds.push(tree.sequence)],
    [0.04, () => tree.holds.splice(random.int(tree.holds.length), 1)],
  ];
  for (const [probability, step] of steps) {
    if (random.chance(probability)) {
      step();
      return;
    }
  }
  compact(tree, random);
}

/** Compacts until nothing is due. */
function settle(tree: TreeModel): void {
  for (let compactions = 0; compactions < 300; compactions++) {
    const chosen = chooseCompaction(tree.input());
    if (chosen === undefined) {
      return;
    }
    tree.perform(chosen);
    checkReads(tree);
  }
  throw new Error("Compactions do not come to an end");
}

describe("Compactions that are chosen one after the other", () => {
  itWithRandom(
    "keep levels disjoint and newer data above older, so that every reader sees its own",
    (random) => {
      for (let round = 0; round < 10; round++) {
        const tree = new TreeModel(random);
        for (let step = 0; step < 300; step++) {
          randomStep(tree, random);
          expect(tree.version.findOverlap()).to.equal(undefined);
          checkReads(tree);
        }
      }
    },
  );

  itWithRandom("come to an end where no level is due and no range delete is needed", (random) => {
    for (let round = 0; round < 10; round++) {
      const tree = new TreeModel(random);
      for (let step = 0; step < 200; step++) {
        randomStep(tree, random);
      }
      tree.flush();
      settle(tree);
      tree.holds = [];
      settle(tree);
      expect(tree.neededRangeDeletes).to.deep.equal([]);
      for (let level = 0; level < levelCount; level++) {
        expect(levelScore(tree.version, level, tree.input().settings), `level ${level}`).to.be.below(1);
      }
    }
  });

  itWithRandom("bring everything into one level where they are to be full", (random) => {
    for (let round = 0; round < 20; round++) {
      const tree = new TreeModel(random);
      for (let step = 0; step < 150; step++) {
        randomStep(tree, random);
      }
      tree.flush();
      const chosen = chooseFullCompaction(tree.input(), 0);
      if (chosen !== undefined) {
        tree.perform(chosen);
      }
      expect(tree.version.levels.filter((tables) => tables.length > 0).length).to.be.at.most(1);
      expect(tree.version.levels[0]).to.deep.equal([]);
      checkReads(tree);
    }
  });
});
