import { parsePublicKey, verifySignature } from '../../crypto/verify.ts';
import { REPORT_BYTES_MAX, REPORT_ENVELOPES_MAX, REPORT_EVERY_MS } from '../../engine/bounds.ts';
import type { ReportedEnvelope } from '../../engine/verbs/operators.ts';
import { SIGNATURE_HEX_DIGITS } from '../../protocol/exchange-key.ts';
import { decodeFrame } from '../../protocol/frames/frame.ts';
import { BadCommand, type Command, DONE, type Payload } from './command.ts';
import { hexIn, othersCodeIn } from './payload.ts';
import { tryCode } from './try-code.ts';

const BEFORE_DATA = '{"data":';

/** Of the reporter's words, in code points. */
const REASON_MAX = 500;

/**
 * `report {"code", "envelopes": [{"data", "signature"}], "reason"?}`: shows the operators what another user has sent. Filed only if the
 * signatures prove that the reported user sent it to the reporter.
 */
export const report: Command = async (host, payload, id) => {
  const { context, session } = host;
  const code = othersCodeIn(payload, 'code', session);
  const reason = reasonIn(payload);
  const envelopes = envelopesIn(payload);
  for (const [index, { data, signature }] of envelopes.entries())
    checkWay(data, signature, { index, sender: code, recipient: session.code });
  return tryCode(host, code, async () => {
    const { engine, log } = context;
    const user = await engine.findUser(code);
    if (user === null || user === 'gone') return null;
    const publicKey = parsePublicKey(user.eddsaPublicKey);
    for (const [index, { data, signature }] of envelopes.entries()) {
      if (!verifySignature(publicKey, Buffer.from(data), signature))
        throw new BadCommand(
          `envelopes[${index}] is not signed by ${code}: give data byte by byte as it came`,
        );
    }
    const key = user.eddsaPublicKey;
    const report = { id, reporter: session.code, code, key, reason, envelopes };
    const result = await engine.operators.reports.file(report);
    if (result === 'early') {
      const detail = `one report in ${REPORT_EVERY_MS / 1000} s`;
      return { code: 'rate_limited', detail, retryAfterMs: REPORT_EVERY_MS };
    }
    log.info('a user was reported', { count: envelopes.length });
    return DONE;
  });
};

function reasonIn({ reason = '' }: Payload): string {
  if (typeof reason === 'string' && [...reason].length <= REASON_MAX && !/\p{Cc}/u.test(reason))
    return reason;
  throw new BadCommand(
    `reason must be a string of at most ${REASON_MAX} code points without control characters`,
  );
}

function envelopesIn(payload: Payload): readonly ReportedEnvelope[] {
  const { envelopes: given } = payload;
  if (!Array.isArray(given) || given.length === 0 || given.length > REPORT_ENVELOPES_MAX)
    throw new BadCommand(`envelopes must be a list of 1 to ${REPORT_ENVELOPES_MAX}`);
  let bytes = 0;
  return given.map((each: unknown, index) => {
    const { data } = { ...(each as Payload) };
    if (typeof data !== 'string')
      throw new BadCommand(`envelopes[${index}] must be {"data": "the text of data", "signature": "…"}`);
    bytes += Buffer.byteLength(data);
    if (bytes > REPORT_BYTES_MAX)
      throw new BadCommand(`the data of all envelopes may have ${REPORT_BYTES_MAX} bytes together`);
    return { data, signature: hexIn(each as Payload, 'signature', SIGNATURE_HEX_DIGITS) };
  });
}

/** @throws BadCommand unless `data` is that of one envelope from `sender` to `recipient` */
function checkWay(
  data: string,
  signature: string,
  {
    index,
    sender,
    recipient,
  }: { readonly index: number; readonly sender: string; readonly recipient: string },
): void {
  const frame = Buffer.from(`${BEFORE_DATA}${data},"signature":"${signature}"}`);
  // By protocol 1, so that no command is taken for an envelope.
  const found = decodeFrame(frame, 1);
  const isWhole =
    found.kind === 'envelope' &&
    found.dataStart === BEFORE_DATA.length &&
    found.dataEnd - found.dataStart === Buffer.byteLength(data);
  if (!isWhole) throw new BadCommand(`envelopes[${index}].data is not the data of an envelope`);
  if (found.sender !== sender || found.recipient !== recipient)
    throw new BadCommand(`envelopes[${index}] is not from ${sender} to you`);
}
