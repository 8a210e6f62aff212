import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../../../src/cli/dev/child.ts';
import { toolPath } from '../../../src/cli/dev/install.ts';
import { LOOPBACK, onFreePort } from '../../../src/cli/dev/servers.ts';
import { ensureInstalled } from '../servers/install.ts';

const NGINX_FILE = fileURLToPath(new URL('../../../deploy/nginx/nginx.conf', import.meta.url));

export interface NginxServer {
  readonly port: number;
  readonly http: string;
  readonly ws: string;
  stop(): Promise<void>;
}

/** nginx with deploy/nginx/nginx.conf, byte for byte; where it listens and where the nodes are is written beside it. */
export async function startNginx(nodes: readonly { readonly port: number }[]): Promise<NginxServer> {
  ensureInstalled('nginx');
  const folder = await mkdtemp(join(tmpdir(), 'keyrelay-nginx-'));
  await copyFile(NGINX_FILE, join(folder, 'nginx.conf'));
  const servers = nodes.map(({ port }) => `server ${LOOPBACK}:${port} max_fails=1 fail_timeout=2s;\n`);
  await writeFile(join(folder, 'nodes.conf'), servers.join(''));
  const { child, port } = await onFreePort({
    port: 0,
    start: async (port) => {
      await writeFile(join(folder, 'listen.conf'), `listen ${LOOPBACK}:${port};\n`);
      const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', 'daemon off;'];
      return Child.start({ command: toolPath('nginx'), args, env: process.env });
    },
  });
  const stop = async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { port, http: `http://${LOOPBACK}:${port}`, ws: `ws://${LOOPBACK}:${port}/ws`, stop };
}
