import { Argument, Command, Option } from 'commander';
import type { CommandContext } from './command-context.ts';
import { describeCommand, type CommandFacts } from './command-tree.ts';
import { bashCompletion } from './completion-bash.ts';
import { fishCompletion } from './completion-fish.ts';
import { zshCompletion } from './completion-zsh.ts';
import type { ControlClient } from './control-client.ts';
import { controlClient } from './control-options.ts';
import { listOf, recordOf, textOf } from './document.ts';
import { EXIT_CODE, UsageError } from './exit-code.ts';
import { fetchNodes, macsOf } from './node-resolution.ts';
import { RUNNING_THINGS, type RunningThing } from './word-source.ts';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
const SHELLS = Object.keys(SCRIPTS) as Shell[];
type Shell = keyof typeof SCRIPTS;

const HELP = `
For bash:  bootd completion bash >/etc/bash_completion.d/bootd
For zsh:   bootd completion zsh >"\${fpath[1]}/_bootd"
For fish:  bootd completion fish >~/.config/fish/completions/bootd.fish

Names of nodes, addresses and boots come from the daemon behind $BOOTD_SOCKET, or the default socket.`;

/** `bootd completion`: what makes a shell complete command lines of bootd. */
export function completionCommand(context: CommandContext, program: Command): Command {
  return new Command('completion')
    .description('print what makes a shell complete command lines of bootd')
    .addArgument(new Argument('[shell]', 'the shell').choices(SHELLS))
    .addOption(
      new Option('--values <kind>', 'instead: what the daemon knows, one a line')
        .choices(RUNNING_THINGS)
        .hideHelp(),
    )
    .addHelpText('after', HELP)
    .action(async (shell: Shell | undefined, { values }: { readonly values?: RunningThing }) => {
      if (values !== undefined) {
        const words = await wordsFor(values, controlClient({}, context));
        for (const word of words) context.terminal.writeLine(word);
      } else if (shell !== undefined) {
        context.terminal.writeLine(completionScript(shell, describeCommand(program)).trimEnd());
      } else {
        throw new UsageError(`name a shell: ${SHELLS.join(', ')}`);
      }
      context.finish(EXIT_CODE.done);
    });
}

/** The whole script, made from the commands as they are. */
export function completionScript(shell: Shell, program: CommandFacts): string {
  return SCRIPTS[shell](program);
}

/** Names come from strangers, and shells expand what they complete: anything but plain words is left out. */
async function wordsFor(what: RunningThing, client: ControlClient): Promise<readonly string[]> {
  const words = (await namesOf(what, client)).filter((word) => word !== undefined);
  return [...new Set(words)].filter((word) => /^[\w.:][\w.:-]*$/.test(word));
}

async function namesOf(what: RunningThing, client: ControlClient): Promise<readonly (string | undefined)[]> {
  const list = async (path: string, name: string, key: string): Promise<readonly (string | undefined)[]> =>
    listOf(recordOf((await client.get(path)).body)[name]).map((one) => textOf(recordOf(one)[key]));
  switch (what) {
    case 'nodes':
      return (await fetchNodes(client)).map((node) => textOf(node['name']) ?? textOf(node['uuid']));
    case 'machines': {
      const ports = (await fetchNodes(client)).flatMap(macsOf);
      return [...ports, ...(await list('/v1/leases', 'leases', 'mac'))];
    }
    case 'leases':
      return list('/v1/leases', 'leases', 'address');
    case 'boots':
      return list('/v1/boots', 'boots', 'id');
  }
}
