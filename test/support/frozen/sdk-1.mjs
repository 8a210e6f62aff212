// src/crypto/kdf.ts
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256, sha512 as sha5122 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";

// src/crypto/x25519.ts
import { pow } from "@noble/curves/abstract/modular.js";
import { montgomery } from "@noble/curves/abstract/montgomery.js";

// src/crypto/ed25519.ts
import { getPublicKey, hashes, Point, sign, utils } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
hashes.sha512 = sha512;
function newSigningKey() {
  return utils.randomSecretKey();
}
var { p, n } = Point.CURVE();
var FIELD_ORDER = p;
var GROUP_ORDER = n;

// src/crypto/x25519.ts
var x25519 = montgomery({
  P: FIELD_ORDER,
  type: "x25519",
  adjustScalarBytes: clamp,
  // The inverse by Fermat: which steps it takes depends on nothing secret.
  powPminus2: (x) => pow(x, FIELD_ORDER - 2n, FIELD_ORDER)
});
function clamp(bytes) {
  const [first = 0, last = 0] = [bytes[0], bytes[31]];
  bytes[0] = first & 248;
  bytes[31] = last & 127 | 64;
  return bytes;
}

// src/crypto/kdf.ts
var KX_LABEL = "keyrelay/kx/1";
var SAFETY_LABEL = "keyrelay/sn/1";
var SECRET_BYTES = 32;
var SYM_KEY_BYTES = 32;
var SALT = new Uint8Array(32);
function sharedSecret(ecdhSecretKey, ecdhPublicKey) {
  return x25519.getSharedSecret(ecdhSecretKey, ecdhPublicKey);
}
function deriveKeys(exchange) {
  const { secret, initiator, responder } = exchange;
  if (secret.length !== SECRET_BYTES)
    throw new RangeError(`the shared secret must have ${SECRET_BYTES} bytes`);
  if (secret.every((byte) => byte === 0)) {
    throw new RangeError("the shared secret is zero: the other key is of small order");
  }
  const info = concatBytes(
    utf8ToBytes(KX_LABEL),
    Uint8Array.of(0),
    utf8ToBytes(initiator.code),
    utf8ToBytes(responder.code),
    initiator.eddsaPublicKey,
    responder.eddsaPublicKey,
    initiator.ecdhPublicKey,
    responder.ecdhPublicKey
  );
  const keys = hkdf(sha256, secret, SALT, info, SYM_KEY_BYTES * 2);
  return {
    initiatorToResponder: keys.subarray(0, SYM_KEY_BYTES),
    responderToInitiator: keys.subarray(SYM_KEY_BYTES)
  };
}
var SAFETY_GROUPS = 12;
var SAFETY_GROUP_BYTES = 5;
function safetyNumber(one, other) {
  const [first, second] = one.code < other.code ? [one, other] : [other, one];
  const digest = sha5122(
    concatBytes(
      utf8ToBytes(SAFETY_LABEL),
      utf8ToBytes(first.code),
      first.eddsaPublicKey,
      utf8ToBytes(second.code),
      second.eddsaPublicKey
    )
  );
  return Array.from({ length: SAFETY_GROUPS }, (_, group) => {
    const bytes = digest.subarray(group * SAFETY_GROUP_BYTES, (group + 1) * SAFETY_GROUP_BYTES);
    const number = bytes.reduce((value, byte) => value * 256 + byte, 0);
    return String(number % 1e5).padStart(5, "0");
  });
}

// src/protocol/codes.ts
var CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
var CODE_LENGTH = 7;
var CODE = new RegExp(`^[${CODE_ALPHABET}]{${CODE_LENGTH}}$`);
var WRITTEN = new RegExp(`^[0-9A-Za-z]{${CODE_LENGTH}}$`);
function isCode(text) {
  return CODE.test(text);
}
function readCode(text) {
  if (!WRITTEN.test(text)) return null;
  const code = text.toUpperCase().replaceAll("O", "0").replaceAll(/[IL]/g, "1");
  return isCode(code) ? code : null;
}

// src/client/errors.ts
var CLIENT_ERRORS = {
  aborted: { who: "program", means: "an AbortSignal ended it" },
  account_gone: {
    who: "person",
    means: "the relay no longer knows this identity: register again for a new code"
  },
  audience_mismatch: {
    who: "person",
    means: "the challenge names another relay than was dialled: nothing was signed"
  },
  closed: { who: "program", means: "this relay connection was closed by the program" },
  displaced: { who: "person", means: "a newer connection of the same identity took over" },
  downgraded: {
    who: "person",
    means: "the server does not speak protocol 2, and nobody asked for protocol 1"
  },
  identity_unreadable: { who: "person", means: "wrong passphrase, or not an exported identity" },
  invalid_argument: { who: "program", means: "an argument is not what the function takes" },
  invalid_key: {
    who: "person",
    means: "a public key is malformed, of small order, or gives an all-zero secret"
  },
  key_changed: { who: "person", means: "the relay names another key for this code than the pinned one" },
  no_web_socket: { who: "program", means: "this runtime has no WebSocket: pass one in the options" },
  outbox_full: { who: "program", means: "too many messages wait for the relay to accept them" },
  refused: { who: "person", means: "the relay refused, and will again: see `detail`" },
  storage_failed: { who: "person", means: "the storage could not be read or written" },
  too_large: { who: "program", means: "larger than the relay takes" },
  unreachable: { who: "nobody", means: "the relay could not be reached, or did not answer in time" },
  unreadable: { who: "program", means: "the recipient could not decrypt it: send it again" },
  user_unknown: { who: "person", means: "no user has this code" }
};
var ClientError = class extends Error {
  name = "ClientError";
  code;
  constructor(code, detail, options) {
    super(detail, options);
    this.code = code;
  }
};
function aborted(signal) {
  return new ClientError("aborted", "Ended by its AbortSignal.", { cause: signal.reason });
}
function throwIfAborted(signal) {
  if (signal?.aborted) throw aborted(signal);
}
async function unlessAborted(work, signal) {
  if (signal === void 0) return work;
  let onAbort = () => {
  };
  const ends = new Promise((_, reject) => {
    onAbort = () => reject(aborted(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([ends, work]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

// src/client/identity.ts
import { bytesToHex } from "@noble/hashes/utils.js";
function createIdentity() {
  return identityFrom(newSigningKey(), x25519.utils.randomSecretKey());
}
function identityFrom(signingKey, exchangeKey) {
  return {
    signingKey,
    exchangeKey,
    eddsaPublicKey: bytesToHex(getPublicKey(signingKey)),
    ecdhPublicKey: bytesToHex(x25519.getPublicKey(exchangeKey))
  };
}

// src/protocol/message-types.ts
var CONNECT = "connect";
var SERVER = "server";

// src/protocol/frames.ts
function signedText({ sender, recipient, id, message }) {
  const { type, payload } = message;
  return JSON.stringify({
    sender,
    recipient,
    ...id === void 0 ? {} : { id },
    message: payload === void 0 ? { type } : { type, payload }
  });
}
function connectText(sender, answer) {
  const payload = answer === null ? {} : { payload: { nonce: answer.nonce, audience: answer.audience } };
  return JSON.stringify({ sender, message: { type: CONNECT, ...payload } });
}
function frame(data, signatureHex) {
  return `{"data":${data},"signature":"${signatureHex}"}`;
}
function ack(seq) {
  return JSON.stringify({ ack: seq });
}

// src/crypto/keys.ts
import { pow as pow2 } from "@noble/curves/abstract/modular.js";
import { bytesToNumberLE } from "@noble/curves/utils.js";
import { hexToBytes } from "@noble/hashes/utils.js";

// src/protocol/exchange-key.ts
var KEY_HEX_DIGITS = 64;
var SIGNATURE_HEX_DIGITS = 128;
var KEY_IN_HEX = new RegExp(`^[0-9a-f]{${KEY_HEX_DIGITS}}$`);
var PRIME_TAIL = `${"ff".repeat(30)}7f`;
var SMALL_ORDER_X25519 = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
];
function exchangeKeyProblem(hex) {
  const key = hex.toLowerCase();
  if (!KEY_IN_HEX.test(key)) return `must be ${KEY_HEX_DIGITS} hex digits (32 bytes)`;
  if (key.endsWith(PRIME_TAIL) ? key.slice(0, 2) >= "ed" : key.slice(62) >= "80") {
    return "is not canonical: the number must be less than 2^255 - 19";
  }
  if (SMALL_ORDER_X25519.some((small) => small === key)) {
    return "is of small order: everybody could compute the shared secret";
  }
  return null;
}

// src/crypto/keys.ts
var KEY_IN_HEX2 = new RegExp(`^[0-9a-fA-F]{${KEY_HEX_DIGITS}}$`);
function checkEd25519Key(hex) {
  if (!KEY_IN_HEX2.test(hex)) return `must be ${KEY_HEX_DIGITS} hex digits (32 bytes)`;
  const bytes = hexToBytes(hex);
  const y = bytesToNumberLE(bytes) & (1n << 255n) - 1n;
  if (y >= FIELD_ORDER) return "is not canonical: y must be less than 2^255 - 19";
  const point = decodePoint(bytes);
  if (point === null) return "is not a point of the curve Ed25519";
  if (point.isSmallOrder()) return "is of small order: one signature would verify for any message";
  return null;
}
function checkX25519Key(hex) {
  const problem = exchangeKeyProblem(hex);
  if (problem !== null) return problem;
  const u = bytesToNumberLE(hexToBytes(hex));
  const square = u * (u * u + 486662n * u + 1n);
  if (pow2(square, (FIELD_ORDER - 1n) / 2n, FIELD_ORDER) !== 1n)
    return "is not on Curve25519 (but on its twist)";
  return null;
}
function decodePoint(bytes) {
  try {
    return Point.fromBytes(bytes, false);
  } catch {
    return null;
  }
}

// src/client/signing.ts
import { sha256 as sha2562 } from "@noble/hashes/sha2.js";
import { bytesToHex as bytesToHex2, utf8ToBytes as utf8ToBytes2 } from "@noble/hashes/utils.js";

// src/crypto/verify-portable.ts
import { bytesToNumberLE as bytesToNumberLE2, equalBytes } from "@noble/curves/utils.js";
import { sha512 as sha5123 } from "@noble/hashes/sha2.js";
import { concatBytes as concatBytes2, hexToBytes as hexToBytes2 } from "@noble/hashes/utils.js";
var SIGNATURE_IN_HEX = new RegExp(`^[0-9a-fA-F]{${SIGNATURE_HEX_DIGITS}}$`);
var R_BYTES = 32;
function verifySignaturePortable(publicKeyHex, message, signatureHex) {
  if (!SIGNATURE_IN_HEX.test(signatureHex) || checkEd25519Key(publicKeyHex) !== null) return false;
  const signature = hexToBytes2(signatureHex);
  const publicKey = hexToBytes2(publicKeyHex);
  const r = signature.subarray(0, R_BYTES);
  const s = bytesToNumberLE2(signature.subarray(R_BYTES));
  if (s >= GROUP_ORDER) return false;
  const k = bytesToNumberLE2(sha5123(concatBytes2(r, publicKey, message))) % GROUP_ORDER;
  const expected = Point.BASE.multiplyUnsafe(s).subtract(Point.fromBytes(publicKey, false).multiplyUnsafe(k));
  return !expected.isSmallOrder() && equalBytes(expected.toBytes(), r);
}

// src/protocol/bytes.ts
var END = 256;
function byteAt(bytes, index) {
  return index < bytes.length ? bytes[index] ?? END : END;
}
function alphabet(characters) {
  const table = new Uint8Array(END + 1);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}
function isIn(byte, of) {
  return of[byte] === 1;
}
var DIGITS = "0123456789";
var HEX_DIGIT = alphabet(`${DIGITS}abcdefABCDEF`);
function equalsAscii(bytes, span, text) {
  const { start, end } = span;
  if (end - start !== text.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

// src/protocol/json-text.ts
var SHORT_BYTES = 24;
var decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
function utf8Text(bytes, start, end) {
  return decoder.decode(bytes.subarray(start, end));
}
var shortUnits = Array.from({ length: SHORT_BYTES + 1 }, (_, length) => new Array(length).fill(0));

// src/protocol/registration.ts
function proofText(ecdhPublicKey, eddsaPublicKey) {
  return `relay-register:${ecdhPublicKey}:${eddsaPublicKey}`;
}

// src/client/signing.ts
function signedFrame(data, identity) {
  return frame(data, sign2(data, identity));
}
function registrationProof(identity) {
  return sign2(proofText(identity.ecdhPublicKey, identity.eddsaPublicKey), identity);
}
function isSignedBy(eddsaPublicKey, data, signature) {
  return verifySignaturePortable(eddsaPublicKey, data, signature);
}
function digestOfData(data) {
  return bytesToHex2(sha2562(data));
}
function sign2(text, identity) {
  return bytesToHex2(sign(utf8ToBytes2(text), identity.signingKey));
}

// src/client/directory.ts
var ANSWER_WITHIN_MS = 1e4;
async function register(identity, options) {
  const { eddsaPublicKey, ecdhPublicKey } = identity;
  const body = {
    ecdh_public_key: ecdhPublicKey,
    eddsa_public_key: eddsaPublicKey,
    proof: registrationProof(identity),
    ...options.name === void 0 ? {} : { name: options.name }
  };
  const response = await ask("/users", options, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  });
  const user = await readUser(response);
  if (user.eddsaPublicKey !== eddsaPublicKey || user.ecdhPublicKey !== ecdhPublicKey) {
    throw new ClientError("refused", "The relay answered a registration with other keys than were sent.");
  }
  return user;
}
async function lookup(code, options) {
  const canonical = readCode(code.trim());
  if (canonical === null) {
    throw new ClientError("invalid_argument", "A code is 7 letters and digits, such as E011T7D.");
  }
  const response = await ask(`/users/${canonical}`, options, {});
  if (response.status === 404) throw new ClientError("user_unknown", `No user has the code ${canonical}.`);
  const user = await readUser(response);
  if (user.code !== canonical) throw new ClientError("refused", "The relay answered for another code.");
  return user;
}
async function ask(path, options, init) {
  const { endpoints, signal } = options;
  const send = options.fetch ?? globalThis.fetch;
  const deadline = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const ends = signal === void 0 ? deadline : AbortSignal.any([signal, deadline]);
  try {
    return await send(`${endpoints.http}${path}`, { ...init, signal: ends, redirect: "error" });
  } catch (cause) {
    if (signal?.aborted) throw new ClientError("aborted", "Ended by its AbortSignal.", { cause });
    throw new ClientError("unreachable", `${endpoints.http} cannot be reached.`, { cause });
  }
}
async function readUser(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    const detail = typeof body.detail === "string" ? body.detail : `HTTP ${response.status}`;
    const passes = response.status === 429 || response.status >= 500;
    throw new ClientError(passes ? "unreachable" : "refused", `The relay says: ${detail}`);
  }
  const {
    code = "",
    eddsa_public_key: eddsa = "",
    ecdh_public_key: ecdh = "",
    created_at: createdAt = ""
  } = body;
  if (!isCode(code)) throw new ClientError("refused", "The relay answered with what is no code.");
  const problem = checkEd25519Key(eddsa) ?? checkX25519Key(ecdh);
  if (problem !== null)
    throw new ClientError("invalid_key", `The relay names a key for ${code} that ${problem}.`);
  const name = typeof body.name === "string" ? body.name : null;
  return { code, name, eddsaPublicKey: eddsa, ecdhPublicKey: ecdh, createdAt };
}

// src/client/storage.ts
function memoryStorage() {
  const entries = /* @__PURE__ */ new Map();
  return {
    load: async () => new Map(entries),
    write: async (changes) => applyChanges(entries, changes),
    close: async () => {
    }
  };
}
function applyChanges(entries, changes) {
  for (const [key, value] of changes) {
    if (value === null) entries.delete(key);
    else entries.set(key, value);
  }
}

// src/client/records.ts
var Batch = class {
  changes = /* @__PURE__ */ new Map();
  set(key, value) {
    this.changes.set(key, JSON.stringify(value));
  }
  remove(key) {
    this.changes.set(key, null);
  }
};
var Records = class _Records {
  #storage;
  #entries;
  constructor(storage, entries) {
    this.#storage = storage;
    this.#entries = entries;
  }
  static async open(storage) {
    return new _Records(storage, new Map(await storage.load()));
  }
  get(key) {
    const text = this.#entries.get(key);
    return text === void 0 ? void 0 : JSON.parse(text);
  }
  /** The entries whose key begins with `prefix`, in order of key. */
  list(prefix) {
    const keys = [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.map((key) => [key, JSON.parse(this.#entries.get(key) ?? "null")]);
  }
  /** Resolves once stored. Storages write in the order of the calls, so commits resolve in order too. */
  commit(batch) {
    if (batch.changes.size === 0) return Promise.resolve();
    const changes = new Map(batch.changes);
    applyChanges(this.#entries, changes);
    return this.#storage.write(changes);
  }
  close() {
    return this.#storage.close();
  }
};

// src/client/account.ts
var Account = class {
  #options;
  #user;
  #registering = null;
  constructor(options) {
    this.#options = options;
    this.#user = options.records.get("account") ?? null;
  }
  /** Null until the relay has given a code. */
  get user() {
    return this.#user;
  }
  async register() {
    if (this.#user !== null) return this.#user;
    this.#registering ??= this.#register().finally(() => {
      this.#registering = null;
    });
    return this.#registering;
  }
  lookup(code, signal) {
    const { endpoints, fetch } = this.#options;
    return lookup(code, { endpoints, fetch, signal });
  }
  /** Whether the relay still has this user: asked when it refuses a login. */
  async isKnown() {
    try {
      const { eddsaPublicKey } = await this.lookup(this.#user?.code ?? "");
      return eddsaPublicKey === this.#options.identity.eddsaPublicKey;
    } catch (error) {
      if (error instanceof ClientError && error.code === "user_unknown") return false;
      throw error;
    }
  }
  async #register() {
    const { identity, records, ...rest } = this.#options;
    const user = await register(identity, rest);
    const batch = new Batch();
    batch.set("account", user);
    await records.commit(batch);
    this.#user = user;
    return user;
  }
};

// src/protocol/closes.ts
var CLOSES = {
  goingAway: { code: 1001, means: "going away", reconnect: "with full jitter" },
  tooBig: { code: 1009, means: "frame too big", reconnect: "not without a change" },
  restarting: { code: 1012, means: "restarting", reconnect: "after the `retry in \u2026 ms` of the reason" },
  malformed: { code: 4400, means: "malformed", reconnect: "not without a change" },
  notAuthenticated: { code: 4401, means: "not authenticated", reconnect: "not without a change" },
  connectTimeout: { code: 4408, means: "no connect within 10 s", reconnect: "yes" },
  replaced: {
    code: 4409,
    means: "replaced by a newer connection of the same user",
    reconnect: "never by itself"
  },
  flooding: { code: 4429, means: "flooding", reconnect: "with full jitter" }
};

// src/client/backoff.ts
var FIRST_SPAN_MS = 500;
var LONGEST_SPAN_MS = 3e4;
var LONGEST_ORDERED_WAIT_MS = 12e4;
function fullJitterMs(attempt2, random = Math.random) {
  const spanMs = Math.min(LONGEST_SPAN_MS, FIRST_SPAN_MS * 2 ** Math.min(attempt2, 16));
  return Math.floor(random() * spanMs);
}
function afterClose(code, reason) {
  for (const [name, close] of Object.entries(CLOSES)) {
    if (close.code !== code) continue;
    switch (close.reconnect) {
      case "not without a change":
      case "never by itself":
        return { reconnect: "never", name };
      case "after the `retry in \u2026 ms` of the reason": {
        const ordered = /^retry in (\d{1,9}) ms$/.exec(reason)?.[1];
        if (ordered === void 0) break;
        return { reconnect: "after", waitMs: Math.min(Number(ordered), LONGEST_ORDERED_WAIT_MS) };
      }
    }
  }
  return { reconnect: "with full jitter" };
}

// src/client/heartbeat.ts
var SILENCE_MS = 25e3;
var ANSWER_WITHIN_MS2 = 1e4;
var Heartbeat = class {
  #probe;
  #dead;
  #timer;
  #waiting = false;
  #stopped = false;
  constructor(does) {
    this.#probe = does.probe;
    this.#dead = does.dead;
    this.heard();
  }
  /** A frame has come. */
  heard() {
    this.#waiting = false;
    this.#arm(SILENCE_MS, () => this.check());
  }
  /** Asks at once, say because the network has changed. */
  check() {
    if (this.#waiting || this.#stopped) return;
    this.#waiting = true;
    this.#arm(ANSWER_WITHIN_MS2, this.#dead);
    this.#probe();
  }
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
  #arm(ms, then) {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(then, ms);
  }
};

// src/client/incoming.ts
import { bytesToUtf8 } from "@noble/ciphers/utils.js";
import { utf8ToBytes as utf8ToBytes3 } from "@noble/hashes/utils.js";

// src/protocol/json-strings.ts
var NO_BYTES = new Uint8Array(0);
var NO_VIEW = new DataView(NO_BYTES.buffer);
var PLAIN_TEXT = alphabet(
  Array.from({ length: 128 - 32 }, (_, at) => String.fromCharCode(32 + at)).join("").replace(/["\\]/g, "")
);

// src/protocol/delivered.ts
var DELIVERED_PREFIX = '{"data":';
var DELIVERED_SIGNATURE = ',"signature":"';
var DELIVERED_SEQ = ',"seq":"';
var DELIVERED_SUFFIX = '"}';
var DELIVERED_OVERHEAD_BYTES = DELIVERED_PREFIX.length + DELIVERED_SIGNATURE.length + SIGNATURE_HEX_DIGITS + DELIVERED_SUFFIX.length;
function cutData(frame2) {
  const length = frame2.length;
  if (!equalsAscii(frame2, { start: 0, end: DELIVERED_PREFIX.length }, DELIVERED_PREFIX)) return null;
  if (!equalsAscii(frame2, { start: length - DELIVERED_SUFFIX.length, end: length }, DELIVERED_SUFFIX))
    return null;
  const lastEnd = length - DELIVERED_SUFFIX.length;
  const lastStart = frame2.lastIndexOf(34, lastEnd - 1) + 1;
  if (endsWith(frame2, lastStart, DELIVERED_SIGNATURE))
    return cut(frame2, { start: lastStart, end: lastEnd }, null);
  if (!endsWith(frame2, lastStart, DELIVERED_SEQ)) return null;
  const signatureEnd = lastStart - DELIVERED_SEQ.length - 1;
  const signatureStart = signatureEnd - SIGNATURE_HEX_DIGITS;
  if (frame2[signatureEnd] !== 34 || !endsWith(frame2, signatureStart, DELIVERED_SIGNATURE)) return null;
  for (let at = lastStart; at < lastEnd; at++) if (!isIn(byteAt(frame2, at), PLAIN_TEXT)) return null;
  return cut(frame2, { start: signatureStart, end: signatureEnd }, utf8Text(frame2, lastStart, lastEnd));
}
function cut(frame2, span, seq) {
  if (span.end - span.start !== SIGNATURE_HEX_DIGITS) return null;
  for (let at = span.start; at < span.end; at++) if (!isLowerHex(byteAt(frame2, at))) return null;
  const data = frame2.subarray(DELIVERED_PREFIX.length, span.start - DELIVERED_SIGNATURE.length);
  if (data[0] !== 123 || data[data.length - 1] !== 125) return null;
  return { data, signature: utf8Text(frame2, span.start, span.end), seq };
}
function isLowerHex(byte) {
  return isIn(byte, HEX_DIGIT) && (byte <= 57 || byte >= 97);
}
function endsWith(bytes, end, text) {
  return equalsAscii(bytes, { start: end - text.length, end }, text);
}

// src/client/incoming.ts
var FROM_SERVER = `{"data":{"sender":"${SERVER}",`;
function readIncoming(text) {
  if (text.startsWith(FROM_SERVER)) return readServer(text);
  const delivered = cutData(utf8ToBytes3(text));
  if (delivered === null) return { kind: "rubbish" };
  return { kind: "envelope", envelope: { claims: claimedSender(bytesToUtf8(delivered.data)), ...delivered } };
}
function readVerified(envelope) {
  try {
    const { sender, recipient, id, message } = JSON.parse(bytesToUtf8(envelope.data));
    const { type, payload } = message;
    const texts = typeof recipient === "string" && typeof type === "string";
    if (sender !== envelope.claims || !texts) return null;
    return { recipient, id: typeof id === "string" ? id : null, type, payload };
  } catch {
    return null;
  }
}
var TOKEN = /"([^"\\]*(?:\\.[^"\\]*)*)"|[{}[\]]/gs;
function claimedSender(data) {
  let depth = 0;
  let previous = "";
  for (const [token, text = ""] of data.matchAll(TOKEN)) {
    if (token === "{" || token === "[") depth += 1;
    else if (token === "}" || token === "]") depth -= 1;
    else if (depth === 1 && unescaped(previous) === "sender") return isCode(text) ? text : null;
    previous = depth === 1 ? text : "";
  }
  return null;
}
function unescaped(name) {
  return name.replaceAll(
    /\\u00([0-7][0-9a-f])/gi,
    (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))
  );
}
function readServer(text) {
  try {
    const { data } = JSON.parse(text);
    const { type, payload } = data.message;
    if (typeof type !== "string") return { kind: "rubbish" };
    return { kind: "server", message: { type, payload: { ...payload } } };
  } catch {
    return { kind: "rubbish" };
  }
}

// src/client/login.ts
var DEFAULT_MAX_FRAME_BYTES = 65536;
var Login = class {
  #identity;
  #code;
  #endpoints;
  #protocol;
  #asked = false;
  constructor(options) {
    this.#identity = options.identity;
    this.#code = options.code;
    this.#endpoints = options.endpoints;
    this.#protocol = options.protocol;
  }
  /** The socket is open, and the relay picked this subprotocol (empty: none). */
  opened(subprotocol) {
    if (this.#protocol === 1) return this.#connect(null);
    if (subprotocol !== "relay.v2") {
      throw new ClientError("downgraded", "The relay did not choose relay.v2. Nothing was sent.");
    }
    return { does: "wait" };
  }
  /** The relay says something. Throws what ends the login. */
  heard(message) {
    switch (message.type) {
      case "challenge":
        return this.#challenged(message.payload);
      case "connect_ack":
        if (!this.#asked) throw new ClientError("refused", "The relay sent connect_ack before our connect.");
        return { does: "welcome", welcome: readWelcome(message.payload) };
      default:
        return { does: "wait" };
    }
  }
  #challenged(payload) {
    const { nonce, audience } = payload;
    if (this.#protocol === 1 || this.#asked) return { does: "wait" };
    if (typeof nonce !== "string" || !/^[0-9a-f]{64}$/.test(nonce)) {
      throw new ClientError("refused", "The challenge has no nonce of 64 hex digits.");
    }
    const dialled = this.#endpoints.socket;
    if (audience !== null && audience !== dialled) {
      throw new ClientError(
        "audience_mismatch",
        `The relay calls itself ${JSON.stringify(audience)}, but ${dialled} was dialled: this may be a relay in the middle, or its RELAY_PUBLIC_URL does not list this address. Nothing was signed.`
      );
    }
    return this.#connect({ nonce, audience: dialled });
  }
  #connect(answer) {
    this.#asked = true;
    return { does: "send", frame: signedFrame(connectText(this.#code, answer), this.#identity) };
  }
};
function readWelcome(payload) {
  const limits = payload.limits ?? {};
  return {
    queued: numberOr(payload.queued, null),
    expired: numberOr(payload.expired, null),
    maxFrameBytes: numberOr(limits.max_frame_bytes, DEFAULT_MAX_FRAME_BYTES)
  };
}
function numberOr(value, otherwise) {
  return typeof value === "number" && value >= 0 ? value : otherwise;
}

// src/client/web-socket.ts
function socketConstructor(given) {
  const found = given ?? globalThis.WebSocket;
  if (typeof found === "function") return found;
  throw new ClientError(
    "no_web_socket",
    "This runtime has no WebSocket (Node has one from version 22): pass `WebSocket` of the package 'ws'."
  );
}
function abandon(socket) {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
  socket.onerror = () => {
  };
  try {
    socket.close();
  } catch {
  }
}

// src/client/link.ts
var LOGIN_WITHIN_MS = 15e3;
var INCOMING_CHARACTERS_MAX = 262144;
var Link = class {
  #options;
  #socket;
  #login;
  #loginTimer;
  #heartbeat = null;
  #ended = false;
  /** Detail of the relay's last `error`: says why it closes. */
  #lastError = null;
  constructor(options) {
    this.#options = options;
    this.#login = new Login(options);
    this.#socket = new options.WebSocket(options.endpoints.socket, [`relay.v${options.protocol}`]);
    this.#loginTimer = setTimeout(() => this.#fail("No connect_ack within 15 s."), LOGIN_WITHIN_MS);
    this.#socket.onopen = () => this.#guarded(() => this.#step(this.#login.opened(this.#socket.protocol)));
    this.#socket.onmessage = (event) => this.#guarded(() => this.#heard(event.data));
    this.#socket.onerror = () => {
    };
    this.#socket.onclose = (event) => {
      this.#end({ how: "closed", code: event.code, reason: event.reason, lastError: this.#lastError });
    };
    this.#socket.on?.(
      "ping",
      () => this.#heartbeat?.heard()
    );
  }
  /** Does nothing before the login and after the end: what was meant for an earlier socket is not for this one. */
  send(text) {
    if (this.#heartbeat !== null) this.#transmit(text);
  }
  /** Asks for a sign of life now: the network may have changed. */
  check() {
    this.#heartbeat?.check();
  }
  /** Says goodbye; `onEnd` is not called. */
  close() {
    this.#letGo();
  }
  #heard(text) {
    this.#heartbeat?.heard();
    if (typeof text !== "string") throw new ClientError("refused", "The relay sent a binary frame.");
    if (text.length > INCOMING_CHARACTERS_MAX)
      throw new ClientError("refused", "The relay sent an oversized frame.");
    this.#options.onFrame("received", text);
    const incoming = readIncoming(text);
    if (incoming.kind === "rubbish") {
      throw new ClientError("refused", "The relay sent what is no frame of the protocol.");
    }
    if (incoming.kind === "envelope") {
      if (this.#heartbeat === null) throw new ClientError("refused", "An envelope came before connect_ack.");
      this.#options.onEnvelope(incoming.envelope);
      return;
    }
    const { type, payload } = incoming.message;
    if (type === "error") this.#lastError = `${String(payload.code)}: ${String(payload.detail)}`;
    if (this.#heartbeat === null) this.#step(this.#login.heard(incoming.message));
    else this.#options.onServer(incoming.message);
  }
  #step(step) {
    if (step.does === "send") this.#transmit(step.frame);
    if (step.does !== "welcome") return;
    clearTimeout(this.#loginTimer);
    this.#heartbeat = new Heartbeat({
      probe: this.#options.onProbe,
      dead: () => this.#fail("The relay was silent for 35 s.")
    });
    this.#options.onWelcome(step.welcome);
  }
  #transmit(text) {
    if (this.#ended) return;
    this.#options.onFrame("sent", text);
    this.#socket.send(text);
  }
  #guarded(job) {
    if (this.#ended) return;
    try {
      job();
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#end({ how: "failed", error });
    }
  }
  #fail(detail) {
    this.#end({ how: "failed", error: new ClientError("unreachable", detail) });
  }
  #end(end) {
    if (this.#ended) return;
    this.#letGo();
    this.#options.onEnd(end);
  }
  #letGo() {
    this.#ended = true;
    clearTimeout(this.#loginTimer);
    this.#heartbeat?.stop();
    abandon(this.#socket);
  }
};

// src/client/connection.ts
var GOOD_AFTER_MS = 1500;
var Connection = class {
  #options;
  #link = null;
  #timer;
  #attempt = 0;
  #ended = false;
  /** Told apart by number: an answer to an earlier try changes nothing. */
  #try = 0;
  constructor(options) {
    this.#options = options;
  }
  /** Dials, now: also out of a wait, because the network is said to be back. */
  start() {
    if (this.#ended || this.#link !== null) return;
    clearTimeout(this.#timer);
    const number = ++this.#try;
    this.#options.onState({ state: "connecting" });
    this.#options.enrol().then(
      (code) => this.#current(number, () => this.#dial(code)),
      (error) => this.#current(number, () => this.#failed(error))
    );
  }
  send(frame2) {
    this.#link?.send(frame2);
  }
  /** The network may be gone: makes sure that the socket is alive. */
  check() {
    this.#link?.check();
  }
  /** The network may be back: the same, or dials at once. */
  wake() {
    if (this.#link === null) this.start();
    else this.check();
  }
  /** Drops this socket and dials again after a while. */
  drop(error) {
    if (this.#link === null) return;
    this.#link.close();
    this.#over({ how: "failed", error });
  }
  end(error) {
    if (this.#ended) return;
    this.#ended = true;
    this.#try += 1;
    clearTimeout(this.#timer);
    this.#link?.close();
    this.#link = null;
    this.#options.onState({ state: "ended", error });
  }
  #dial(code) {
    let goodTimer;
    this.#link = new Link({
      ...this.#options,
      code,
      onWelcome: (welcome) => {
        goodTimer = setTimeout(() => {
          this.#attempt = 0;
        }, GOOD_AFTER_MS);
        this.#options.onWelcome(welcome);
        this.#options.onState({ state: "live" });
      },
      onEnd: (end) => {
        clearTimeout(goodTimer);
        this.#over(end);
      }
    });
  }
  #over(end) {
    this.#link = null;
    if (end.how === "failed") {
      this.#failed(end.error);
      return;
    }
    const after = afterClose(end.code, end.reason);
    const said = end.lastError ?? (end.reason === "" ? `closed with ${end.code}` : `${end.code} ${end.reason}`);
    if (after.reconnect === "with full jitter") this.#wait(fullJitterMs(this.#attempt++), said);
    else if (after.reconnect === "after") this.#wait(after.waitMs, said);
    else if (after.name === "replaced")
      this.end(new ClientError("displaced", "A newer connection of this identity took over."));
    else if (after.name === "notAuthenticated") this.#rejected(said);
    else this.end(new ClientError("refused", `The relay closed the connection for good: ${said}.`));
  }
  /** The login failed. A relay that was set up anew knows nobody: that is another trouble than a wrong key. */
  #rejected(said) {
    const number = ++this.#try;
    const refused = new ClientError("refused", `The relay did not accept the login: ${said}.`);
    const gone = new ClientError(
      "account_gone",
      "The relay does not know this identity any more. Register again."
    );
    this.#options.isKnown().then(
      (known) => this.#current(number, () => this.end(known ? refused : gone)),
      () => this.#current(number, () => this.#wait(fullJitterMs(this.#attempt++), said))
    );
  }
  #failed(error) {
    if (!(error instanceof ClientError)) throw error;
    if (error.code === "unreachable") this.#wait(fullJitterMs(this.#attempt++), error.message);
    else this.end(error);
  }
  #wait(retryInMs, reason) {
    if (this.#ended) return;
    this.#options.onState({ state: "offline", retryInMs, reason });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), retryInMs);
  }
  #current(number, then) {
    if (!this.#ended && number === this.#try) then();
  }
};

// src/client/conversation.ts
import { hexToBytes as hexToBytes7 } from "@noble/hashes/utils.js";

// src/client/peer.ts
import { utf8ToBytes as utf8ToBytes7 } from "@noble/hashes/utils.js";

// src/client/agreement.ts
import { bytesToHex as bytesToHex5, randomBytes as randomBytes2, utf8ToBytes as utf8ToBytes6 } from "@noble/hashes/utils.js";

// src/client/content.ts
import { utf8ToBytes as utf8ToBytes4 } from "@noble/hashes/utils.js";
function encodeContent(content) {
  return utf8ToBytes4(JSON.stringify(content));
}
function decodeContent(plaintext) {
  let value;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plaintext));
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { type, body, at, up_to, id } = value;
  if (type === "message" && body !== void 0) {
    return { type, body, at: typeof at === "string" ? at : "" };
  }
  if ((type === "delivered" || type === "read") && typeof up_to === "string") return { type, up_to };
  if (type === "ready") return { type };
  if (type === "unreadable" && typeof id === "string") return { type, id };
  return null;
}

// src/client/session-keys.ts
import { bytesToHex as bytesToHex3, hexToBytes as hexToBytes3 } from "@noble/hashes/utils.js";
function sessionKeys(exchange) {
  const { initiator, responder, own } = exchange;
  const initiates = own.role === "initiator";
  const theirKey = initiates ? responder.exchangeKey : initiator.exchangeKey;
  if (exchangeKeyProblem(theirKey) !== null) return null;
  const secret = sharedSecret(hexToBytes3(own.secretKey), hexToBytes3(theirKey));
  const keys = deriveKeys({ secret, initiator: rawParty(initiator), responder: rawParty(responder) });
  const forth = bytesToHex3(keys.initiatorToResponder);
  const back = bytesToHex3(keys.responderToInitiator);
  return initiates ? { sendKey: forth, receiveKey: back } : { sendKey: back, receiveKey: forth };
}
function rawParty(party) {
  return {
    code: party.code,
    eddsaPublicKey: hexToBytes3(party.eddsaPublicKey),
    ecdhPublicKey: hexToBytes3(party.exchangeKey)
  };
}

// src/client/sessions.ts
import { sha256 as sha2563 } from "@noble/hashes/sha2.js";
import { bytesToHex as bytesToHex4, hexToBytes as hexToBytes4 } from "@noble/hashes/utils.js";
var PENDING_MAX = 8;
var SESSIONS_MAX = PENDING_MAX + 2;
var SPENT_MAX = 8;
function sendingSession({ halted, sessions }) {
  if (halted) return void 0;
  return sessions.findLast((session) => session.proven) ?? sessions.at(-1);
}
function halt(state) {
  const sessions = state.sessions.map((session) => ({ ...session, proven: false }));
  return { ...state, halted: true, sessions };
}
function onSealed(state, id) {
  return count(state, id, (session) => ({ sent: session.sent + 1 }));
}
function onOpened(state, id, counter) {
  const index = state.sessions.findIndex((session) => session.id === id);
  if (index < 0) return state;
  const counted = count(state, id, () => ({ received: counter + 1 }));
  const sessions = counted.sessions.map(
    (session) => session.id === id ? { ...session, proven: true } : session
  );
  return drop({ ...counted, sessions, halted: false }, sessions.slice(0, index));
}
function addSession(state, made) {
  const keyDigest = digestOf(made.sendKey);
  const before = [
    ...state.spent.filter((spent) => spent.keyDigest === keyDigest),
    ...state.sessions.filter(({ sendKey }) => sendKey === made.sendKey)
  ];
  const session = {
    ...made,
    sent: Math.max(0, ...before.map(({ sent }) => sent)),
    received: Math.max(0, ...before.map(({ received }) => received))
  };
  const inUse = sendingSession(state);
  const surplus = Math.max(0, state.sessions.length + 1 - SESSIONS_MAX);
  const out = state.sessions.filter((other) => other !== inUse).slice(0, surplus);
  const added = { ...state, sessions: [...state.sessions, session], halted: false };
  return { state: drop(added, out), session };
}
function drop(state, out) {
  const lasting = out.filter((session) => session.lasting);
  const spent = lasting.map(({ sendKey, sent, received }) => ({
    keyDigest: digestOf(sendKey),
    sent,
    received
  }));
  return {
    ...state,
    sessions: state.sessions.filter((session) => !out.includes(session)),
    spent: [...state.spent, ...spent].slice(-SPENT_MAX)
  };
}
function count(state, id, how) {
  const counted = state.sessions.find((session) => session.id === id);
  if (counted === void 0) return state;
  const counters = how(counted);
  const sessions = state.sessions.map(
    (session) => session.sendKey === counted.sendKey ? { ...session, ...counters } : session
  );
  return { ...state, sessions };
}
function digestOf(key) {
  return bytesToHex4(sha2563(hexToBytes4(key)));
}

// src/client/exchange.ts
var NO_EXCHANGE = { pending: [], sessions: [], seen: [], halted: false, spent: [] };
var REKEY_AFTER_MS = 864e5;
var REKEY_AFTER_MESSAGES = 1e4;
var ASK_AGAIN_AFTER_MS = 864e5;
var ASK_AGAIN_ON_SIGNS_AFTER_MS = 6e4;
var PENDING_TTL_MS = 7 * 864e5;
var SEEN_MAX = 1e3;
function wantsRequest(state, nowMs) {
  const session = sendingSession(state);
  const worn = session === void 0 || session.sent >= REKEY_AFTER_MESSAGES || nowMs - session.atMs >= REKEY_AFTER_MS;
  return worn && mayAsk(state, nowMs, ASK_AGAIN_AFTER_MS);
}
function mayAskOnSigns(state, nowMs) {
  return mayAsk(state, nowMs, ASK_AGAIN_ON_SIGNS_AFTER_MS);
}
function mayAsk(state, nowMs, afterMs) {
  const newest = state.pending.at(-1);
  return newest === void 0 || nowMs - newest.atMs >= afterMs;
}
function request(state, asked) {
  const { id, keys, nowMs } = asked;
  const live = state.pending.filter((pending2) => nowMs - pending2.atMs < PENDING_TTL_MS);
  const pending = { id, ...keys, atMs: nowMs };
  return { ...state, pending: [...live, pending].slice(-PENDING_MAX) };
}
function requestFailed(state, id) {
  return { ...state, pending: state.pending.filter((pending) => pending.id !== id) };
}
function onRequest(state, asked) {
  const { id, publicKey, keys, peers, nowMs } = asked;
  if (state.seen.includes(id)) return { outcome: "repeated", state };
  const seen = { ...state, seen: [...state.seen, id].slice(-SEEN_MAX) };
  const ours = [keys.publicKey, ...state.pending.map((pending) => pending.publicKey)];
  if (ours.includes(publicKey)) return { outcome: "invalid", state: seen };
  const crossing = state.pending.some((pending) => nowMs - pending.atMs < PENDING_TTL_MS);
  if (crossing && peers.own.code < peers.peer.code) return { outcome: "crossed", state: seen };
  const derived = sessionKeys({
    initiator: { ...peers.peer, exchangeKey: publicKey },
    responder: { ...peers.own, exchangeKey: keys.publicKey },
    own: { role: "responder", secretKey: keys.secretKey }
  });
  if (derived === null) return { outcome: "invalid", state: seen };
  const about = { id, role: "responder", proven: false, lasting: keys.lasting, atMs: nowMs };
  return { outcome: "answer", ...addSession({ ...seen, pending: [] }, { ...about, ...derived }) };
}
function onAcknowledgement(state, answer) {
  const { inReplyTo, publicKey, peers, nowMs } = answer;
  const index = state.pending.findIndex((pending2) => pending2.id === inReplyTo);
  const pending = state.pending[index];
  if (pending === void 0) return { outcome: "ignored", state };
  if (publicKey === pending.publicKey) return { outcome: "invalid", state };
  const derived = sessionKeys({
    initiator: { ...peers.own, exchangeKey: pending.publicKey },
    responder: { ...peers.peer, exchangeKey: publicKey },
    own: { role: "initiator", secretKey: pending.secretKey }
  });
  if (derived === null) return { outcome: "invalid", state };
  const rest = { ...state, pending: state.pending.slice(index + 1) };
  const { id, lasting } = pending;
  const about = { id, role: "initiator", proven: true, lasting, atMs: nowMs };
  return { outcome: "agreed", ...addSession(rest, { ...about, ...derived }) };
}

// src/client/message-cipher.ts
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { concatBytes as concatBytes3, hexToBytes as hexToBytes5, randomBytes, utf8ToBytes as utf8ToBytes5 } from "@noble/hashes/utils.js";

// src/client/base64.ts
function toBase64(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
function fromBase64(text) {
  let binary;
  try {
    binary = atob(text);
  } catch {
    return null;
  }
  if (btoa(binary) !== text) return null;
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

// src/client/message-cipher.ts
var LABEL = utf8ToBytes5("keyrelay/msg/1");
var NONCE_BYTES = 24;
var TAG_BYTES = 16;
function sealMessage(plaintext, context, nonce = randomBytes(NONCE_BYTES)) {
  const { session, sender, recipient } = context;
  const exchange = session.id;
  const counter = session.sent;
  const aad = associatedData({ exchange, counter, sender, recipient });
  const sealed = xchacha20poly1305(hexToBytes5(session.sendKey), nonce, aad).encrypt(plaintext);
  return { exchange, counter, ciphertext: toBase64(concatBytes3(nonce, sealed)) };
}
function openMessage(message, context) {
  const { session, sender, recipient } = context;
  const bytes = fromBase64(message.ciphertext);
  if (bytes === null || bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const aad = associatedData({ exchange: message.exchange, counter: message.counter, sender, recipient });
  try {
    const cipher = xchacha20poly1305(hexToBytes5(session.receiveKey), bytes.subarray(0, NONCE_BYTES), aad);
    return cipher.decrypt(bytes.subarray(NONCE_BYTES));
  } catch {
    return null;
  }
}
function associatedData(of) {
  const counter = new Uint8Array(8);
  new DataView(counter.buffer).setBigUint64(0, BigInt(of.counter));
  const codes = utf8ToBytes5(of.sender + of.recipient);
  return concatBytes3(LABEL, Uint8Array.of(0), codes, hexToBytes5(of.exchange), counter);
}

// src/client/agreement.ts
var Agreement = class {
  #options;
  #state;
  constructor(options) {
    this.#options = options;
    const { records, peer } = options;
    const stored = records.get(`exchange:${peer}`) ?? NO_EXCHANGE;
    this.#state = { ...stored, seen: records.get(`requests:${peer}`) ?? [] };
  }
  /** Whether there are keys to send under. */
  get agreed() {
    return sendingSession(this.#state) !== void 0;
  }
  /** Something is to be sent: asks for keys if there are none, or if they are worn. True if it asked. */
  prepare(batch) {
    const wanted = wantsRequest(this.#state, this.#options.now());
    if (wanted) this.#ask(batch);
    return wanted;
  }
  /** The signed frame of an envelope with this content; null without keys. */
  seal(id, content, batch) {
    const session = sendingSession(this.#state);
    if (session === void 0) return null;
    const { own, peer } = this.#options;
    const payload = sealMessage(encodeContent(content), { session, sender: own.code, recipient: peer });
    this.#save(onSealed(this.#state, session.id), batch);
    return this.#sign(id, { type: "message", payload }).frame;
  }
  /** The peer asks. True if the answer is on its way. */
  requested(digest, payload, batch) {
    const publicKey = memberOf(payload, "ecdh_public_key").toLowerCase();
    const keys = this.#keyPair();
    const step = onRequest(this.#state, {
      id: digest,
      publicKey,
      keys,
      peers: this.#peers(),
      nowMs: this.#options.now()
    });
    this.#save(step.state, batch);
    if (step.outcome === "crossed" && mayAskOnSigns(this.#state, this.#options.now())) this.#ask(batch);
    if (step.outcome !== "answer") return false;
    const answer = { ecdh_public_key: keys.publicKey, in_reply_to: digest };
    this.#post({ type: "key_exchange_ack", payload: answer }, batch);
    return true;
  }
  /** The peer answers. True if there are new keys. */
  acknowledged(payload, batch) {
    const inReplyTo = memberOf(payload, "in_reply_to").toLowerCase();
    const publicKey = memberOf(payload, "ecdh_public_key").toLowerCase();
    const step = onAcknowledgement(this.#state, {
      inReplyTo,
      publicKey,
      peers: this.#peers(),
      nowMs: this.#options.now()
    });
    this.#save(step.state, batch);
    return step.outcome === "agreed";
  }
  open(payload, batch) {
    const message = readSealed(payload);
    if (message === null) return { outcome: "malformed" };
    const session = this.#state.sessions.find(({ id }) => id === message.exchange);
    if (session !== void 0 && message.counter < session.received) return { outcome: "repeated" };
    const { own, peer } = this.#options;
    const context = { sender: peer, recipient: own.code };
    const plaintext = session === void 0 ? null : openMessage(message, { session, ...context });
    if (session === void 0 || plaintext === null) {
      this.#save(halt(this.#state), batch);
      if (mayAskOnSigns(this.#state, this.#options.now())) this.#ask(batch);
      return { outcome: "keyless" };
    }
    this.#save(onOpened(this.#state, session.id, message.counter), batch);
    return {
      outcome: "opened",
      content: decodeContent(plaintext),
      missing: message.counter - session.received
    };
  }
  /** The relay will not store our request. */
  requestFailed(digest, batch) {
    this.#save(requestFailed(this.#state, digest), batch);
  }
  /** The peer has another identity key now: nothing that was agreed with the old one counts. */
  forget(batch) {
    this.#save({ ...NO_EXCHANGE, seen: this.#state.seen }, batch);
  }
  #ask(batch) {
    const keys = this.#keyPair();
    const { data, ...signed } = this.#sign(newEnvelopeId(), {
      type: "key_exchange",
      payload: { ecdh_public_key: keys.publicKey }
    });
    const id = digestOfData(utf8ToBytes6(data));
    this.#save(request(this.#state, { id, keys, nowMs: this.#options.now() }), batch);
    this.#enqueue({ ...signed, exchange: id }, batch);
  }
  #post(message, batch) {
    const { id, frame: frame2 } = this.#sign(newEnvelopeId(), message);
    this.#enqueue({ id, frame: frame2, exchange: null }, batch);
  }
  #enqueue(ready, batch) {
    this.#options.outbox.add({ ...ready, recipient: this.#options.peer, urgent: true, content: null }, batch);
  }
  #sign(id, message) {
    const { own, peer } = this.#options;
    const data = signedText({ sender: own.code, recipient: peer, id, message });
    return { id, data, frame: signedFrame(data, own.identity) };
  }
  #keyPair() {
    const { identity } = this.#options.own;
    const lasting = this.#options.registeredKeys;
    const secretKey = lasting ? identity.exchangeKey : x25519.utils.randomSecretKey();
    const publicKey = lasting ? identity.ecdhPublicKey : bytesToHex5(x25519.getPublicKey(secretKey));
    return { secretKey: bytesToHex5(secretKey), publicKey, lasting };
  }
  #peers() {
    const { own, peer, peerKey } = this.#options;
    return {
      own: { code: own.code, eddsaPublicKey: own.identity.eddsaPublicKey },
      peer: { code: peer, eddsaPublicKey: peerKey() }
    };
  }
  #save(state, batch) {
    const { seen, ...rest } = state;
    if (seen !== this.#state.seen) batch.set(`requests:${this.#options.peer}`, seen);
    batch.set(`exchange:${this.#options.peer}`, rest);
    this.#state = state;
  }
};
function newEnvelopeId() {
  return bytesToHex5(randomBytes2(16));
}
function memberOf(payload, name) {
  const value = payload?.[name];
  return typeof value === "string" ? value : "";
}
function readSealed(payload) {
  const { counter } = payload ?? {};
  const exchange = memberOf(payload, "exchange");
  const ciphertext = memberOf(payload, "ciphertext");
  if (!/^[0-9a-f]{64}$/.test(exchange) || ciphertext === "") return null;
  if (typeof counter !== "number" || !Number.isSafeInteger(counter) || counter < 0) return null;
  return { exchange, counter, ciphertext };
}

// src/client/events.ts
var Emitter = class {
  #listeners = /* @__PURE__ */ new Map();
  /** Returns the function that takes the listener away again. */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? /* @__PURE__ */ new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }
  /**
   * Calls every listener. One that throws must not keep the others, or the protocol, from going on: its error
   * is thrown again outside, where the runtime reports it as uncaught.
   */
  emit(name, event) {
    for (const listener of [...this.#listeners.get(name) ?? []]) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
};

// src/client/inbox.ts
var Inbox = class {
  #records;
  #prefix;
  #entries;
  #waiters = [];
  #next;
  #closed = false;
  #onAdded;
  #onHandled;
  /** `onAdded` and `onHandled` count what waits, what is stored from before included. */
  constructor(options) {
    this.#records = options.records;
    this.#onAdded = options.onAdded;
    this.#onHandled = options.onHandled;
    this.#prefix = `inbox:${options.peer}:`;
    const stored = options.records.list(this.#prefix);
    this.#entries = stored.map(([key, received]) => ({ key, received }));
    for (const _ of stored) options.onAdded();
    this.#next = Number(this.#entries.at(-1)?.key.slice(this.#prefix.length) ?? -1) + 1;
  }
  /** Stages the message; call what is returned once it is stored. */
  add(received, batch) {
    const key = this.#prefix + String(this.#next++).padStart(12, "0");
    batch.set(key, received);
    this.#onAdded();
    return () => {
      const waiter = this.#waiters.shift();
      if (waiter === void 0) this.#entries.push({ key, received });
      else waiter.resolve({ key, received });
    };
  }
  /** The next message, waiting for it if need be; null once closed. */
  take(signal) {
    const entry = this.#entries.shift();
    if (entry !== void 0) return Promise.resolve(entry);
    if (this.#closed || signal?.aborted) return Promise.resolve(null);
    return new Promise((resolve) => {
      const waiter = {
        resolve: (taken) => {
          signal?.removeEventListener("abort", onAbort);
          resolve(taken);
        }
      };
      const onAbort = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        waiter.resolve(null);
      };
      signal?.addEventListener("abort", onAbort);
      this.#waiters.push(waiter);
    });
  }
  /** The program is done with it. */
  async handled(entry) {
    const batch = new Batch();
    batch.remove(entry.key);
    await this.#records.commit(batch);
    this.#onHandled();
  }
  close() {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(null);
  }
};

// src/client/held.ts
import { bytesToHex as bytesToHex6, hexToBytes as hexToBytes6 } from "@noble/hashes/utils.js";
var HELD_MAX = 100;
var Held = class {
  #prefix;
  /** Oldest first. */
  #envelopes;
  #next;
  constructor(peer, records) {
    this.#prefix = `held:${peer}:`;
    const stored = records.list(this.#prefix);
    this.#envelopes = stored.map(([key, { cameMs, data, ...rest }]) => {
      return { key, cameMs, envelope: { ...rest, data: hexToBytes6(data) } };
    });
    this.#next = Number(this.#envelopes.at(-1)?.key.slice(this.#prefix.length) ?? -1) + 1;
  }
  get envelopes() {
    return this.#envelopes;
  }
  add(envelope, cameMs, batch) {
    if (this.#envelopes.length >= HELD_MAX) return;
    const key = this.#prefix + String(this.#next++).padStart(12, "0");
    this.#envelopes.push({ key, envelope, cameMs });
    batch.set(key, { ...envelope, cameMs, data: bytesToHex6(envelope.data) });
  }
  remove(held, batch) {
    this.#envelopes = this.#envelopes.filter((other) => other !== held);
    batch.remove(held.key);
  }
};

// src/client/trust.ts
var ASK_AGAIN_AFTER_MS2 = 5e3;
var TRY_AGAIN_AFTER_MS = 5e3;
var Trust = class {
  #options;
  #key;
  #pin;
  #askedMs = Number.NEGATIVE_INFINITY;
  #failedMs = Number.NEGATIVE_INFINITY;
  constructor(options) {
    this.#options = options;
    this.#key = `pin:${options.code}`;
    this.#pin = options.records.get(this.#key) ?? null;
  }
  /** Null until the peer's key has been learnt. */
  get pin() {
    return this.#pin;
  }
  /** The relay names another key than the pinned one, and nobody has accepted it. */
  get changed() {
    return typeof this.#pin?.offered === "string";
  }
  /** Pins at the first time. Throws `unreachable` or `user_unknown`. */
  async learn() {
    return this.#pin ?? this.meet(await this.#options.lookup(this.#options.code));
  }
  /** The relay has said who this is: pinned at the first time. */
  async meet({ eddsaPublicKey, name }) {
    if (this.#pin === null) await this.#keep({ eddsaPublicKey, name, offered: null });
    return this.#pin ?? this.learn();
  }
  /** Asks the relay whether it still names the pinned key. */
  async recheck() {
    const pin = await this.learn();
    this.#askedMs = this.#options.now();
    const { eddsaPublicKey } = await this.#options.lookup(this.#options.code);
    const offered = eddsaPublicKey === pin.eddsaPublicKey ? null : eddsaPublicKey;
    if (offered === pin.offered) return;
    const changed = { ...pin, offered };
    await this.#keep(changed);
    if (offered !== null) this.#options.onChanged(changed);
  }
  /** Verifies before anything of the envelope is parsed. `cameMs` is when it came: it may have been held. */
  async judge(envelope, cameMs) {
    const signedBy = (key) => typeof key === "string" && isSignedBy(key, envelope.data, envelope.signature);
    if (signedBy(this.#pin?.eddsaPublicKey)) return "trusted";
    if (signedBy(this.#pin?.offered)) return "changed";
    if (this.#askedMs > cameMs) return "forged";
    const now = this.#options.now();
    if (now - this.#failedMs < TRY_AGAIN_AFTER_MS || now - this.#askedMs < ASK_AGAIN_AFTER_MS2)
      return "unknown";
    try {
      if (this.#pin === null) await this.learn();
      else await this.recheck();
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      if (error.code !== "unreachable") return "forged";
      this.#failedMs = now;
      return "unknown";
    }
    if (signedBy(this.#pin?.eddsaPublicKey)) return "trusted";
    return signedBy(this.#pin?.offered) ? "changed" : "forged";
  }
  /** A person has decided to trust the newer key. */
  accept(batch) {
    const pin = this.#pin;
    if (pin === null || pin.offered === null) return;
    this.#pin = { ...pin, eddsaPublicKey: pin.offered, offered: null };
    batch.set(this.#key, this.#pin);
  }
  #keep(pin) {
    this.#pin = pin;
    const batch = new Batch();
    batch.set(this.#key, pin);
    return this.#options.records.commit(batch);
  }
};

// src/client/intake.ts
var Intake = class {
  #options;
  #held;
  #retryTimer;
  #last = Promise.resolve();
  constructor(options) {
    this.#options = options;
    this.#held = new Held(options.code, options.records);
    if (!this.isEmpty) this.#reviewLater();
  }
  get isEmpty() {
    return this.#held.envelopes.length === 0;
  }
  /** Takes one envelope, or drops it. Resolves once what came of it is stored: only then may it be confirmed. */
  take(envelope) {
    return this.#inTurn(async () => {
      const { trust, now, post } = this.#options;
      const waits = trust.pin === null && !this.isEmpty;
      const cameMs = now();
      const verdict = waits ? "unknown" : await trust.judge(envelope, cameMs);
      if (verdict === "trusted") await this.#read(envelope);
      if (verdict === "unknown") this.#reviewLater();
      if (verdict === "unknown" || verdict === "changed")
        await post.stage((batch) => this.#held.add(envelope, cameMs, batch));
    });
  }
  /** Judges again what is held, in order, as far as that can be done now. */
  review() {
    return this.#inTurn(async () => {
      const { trust, post } = this.#options;
      for (const held of this.#held.envelopes) {
        const verdict = await trust.judge(held.envelope, held.cameMs);
        if (verdict === "unknown") {
          this.#reviewLater();
          return;
        }
        if (verdict === "changed") continue;
        const remove = (batch) => this.#held.remove(held, batch);
        if (verdict === "trusted") await this.#read(held.envelope, remove);
        else await post.stage(remove);
      }
    });
  }
  close() {
    clearTimeout(this.#retryTimer);
  }
  async #read(envelope, besides = () => {
  }) {
    const { post, read, onMet } = this.#options;
    let tell = () => {
    };
    await post.stage((batch) => {
      besides(batch);
      tell = read(envelope, batch);
    });
    onMet();
    tell();
  }
  #reviewLater() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => {
      this.review().catch(() => {
      });
    }, TRY_AGAIN_AFTER_MS);
  }
  #inTurn(job) {
    const done = this.#last.then(job);
    this.#last = done.catch(() => {
    });
    return done;
  }
};

// src/client/post.ts
var Post = class {
  #options;
  constructor(options) {
    this.#options = options;
  }
  /** So much waits to be told to the peer that nothing more should be on his demand. */
  get crowded() {
    return this.#options.outbox.crowded(this.#options.code);
  }
  add(content, batch, id = newEnvelopeId()) {
    const { code, outbox } = this.#options;
    outbox.add({ id, recipient: code, urgent: false, frame: null, content, exchange: null }, batch);
  }
  /** In place of what says the same and has not been sent. */
  addOnly(content, batch) {
    const { code, outbox } = this.#options;
    outbox.dropUnsealed(code, ({ type }) => type === content.type, batch);
    this.add(content, batch);
  }
  /** Changes what is stored in one write, and then lets the outbox look. */
  async stage(change) {
    const { records, onBroken } = this.#options;
    const batch = new Batch();
    change(batch);
    try {
      await records.commit(batch);
    } catch (error) {
      onBroken(error);
      throw error;
    }
    this.pump();
  }
  /** The same, and nobody waits for it: a failure to store has been reported. */
  stageInBackground(change) {
    this.stage(change).catch(() => {
    });
  }
  pump() {
    this.#options.outbox.pump(this.#options.code);
  }
};

// src/client/seen.ts
var REMEMBERED_MAX = 300;
var Seen = class {
  #prefix;
  /** Oldest first: id → key number. */
  #numbers = /* @__PURE__ */ new Map();
  #next = 0;
  constructor(sender, records) {
    this.#prefix = `seen:${sender}:`;
    const stored = records.list(this.#prefix).sort(([, left], [, right]) => left - right);
    for (const [key, number] of stored) {
      this.#numbers.set(key.slice(this.#prefix.length), number);
      this.#next = number + 1;
    }
  }
  has(id) {
    return this.#numbers.has(id);
  }
  add(id, batch) {
    batch.set(this.#prefix + id, this.#next);
    this.#numbers.set(id, this.#next++);
    if (this.#numbers.size <= REMEMBERED_MAX) return;
    const [oldest = ""] = this.#numbers.keys();
    this.#numbers.delete(oldest);
    batch.remove(this.#prefix + oldest);
  }
};

// src/client/reader.ts
var Reader = class {
  #options;
  #seen;
  constructor(options) {
    this.#options = options;
    this.#seen = new Seen(options.code, options.records);
  }
  /** Call what is returned once the batch is stored. */
  read(envelope, batch) {
    const step = { batch, after: [] };
    this.#sort(envelope, step);
    return () => {
      for (const effect of step.after) effect();
    };
  }
  /** Parses the signed bytes alone. */
  #sort(envelope, step) {
    const { ownCode, agreement, post } = this.#options;
    const { batch, after } = step;
    const read = readVerified(envelope);
    if (read === null || read.recipient !== ownCode) return;
    const { id, type, payload } = read;
    if (id !== null) {
      if (this.#seen.has(id)) return;
      this.#seen.add(id, batch);
    }
    if (type === "key_exchange") {
      if (post.crowded) return;
      if (agreement.requested(digestOfData(envelope.data), payload, batch)) after.push(() => this.#agreed());
    } else if (type === "key_exchange_ack") {
      if (!agreement.acknowledged(payload, batch)) return;
      post.addOnly({ type: "ready" }, batch);
      after.push(() => this.#agreed());
    } else if (type === "message") {
      this.#open(id, payload, step);
    }
  }
  #open(id, payload, step) {
    const { agreement, events, post } = this.#options;
    const { batch, after } = step;
    const opened = agreement.open(payload, batch);
    if (opened.outcome === "repeated") return;
    if (opened.outcome !== "opened") {
      if (id === null) return;
      if (opened.outcome === "keyless" && !post.crowded) post.add({ type: "unreadable", id }, batch);
      after.push(() => events.emit("unreadable", { id }));
      return;
    }
    const { missing, content } = opened;
    if (missing > 0) after.push(() => events.emit("gap", { missing }));
    if (content !== null) this.#understand(id ?? newEnvelopeId(), content, step);
  }
  #understand(id, content, { batch, after }) {
    const { code, events, inbox, receipts } = this.#options;
    switch (content.type) {
      case "message": {
        const { body, at } = content;
        after.push(inbox.add({ id, body, at }, batch), () => receipts.owe(id));
        return;
      }
      case "delivered":
      case "read":
        after.push(receipts.heard(content, batch));
        return;
      case "unreadable": {
        const error = new ClientError("unreadable", `${code} had lost the keys for it: send it again.`);
        if (!receipts.failed(content.id, batch)) return;
        after.push(() => events.emit("failed", { id: content.id, error }));
        return;
      }
      case "ready":
    }
  }
  #agreed() {
    this.#options.events.emit("secured", {});
    this.#options.post.pump();
  }
};

// src/client/marks.ts
var REMEMBERED_MAX2 = 1e3;
var Marks = class {
  #prefix;
  /** Oldest first. */
  #sent;
  #next;
  constructor(peer, records) {
    this.#prefix = `sent:${peer}:`;
    this.#sent = records.list(this.#prefix);
    this.#next = Number(this.#sent.at(-1)?.[0].slice(this.#prefix.length) ?? -1) + 1;
  }
  sent(id, batch) {
    const key = this.#prefix + String(this.#next++).padStart(12, "0");
    const sent = { id, delivered: false };
    this.#sent.push([key, sent]);
    batch.set(key, sent);
    const [oldest] = this.#sent.length > REMEMBERED_MAX2 ? this.#sent.splice(0, 1) : [];
    if (oldest !== void 0) batch.remove(oldest[0]);
  }
  /** The ids that this receipt is the first to call delivered, oldest first. */
  delivered(upTo, batch) {
    const covered = this.#sent.slice(0, this.#through(upTo)).filter(([, { delivered }]) => !delivered);
    for (const [key, { id }] of covered) batch.set(key, { id, delivered: true });
    const keys = new Set(covered.map(([key]) => key));
    this.#sent = this.#sent.map(([key, sent]) => [key, keys.has(key) ? { ...sent, delivered: true } : sent]);
    return covered.map(([, { id }]) => id);
  }
  /** The ids that this receipt calls read, oldest first. They are then forgotten. */
  read(upTo, batch) {
    const covered = this.#sent.splice(0, this.#through(upTo));
    for (const [key] of covered) batch.remove(key);
    return covered.map(([, { id }]) => id);
  }
  /** It will never arrive. False if it is none of ours. */
  failed(id, batch) {
    const index = this.#sent.findIndex(([, sent]) => sent.id === id);
    const [gone] = index < 0 ? [] : this.#sent.splice(index, 1);
    if (gone !== void 0) batch.remove(gone[0]);
    return gone !== void 0;
  }
  /** How many there are up to and including `id`; 0 if it is unknown. */
  #through(id) {
    return this.#sent.findIndex(([, sent]) => sent.id === id) + 1;
  }
};

// src/client/receipts.ts
var RECEIPT_AFTER_MS = 150;
var Receipts = class {
  #options;
  #marks;
  /** The newest message that `delivered` has not been said of. */
  #owed = null;
  #timer;
  constructor(options) {
    this.#options = options;
    this.#marks = new Marks(options.peer, options.records);
  }
  /** A message of ours is on its way. */
  sent(id, batch) {
    this.#marks.sent(id, batch);
  }
  /** It will never arrive. False if it is none of ours. */
  failed(id, batch) {
    return this.#marks.failed(id, batch);
  }
  /** A message of theirs is stored here. */
  owe(id) {
    if (this.#owed === null) this.#timer = setTimeout(() => this.pay(), RECEIPT_AFTER_MS);
    this.#owed = id;
  }
  /** Says what is owed, now. */
  pay() {
    const owed = this.#owed;
    this.close();
    if (owed !== null) this.#options.say({ type: "delivered", up_to: owed }).catch(() => {
    });
  }
  /** This one and all before were read, which includes that they were delivered. */
  read(upTo) {
    this.close();
    return this.#options.say({ type: "read", up_to: upTo });
  }
  /** The other's receipt: call what is returned once it is stored. */
  heard(receipt, batch) {
    const delivered = this.#marks.delivered(receipt.up_to, batch);
    const read = receipt.type === "read" ? this.#marks.read(receipt.up_to, batch) : [];
    return () => {
      for (const id of delivered) this.#options.tell("delivered", id);
      for (const id of read) this.#options.tell("read", id);
    };
  }
  close() {
    clearTimeout(this.#timer);
    this.#owed = null;
  }
};

// src/client/peer.ts
var Peer = class {
  code;
  events = new Emitter();
  inbox;
  trust;
  agreement;
  #options;
  #post;
  #receipts;
  #intake;
  constructor(options) {
    const { code, own } = options;
    const { events } = this;
    this.#options = options;
    this.code = code;
    this.inbox = new Inbox({ ...options, peer: code });
    this.trust = new Trust({
      ...options,
      onChanged: ({ eddsaPublicKey, offered }) => events.emit("key-changed", { pinned: eddsaPublicKey, offered: offered ?? "" })
    });
    this.agreement = new Agreement({ ...options, peer: code, peerKey: () => this.#pinnedKey() });
    this.#post = new Post(options);
    this.#receipts = new Receipts({
      ...options,
      peer: code,
      say: (content) => this.#post.stage((batch) => this.#post.addOnly(content, batch)),
      tell: (name, id) => events.emit(name, { id })
    });
    const { inbox, trust, agreement } = this;
    const common = { ...options, inbox, trust, agreement, post: this.#post, receipts: this.#receipts };
    const reader = new Reader({ ...common, events, ownCode: own.code });
    this.#intake = new Intake({ ...common, read: (envelope, batch) => reader.read(envelope, batch) });
  }
  /** Nothing is known of this peer: it may be forgotten. */
  get isNobody() {
    return this.trust.pin === null && this.#intake.isEmpty;
  }
  /** Asks for keys if there are none. */
  async begin() {
    await this.trust.learn();
    await this.#post.stage((batch) => this.agreement.prepare(batch));
  }
  /** Stores the message and gives its id; it is encrypted when its turn comes. */
  async send(body, at) {
    this.#refuseChangedKey();
    this.#options.outbox.requireRoom();
    const id = newEnvelopeId();
    await this.#post.stage((batch) => {
      this.#post.add({ type: "message", body, at }, batch, id);
      this.#receipts.sent(id, batch);
    });
    return id;
  }
  confirmRead(upTo) {
    return this.#receipts.read(upTo);
  }
  /** Says `delivered` of everything that it has not been said of. */
  payReceipt() {
    this.#receipts.pay();
  }
  /** Trusts the newer key, and takes what came under it. */
  async acceptChangedKey() {
    if (!this.trust.changed) return;
    const lost = new ClientError(
      "key_changed",
      "It was encrypted for the key that has been given up: send it again."
    );
    await this.#options.outbox.failSealed(this.code, lost);
    await this.#post.stage((batch) => {
      this.trust.accept(batch);
      this.agreement.forget(batch);
    });
    await this.#intake.review();
    await this.begin();
  }
  /** Takes one envelope, or drops it. Resolves once what came of it is stored: only then may it be confirmed. */
  receive(envelope) {
    return this.#intake.take(envelope);
  }
  /** Encrypts what the outbox is about to send for the first time. */
  seal(entry, batch) {
    if (entry.content === null || this.trust.changed) return null;
    this.agreement.prepare(batch);
    return this.agreement.seal(entry.id, entry.content, batch);
  }
  accepted({ id, content }) {
    if (content?.type === "message") this.events.emit("stored", { id });
  }
  failed({ id, content, exchange }, error) {
    this.#post.stageInBackground((batch) => {
      if (exchange !== null) this.agreement.requestFailed(exchange, batch);
      this.#receipts.failed(id, batch);
    });
    if (content?.type === "message") this.events.emit("failed", { id, error });
  }
  close() {
    this.#receipts.close();
    this.#intake.close();
    this.inbox.close();
  }
  #refuseChangedKey() {
    if (!this.trust.changed) return;
    throw new ClientError(
      "key_changed",
      `The relay names another key for ${this.code} than before. Compare safety numbers, then acceptChangedKey().`
    );
  }
  #pinnedKey() {
    const pin = this.trust.pin;
    if (pin === null)
      throw new ClientError("invalid_argument", `The key of ${this.code} has not been learnt.`);
    return pin.eddsaPublicKey;
  }
};
function frameBytesOf(body) {
  return Math.ceil((utf8ToBytes7(JSON.stringify(body)).length + 128) / 3) * 4 + 640;
}

// src/client/conversation.ts
var Conversation = class {
  #options;
  #peer;
  constructor(options) {
    this.#options = options;
    this.#peer = options.peer;
  }
  /** The other's code. */
  get code() {
    return this.#peer.code;
  }
  /** As the relay gave it, unsigned: not to be shown as verified. */
  get name() {
    return this.#peer.trust.pin?.name ?? null;
  }
  /** Keys are agreed. What is sent before waits for them. */
  get secured() {
    return this.#peer.agreement.agreed;
  }
  /** The relay names another key than the pinned one, and nobody has accepted it yet. */
  get keyChanged() {
    return this.#peer.trust.changed;
  }
  /** Returns the function that takes the listener away again. */
  on(name, listener) {
    return this.#peer.events.on(name, listener);
  }
  /**
   * Stores a message to be sent as soon as may be, and gives its id. Resolves before the relay has it: `stored`,
   * `delivered` and `read` tell of the rest. Throws `key_changed`, `too_large`, `outbox_full`.
   */
  async send(body, options = {}) {
    throwIfAborted(options.signal);
    const maxBytes = this.#options.maxFrameBytes();
    if (frameBytesOf(body) > maxBytes) {
      throw new ClientError(
        "too_large",
        `The relay takes frames of up to ${maxBytes} bytes: send it in parts.`
      );
    }
    return this.#peer.send(body, new Date(this.#options.now()).toISOString());
  }
  /** Tells the other that this message, and all before it, were read: also later than by the message itself. */
  markRead(id) {
    return this.#peer.confirmRead(id);
  }
  /** 12 groups of 5 digits (PROTOCOL.md 6): if both people see the same, nobody is in the middle. */
  safetyNumber(which = "pinned") {
    const pin = this.#peer.trust.pin;
    const key = which === "pinned" ? pin?.eddsaPublicKey : pin?.offered;
    if (typeof key !== "string") throw new ClientError("invalid_argument", `There is no ${which} key.`);
    const { code, eddsaPublicKey } = this.#options.own;
    return safetyNumber(
      { code, eddsaPublicKey: hexToBytes7(eddsaPublicKey) },
      { code: this.code, eddsaPublicKey: hexToBytes7(key) }
    );
  }
  /** Trusts the changed key: for when the people have compared the new safety number. */
  acceptChangedKey(options = {}) {
    return unlessAborted(this.#peer.acceptChangedKey(), options.signal);
  }
  /** What the other says, until the signal fires or the relay is closed. A message is handled once the next is asked for. */
  async *messages(options = {}) {
    for (; ; ) {
      const entry = await this.#peer.inbox.take(options.signal);
      if (entry === null) return;
      try {
        const { received } = entry;
        yield { ...received, markRead: () => this.#peer.confirmRead(received.id) };
      } finally {
        await this.#peer.inbox.handled(entry);
      }
    }
  }
  [Symbol.asyncIterator]() {
    return this.messages();
  }
};

// src/client/endpoints.ts
var SCHEMES = {
  "http:": ["http:", "ws:"],
  "ws:": ["http:", "ws:"],
  "https:": ["https:", "wss:"],
  "wss:": ["https:", "wss:"]
};
function endpointsOf(url) {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const schemes = SCHEMES[parsed?.protocol ?? ""];
  if (parsed === null || schemes === void 0) {
    throw new ClientError("invalid_argument", `A relay's URL is https://host or wss://host/ws, not ${url}.`);
  }
  const [http, socket] = schemes;
  return { http: `${http}//${parsed.host}`, socket: `${socket}//${parsed.host}/ws` };
}

// src/client/network.ts
function watchNetwork(on) {
  const target = globalThis;
  const listeners = Object.entries({ offline: on.gone, online: on.back, pageshow: on.back });
  for (const [name, listener] of listeners) target.addEventListener?.(name, listener);
  return () => {
    for (const [name, listener] of listeners) target.removeEventListener?.(name, listener);
  };
}

// src/client/lane.ts
var ANSWER_WITHIN_MS3 = 15e3;
var Lane = class {
  #entries = [];
  /** Id of the entry that the relay has not answered yet. */
  inFlight = null;
  /** Set while the next try has to wait. */
  #timer;
  #resting = false;
  #attempt = 0;
  add(entry) {
    this.#entries.push(entry);
  }
  /** False if it is not here. */
  remove(number) {
    const index = this.#entries.findIndex((entry) => entry.number === number);
    const removed = this.#entries.splice(index, index < 0 ? 0 : 1)[0];
    if (removed !== void 0 && removed.id === this.inFlight) this.settle();
    return removed !== void 0;
  }
  count(matches) {
    return this.#entries.filter(matches).length;
  }
  sealed() {
    return this.#entries.filter((entry) => entry.frame !== null && !entry.urgent);
  }
  unsealed() {
    return this.#entries.filter((entry) => entry.frame === null);
  }
  /**
   * The entry to send now, or null. A sealed message may have been sent before, so it is first, whatever is urgent:
   * there is at most one, because nothing is sealed before what is ahead of it is settled.
   */
  next() {
    if (this.inFlight !== null || this.#resting) return null;
    return this.sealed()[0] ?? this.#entries.find((entry) => entry.urgent) ?? this.#entries.find((entry) => !entry.urgent) ?? null;
  }
  /** The entry, now sealed, goes out; `again` is called if no answer comes. */
  launch(sealed, again) {
    this.#entries = this.#entries.map((entry) => entry.number === sealed.number ? sealed : entry);
    this.inFlight = sealed.id;
    this.#wait(ANSWER_WITHIN_MS3, again);
  }
  /** The relay has decided about the entry in flight. */
  settle() {
    const entry = this.#entries.find(({ id }) => id === this.inFlight) ?? null;
    this.#attempt = 0;
    this.restart();
    return entry;
  }
  /** The same once more, after `waitMs`, or else with growing jitter. */
  retry(waitMs, again) {
    this.restart();
    this.#resting = true;
    this.#wait((waitMs ?? 0) + fullJitterMs(this.#attempt++), again);
  }
  /** A new socket: nothing is in flight on it. */
  restart() {
    this.pause();
    this.inFlight = null;
    this.#resting = false;
  }
  pause() {
    clearTimeout(this.#timer);
  }
  #wait(ms, then) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.inFlight = null;
      this.#resting = false;
      then();
    }, ms);
  }
};

// src/client/outbox.ts
var WAITING_MAX = 5e3;
var ANSWERS_MAX = 64;
var Outbox = class {
  #options;
  #lanes = /* @__PURE__ */ new Map();
  #waiting = 0;
  #onEmpty = [];
  #nextNumber = 0;
  #transmit = null;
  constructor(options) {
    this.#options = options;
    for (const [, entry] of options.records.list("outbox:")) {
      this.#nextNumber = Math.max(this.#nextNumber, entry.number + 1);
      this.#waiting += 1;
      this.#lane(entry.recipient).add(entry);
    }
  }
  /** Throws `outbox_full` if a program should not add more for now. */
  requireRoom() {
    if (this.#waiting < WAITING_MAX) return;
    throw new ClientError(
      "outbox_full",
      `${WAITING_MAX} envelopes wait already: wait for some to be accepted.`
    );
  }
  /** Resolves when the relay has decided about everything. */
  emptied() {
    if (this.#waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }
  /** So much waits to be told to this peer that nothing more should be on his demand. */
  crowded(recipient) {
    return this.#lane(recipient).count((entry) => entry.content?.type !== "message") >= ANSWERS_MAX;
  }
  /** Takes one envelope in; `pump` the recipient once the batch is committed. */
  add(entry, batch) {
    const added = { ...entry, number: this.#nextNumber++ };
    this.#waiting += 1;
    this.#lane(entry.recipient).add(added);
    batch.set(keyOf(added), added);
    return added;
  }
  /** Takes out what waits unsealed and matches, because something newer says the same. */
  dropUnsealed(recipient, matches, batch) {
    const lane = this.#lane(recipient);
    for (const entry of lane.unsealed()) {
      if (entry.content !== null && matches(entry.content)) this.#remove(entry, batch);
    }
  }
  /** The socket is logged in: what was in doubt is sent again, with the same bytes. */
  live(transmit) {
    this.#transmit = transmit;
    for (const lane of this.#lanes.values()) {
      lane.restart();
      this.#pump(lane);
    }
  }
  down() {
    this.#transmit = null;
    for (const lane of this.#lanes.values()) lane.pause();
  }
  /** Something may have become sendable: an entry was added, a key agreed. */
  pump(recipient) {
    this.#pump(this.#lane(recipient));
  }
  /** False if nothing with this id is in flight. */
  async accepted(id) {
    const entry = this.#settle(id);
    if (entry === null) return false;
    const batch = new Batch();
    this.#remove(entry, batch);
    await this.#options.records.commit(batch);
    this.#options.onAccepted(entry);
    this.pump(entry.recipient);
    return true;
  }
  /** Refused, but to be sent again with the same bytes: not known to be stored, too fast, or no room just now. */
  again(id, waitMs) {
    for (const lane of this.#lanes.values()) {
      if (lane.inFlight === id) lane.retry(waitMs, () => this.#pump(lane));
    }
  }
  async refused(id, error) {
    const entry = this.#settle(id);
    if (entry !== null) await this.#fail([entry], error);
  }
  /** What was sealed for keys that nobody trusts any more can neither be sent nor be sealed again. */
  async failSealed(recipient, error) {
    await this.#fail(this.#lane(recipient).sealed(), error);
  }
  #fail(entries, error) {
    const batch = new Batch();
    for (const entry of entries) this.#remove(entry, batch);
    return this.#options.records.commit(batch).then(() => {
      for (const entry of entries) {
        this.#options.onFailed(entry, error);
        this.pump(entry.recipient);
      }
    });
  }
  #settle(id) {
    for (const lane of this.#lanes.values()) {
      if (lane.inFlight === id) return lane.settle();
    }
    return null;
  }
  #remove(entry, batch) {
    if (!this.#lane(entry.recipient).remove(entry.number)) return;
    this.#waiting -= 1;
    batch.remove(keyOf(entry));
    if (this.#waiting === 0) for (const tell of this.#onEmpty.splice(0)) tell();
  }
  #pump(lane) {
    if (this.#transmit === null) return;
    const entry = lane.next();
    if (entry === null) return;
    const batch = new Batch();
    const frame2 = entry.frame ?? this.#options.seal(entry, batch);
    if (frame2 === null) return;
    const sealed = { ...entry, frame: frame2 };
    lane.launch(sealed, () => this.#pump(lane));
    if (entry.frame === null) batch.set(keyOf(sealed), sealed);
    this.#options.records.commit(batch).then(() => this.#send(lane, sealed), this.#options.onBroken);
  }
  #send(lane, entry) {
    if (lane.inFlight === entry.id) this.#transmit?.(entry.frame);
  }
  #lane(recipient) {
    const lane = this.#lanes.get(recipient) ?? new Lane();
    this.#lanes.set(recipient, lane);
    return lane;
  }
};
function keyOf(entry) {
  return `outbox:${entry.recipient}:${String(entry.number).padStart(12, "0")}`;
}

// src/client/receiver.ts
var QUEUE_MAX = 1024;
var QUEUE_BYTES_MAX = 8 * 1024 * 1024;
var UNHANDLED_MAX = 2e3;
var CONFIRM_AFTER_ENVELOPES = 32;
var CONFIRM_AFTER_MS = 200;
var Receiver = class {
  #options;
  /** Of the current socket only: what is not confirmed comes again on the next. */
  #queue = [];
  /** Sum over `#queue`, at most `QUEUE_BYTES_MAX`. */
  #queuedBytes = 0;
  #socket = 0;
  #running = null;
  /** Stored and not yet confirmed on this socket; `seq` is the newest. */
  #owed = { seq: "", count: 0 };
  #timer;
  #unhandled = 0;
  #onRoom = null;
  #closed = false;
  constructor(options) {
    this.#options = options;
  }
  /** A new socket: sequence numbers of the old one mean nothing on it. */
  reset() {
    this.#socket += 1;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#owed = { seq: "", count: 0 };
    clearTimeout(this.#timer);
  }
  push(envelope) {
    if (this.#closed) return;
    this.#queuedBytes += envelope.data.length;
    if (this.#queue.length >= QUEUE_MAX || this.#queuedBytes > QUEUE_BYTES_MAX) {
      this.reset();
      this.#options.onFlood(
        new ClientError("unreachable", "The relay sent more than it may without confirmation.")
      );
      return;
    }
    this.#queue.push(envelope);
    this.#running ??= this.#run();
  }
  /** A message waits for the program. */
  added() {
    this.#unhandled += 1;
  }
  /** The program is done with one. */
  handled() {
    this.#unhandled -= 1;
    if (this.#unhandled < UNHANDLED_MAX) this.#onRoom?.();
  }
  close() {
    this.#closed = true;
    this.reset();
    this.#onRoom?.();
  }
  /** Resolves when the envelope in hand has been dealt with. */
  async settled() {
    await this.#running;
  }
  async #run() {
    try {
      await Promise.resolve();
      for (; ; ) {
        if (this.#unhandled >= UNHANDLED_MAX) await this.#room();
        const envelope = this.#queue.shift();
        if (envelope === void 0 || this.#closed) return;
        this.#queuedBytes -= envelope.data.length;
        const socket = this.#socket;
        await this.#options.take(envelope);
        if (socket === this.#socket && envelope.seq !== null) this.#owe(envelope.seq);
      }
    } catch (error) {
      this.#options.onBroken(error);
    } finally {
      this.#running = null;
      if (this.#queue.length > 0) this.#running = this.#run();
    }
  }
  #room() {
    return new Promise((resolve) => {
      this.#onRoom = () => {
        this.#onRoom = null;
        resolve();
      };
    });
  }
  #owe(seq) {
    this.#owed = { seq, count: this.#owed.count + 1 };
    if (this.#owed.count >= CONFIRM_AFTER_ENVELOPES) this.#confirm();
    else if (this.#owed.count === 1) this.#timer = setTimeout(() => this.#confirm(), CONFIRM_AFTER_MS);
  }
  #confirm() {
    clearTimeout(this.#timer);
    const { seq, count: count2 } = this.#owed;
    this.#owed = { seq: "", count: 0 };
    if (count2 > 0) this.#options.confirm(seq);
  }
};

// src/client/self-probe.ts
var SAME_FOR_MS = 9 * 6e4;
var SelfProbe = class {
  #identity;
  #now;
  #send;
  #frame = "";
  #sinceMs = Number.NEGATIVE_INFINITY;
  constructor(options) {
    this.#identity = options.identity;
    this.#now = options.now;
    this.#send = options.send;
  }
  send(code) {
    if (this.#now() - this.#sinceMs >= SAME_FOR_MS) {
      const envelope = { sender: code, recipient: code, id: newEnvelopeId(), message: { type: "heartbeat" } };
      this.#frame = signedFrame(signedText(envelope), this.#identity);
      this.#sinceMs = this.#now();
    }
    this.#send(this.#frame);
  }
};

// src/client/server-word.ts
var LONGEST_WAIT_MS = 6e4;
var FULL_WAIT_MS = 15e3;
function outcomeOf(type, payload) {
  const { id, code, detail, retry_after_ms: retryAfterMs } = payload;
  if (typeof id !== "string") return null;
  if (type === "accepted") return { outcome: "accepted", id };
  if (type !== "error" || typeof code !== "string") return null;
  switch (code) {
    case "unavailable":
      return { outcome: "again", id, waitMs: null };
    case "mailbox_full":
      return { outcome: "again", id, waitMs: FULL_WAIT_MS };
    case "rate_limited": {
      const waitMs = typeof retryAfterMs === "number" ? Math.max(0, retryAfterMs) : 0;
      return { outcome: "again", id, waitMs: Math.min(waitMs, LONGEST_WAIT_MS) };
    }
    default:
      return {
        outcome: "refused",
        id,
        error: new ClientError(errorCode(code), String(detail))
      };
  }
}
function errorCode(code) {
  if (code === "recipient_unknown") return "user_unknown";
  return code === "too_large" ? "too_large" : "refused";
}

// src/client/tab-lock.ts
async function takeTabLock(options) {
  const { locks, name, onElsewhere, signal } = options;
  throwIfAborted(signal);
  const atOnce = await attempt(locks, name, { ifAvailable: true });
  if (atOnce !== null) return atOnce;
  throwIfAborted(signal);
  const waiting = new AbortController();
  const ends = signal === void 0 ? waiting.signal : AbortSignal.any([waiting.signal, signal]);
  const stolen = new Promise((resolve, reject) => {
    onElsewhere?.(() => {
      waiting.abort();
      attempt(locks, name, { steal: true }).then(resolve, reject);
    });
  });
  const inLine = attempt(locks, name, { signal: ends }).catch((cause) => {
    if (waiting.signal.aborted) return stolen;
    throw new ClientError("aborted", "Ended by its AbortSignal.", { cause });
  });
  const lock = await Promise.race([inLine, stolen]);
  if (lock === null) throw new ClientError("displaced", "Another tab holds this identity.");
  return lock;
}
function attempt(locks, name, options) {
  return new Promise((resolve, reject) => {
    let release = () => {
    };
    let tellLost = () => {
    };
    const held = new Promise((free) => {
      release = free;
    });
    const lost = new Promise((tell) => {
      tellLost = tell;
    });
    locks.request(name, options, (lock) => {
      resolve(lock === null ? null : { lost, release });
      return lock === null ? Promise.resolve() : held;
    }).catch((error) => {
      tellLost();
      reject(error);
    });
  });
}

// src/client/relay.ts
var Relay = class _Relay {
  #options;
  #identity;
  #account;
  #records;
  #events = new Emitter();
  #peers = /* @__PURE__ */ new Map();
  /** Peers of whom the program knows. */
  #announced = /* @__PURE__ */ new Set();
  #outbox;
  #receiver;
  #probe;
  #connection;
  #protocol;
  #lock;
  #unwatch;
  #state = { state: "connecting" };
  #maxFrameBytes = 65536;
  constructor(parts) {
    const { url, identity, options, records, lock } = parts;
    this.#options = options;
    this.#identity = identity;
    const endpoints = endpointsOf(url);
    const { fetch, name } = options;
    this.#account = new Account({ identity, endpoints, records, fetch, name });
    this.#records = records;
    this.#lock = lock;
    this.#protocol = options.protocol ?? 2;
    const onBroken = (error) => this.#broken(error);
    this.#outbox = new Outbox({
      records,
      seal: (entry, batch) => this.#peer(entry.recipient).peer.seal(entry, batch),
      onAccepted: (entry) => this.#peer(entry.recipient).peer.accepted(entry),
      onFailed: (entry, error) => this.#peer(entry.recipient).peer.failed(entry, error),
      onBroken
    });
    this.#receiver = new Receiver({
      take: (envelope) => this.#take(envelope),
      confirm: (seq) => this.#connection.send(ack(seq)),
      onFlood: (error) => this.#connection.drop(error),
      onBroken
    });
    this.#probe = new SelfProbe({ identity, now: Date.now, send: (frame2) => this.#connection.send(frame2) });
    this.#connection = new Connection({
      endpoints,
      protocol: this.#protocol,
      identity,
      WebSocket: socketConstructor(options.WebSocket),
      enrol: async () => (await this.register()).code,
      isKnown: () => this.#account.isKnown(),
      onState: (state) => this.#changed(state),
      onWelcome: (welcome) => this.#welcomed(welcome),
      onEnvelope: (envelope) => this.#receiver.push(envelope),
      onServer: ({ type, payload }) => this.#told(type, payload),
      onProbe: () => this.#probe.send(this.code ?? ""),
      onFrame: (direction, text) => this.#events.emit("frame", { direction, text })
    });
    for (const [key] of records.list("pin:")) this.#announced.add(key.slice("pin:".length));
    for (const code of this.#announced) this.#peer(code);
    for (const [key] of records.list("held:")) this.#peer(key.slice("held:".length, "held:".length + 7));
    this.#unwatch = watchNetwork({
      gone: () => this.#connection.check(),
      back: () => this.#connection.wake()
    });
    void lock?.lost.then(() => this.#end(new ClientError("displaced", "Another tab took over.")));
  }
  /** Opens what is stored and begins to connect; what is sent meanwhile waits. */
  static async open(url, identity, options = {}) {
    throwIfAborted(options.signal);
    const { locks, onElsewhere, signal } = options;
    const name = `keyrelay:${identity.eddsaPublicKey}`;
    const lock = locks === void 0 ? null : await takeTabLock({ locks, name, onElsewhere, signal });
    const records = await Records.open(options.storage ?? memoryStorage());
    if (options.protocol === 1 && records.get("protocol") === 2) {
      throw new ClientError("downgraded", "This identity has spoken protocol 2, and never goes back.");
    }
    const relay = new _Relay({ url, identity, options, records, lock });
    relay.#connection.start();
    return relay;
  }
  /** Opens, and waits until the relay has accepted the login. */
  static async connect(url, identity, options = {}) {
    const relay = await _Relay.open(url, identity, options);
    try {
      await unlessAborted(relay.#live(), options.signal);
      return relay;
    } catch (error) {
      await relay.close();
      throw error;
    }
  }
  /** The user's code; null until the relay has given one. */
  get code() {
    return this.#account.user?.code ?? null;
  }
  get state() {
    return this.#state;
  }
  /** Returns the function that takes the listener away again. */
  on(name, listener) {
    return this.#events.on(name, listener);
  }
  /** Registers the identity, with proof; harmless to repeat. Done by itself before the first login. */
  register(options = {}) {
    return unlessAborted(this.#account.register(), options.signal);
  }
  lookup(code, options = {}) {
    return this.#account.lookup(code, options.signal);
  }
  /** The conversation with this code, as people write it. Learns its key at the first time: `user_unknown`, `unreachable`. */
  async startConversation(code, options = {}) {
    const canonical = readCode(code.trim());
    if (canonical === null)
      throw new ClientError("invalid_argument", "A code is 7 letters and digits, such as E011T7D.");
    const own = await this.register(options);
    if (canonical === own.code) throw new ClientError("invalid_argument", "This is your own code.");
    const known = this.#peers.get(canonical);
    const user = known === void 0 ? await this.lookup(canonical, options) : null;
    throwIfAborted(options.signal);
    const { peer, conversation } = known ?? this.#peer(canonical);
    this.#announced.add(canonical);
    if (user !== null) await peer.trust.meet(user);
    await peer.begin();
    if (user === null) peer.trust.recheck().catch(() => {
    });
    return conversation;
  }
  /** All conversations with people whose keys are known. The event `conversation` tells of each further one, once. */
  get conversations() {
    return [...this.#peers].flatMap(
      ([code, { conversation }]) => this.#announced.has(code) ? conversation : []
    );
  }
  /** Resolves when the relay has everything that was sent, receipts included; or when the signal fires. */
  async flush(options = {}) {
    const { signal } = options;
    for (const { peer } of this.#peers.values()) peer.payReceipt();
    const aborted2 = new Promise((resolve) => {
      if (signal?.aborted) resolve();
      signal?.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([this.#outbox.emptied(), aborted2]);
  }
  /** Lets go of the socket and the storage. What waits is sent when the relay is opened again. */
  async close() {
    this.#end(new ClientError("closed", "Closed by the program."));
    await this.#receiver.settled();
    await this.#records.close();
  }
  #live() {
    return new Promise((resolve, reject) => {
      const settle = (state) => {
        if (state.state === "live") resolve();
        else if (state.state === "ended") reject(state.error);
        else return;
        off();
      };
      const off = this.on("state", settle);
      settle(this.#state);
    });
  }
  #welcomed(welcome) {
    this.#maxFrameBytes = welcome.maxFrameBytes;
    if ((welcome.expired ?? 0) > 0) this.#events.emit("expired", { count: welcome.expired ?? 0 });
    if (this.#protocol === 2 && this.#records.get("protocol") !== 2) {
      const batch = new Batch();
      batch.set("protocol", 2);
      this.#records.commit(batch).catch((error) => this.#broken(error));
    }
    this.#receiver.reset();
    this.#outbox.live((frame2) => this.#connection.send(frame2));
  }
  #told(type, payload) {
    const outcome = outcomeOf(type, payload);
    if (outcome === null) return;
    if (outcome.outcome === "again") this.#outbox.again(outcome.id, outcome.waitMs);
    else {
      const settled2 = outcome.outcome === "accepted" ? this.#outbox.accepted(outcome.id) : this.#outbox.refused(outcome.id, outcome.error);
      settled2.catch((error) => this.#broken(error));
    }
  }
  /** One's own envelopes are probes: they have done their work. */
  async #take(envelope) {
    if (envelope.claims === null || envelope.claims === this.code) return;
    const { peer } = this.#peer(envelope.claims);
    await peer.receive(envelope);
    if (peer.isNobody) this.#peers.delete(envelope.claims);
  }
  #peer(code) {
    const known = this.#peers.get(code);
    if (known !== void 0) return known;
    const own = { code: this.code ?? "", identity: this.#identity };
    const peer = new Peer({
      code,
      own,
      records: this.#records,
      outbox: this.#outbox,
      lookup: (asked) => this.lookup(asked),
      now: Date.now,
      registeredKeys: this.#options.registeredKeys ?? false,
      onAdded: () => this.#receiver.added(),
      onHandled: () => this.#receiver.handled(),
      onMet: () => this.#met(code),
      onBroken: (error) => this.#broken(error)
    });
    const conversation = new Conversation({
      peer,
      own: { code: own.code, eddsaPublicKey: this.#identity.eddsaPublicKey },
      maxFrameBytes: () => this.#maxFrameBytes,
      now: Date.now
    });
    const made = { peer, conversation };
    this.#peers.set(code, made);
    return made;
  }
  #met(code) {
    const met = this.#peers.get(code);
    if (met === void 0 || this.#announced.has(code)) return;
    this.#announced.add(code);
    this.#events.emit("conversation", { conversation: met.conversation });
  }
  #changed(state) {
    this.#state = state;
    if (state.state !== "live") this.#outbox.down();
    this.#events.emit("state", state);
  }
  #broken(cause) {
    this.#end(
      new ClientError("storage_failed", "What happened could not be stored, so nothing may go on.", {
        cause
      })
    );
  }
  #end(error) {
    this.#unwatch();
    this.#connection.end(error);
    this.#receiver.close();
    for (const { peer } of this.#peers.values()) peer.close();
    this.#lock?.release();
  }
};

// src/client/sealed-identity.ts
import { xchacha20poly1305 as xchacha20poly13052 } from "@noble/ciphers/chacha.js";
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { bytesToHex as bytesToHex7, concatBytes as concatBytes4, hexToBytes as hexToBytes8, randomBytes as randomBytes3, utf8ToBytes as utf8ToBytes8 } from "@noble/hashes/utils.js";
var HEADER = "keyrelay-identity-1";
var DEFAULT_COST_LOG2 = 17;
var COST_LOG2_MIN = 14;
var COST_LOG2_MAX = 20;
var SEALED = /^keyrelay-identity-1:(\d\d):([0-9a-f]{32}):([0-9a-f]{48}):([0-9a-f]{160})$/;
async function exportIdentity(identity, passphrase, options = {}) {
  const costLog2 = options.costLog2 ?? DEFAULT_COST_LOG2;
  if (!Number.isInteger(costLog2) || costLog2 < COST_LOG2_MIN || costLog2 > COST_LOG2_MAX) {
    throw new ClientError("invalid_argument", `costLog2 is a whole number from 14 to 20, not ${costLog2}.`);
  }
  const salt = randomBytes3(16);
  const nonce = randomBytes3(24);
  const head = `${HEADER}:${costLog2}:${bytesToHex7(salt)}`;
  const key = await deriveKey({ passphrase, salt, costLog2, signal: options.signal });
  const secret = concatBytes4(identity.signingKey, identity.exchangeKey);
  const sealed = xchacha20poly13052(key, nonce, utf8ToBytes8(head)).encrypt(secret);
  return `${head}:${bytesToHex7(nonce)}:${bytesToHex7(sealed)}`;
}
async function importIdentity(sealed, passphrase, options = {}) {
  const [, cost = "", salt = "", nonce = "", ciphertext = ""] = SEALED.exec(sealed.trim()) ?? [];
  const costLog2 = Number(cost);
  if (cost === "" || costLog2 < COST_LOG2_MIN || costLog2 > COST_LOG2_MAX) {
    throw new ClientError(
      "identity_unreadable",
      `An exported identity is one line that begins with ${HEADER}:.`
    );
  }
  const key = await deriveKey({ passphrase, salt: hexToBytes8(salt), costLog2, signal: options.signal });
  const head = utf8ToBytes8(`${HEADER}:${cost}:${salt}`);
  let secret;
  try {
    secret = xchacha20poly13052(key, hexToBytes8(nonce), head).decrypt(hexToBytes8(ciphertext));
  } catch (cause) {
    throw new ClientError("identity_unreadable", "The passphrase is wrong, or the text was altered.", {
      cause
    });
  }
  return identityFrom(secret.slice(0, 32), secret.slice(32, 64));
}
async function deriveKey(options) {
  const { passphrase, salt, costLog2, signal } = options;
  if (passphrase === "") throw new ClientError("invalid_argument", "The passphrase is empty.");
  throwIfAborted(signal);
  const onProgress = () => throwIfAborted(signal);
  const maxmem = 2 ** costLog2 * 1024 + 65536;
  const text = passphrase.normalize("NFKC");
  return scryptAsync(text, salt, { N: 2 ** costLog2, r: 8, p: 1, dkLen: 32, maxmem, onProgress });
}

// src/client/storage-file.ts
var OPTIONS = { mode: 384, flush: true };
var LINES_BEFORE_COMPACTION = 5e3;
function fileStorage(path, fs) {
  const entries = /* @__PURE__ */ new Map();
  let lines = 0;
  let torn = false;
  let last = Promise.resolve();
  function inTurn(job) {
    const done = last.then(job).catch((cause) => {
      throw new ClientError("storage_failed", `${path} cannot be written.`, { cause });
    });
    last = done.catch(() => {
    });
    return done;
  }
  async function compact() {
    await fs.writeFile(`${path}.new`, lineOf(entries), OPTIONS);
    await fs.rename(`${path}.new`, path);
    lines = 1;
    torn = false;
  }
  return {
    async load() {
      for (const changes of readJournal(await readIfThere(path, fs), path)) applyChanges(entries, changes);
      await inTurn(compact);
      return new Map(entries);
    },
    write: (changes) => inTurn(async () => {
      if (torn) await compact();
      torn = true;
      await fs.appendFile(path, lineOf(changes), OPTIONS);
      torn = false;
      applyChanges(entries, changes);
      lines += 1;
      if (lines > LINES_BEFORE_COMPACTION) await compact();
    }),
    close: () => last
  };
}
function lineOf(changes) {
  return `${JSON.stringify(Object.fromEntries(changes))}
`;
}
async function readIfThere(path, fs) {
  try {
    return await fs.readFile(path, "utf8");
  } catch (cause) {
    if (cause.code === "ENOENT") return "";
    throw new ClientError("storage_failed", `${path} cannot be read.`, { cause });
  }
}
function* readJournal(text, path) {
  const lines = text.split("\n");
  lines.pop();
  for (const [index, line] of lines.entries()) {
    let changes;
    try {
      changes = JSON.parse(line);
    } catch (cause) {
      throw new ClientError(
        "storage_failed",
        `${path}, line ${index + 1} is not JSON: not a journal of ours.`,
        {
          cause
        }
      );
    }
    yield new Map(Object.entries(changes));
  }
}

// src/client/storage-indexeddb.ts
var STORE = "entries";
function indexedDbStorage(name, factory) {
  let opened;
  function database() {
    opened ??= open(name, factory);
    return opened;
  }
  return {
    async load() {
      const store = (await database()).transaction(STORE, "readonly").objectStore(STORE);
      const [keys, values] = await Promise.all([settled(store.getAllKeys()), settled(store.getAll())]);
      const entries = /* @__PURE__ */ new Map();
      applyChanges(entries, new Map(keys.map((key, index) => [String(key), String(values[index])])));
      return entries;
    },
    async write(changes) {
      const transaction = (await database()).transaction(STORE, "readwrite", { durability: "strict" });
      const store = transaction.objectStore(STORE);
      for (const [key, value] of changes) {
        if (value === null) store.delete(key);
        else store.put(value, key);
      }
      await new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(failed("written", transaction.error));
      });
    },
    async close() {
      if (opened !== void 0) (await opened).close();
    }
  };
}
async function open(name, factory) {
  const request2 = factory.open(name, 1);
  request2.onupgradeneeded = () => request2.result.createObjectStore(STORE);
  return settled(request2);
}
function settled(request2) {
  return new Promise((resolve, reject) => {
    request2.onsuccess = () => resolve(request2.result);
    request2.onerror = () => reject(failed("read", request2.error));
  });
}
function failed(verb, cause) {
  return new ClientError("storage_failed", `The browser's storage cannot be ${verb}.`, { cause });
}
export {
  CLIENT_ERRORS,
  ClientError,
  Relay,
  createIdentity,
  exportIdentity,
  fileStorage,
  identityFrom,
  importIdentity,
  indexedDbStorage,
  memoryStorage,
  readCode,
  safetyNumber
};
