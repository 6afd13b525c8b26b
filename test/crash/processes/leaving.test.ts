import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { expect } from "chai";
import { defaultShardModule } from "../../../coordinator/shards/shard-process.js";
import { useTemporaryFolder } from "../../support/temporary-folder.js";

describe("A shard that leaves by itself", function () {
  this.timeout(20_000);
  const temporaryFolder = useTemporaryFolder();
  let child: ChildProcess | undefined;
  let server: net.Server | undefined;

  afterEach("end what still runs", () => {
    child?.kill("SIGKILL");
    server?.close();
  });

  /** Starts a shard that connects to a socket of the test; resolves with the connection when it has said who it is. */
  async function start(socketPath: string): Promise<net.Socket> {
    server = net.createServer().listen(socketPath);
    await once(server, "listening");
    child = fork(defaultShardModule, [], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    child.send({ shardIndex: 0, socketPath, shardToken: "shard", coordinatorToken: "coordinator" });
    const [socket] = (await once(server, "connection")) as [net.Socket];
    await once(socket, "data");
    return socket;
  }

  function socketPath(): string {
    const folder = path.join(temporaryFolder(), "run");
    fs.mkdirSync(folder);
    return path.join(folder, "s");
  }

  it("leaves the socket to a coordinator that lives and has only cut its connection", async () => {
    const name = socketPath();
    const socket = await start(name);
    socket.destroy();
    expect(await once(child!, "exit")).to.deep.equal([0, null]);
    expect(fs.existsSync(name)).to.equal(true);
  });

  it("removes the socket of a coordinator that is gone", async () => {
    const name = socketPath();
    const socket = await start(name);
    child!.disconnect();
    socket.destroy();
    expect(await once(child!, "exit")).to.deep.equal([0, null]);
    expect(fs.existsSync(path.dirname(name))).to.equal(false);
  });
});
