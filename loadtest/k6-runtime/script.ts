import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { compileFunction } from 'node:vm';
import { build } from 'esbuild';
import type { ScenarioOptions } from './executors.ts';
import type { ThresholdOptions } from './thresholds.ts';

/** What a script exports, after its init code has run. */
export interface Exports {
  readonly default?: unknown;
  readonly options?: Options;
  readonly setup?: () => unknown;
  readonly teardown?: (data: unknown) => unknown;
  readonly handleSummary?: (data: unknown) => unknown;
  readonly [name: string]: unknown;
}

/** Of https://grafana.com/docs/k6/latest/using-k6/k6-options/reference/ what this runtime knows. */
export interface Options {
  readonly scenarios?: Readonly<Record<string, ScenarioOptions>>;
  readonly vus?: number;
  readonly iterations?: number;
  readonly duration?: string;
  readonly stages?: readonly { readonly duration: string; readonly target: number }[];
  readonly thresholds?: ThresholdOptions;
  readonly summaryTrendStats?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
}

export type Modules = (name: string) => unknown;

export interface Script {
  /** Runs the init code anew: each VU has variables of its own, as in k6. */
  instantiate(modules: Modules, vu: number): Exports;
}

/** @param env what the script finds in `__ENV` */
export async function loadScript(path: string, env: Readonly<Record<string, string>>): Promise<Script> {
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    format: 'cjs',
    platform: 'neutral',
    target: 'es2022',
    external: ['k6', 'k6/*'],
    sourcemap: 'inline',
    write: false,
    logLevel: 'warning',
  });
  const code = outputFiles[0]?.text ?? '';
  const parameters = ['module', 'exports', 'require', 'open', '__ENV', '__VU'];
  const init = compileFunction(code, parameters, { filename: `${basename(path, '.ts')}.js` });
  return {
    instantiate: (modules, vu) => {
      const module = { exports: {} };
      init(module, module.exports, modules, open, env, vu);
      return module.exports;
    },
  };
}

function open(path: string, mode?: 'b'): string | ArrayBufferLike {
  const bytes = readFileSync(path);
  return mode === 'b' ? new Uint8Array(bytes).buffer : bytes.toString();
}
