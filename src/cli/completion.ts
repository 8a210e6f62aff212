import { UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { TOPICS } from './help.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `keyrelay completion SHELL`: a script for it, made of the commands and of the options that their help names. */
export function completion(shell: string | undefined): string {
  if (shell === 'bash') return bash();
  if (shell === 'zsh') return `autoload -U +X bashcompinit && bashcompinit\n${bash()}`;
  if (shell === 'fish') return fish();
  throw new UsageError(
    `completion takes one of ${SHELLS.join(', ')}, such as: source <(keyrelay completion bash)`,
  );
}

interface Completion {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly string[];
}

function completions(): Completion[] {
  return Object.entries(COMMANDS).map(([name, { summary, usage }]) => {
    const options = [...usage.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option = '']) => option);
    return { name, summary, options: [...new Set([...options, '--help'])] };
  });
}

function bash(): string {
  const all = completions();
  const cases = all.map(({ name, options }) => `    ${name}) words="${options.join(' ')}" ;;`);
  return `_keyrelay() {
  local words current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${all.map(({ name }) => name).join(' ')} help --help --version" -- "$current"))
    return
  fi
  case \${COMP_WORDS[1]} in
    help) words="${[...Object.keys(TOPICS), ...all.map(({ name }) => name)].join(' ')}" ;;
${cases.join('\n')}
  esac
  case $current in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) [ "\${COMP_WORDS[1]}" = help ] && COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
  esac
}
complete -o default -F _keyrelay keyrelay`;
}

function fish(): string {
  const all = completions();
  const lines = all.flatMap(({ name, summary, options }) => [
    `complete -c keyrelay -n __fish_use_subcommand -f -a ${name} -d '${summary.replaceAll("'", '’')}'`,
    ...options.map(
      (option) => `complete -c keyrelay -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}`,
    ),
  ]);
  return lines.join('\n');
}
