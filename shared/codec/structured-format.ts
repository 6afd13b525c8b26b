/**
 * The encoding `structured`, format version 1. FROZEN: databases contain values in this format. Little-endian.
 *
 *     offset  size  field
 *          0     1  format version, 1
 *          1        one value
 *
 * A value is a tag byte and what the tag requires. A *varint* is an unsigned LEB128 of at most 8 bytes and 53 bits. A
 * *string* is any of the three string forms; field names are also strings.
 *
 *     0x40..0x7f  string          tag - 0x40 bytes of UTF-8
 *     0x80..0xff  number          the integer tag - 0x80
 *     null, undefined, false, true    nothing
 *     integer                     varint n
 *     negativeInteger             varint n, means -1 - n
 *     float64                     8 bytes (-0, NaN, infinities, fractions, integers beyond 2^53 - 1)
 *     bigInt, negativeBigInt      varint L, L bytes of magnitude, the last not 0
 *     utf8                        varint L, L bytes
 *     utf16                       varint L, L bytes (only for strings with half a surrogate pair)
 *     reference                   varint i: the i-th object of this value, counted from 0 in the order of their tags
 *     array                       varint N, N values
 *     sparseArray                 varint length, varint N, N times (varint index, value), indexes ascending
 *     object, nullObject          fields
 *     map                         varint N, N times (key value, value)
 *     set                         varint N, N values
 *     date                        8 bytes float64, ms since the epoch; NaN is an invalid Date
 *     regExp                      string source, string flags, varint lastIndex
 *     boxed                       value: a boolean, number, string or BigInt
 *     error                       1 byte kind, properties
 *     arrayBuffer                 varint L, L bytes
 *     view                        1 byte kind, varint L, L bytes
 *     instance                    string class name, fields
 *     errorInstance               string class name, properties
 *     mapInstance, setInstance    string class name, then as map or set, fields
 *     hookedInstance              string class name, value: the result of the class's encode hook
 *
 *     fields        varint N, N times (string name, value)
 *     properties    varint N, N times (string name, 1 byte enumerable, value)
 *
 * Limits: values nest at most `maxValueDepth` deep; counts and lengths are checked against the remaining bytes.
 */

export const structuredVersion = 1;

/** FROZEN. */
export const tag = {
  null: 0x00,
  undefined: 0x01,
  false: 0x02,
  true: 0x03,
  integer: 0x04,
  negativeInteger: 0x05,
  float64: 0x06,
  bigInt: 0x07,
  negativeBigInt: 0x08,
  utf8: 0x09,
  utf16: 0x0a,
  reference: 0x0b,
  array: 0x10,
  sparseArray: 0x11,
  object: 0x12,
  nullObject: 0x13,
  map: 0x14,
  set: 0x15,
  date: 0x16,
  regExp: 0x17,
  boxed: 0x18,
  error: 0x19,
  arrayBuffer: 0x1a,
  view: 0x1b,
  instance: 0x20,
  errorInstance: 0x21,
  mapInstance: 0x22,
  setInstance: 0x23,
  hookedInstance: 0x24,
} as const;

/** FROZEN. Strings of up to 63 bytes, and integers of up to 127, share a byte with their tag. */
export const shortStringTag = 0x40;
export const shortIntegerTag = 0x80;
export const maxShortStringBytes = shortIntegerTag - shortStringTag - 1;
export const maxShortInteger = 0xff - shortIntegerTag;

/** FROZEN: a position in this list is the kind byte of an `error`. */
export const errorClasses = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  AggregateError,
] as const;

/** FROZEN: a position in this list is the kind byte of a `view`. */
export const viewClasses = [
  Buffer,
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
  DataView,
] as const;

/** Bytes per element of each of `viewClasses`. */
export const viewElementBytes = [1, 1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 1] as const;
