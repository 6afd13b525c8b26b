import fs from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { repair, verify } from "../../coordinator/index.js";
import { checkPrivateFolder, distrust } from "../../coordinator/ownership/folder-trust.js";
import { useStores } from "../api/support/stores.js";
import { Workspace } from "../cli/support/cli.js";
import { caught, rejection } from "../support/errors.js";
import { strangerId } from "./support/stranger.js";

const me = process.geteuid!();

describe("A folder's owner and mode", () => {
  for (const [what, access, userId, words] of [
    ["of this user alone", { ownerId: 7, groupId: 100, mode: 0o700, isLink: false }, 7, undefined],
    ["that others may read", { ownerId: 7, groupId: 100, mode: 0o755, isLink: false }, 7, undefined],
    [
      "that its group may write to",
      { ownerId: 7, groupId: 100, mode: 0o770, isLink: false },
      7,
      "mode is 0770",
    ],
    [
      "that its owner's private group may write to",
      { ownerId: 7, groupId: 7, mode: 0o775, isLink: false },
      7,
      undefined,
    ],
    [
      "that everybody may write to",
      { ownerId: 7, groupId: 100, mode: 0o1777, isLink: false },
      7,
      "mode is 1777",
    ],
    ["of another user", { ownerId: 8, groupId: 100, mode: 0o700, isLink: false }, 7, "belongs to user 8"],
    [
      "of another user, for root",
      { ownerId: 8, groupId: 100, mode: 0o700, isLink: false },
      0,
      "belongs to user 8",
    ],
    [
      "of root, for another",
      { ownerId: 0, groupId: 100, mode: 0o700, isLink: false },
      7,
      "belongs to user 0",
    ],
    ["that this user's link leads to", { ownerId: 7, groupId: 100, mode: 0o777, isLink: true }, 7, undefined],
    ["that root's link leads to", { ownerId: 0, groupId: 100, mode: 0o777, isLink: true }, 7, undefined],
    [
      "that a stranger's link leads to",
      { ownerId: 8, groupId: 100, mode: 0o777, isLink: true },
      7,
      "link that user 8 made",
    ],
  ] as const) {
    it(`${words === undefined ? "take" : "refuse"} one ${what}`, () => {
      const verdict = distrust(access, userId);
      if (words === undefined) {
        expect(verdict).to.equal(undefined);
      } else {
        expect(verdict).to.include(words);
      }
    });
  }
});

describe("A database in a folder that others may change", function () {
  this.timeout(30_000);
  const stores = useStores();

  /** Every way in, each with and without the permission that a caller gives. */
  async function expectRefused(folder: string, words: string): Promise<void> {
    const before = fs.readdirSync(folder);
    for (const call of [() => stores().open(), () => verify(folder), () => repair(folder)]) {
      const error = await rejection(call());
      expect(error.code, error.message).to.equal("FASTKV_UNSAFE_FOLDER");
      expect(error.message).to.include(words).and.to.include("allowSharedFolder");
    }
    expect(fs.readdirSync(folder)).to.deep.equal(before);
    expect(fs.readdirSync(stores().runtimeFolder)).to.deep.equal([]);
    const db = await stores().open({ allowSharedFolder: true });
    await db.put("b", 2);
    expect(await db.get("b")).to.equal(2);
    await db.close();
    expect((await verify(folder, { allowSharedFolder: true })).isSound).to.equal(true);
    expect((await repair(folder, { allowSharedFolder: true })).losses).to.deep.equal([]);
  }

  for (const mode of [0o777, 0o757, 0o1777]) {
    it(`is refused at mode ${mode.toString(8)}, unless asked for`, async () => {
      const { folder } = stores();
      await (await stores().open()).close();
      fs.chmodSync(folder, mode);
      await expectRefused(folder, "may be written by other users");
    });
  }

  it("is not made in one that is still empty", async () => {
    const { folder } = stores();
    fs.mkdirSync(folder);
    fs.chmodSync(folder, 0o777);
    expect((await rejection(stores().open())).code).to.equal("FASTKV_UNSAFE_FOLDER");
    expect(fs.readdirSync(folder)).to.deep.equal([]);
  });

  it("is refused where a shard's folder is such a one", async () => {
    const { folder } = stores();
    await (await stores().open()).close();
    fs.chmodSync(path.join(folder, "shard-001"), 0o777);
    await expectRefused(folder, "shard-001 may be written");
  });

  it("is refused where another user owns it, unless asked for", async () => {
    const { folder } = stores();
    await (await stores().open()).close();
    if (me === 0) {
      fs.chownSync(folder, strangerId, strangerId);
      await expectRefused(folder, `belongs to user ${strangerId}`);
    } else {
      // Only root can give a folder away: the system's own root folder is somebody else's.
      expect(
        distrust({ ownerId: fs.statSync("/").uid, groupId: 100, mode: 0o755, isLink: false }, me),
      ).to.include("belongs");
    }
  });

  it("is opened through a link of one's own, and not through a stranger's", async () => {
    const { root, folder } = stores();
    await (await stores().open()).close();
    const link = path.join(root, "link");
    fs.symlinkSync(folder, link);
    await (await stores().open({}, "link")).close();
    if (me === 0) {
      fs.lchownSync(link, strangerId, strangerId);
      const error = await rejection(stores().open({}, "link"));
      expect(error.code, error.message).to.equal("FASTKV_UNSAFE_FOLDER");
    }
    fs.chmodSync(folder, 0o777);
    expect((await rejection(stores().open({}, "link"))).code).to.equal("FASTKV_UNSAFE_FOLDER");
  });

  it("is refused by the command line with exit code 2, and opened with --allow-shared-folder", async () => {
    const workspace = await Workspace.create();
    try {
      await workspace.run(["put", "a", "1", "--path", "db"]);
      fs.chmodSync(workspace.path("db"), 0o777);
      const refused = await workspace.run(["get", "a", "--path", "db"]);
      expect(refused.code).to.equal(2);
      expect(refused.stderr).to.include("--allow-shared-folder");
      const opened = await workspace.run(["get", "a", "--path", "db", "--allow-shared-folder"]);
      expect(opened).to.include({ code: 0, stderr: "" });
      const verified = await workspace.run(["verify", "--path", "db", "--allow-shared-folder"]);
      expect(verified.code, verified.stderr).to.equal(0);
    } finally {
      await workspace.remove();
    }
  });
});

describe("The folder of the shards' socket", () => {
  const stores = useStores();

  it("is refused where it is not private, not new, or a link", () => {
    const { root } = stores();
    const folder = path.join(root, "fastkv-abcdefgh");
    fs.mkdirSync(folder, { mode: 0o700 });
    checkPrivateFolder(folder);
    fs.chmodSync(folder, 0o750);
    expect(caught(() => checkPrivateFolder(folder)).code).to.equal("FASTKV_UNSAFE_FOLDER");
    fs.chmodSync(folder, 0o700);
    fs.writeFileSync(path.join(folder, "s"), "");
    expect(caught(() => checkPrivateFolder(folder)).code).to.equal("FASTKV_UNSAFE_FOLDER");
    fs.rmSync(path.join(folder, "s"));
    const link = path.join(root, "fastkv-bcdefghi");
    fs.symlinkSync(folder, link);
    expect(caught(() => checkPrivateFolder(link)).code).to.equal("FASTKV_UNSAFE_FOLDER");
  });
});
