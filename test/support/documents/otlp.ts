/** Reads an ExportTraceServiceRequest of OTLP, as protobuf, without the code that writes it. */

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, string>>;
  /** Names. */
  readonly events: readonly string[];
  readonly resource: Readonly<Record<string, string>>;
  /** `service.instance.id` of the resource. */
  readonly node: string;
}

type Field = { readonly number: number; readonly bytes: Buffer; readonly value: bigint };

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** The fields of one message, in order. */
function fields(message: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    let value = 0n;
    let bytes: Buffer = Buffer.alloc(0);
    switch (tag & 7) {
      case VARINT:
        value = varint();
        break;
      case FIXED64:
        value = message.readBigUInt64LE(at);
        at += 8;
        break;
      case BYTES: {
        const length = Number(varint());
        bytes = message.subarray(at, at + length);
        at += length;
        break;
      }
      case FIXED32:
        at += 4;
        break;
      default:
        throw new Error(`no wire type: ${tag & 7}`);
    }
    found.push({ number, bytes, value });
  }
  return found;
}

const all = (message: Buffer, number: number) => fields(message).filter((field) => field.number === number);
const one = (message: Buffer, number: number) => all(message, number)[0];
const text = (message: Buffer, number: number) => one(message, number)?.bytes.toString('utf8') ?? '';
const hex = (message: Buffer, number: number) => one(message, number)?.bytes.toString('hex') ?? '';

/** KeyValue: key, and an AnyValue that is a string (1) or a number (3). */
function attributes(keyValues: readonly Field[]): Record<string, string> {
  return Object.fromEntries(
    keyValues.map(({ bytes }) => {
      const value = one(bytes, 2)?.bytes ?? Buffer.alloc(0);
      const number = one(value, 3);
      return [text(bytes, 1), number === undefined ? text(value, 1) : String(number.value)];
    }),
  );
}

export function decodeSpans(request: Buffer): Span[] {
  return all(request, 1).flatMap(({ bytes: resourceSpans }) => {
    const resource = attributes(all(one(resourceSpans, 1)?.bytes ?? Buffer.alloc(0), 1));
    const spans = all(resourceSpans, 2).flatMap(({ bytes: scopeSpans }) => all(scopeSpans, 2));
    return spans.map(({ bytes: span }) => ({
      traceId: hex(span, 1),
      spanId: hex(span, 2),
      parentSpanId: hex(span, 4),
      name: text(span, 5),
      startNs: one(span, 7)?.value ?? 0n,
      endNs: one(span, 8)?.value ?? 0n,
      attributes: attributes(all(span, 9)),
      events: all(span, 11).map(({ bytes: event }) => text(event, 2)),
      resource,
      node: resource['service.instance.id'] ?? '',
    }));
  });
}
