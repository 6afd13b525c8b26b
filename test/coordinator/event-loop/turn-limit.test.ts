import { expect } from "chai";
import { TurnLimit } from "../../../coordinator/event-loop/turn-limit.js";
import { TurnCounter } from "../../support/turn-counter.js";

describe("TurnLimit", () => {
  let counter: TurnCounter;

  beforeEach(() => {
    counter = new TurnCounter();
  });

  afterEach(() => counter.stop());

  /** How many turns of the event loop behind the calls each of these came. */
  async function turnsOf(answers: readonly Promise<unknown>[]): Promise<number[]> {
    const start = counter.turns;
    return Promise.all(answers.map((answer) => answer.then(() => counter.turns - start)));
  }

  it("gives 63 answers at once, and the others on the next turn", async () => {
    const limit = new TurnLimit();
    const turns = await turnsOf(Array.from({ length: 200 }, (_, place) => limit.answer(place)));
    expect(turns.slice(0, 63)).to.deep.equal(Array(63).fill(0));
    expect(new Set(turns.slice(63)).size).to.equal(1);
    expect(turns[63]).to.be.above(0);
    expect(await limit.answer("again")).to.equal("again");
  });

  it("spreads large answers over turns, in their order, and lets small ones pass them", async () => {
    const limit = new TurnLimit();
    const large = Array.from({ length: 20 }, (_, place) => limit.answerLarge(place, 50));
    const small = limit.answer("small");
    const order: unknown[] = [];
    for (const answer of [...large, small]) {
      void answer.then((value) => order.push(value));
    }
    const [turns, [ofSmall]] = await Promise.all([turnsOf(large), turnsOf([small])]);
    expect(turns[0]).to.equal(0);
    expect(order.filter((value) => value !== "small")).to.deep.equal(Array.from(large, (_, place) => place));
    const perTurn = new Map<number, number>();
    for (const turn of turns.slice(1)) {
      perTurn.set(turn, (perTurn.get(turn) ?? 0) + 1);
    }
    expect([...perTurn.values()]).to.deep.equal([3, 3, 3, 3, 3, 3, 1]);
    expect(ofSmall).to.be.below(turns.at(-1)!);
  });

  it("gives one that is larger than a turn's share a turn of its own", async () => {
    const limit = new TurnLimit();
    const turns = await turnsOf([1000, 1000, 1].map((cost) => limit.answerLarge(cost, cost)));
    expect(new Set(turns).size).to.equal(3);
  });
});
