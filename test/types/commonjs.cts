/** CommonJS programs `require` the package and have its types. Nothing here runs: the build fails where they have not. */

import fastkv = require("fastkv");

async function open(): Promise<number | undefined> {
  const db: fastkv.FastKV<number> = await fastkv.FastKV.open<number>("./db");
  return db.get("a");
}

export = open;
