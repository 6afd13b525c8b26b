/**
 * A session store for express-session: a cache-like use, with a time to live and hot reads. The sessions outlive a
 * restart of the server, and the database itself drops those that have expired.
 *
 * express-session is middleware for plain node:http as well as for Express, where it is
 * `app.use(session({ store: new FastKVSessionStore(db), ... }))`.
 *
 * Usage: node examples/session-store.js [folder]
 */

import { once } from "node:events";
import { createServer } from "node:http";
import session from "express-session";
import { FastKV } from "fastkv";

/** @typedef {session.SessionData & { visits?: number }} Visits */
/** @typedef {(error?: unknown) => void} Done */

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;

class FastKVSessionStore extends session.Store {
  /** @param {FastKV<Visits>} db */
  constructor(db) {
    super();
    this.db = db;
  }

  /**
   * A session that was read lately comes from the read cache in this process.
   *
   * @override
   * @param {string} id
   * @param {(error: unknown, session?: Visits | null) => void} done
   */
  get(id, done) {
    this.db.get(`session:${id}`).then((data) => done(null, data ?? null), done);
  }

  /** @override @param {string} id @param {Visits} data @param {Done} [done] */
  set(id, data, done) {
    const ttl = data.cookie.originalMaxAge ?? dayMs;
    // The object is an instance of a class of express-session: what it holds is the session.
    this.db.put(`session:${id}`, { ...data }, { ttl }).then(() => done?.(), done);
  }

  /**
   * Called for each request that did not change its session, which then lives on. It is written anew at most once an
   * hour: a session that is only read stays in the read cache.
   *
   * @override
   */
  touch(/** @type {string} */ id, /** @type {Visits} */ data, /** @type {Done} */ done) {
    const whole = data.cookie.originalMaxAge ?? dayMs;
    this.db
      .ttl(`session:${id}`)
      .then((left = 0) => (left < whole - hourMs ? this.set(id, data, done) : done()), done);
  }

  /** @override @param {string} id @param {Done} [done] */
  destroy(id, done) {
    this.db.delete(`session:${id}`).then(() => done?.(), done);
  }

  /** Everybody is logged out, at once. @override @param {Done} [done] */
  clear(done) {
    this.db.clear({ prefix: "session:" }).then(() => done?.(), done);
  }
}

/** Serves until `use` is done with it, as one run of a server would. */
async function serve(/** @type {(url: string) => Promise<void>} */ use) {
  const db = /** @type {FastKV<Visits>} */ (await FastKV.open(process.argv[2] ?? "./session-store-database"));
  const withSession = /** @type {Function} */ (
    session({
      store: new FastKVSessionStore(db),
      secret: "change me",
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: dayMs },
    })
  );
  const server = createServer((request, response) => {
    withSession(request, response, (/** @type {unknown} */ error) => {
      if (error) {
        response.writeHead(500).end();
        throw error;
      }
      const { session: mine } = /** @type {{ session: Visits }} */ (/** @type {unknown} */ (request));
      if (request.url === "/") {
        mine.visits = (mine.visits ?? 0) + 1;
      }
      response.end(`visits: ${mine.visits}`);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await use(`http://127.0.0.1:${port}`);
  console.log(
    `${await db.count({ prefix: "session:" })} sessions, ${(await db.stats()).read_cache.hits} hot reads`,
  );
  server.closeAllConnections();
  server.close();
  await db.close();
}

/** Asks as a browser does that has this cookie. */
async function visit(/** @type {string} */ who, /** @type {string} */ url, cookie = "") {
  const response = await fetch(url, { headers: { cookie } });
  console.log(`${who}: ${await response.text()}`);
  return response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
}

let alice = "";
await serve(async (url) => {
  alice = await visit("alice", `${url}/`);
  await visit("bob", `${url}/`);
  await visit("alice", `${url}/`, alice);
  for (let reload = 0; reload < 3; reload++) {
    await visit("alice looks", `${url}/account`, alice);
  }
});
await serve(async (url) => {
  await visit("alice after the restart", `${url}/`, alice);
});
