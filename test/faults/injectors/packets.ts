import { execFileSync } from 'node:child_process';

/**
 * Drops a share of all packets from and to a port of this machine, as a bad network does, in the kernel: TCP itself
 * has to cope. Needs root and nft. @returns what undoes it
 */
export function dropPackets(port: number, percent: number): () => void {
  const table = `keyrelay_faults_${port}`;
  const drop = `numgen random mod 100 < ${percent} drop`;
  const remove = () => execFileSync('nft', ['delete', 'table', 'inet', table]);
  execFileSync('nft', ['-f', '-'], {
    input: `table inet ${table} {
  chain lossy {
    type filter hook output priority 0;
    tcp dport ${port} ${drop}
    tcp sport ${port} ${drop}
  }
}
`,
  });
  // Whatever happens to this process: no rule of ours stays behind.
  process.once('exit', remove);
  return () => {
    process.off('exit', remove);
    remove();
  };
}

/** Whether this process may. */
export function canDropPackets(): boolean {
  try {
    execFileSync('nft', ['list', 'tables'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
