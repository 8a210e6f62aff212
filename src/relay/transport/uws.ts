import type * as Uws from 'uWebSockets.js';
import { createRequire } from 'node:module';

/**
 * The packages to try, newest first; both repack the official binaries for the registry. Node's major version is
 * checked first, because the wrapper of one build may find the binary of the other, which is hoisted beside it.
 */
const BUILDS = [
  { name: 'uWebSockets.js', nodeMajors: [22, 24, 26] },
  { name: 'uws-compat', nodeMajors: [18, 20, 22, 23] },
] as const;

export type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from 'uWebSockets.js';

export interface LoadedUws {
  readonly uws: typeof Uws;
  /** Which build loaded, for the log. */
  readonly build: (typeof BUILDS)[number]['name'];
}

/**
 * Bytes of a request line and its headers. uWebSockets allows 4 KB by default, which the cookies of a site with single
 * sign-on exceed, and answers 431 beyond; this leaves room for 16 KiB of cookies, as Node.js and most proxies do.
 */
const REQUEST_HEAD_BYTES_MAX = 20 * 1024;

/**
 * Loads the first build of uWebSockets.js that runs here.
 * 20.69 needs Node 22, 24 or 26 and glibc 2.38; 20.51 needs Node 18, 20, 22 or 23 and glibc 2.27.
 * @throws Error that names Node, glibc and what would work, where neither loads.
 */
export function loadUws(): LoadedUws {
  const require = createRequire(import.meta.url);
  // The library reads it once, when it loads.
  process.env.UWS_HTTP_MAX_HEADERS_SIZE = `${REQUEST_HEAD_BYTES_MAX}`;
  const reasons: string[] = [];
  const major = Number(process.versions.node.split('.')[0]);
  for (const { name, nodeMajors } of BUILDS) {
    if (!nodeMajors.some((supported) => supported === major)) {
      reasons.push(`${name} is for Node ${nodeMajors.join(', ')}`);
      continue;
    }
    try {
      return { uws: require(name) as typeof Uws, build: name };
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? error.message.split('\n').at(-1) : String(error)}`);
    }
  }
  throw new Error(
    `No build of uWebSockets.js runs here (Node ${process.versions.node}, ${process.platform} ${process.arch}, ` +
      `glibc ${glibcVersion()}). Use Node 24 on glibc 2.38 or newer (Debian 13, Ubuntu 24.04), or Node 20 or 22 on ` +
      `glibc 2.27 or newer (Debian 12). Alpine (musl) does not work.\n${reasons.join('\n')}`,
  );
}

function glibcVersion(): string {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime ?? 'none';
}
