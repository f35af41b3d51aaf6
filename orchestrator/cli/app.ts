import { buildApplication, buildCommand, buildRouteMap } from '@stricli/core';
import { roles } from '../aws/permissions/roles.ts';
import type { Role } from '../aws/permissions/roles.ts';
import type { Context } from './context.ts';
import { parseDecision } from './decision.ts';
import { commonFlags, parallelFlag, parseCount, parseRunName, parseSeconds, sessionFlags, stackArguments } from './flags.ts';

const text = (value: string): string => value;

function parseRole(value: string): Role {
  const role = roles.find((name) => name === value);
  if (role === undefined) throw new Error(`there is no role "${value}"; the roles: ${roles.join(', ')}`);
  return role;
}

/** It is shown to whoever meets the lock, in one line. */
function parseIncident(value: string): string {
  const incident = value.trim();
  if (incident === '' || incident.length > 200 || /[\p{Cc}\u2028\u2029]/u.test(incident))
    throw new Error('an incident is one line of 1 to 200 characters');
  return incident;
}

const output = { json: commonFlags.json, verbose: commonFlags.verbose } as const;
const wideningFlags = {
  withUpstreams: { kind: 'boolean', default: false, brief: 'Also what the named stacks read', withNegated: false },
  withDependents: { kind: 'boolean', default: false, brief: 'Also what reads the named stacks', withNegated: false },
} as const;

const planFlags = {
  ...commonFlags,
  ...sessionFlags,
  ...parallelFlag,
  ...wideningFlags,
  force: { kind: 'boolean', default: false, brief: 'Ask the engine of every stack, also where nothing has changed', withNegated: false },
  refresh: {
    kind: 'boolean',
    default: false,
    brief: 'The same, and let it ask AWS first what there is of each resource',
    withNegated: false,
  },
  allowReplace: {
    kind: 'parsed',
    parse: text,
    variadic: true,
    optional: true,
    brief: 'Let this resource be replaced, as in transit-gateway/gateway; may be repeated',
    placeholder: 'RESOURCE',
  },
} as const;

const applyFlags = {
  settle: {
    kind: 'boolean',
    default: true,
    brief: 'Look at AWS to tell a refusal that made nothing from an unknown outcome; without it such a stack is left held',
  },
  bucketPatience: {
    kind: 'parsed',
    parse: parseSeconds,
    default: '90s',
    brief: 'How long a state bucket that fails is waited for, as in 90s',
    placeholder: 'TIME',
  },
} as const;

const waitFlag = {
  wait: {
    kind: 'parsed',
    parse: parseSeconds,
    optional: true,
    brief: 'Wait so long for the locks of others instead of exiting 6, as in 20m; held and frozen stacks are not waited for',
    placeholder: 'TIME',
  },
} as const;

const up = buildCommand({
  loader: async () => (await import('./commands/up.ts')).up,
  parameters: {
    flags: {
      ...planFlags,
      ...applyFlags,
      ...waitFlag,
      run: {
        kind: 'parsed',
        parse: parseRunName,
        optional: true,
        brief: 'Be one part of a run that several processes share, as the jobs of a CI: the same name in each',
        placeholder: 'NAME',
      },
    },
    positional: stackArguments,
  },
  docs: {
    brief: 'Deploy the network, stack by stack, in dependency order',
    fullDescription:
      'Shows the plan, asks, and deploys. Stacks that nothing changes are left alone; a failed stack skips its dependents, and nothing else.\n\n' +
      'Example: npm run up -- vpc.shared --with-upstreams\nExample: npm run up -- vpc.shared vpc.staging --run release-42 --yes\nExample: npm run up -- --wait 20m --yes',
  },
});

const plan = buildCommand({
  loader: async () => (await import('./commands/up.ts')).plan,
  parameters: {
    flags: {
      ...planFlags,
      summary: {
        kind: 'parsed',
        parse: text,
        optional: true,
        brief: 'Also add it to this file as Markdown, with the graph, as for "$GITHUB_STEP_SUMMARY"',
        placeholder: 'FILE',
      },
    },
    positional: stackArguments,
  },
  docs: {
    brief: 'Show what up would do; changes nothing and takes no lock',
    fullDescription: 'Works on a network that was never deployed, too.\n\nExample: npm run plan -- "vpc.*"',
  },
});

const destroy = buildCommand({
  loader: async () => (await import('./commands/destroy.ts')).destroy,
  parameters: {
    flags: {
      ...commonFlags,
      ...sessionFlags,
      ...parallelFlag,
      ...applyFlags,
      ...waitFlag,
      withDependents: wideningFlags.withDependents,
      confirm: {
        kind: 'parsed',
        parse: text,
        optional: true,
        brief: "The network's name, instead of typing it; a real account needs it",
        placeholder: 'NETWORK',
      },
    },
    positional: stackArguments,
  },
  docs: {
    brief: 'Delete stacks, dependents first',
    fullDescription: "Asks for the network's name.\n\nExample: npm run destroy -- vpc.staging --with-dependents",
  },
});

const status = buildCommand({
  loader: async () => (await import('./commands/status.ts')).status,
  parameters: {
    flags: {
      ...commonFlags,
      why: {
        kind: 'parsed',
        parse: text,
        optional: true,
        brief: 'Whether the next up asks the engine of this stack, and why',
        placeholder: 'STACK',
      },
    },
  },
  docs: {
    brief: 'Each stack: applied, held, locked by whom and since when',
    fullDescription:
      'Reads the state bucket and runs no engine.\n\nExample: npm run status -- --json\nExample: npm run status -- --why vpc.shared',
  },
});

const locks = buildCommand({
  loader: async () => (await import('./commands/locks.ts')).locks,
  parameters: {
    flags: {
      ...commonFlags,
      maxAge: {
        kind: 'parsed',
        parse: parseSeconds,
        optional: true,
        brief: 'Exit 7, and name each lock that is older, as in 20m',
        placeholder: 'TIME',
      },
      notify: {
        kind: 'boolean',
        default: false,
        brief: "Tell the network's notifiers of old locks and of holds, each once; without --max-age, by the file's lockAge",
        withNegated: false,
      },
    },
  },
  docs: {
    brief: 'Every lock: whose, since when, and whether its process lives',
    fullDescription:
      'Puts back what somebody removed from a held or frozen stack. An old lock is a reason to look, never one to release it.\n\n' +
      'Example: npm run locks -- --max-age 20m',
  },
});

const inventory = buildCommand({
  loader: async () => (await import('./commands/inventory.ts')).inventory,
  parameters: {
    flags: {
      ...commonFlags,
      diff: {
        kind: 'boolean',
        default: false,
        brief: 'Compare with the states, property by property; exit 7 where they differ',
        withNegated: false,
      },
    },
    positional: stackArguments,
  },
  docs: {
    brief: "What AWS has of the stacks, and what in their VPCs and route tables is nobody's",
    fullDescription:
      'Writes nothing, takes no lock, and runs no engine. Without --diff it needs nothing but AWS: no bucket, no state that can be read.\n\n' +
      'Example: npm run inventory -- "vpc.*" --diff',
  },
});

const runs = buildCommand({
  loader: async () => (await import('./commands/runs.ts')).runs,
  parameters: {
    flags: {
      ...commonFlags,
      limit: { kind: 'parsed', parse: parseCount, default: '20', brief: 'List at most so many, the newest', placeholder: 'N' },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'A run, or as much of its id as only it has: its timeline', parse: text, optional: true, placeholder: 'ID' }],
    },
  },
  docs: {
    brief: 'The journal: the newest runs, one as a timeline, or the parts of one that several processes share',
    fullDescription: 'Example: npm run runs -- 20260131T140558Z',
  },
});

const incident = {
  kind: 'parsed',
  parse: parseIncident,
  brief: 'What for: the incident or change that everyone is told who comes to the lock',
  placeholder: 'ID',
} as const;

const freeze = buildCommand({
  loader: async () => (await import('./commands/freeze.ts')).freeze,
  parameters: { flags: { ...commonFlags, incident }, positional: stackArguments },
  docs: {
    brief: 'Keep everyone out of stacks, plain pulumi too, until unfreeze',
    fullDescription:
      'All the stacks that are named, or none: one at which somebody is at work is refused. A held stack keeps the lock of its run, and is frozen too.\n\n' +
      'Example: npm run freeze -- "vpc.*" --incident INC-1234',
  },
});

const unfreeze = buildCommand({
  loader: async () => (await import('./commands/freeze.ts')).unfreeze,
  parameters: {
    flags: {
      ...commonFlags,
      incident,
      all: { kind: 'boolean', default: false, brief: 'All that are frozen', withNegated: false },
      force: { kind: 'boolean', default: false, brief: "Also where the freeze is another incident's", withNegated: false },
    },
    positional: {
      kind: 'array',
      parameter: {
        brief: 'Stacks by short name, full name or glob, as in vpc.shared, example.vpc.shared, vpc.*',
        parse: text,
        placeholder: 'stack',
      },
    },
  },
  docs: {
    brief: 'Let everyone in again; what is held stays held (exit 4)',
    fullDescription: 'Example: npm run unfreeze -- vpc.shared --incident INC-1234',
  },
});

const recover = buildCommand({
  loader: async () => (await import('./commands/recover.ts')).recover,
  parameters: {
    flags: {
      ...commonFlags,
      bucketPatience: applyFlags.bucketPatience,
      dryRun: { kind: 'boolean', default: false, brief: 'Say what it would come to; write nothing', withNegated: false },
      resume: { kind: 'boolean', default: false, brief: 'Then do the rest of the interrupted run', withNegated: false },
      decide: {
        kind: 'parsed',
        parse: parseDecision,
        variadic: true,
        optional: true,
        brief: 'Answer a question: RESOURCE=adopt:ID, =forget, =disown:ID or =delete:ID; may be repeated',
        placeholder: 'ANSWER',
      },
      shell: {
        kind: 'boolean',
        default: false,
        brief: 'A shell in which plain pulumi works on the reconciled state, before it is verified',
        withNegated: false,
      },
      writerDead: {
        kind: 'parsed',
        parse: text,
        optional: true,
        brief: 'Say that nothing of this run is at work any more, where that cannot be seen from here',
        placeholder: 'RUN',
      },
      withoutVersions: {
        kind: 'boolean',
        default: false,
        brief: 'Go on where versions of the checkpoint are gone: what AWS shows decides alone',
        withNegated: false,
      },
      changedProgram: {
        kind: 'boolean',
        default: false,
        brief: "Plan with today's code in stacks/, where the run had another one",
        withNegated: false,
      },
      incident: { ...incident, optional: true, brief: 'The incident, for the journal, the lock and the dossier' },
      wait: {
        kind: 'parsed',
        parse: parseSeconds,
        default: '20m',
        brief: 'How long AWS and CloudTrail are waited for before a person is asked',
        placeholder: 'TIME',
      },
    },
    positional: stackArguments,
  },
  docs: {
    brief: 'Bring state and AWS of held stacks to agree behind their locks, and then release them',
    fullDescription:
      'Takes over the stuck lock, copies every version to quarantine, asks AWS what it has, reconciles in an overlay, verifies, writes the state once, and only then releases the lock. ' +
      'What it does not know it asks, and exits 5. May be killed at any instant and run again. All held stacks if none is named.\n\n' +
      'Example: npm run recover -- vpc.staging --incident INC-1234',
  },
});

const release = buildCommand({
  loader: async () => (await import('./commands/release.ts')).release,
  parameters: {
    flags: {
      ...commonFlags,
      incident,
      unreconciled: {
        kind: 'boolean',
        default: false,
        brief: 'Also where nobody knows whether state and AWS agree; asks for the name of the stack',
        withNegated: false,
      },
      confirm: { kind: 'parsed', parse: text, optional: true, brief: "The stack's name, instead of typing it", placeholder: 'STACK' },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'One stack, as in vpc.shared', parse: text, placeholder: 'stack' }],
    },
  },
  docs: {
    brief: 'Release a lock that recover could not; prints the checklist, and refuses where it is not done',
    fullDescription:
      'The last way, and rarely the right one: npm run recover reconciles first.\n\nExample: npm run release -- vpc.staging --incident INC-1234',
  },
});

const env = buildCommand({
  loader: async () => (await import('./commands/env.ts')).env,
  parameters: {
    flags: commonFlags,
    positional: {
      kind: 'tuple',
      parameters: [{ brief: 'One stack, as in vpc.shared', parse: text, placeholder: 'stack' }],
    },
  },
  docs: {
    brief: 'What plain pulumi needs to work on a stack, for eval',
    fullDescription: 'Never prints credentials of a real account.\n\nExample: eval "$(npm run -s holdfast -- env vpc.shared)"',
  },
});

const graph = buildCommand({
  loader: async () => (await import('./commands/graph.ts')).graph,
  parameters: {
    flags: { ...commonFlags, format: { kind: 'enum', values: ['mermaid', 'json'], default: 'mermaid', brief: 'mermaid or json' } },
  },
  docs: {
    brief: 'Print which stack reads which',
    fullDescription: 'Needs the network file and nothing else.\n\nExample: npm run graph -- --format json',
  },
});

const waves = buildCommand({
  loader: async () => (await import('./commands/waves.ts')).waves,
  parameters: {
    flags: {
      ...commonFlags,
      ...wideningFlags,
      format: {
        kind: 'enum',
        values: ['text', 'json', 'github'],
        default: 'text',
        brief: 'text, json, or github: lines for "$GITHUB_OUTPUT"',
      },
      atMost: {
        kind: 'parsed',
        parse: parseCount,
        optional: true,
        brief: 'At most so many jobs in a wave, each with several stacks (default: a job a stack)',
        placeholder: 'N',
      },
    },
    positional: stackArguments,
  },
  docs: {
    brief: 'The graph as waves of jobs, for a CI that deploys on several machines',
    fullDescription:
      'The jobs of a wave may run at once; each wave waits for the one before it. A choice of stacks comes with --with-upstreams: what a part reads has to have ended in its run. Needs the network file and nothing else.\n\nExample: npm run -s waves -- --format github --at-most 20',
  },
});

const preflight = buildCommand({
  loader: async () => (await import('./commands/preflight.ts')).preflight,
  parameters: { flags: { ...commonFlags, ...sessionFlags } },
  docs: {
    brief: 'Check the session, the bucket, locks and tools, as up does before it starts',
    fullDescription: 'Every check, also after the first failure.\n\nExample: npm run preflight -- --session-expires 2026-01-31T18:00:00Z',
  },
});

const bootstrap = buildCommand({
  loader: async () => (await import('./commands/bootstrap.ts')).bootstrap,
  parameters: {
    flags: {
      ...commonFlags,
      check: { kind: 'boolean', default: false, brief: 'Write nothing, and say what falls short (exit 7)', withNegated: false },
    },
  },
  docs: {
    brief: 'Make the state bucket: versioned, encrypted, not public, TLS only, old versions kept 90 days',
    fullDescription:
      'An existing bucket is brought up to that; a second run changes nothing. What others have put into its lifecycle and its policy stays as it is; where that takes away what a recovery needs, it is said (exit 7).\n\nExample: npm run bootstrap -- --network networks/prod.yaml\nExample: npm run bootstrap -- --check',
  },
});

const policy = buildCommand({
  loader: async () => (await import('./commands/policy.ts')).policy,
  parameters: {
    flags: {
      ...commonFlags,
      format: { kind: 'enum', values: ['json', 'table'], default: 'json', brief: 'A document for IAM, or each action with its reason' },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: roles.join(', '), parse: parseRole, placeholder: 'role' }],
    },
  },
  docs: {
    brief: 'What a role has to be allowed in AWS, as a policy for IAM',
    fullDescription:
      'Made from one table of all calls that Holdfast and the provider make. Needs the network file and nothing else.\n\n' +
      'Example: npm run -s policy -- apply --network networks/prod.yaml > apply.json\nExample: npm run policy -- recover --format table',
  },
});

const generate = buildCommand({
  loader: async () => (await import('./commands/generate.ts')).generate,
  parameters: {
    flags: {
      ...output,
      vpcs: { kind: 'parsed', parse: parseCount, brief: 'How many VPCs', placeholder: 'N' },
      out: { kind: 'parsed', parse: text, optional: true, brief: 'The file (default: networks/example-N.yaml)', placeholder: 'FILE' },
      force: { kind: 'boolean', default: false, brief: 'Overwrite the file', withNegated: false },
    },
  },
  docs: { brief: 'Write a network of N VPCs, to try Holdfast at size', fullDescription: 'Example: npm run generate -- --vpcs 30' },
});

const labCommand = (name: 'stop' | 'status' | 'reset', brief: string, fullDescription: string) =>
  buildCommand({
    loader: async () => (await import('./commands/lab.ts')).lab[name],
    parameters: { flags: output },
    docs: { brief, fullDescription },
  });

const lab = buildRouteMap({
  routes: {
    start: buildCommand({
      loader: async () => (await import('./commands/lab.ts')).lab.start,
      parameters: {
        flags: {
          ...output,
          network: { ...commonFlags.network, brief: 'The network that commands use while the lab runs (default: networks/example.yaml)' },
          port: {
            kind: 'parsed',
            parse: parseCount,
            optional: true,
            brief: 'Listen on this port of 127.0.0.1 (default: a free one)',
            placeholder: 'N',
          },
        },
      },
      docs: { brief: 'Start it, and make its state bucket', fullDescription: 'Example: npm run lab -- start' },
    }),
    stop: labCommand('stop', 'End it; what is in it is gone', 'Waits until no process of it is left.\n\nExample: npm run lab -- stop'),
    status: labCommand('status', 'Where it listens', 'Example: npm run -s lab -- status --json'),
    reset: labCommand('reset', 'Empty AWS and the bucket, in seconds', 'Example: npm run lab -- reset'),
  },
  docs: { brief: 'The rehearsal room: AWS on loopback, under the real engine and provider' },
});

const drill = buildRouteMap({
  routes: {
    list: buildCommand({
      loader: async () => (await import('./commands/drill.ts')).drill.list,
      parameters: { flags: output },
      docs: { brief: 'Which drills there are', fullDescription: 'Example: npm run drill -- list' },
    }),
    run: buildCommand({
      loader: async () => (await import('./commands/drill.ts')).drill.run,
      parameters: {
        flags: {
          json: { ...output.json, brief: 'Print one JSON document at the end, instead of text' },
          verbose: { ...output.verbose, brief: 'Also print all that the commands print' },
        },
        positional: { kind: 'tuple', parameters: [{ brief: 'A drill, as drill list names it', parse: text, placeholder: 'drill' }] },
      },
      docs: {
        brief: 'Play an incident from apply to green; fails (exit 1) where Holdfast does not do what it should',
        fullDescription:
          'In a lab of its own, which ends with it; the lab that runs, and what is deployed in it, is left alone. Takes about a minute and a half on two cores.\n\n' +
          'Example: npm run drill -- run revoked-session',
      },
    }),
  },
  docs: { brief: 'Incidents, replayed in a lab of their own' },
});

export const app = buildApplication<Context>(
  buildRouteMap({
    routes: {
      up,
      plan,
      destroy,
      status,
      locks,
      inventory,
      runs,
      recover,
      release,
      freeze,
      unfreeze,
      env,
      graph,
      waves,
      preflight,
      bootstrap,
      policy,
      generate,
      lab,
      drill,
    },
    docs: {
      brief: 'Deploys an AWS network as small Pulumi stacks, and keeps each lock until state and AWS agree',
      fullDescription:
        'Exit codes: 0 done, 1 failed, 2 usage, 3 preflight refused, 4 held, 5 a person must decide, 6 locked by someone else, 7 found, 130 stopped by a signal.',
    },
  }),
  {
    name: 'holdfast',
    scanner: { caseStyle: 'allow-kebab-for-camel' },
  },
);
