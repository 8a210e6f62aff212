import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../../src/protocol/frames/frame.ts';
import {
  accepted,
  ack,
  challenge,
  connectAck,
  connectText,
  drained,
  errorFrame,
  frame,
  signedText,
} from '../../../src/protocol/frames/relay-frames.ts';
import { SIGNATURE } from '../../support/frames/frame-texts.ts';

const NONCE = 'ab'.repeat(32);
const decode = (text: string, protocol: 1 | 2) => decodeFrame(new TextEncoder().encode(text), protocol);

describe('frames of the relay, byte for byte', () => {
  it('connect_ack of protocol 1', () => {
    expect(connectAck('A11CE00', null)).toBe(
      '{"data":{"sender":"server","recipient":"A11CE00","message":{"type":"connect_ack"}}}',
    );
  });

  it('connect_ack of protocol 2', () => {
    const limits = {
      max_frame_bytes: 65_536,
      max_delivered_bytes: 65_600,
      mailbox_envelopes: 1000,
      mailbox_bytes: 4_194_304,
      mailbox_ttl_s: 604_800,
      window_envelopes: 256,
      window_bytes: 1_048_576,
      envelopes_per_s: 100,
      bytes_per_s: 1_000_000,
    };
    const prekeys = { generation: 3, left: 12, store: '0a1b2c3d' };
    const payload = { queued: 2, expired: 0, server_time: '2025-03-26T19:45:38.204489Z', prekeys, limits };
    expect(connectAck('A11CE00', payload)).toBe(
      '{"data":{"sender":"server","recipient":"A11CE00","message":{"type":"connect_ack","payload":' +
        '{"queued":2,"expired":0,"server_time":"2025-03-26T19:45:38.204489Z",' +
        '"prekeys":{"generation":3,"left":12,"store":"0a1b2c3d"},"limits":{"max_frame_bytes":65536,' +
        '"max_delivered_bytes":65600,"mailbox_envelopes":1000,"mailbox_bytes":4194304,"mailbox_ttl_s":604800,"window_envelopes":256,' +
        '"window_bytes":1048576,"envelopes_per_s":100,"bytes_per_s":1000000}}}}}',
    );
  });

  it('challenge, before a login: without a recipient', () => {
    expect(challenge(NONCE, 'wss://relay.example/ws')).toBe(
      `{"data":{"sender":"server","message":{"type":"challenge","payload":{"nonce":"${NONCE}","audience":"wss://relay.example/ws"}}}}`,
    );
    expect(challenge(NONCE, null)).toContain('"audience":null');
  });

  it('accepted', () => {
    expect(accepted('A11CE00', 'note-1')).toBe(
      '{"data":{"sender":"server","recipient":"A11CE00","message":{"type":"accepted","payload":{"id":"note-1"}}}}',
    );
  });

  it('drained', () => {
    expect(drained('A11CE00')).toBe(
      '{"data":{"sender":"server","recipient":"A11CE00","message":{"type":"drained"}}}',
    );
  });

  it('error, with its optional members', () => {
    expect(errorFrame({ recipient: null, code: 'bad_frame', detail: 'not "JSON"', frame: 1 })).toBe(
      '{"data":{"sender":"server","message":{"type":"error","payload":' +
        '{"code":"bad_frame","detail":"not \\"JSON\\"","frame":1}}}}',
    );
    expect(
      errorFrame({
        recipient: 'A11CE00',
        code: 'rate_limited',
        detail: 'x',
        frame: 7,
        id: 'n',
        retryAfterMs: 250,
      }),
    ).toBe(
      '{"data":{"sender":"server","recipient":"A11CE00","message":{"type":"error","payload":' +
        '{"code":"rate_limited","detail":"x","frame":7,"id":"n","retry_after_ms":250}}}}',
    );
    expect(
      errorFrame({ recipient: null, code: 'unavailable', detail: 'x', frame: 1, id: null }),
    ).not.toContain('"id"');
  });
});

describe('frames of a client', () => {
  it('connect, by protocol 1 as the protocol prints it', () => {
    const text = connectText('A11CE00', null);
    expect(text).toBe('{"sender":"A11CE00","message":{"type":"connect"}}');
    expect(decode(frame(text, SIGNATURE), 1)).toMatchObject({ kind: 'connect', challenge: null });
  });

  it('connect, by protocol 2 with the answer', () => {
    const answer = { nonce: NONCE, audience: 'wss://relay.example/ws' };
    expect(decode(frame(connectText('A11CE00', answer), SIGNATURE), 2)).toMatchObject({
      kind: 'connect',
      challenge: answer,
    });
  });

  it('an envelope, signed as it is sent', () => {
    const message = { type: 'message', payload: { ciphertext: 'é' } };
    const text = signedText({ sender: 'A11CE00', recipient: 'B0B0000', id: 'n', message });
    expect(text).toBe(
      '{"sender":"A11CE00","recipient":"B0B0000","id":"n","message":{"type":"message","payload":{"ciphertext":"é"}}}',
    );
    expect(decode(frame(text, SIGNATURE), 1)).toMatchObject({ kind: 'envelope', id: 'n', type: 'message' });
    expect(signedText({ sender: 'A11CE00', recipient: 'B0B0000', message: { type: 'x' } })).toBe(
      '{"sender":"A11CE00","recipient":"B0B0000","message":{"type":"x"}}',
    );
  });

  it('ack', () => {
    expect(ack('17-a')).toBe('{"ack":"17-a"}');
    expect(decode(ack('17-a'), 2)).toEqual({ kind: 'ack', seq: '17-a' });
  });
});
