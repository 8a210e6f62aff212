import type * as Uws from 'uWebSockets.js';
import { createRequire } from 'node:module';

/** The package names to try, newest first; both are the official binaries, repacked for the registry. */
const BUILDS = ['uWebSockets.js', 'uws-compat'] as const;

export type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from 'uWebSockets.js';

export interface LoadedUws {
  readonly uws: typeof Uws;
  /** Which build loaded, for the log. */
  readonly build: (typeof BUILDS)[number];
}

/**
 * Loads the first build of uWebSockets.js that runs here.
 * 20.69 needs Node 22, 24 or 26 and glibc 2.38; 20.51 needs Node 18, 20, 22 or 23 and glibc 2.27.
 * @throws Error that names Node, glibc and what would work, where neither loads.
 */
export function loadUws(): LoadedUws {
  const require = createRequire(import.meta.url);
  const reasons: string[] = [];
  for (const build of BUILDS) {
    try {
      return { uws: require(build) as typeof Uws, build };
    } catch (error) {
      reasons.push(`${build}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
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
