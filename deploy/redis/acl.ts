import { ACCESS } from '../../src/engine/redis/schema.ts';

/** keyrelay.acl, which `npm run docs` writes: `default` is off, and `keyrelay` may do what nodes do and nothing else. */
export function aclFile(): string {
  const rules = [
    'resetkeys',
    ...ACCESS.keys.map((pattern) => `~${pattern}`),
    'resetchannels',
    ...ACCESS.channels.map((pattern) => `&${pattern}`),
    '-@all',
    ...ACCESS.commands.map((name) => `+${name}`),
  ];
  return `user default off\nuser keyrelay on >CHANGE-ME ${rules.join(' ')}\n`;
}
