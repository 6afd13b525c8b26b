import { flat, type Records, recordKey } from "./records.js";

/** Seven fields, about 130 bytes as JSON. The score is the version. */
interface ObjectRecord {
  id: number;
  name: string;
  email: string;
  active: boolean;
  age: number;
  city: string;
  score: number;
}

const names = Array.from({ length: 1_000 }, (_, index) => flat(`person-${String(index).padStart(6, "0")}`));
const emails = names.map((name) => flat(`${name}@example.com`));
const cities = ["Amsterdam", "Bucharest", "Edinburgh", "Jerusalem", "Ljubljana", "Melbourne", "Reykjavik"];

export const objectRecords: Records = {
  values: "json",
  isOrdered: true,
  keyOf: recordKey,
  valueOf(number, version): ObjectRecord {
    const person = number % 1_000;
    return {
      id: number,
      name: names[person]!,
      email: emails[person]!,
      active: number % 3 === 0,
      age: number % 90,
      city: cities[number % 7]!,
      score: version,
    };
  },
  versionOf(number, value) {
    const record = value as ObjectRecord | undefined;
    const person = number % 1_000;
    return record !== undefined &&
      record.id === number &&
      record.name === names[person] &&
      record.email === emails[person] &&
      record.active === (number % 3 === 0) &&
      record.age === number % 90 &&
      record.city === cities[number % 7]
      ? record.score
      : undefined;
  },
  numberOf: (value) => (value as ObjectRecord).id,
};
