import { build } from 'esbuild';

/**
 * A module of ours as it runs in production, for tests that measure time: the test runner turns every imported name
 * into a property access, which triples the cost of small functions.
 */
export async function compiled<T>(entry: string): Promise<T> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
  });
  const source = Buffer.from(outputFiles[0]?.contents ?? '').toString('base64');
  return (await import(/* @vite-ignore */ `data:text/javascript;base64,${source}`)) as T;
}
