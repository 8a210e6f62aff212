import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Config } from '../../ops/settings/config.ts';
import type { LoadedUws, TemplatedApp } from './uws.ts';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** Seconds since 1970. */
  readonly expiresAtS: number;
}

/**
 * The node's certificate, if the node terminates TLS; null if a proxy in front of it does.
 * @throws Error that says which file is wrong, and how: uWebSockets would only fail to start, or to shake hands.
 */
export function readCertificate({ tlsCert, tlsKey }: Pick<Config, 'tlsCert' | 'tlsKey'>): Certificate | null {
  if (tlsCert === '' || tlsKey === '') return null;
  const certificate = parse(tlsCert, 'RELAY_TLS_CERT', (pem) => new X509Certificate(pem));
  const key = parse(tlsKey, 'RELAY_TLS_KEY', (pem) => createPrivateKey(pem));
  if (!certificate.checkPrivateKey(key)) {
    throw new Error(
      `RELAY_TLS_KEY (${tlsKey}) is not the key of the first certificate in RELAY_TLS_CERT (${tlsCert})`,
    );
  }
  return { certFile: tlsCert, keyFile: tlsKey, expiresAtS: Date.parse(certificate.validTo) / 1000 };
}

function parse<T>(file: string, setting: string, read: (pem: Buffer) => T): T {
  let pem: Buffer;
  try {
    pem = readFileSync(file);
  } catch (error) {
    throw new Error(`${setting} (${file}) cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  try {
    return read(pem);
  } catch {
    throw new Error(`${setting} (${file}) must be PEM, without a passphrase`);
  }
}

/** TLS 1.2 or newer, as uWebSockets itself demands. */
export function createApp(uws: LoadedUws['uws'], certificate: Certificate | null): TemplatedApp {
  if (certificate === null) return uws.App();
  const { certFile, keyFile } = certificate;
  return uws.SSLApp({ cert_file_name: certFile, key_file_name: keyFile });
}
