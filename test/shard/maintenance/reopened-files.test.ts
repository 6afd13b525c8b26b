import { expect } from "chai";
import { ReopenedFiles } from "../../../shard/maintenance/repair/reopened-files.js";
import { NodeFileSystem } from "../../../shared/storage/node-file-system.js";
import { caught, causeCode } from "../../support/errors.js";
import { makeTemporaryFolder, removeTemporaryFolder } from "../../support/temporary-folder.js";

describe("Files that are opened again when they are read", () => {
  let folder: string;
  beforeEach(() => {
    folder = makeTemporaryFolder();
  });
  afterEach(() => removeTemporaryFolder(folder));

  it("are open a few at a time, and read as if all were", () => {
    const real = new NodeFileSystem();
    let open = 0;
    let most = 0;
    const files = new ReopenedFiles(
      {
        open(path, mode) {
          const handle = real.open(path, mode);
          const close = handle.close.bind(handle);
          open += 1;
          most = Math.max(most, open);
          handle.close = () => {
            open -= 1;
            close();
          };
          return handle;
        },
      },
      3,
    );
    const paths = Array.from({ length: 10 }, (_, index) => `${folder}/${index}`);
    for (const [index, path] of paths.entries()) {
      const handle = real.create(path);
      handle.write(Buffer.from(`file ${index}`), 0);
      handle.close();
    }
    const handles = paths.map((path) => files.open(path));
    for (const start of [0, 3, 5]) {
      for (const [index, handle] of handles.entries()) {
        const target = Buffer.alloc(6 - start);
        expect(handle.read(target, start)).to.equal(target.length);
        expect(target.toString()).to.equal(`file ${index}`.slice(start));
        expect(handle.sizeBytes()).to.equal(6);
      }
    }
    expect(most).to.equal(3);
    for (const handle of handles) {
      handle.close();
    }
    expect(open).to.equal(0);
    expect(caught(() => handles[0]!.read(Buffer.alloc(1), 0)).code).to.equal("FASTKV_IO");
  });

  it("are refused at once where they cannot be opened, and for writing", () => {
    const files = new ReopenedFiles(new NodeFileSystem(), 3);
    expect(causeCode(caught(() => files.open(`${folder}/none`)))).to.equal("ENOENT");
    new NodeFileSystem().create(`${folder}/one`).close();
    const handle = files.open(`${folder}/one`);
    expect(caught(() => handle.write(Buffer.alloc(1), 0)).code).to.equal("FASTKV_INTERNAL");
    handle.close();
  });
});
