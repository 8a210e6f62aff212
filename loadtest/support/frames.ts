/** What every client of a load test does with each frame: without parsing it. */

const ID = Buffer.from('"id":"');
const SEQ = Buffer.from(',"seq":"');
const FROM_SERVER = Buffer.from('{"data":{"sender":"server"');

/** Whether the relay itself says this, and no peer. */
export function isFromServer(frame: Buffer): boolean {
  return frame.subarray(0, FROM_SERVER.length).equals(FROM_SERVER);
}

/** The `id` of a delivered envelope; null if it has none. */
export function idOf(frame: Buffer): string | null {
  const start = frame.indexOf(ID) + ID.length;
  return start < ID.length ? null : frame.toString('latin1', start, frame.indexOf('"', start));
}

/** Protocol 2: what confirms this envelope and those before it. */
export function ackFor(frame: Buffer): string {
  const seq = frame.lastIndexOf(SEQ) + SEQ.length;
  return `{"ack":"${frame.toString('latin1', seq, frame.indexOf('"', seq))}"}`;
}
