import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { expect } from "chai";
import { startLoopAwareTimer } from "../../../coordinator/shards/loop-aware-timer.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

function keepBusy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe("Patience", () => {
  const folder = useTemporaryFolder();
  let server: Server;
  beforeEach(async () => {
    server = createServer().listen(`${folder()}/socket`);
    await once(server, "listening");
  });
  afterEach(() => server.close());

  it("is over after its time", async () => {
    const start = performance.now();
    await new Promise<void>((resolve) => startLoopAwareTimer(50, resolve));
    expect(performance.now() - start).to.be.at.least(49);
  });

  it("outlasts a program that is too busy to see what it waits for", async () => {
    let isOver = false;
    const end = startLoopAwareTimer(50, () => {
      isOver = true;
    });
    const client = connect(`${folder()}/socket`);
    keepBusy(400);
    await once(server, "connection");
    expect(isOver).to.equal(false);
    end();
    client.destroy();
  });
});
