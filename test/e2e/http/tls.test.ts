import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect, it } from 'vitest';
import WebSocket from 'ws';
import { freePort } from '../../../src/cli/dev/servers.ts';
import { folderForTests } from '../../support/folder.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { makeCertificate, type TestCertificate } from '../../support/services/certificate.ts';
import { until } from '../../support/until.ts';

const folder = folderForTests();
const processes = processesForTests();
const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
const TLS = { RELAY_TLS_CERT: certFile, RELAY_TLS_KEY: keyFile };

function install({ certPem, keyPem }: TestCertificate): void {
  writeFileSync(certFile, certPem);
  writeFileSync(keyFile, keyPem);
}

/** The common name in the certificate that a new connection is shown, which must verify. */
function nameShown(relay: RelayNode, { certPem }: TestCertificate): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port: relay.port, ca: certPem, servername: 'localhost' },
      () => {
        const { CN } = socket.getPeerCertificate().subject;
        socket.destroy();
        resolve(String(CN));
      },
    );
    socket.once('error', reject);
  });
}

function openWss(relay: RelayNode, { certPem }: TestCertificate): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`wss://127.0.0.1:${relay.port}/ws`, ['relay.v2'], { ca: certPem });
    ws.once('message', () => resolve(ws));
    ws.once('error', reject);
  });
}

it('serves wss and https, and SIGHUP takes a new certificate while open sockets go on', async () => {
  const [first, second] = [makeCertificate('first'), makeCertificate('second')];
  install(first);
  // Only a port that it was told can be listened on twice.
  const relay = await processes.relay({ ...TLS, RELAY_PORT: `${await freePort()}` });
  expect(await nameShown(relay, first)).toBe('first');
  const ws = await openWss(relay, first);

  install(second);
  relay.signal('SIGHUP');
  await until(() => relay.output.includes('certificate read again'), { what: 'the new certificate' });
  // Both listened for a moment; connections to the old one have been served by now.
  await until(async () => (await nameShown(relay, second).catch(() => '')) === 'second', {
    what: 'it to be shown',
  });
  for (let n = 0; n < 20; n += 1) expect(await nameShown(relay, second)).toBe('second');

  // The socket of before still works: its ping is answered.
  const pong = new Promise((resolve) => ws.once('pong', resolve));
  ws.ping('still here');
  expect(String(await pong)).toBe('still here');
  expect(await relay.metric('keyrelay_certificate_expiry_timestamp_seconds')).toBe(
    Date.UTC(2049, 11, 31, 23, 59, 59) / 1000,
  );

  const closed = new Promise((resolve) => ws.once('close', resolve));
  expect(await relay.stop()).toBe('exit code 0');
  expect(await closed).toBe(1012);
});

it('keeps the certificate it has when the new files are wrong, and says what is wrong', async () => {
  const [first, second] = [makeCertificate('first'), makeCertificate('second')];
  install(first);
  const relay = await processes.relay({ ...TLS, RELAY_PORT: `${await freePort()}` });
  install({ certPem: second.certPem, keyPem: first.keyPem });
  relay.signal('SIGHUP');
  await until(() => relay.output.includes('is not the key of the first certificate'), {
    what: 'the complaint',
  });
  expect(await nameShown(relay, first)).toBe('first');
});

it.each([
  {
    name: 'no such file',
    settings: { ...TLS, RELAY_TLS_KEY: '/nowhere/key.pem' },
    says: /RELAY_TLS_KEY .* cannot be read/,
  },
  {
    name: 'no PEM',
    settings: { ...TLS, RELAY_TLS_CERT: '/etc/hostname' },
    says: /RELAY_TLS_CERT .* must be PEM/,
  },
  { name: 'one without the other', settings: { RELAY_TLS_CERT: certFile }, says: /belong together/ },
])('refuses to start and says why: $name', async ({ settings, says }) => {
  install(makeCertificate('first'));
  await expect(processes.relay(settings)).rejects.toThrow(says);
});

it('plain HTTP to a TLS port gets no answer and does no harm', async () => {
  const first = makeCertificate('first');
  install(first);
  const relay = await processes.relay(TLS);
  await expect(fetch(`http://127.0.0.1:${relay.port}/users/ZZZZZZZ`)).rejects.toThrow();
  expect(await nameShown(relay, first)).toBe('first');
});
