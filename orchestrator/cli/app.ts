import { buildApplication, buildCommand, buildRouteMap } from '@stricli/core';
import { roleArnForm } from '../aws/permissions/evidence.ts';
import { roles } from '../aws/permissions/roles.ts';
import type { Role } from '../aws/permissions/roles.ts';
import { consequences } from '../run/consequences.ts';
import type { Consequence } from '../run/consequences.ts';
import { help } from '../ui/help.ts';
import type { Context } from './context.ts';
import { parseDecision } from './decision.ts';
import {
  argument,
  commonFlags,
  namedStackArguments,
  onOff,
  optional,
  parseCount,
  parseRunName,
  parseSeconds,
  sessionFlags,
  stackArgument,
  stackArguments,
  toText,
  valued,
} from './flags.ts';

function parseConsequence(value: string): Consequence {
  const consequence = consequences.find((each) => each === value);
  if (consequence === undefined) throw new Error(`there is no consequence "${value}"; there are ${consequences.join(', ')}`);
  return consequence;
}

function parseRole(value: string): Role {
  const role = roles.find((name) => name === value);
  if (role === undefined) throw new Error(`there is no role "${value}"; the roles: ${roles.join(', ')}`);
  return role;
}

function parseRoleArn(value: string): string {
  if (!roleArnForm.test(value)) throw new Error(`"${value}" is not the ARN of a role, as in arn:aws:iam::111122223333:role/break-glass`);
  return value;
}

/** It is shown to whoever meets the lock, in one line. */
function parseIncident(value: string): string {
  const incident = value.trim();
  if (incident === '' || incident.length > 200 || /[\p{Cc}\u2028\u2029]/u.test(incident))
    throw new Error('an incident is one line of 1 to 200 characters');
  return incident;
}

const { json, verbose } = commonFlags;

const parallel = optional('N', parseCount, 'At most so many stacks at once (default: from cores and memory)');
const wideningFlags = {
  withUpstreams: onOff('Also what the named stacks read'),
  withDependents: onOff('Also what reads the named stacks'),
};

/** Of every command that starts an engine with a session, and of the one that looks before. */
const sharedMachine = onOff('Accept that other users of this machine can use the session: docs/architecture.md, "One machine, one user"');

/** Of every command that looks whether VPCs are to be made that exist. */
const besideExisting = onOff('Make VPCs also where others with the same blocks exist');

const planFlags = {
  ...commonFlags,
  ...sessionFlags,
  sharedMachine,
  parallel,
  ...wideningFlags,
  force: onOff('Ask the engine of every stack, also where nothing has changed'),
  refresh: onOff('The same, and let it ask AWS first what there is of each resource'),
  prune: onOff('Also destroy what has left the network file'),
  besideExisting,
  allow: {
    ...optional('WHAT', parseConsequence, `Do not ask about this: ${consequences.join(', ')}; may be repeated`),
    variadic: true,
  },
} as const;

const applyFlags = {
  settle: {
    kind: 'boolean',
    default: true,
    brief: 'Look at AWS to tell a refusal that made nothing from an unknown outcome; without it such a stack is left held',
  },
  bucketPatience: {
    ...valued('TIME', parseSeconds, 'How long a state bucket that fails is waited for, as in 90s'),
    default: '90s',
  },
} as const;

const wait = optional(
  'TIME',
  parseSeconds,
  'Wait so long for the locks of others instead of exiting 6, as in 20m; held and frozen stacks are not waited for',
);

const incident = valued('ID', parseIncident, 'What for: the incident or change that everyone is told who comes to the lock');

const labCommand = (name: 'stop' | 'status' | 'reset') =>
  buildCommand({
    loader: async () => (await import('./commands/lab.ts')).lab[name],
    parameters: { flags: { json, verbose } },
    docs: help[`lab ${name}`],
  });

const lab = buildRouteMap({
  routes: {
    start: buildCommand({
      loader: async () => (await import('./commands/lab.ts')).lab.start,
      parameters: {
        flags: {
          json,
          verbose,
          network: { ...commonFlags.network, brief: 'The network that commands use while the lab runs (default: networks/example.yaml)' },
          port: optional('N', parseCount, 'Listen on this port of 127.0.0.1 (default: a free one)'),
        },
      },
      docs: help['lab start'],
    }),
    stop: labCommand('stop'),
    status: labCommand('status'),
    reset: labCommand('reset'),
  },
  docs: help.lab,
});

const drill = buildRouteMap({
  routes: {
    list: buildCommand({
      loader: async () => (await import('./commands/drill.ts')).drill.list,
      parameters: { flags: { json, verbose } },
      docs: help['drill list'],
    }),
    run: buildCommand({
      loader: async () => (await import('./commands/drill.ts')).drill.run,
      parameters: {
        flags: {
          json: onOff('Print one JSON document at the end, instead of text'),
          verbose: onOff('Also print all that the commands print'),
        },
        positional: argument('drill', toText, 'A drill, as drill list names it'),
      },
      docs: help['drill run'],
    }),
  },
  docs: help.drill,
});

const routes = {
  up: buildCommand({
    loader: async () => (await import('./commands/up.ts')).up,
    parameters: {
      flags: {
        ...planFlags,
        ...applyFlags,
        wait,
        run: optional(
          'NAME',
          parseRunName,
          'Be one part of a run that several processes share, as the jobs of a CI: the same name in each',
        ),
      },
      positional: stackArguments,
    },
    docs: help.up,
  }),
  plan: buildCommand({
    loader: async () => (await import('./commands/up.ts')).plan,
    parameters: {
      flags: {
        ...planFlags,
        summary: optional('FILE', toText, 'Also add it to this file as Markdown, with the graph, as for "$GITHUB_STEP_SUMMARY"'),
      },
      positional: stackArguments,
    },
    docs: help.plan,
  }),
  destroy: buildCommand({
    loader: async () => (await import('./commands/destroy.ts')).destroy,
    parameters: {
      flags: {
        ...commonFlags,
        ...sessionFlags,
        sharedMachine,
        parallel,
        ...applyFlags,
        wait,
        withDependents: wideningFlags.withDependents,
        confirm: optional('NETWORK', toText, "The network's name, instead of typing it; a real account needs it"),
      },
      positional: stackArguments,
    },
    docs: help.destroy,
  }),
  status: buildCommand({
    loader: async () => (await import('./commands/status.ts')).status,
    parameters: {
      flags: {
        ...commonFlags,
        why: optional('STACK', toText, 'Whether the next up asks the engine of this stack, and why'),
      },
    },
    docs: help.status,
  }),
  locks: buildCommand({
    loader: async () => (await import('./commands/locks.ts')).locks,
    parameters: {
      flags: {
        ...commonFlags,
        maxAge: optional('TIME', parseSeconds, 'Exit 7, and name each lock that is older, as in 20m'),
        notify: onOff("Tell the network's notifiers of old locks and of holds, each once; without --max-age, by the file's lockAge"),
      },
    },
    docs: help.locks,
  }),
  inventory: buildCommand({
    loader: async () => (await import('./commands/inventory.ts')).inventory,
    parameters: {
      flags: { ...commonFlags, diff: onOff('Compare with the states, property by property; exit 7 where they differ') },
      positional: stackArguments,
    },
    docs: help.inventory,
  }),
  runs: buildCommand({
    loader: async () => (await import('./commands/runs.ts')).runs,
    parameters: {
      flags: { ...commonFlags, limit: { ...valued('N', parseCount, 'List at most so many, the newest'), default: '20' } },
      positional: { kind: 'tuple', parameters: [optional('ID', toText, 'A run, or as much of its id as only it has: its timeline')] },
    },
    docs: help.runs,
  }),
  recover: buildCommand({
    loader: async () => (await import('./commands/recover.ts')).recover,
    parameters: {
      flags: {
        ...commonFlags,
        bucketPatience: applyFlags.bucketPatience,
        sharedMachine,
        dryRun: onOff('Say what it would come to; write nothing'),
        resume: onOff('Then do the rest of the interrupted run'),
        decide: {
          ...optional('ANSWER', parseDecision, 'Answer a question: RESOURCE=adopt:ID, =forget, =disown:ID or =delete:ID; may be repeated'),
          variadic: true,
        },
        shell: onOff('A shell in which plain pulumi works on the reconciled state, before it is verified'),
        writerDead: optional('RUN', toText, 'Say that nothing of this run is at work any more, where that cannot be seen from here'),
        withoutVersions: onOff('Go on where versions of the checkpoint are gone: what AWS shows decides alone'),
        changedProgram: onOff("Plan with today's code in stacks/, where the run had another one"),
        incident: optional('ID', parseIncident, 'The incident, for the journal, the lock and the dossier'),
        wait: { ...valued('TIME', parseSeconds, 'How long AWS and CloudTrail are waited for before a person is asked'), default: '20m' },
      },
      positional: stackArguments,
    },
    docs: help.recover,
  }),
  release: buildCommand({
    loader: async () => (await import('./commands/release.ts')).release,
    parameters: {
      flags: {
        ...commonFlags,
        incident,
        unreconciled: onOff('Also where it is not known whether state and AWS agree; asks for the name of the stack'),
        confirm: optional('STACK', toText, "The stack's name, instead of typing it"),
      },
      positional: stackArgument,
    },
    docs: help.release,
  }),
  freeze: buildCommand({
    loader: async () => (await import('./commands/freeze.ts')).freeze,
    parameters: {
      flags: { ...commonFlags, incident },
      positional: stackArguments,
    },
    docs: help.freeze,
  }),
  unfreeze: buildCommand({
    loader: async () => (await import('./commands/freeze.ts')).unfreeze,
    parameters: {
      flags: {
        ...commonFlags,
        incident,
        all: onOff('All that are frozen'),
        force: onOff("Also where the freeze is another incident's"),
      },
      positional: namedStackArguments,
    },
    docs: help.unfreeze,
  }),
  env: buildCommand({
    loader: async () => (await import('./commands/env.ts')).env,
    parameters: {
      flags: commonFlags,
      positional: stackArgument,
    },
    docs: help.env,
  }),
  graph: buildCommand({
    loader: async () => (await import('./commands/graph.ts')).graph,
    parameters: {
      flags: {
        ...commonFlags,
        format: { kind: 'enum', values: ['mermaid', 'json'], default: 'mermaid', brief: 'mermaid or json' },
      },
    },
    docs: help.graph,
  }),
  paths: buildCommand({
    loader: async () => (await import('./commands/paths.ts')).paths,
    parameters: {
      flags: { ...commonFlags, live: onOff('By what AWS has, instead of by the network file') },
      positional: {
        kind: 'tuple',
        parameters: [
          optional('FROM', toText, 'A VPC, VPC.TIER, VPC.TIER.ZONE or an address of a subnet'),
          optional('TO', toText, 'The same, or a block, or internet'),
        ],
      },
    },
    docs: help.paths,
  }),
  waves: buildCommand({
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
        atMost: optional('N', parseCount, 'At most so many jobs in a wave, each with several stacks (default: a job a stack)'),
      },
      positional: stackArguments,
    },
    docs: help.waves,
  }),
  preflight: buildCommand({
    loader: async () => (await import('./commands/preflight.ts')).preflight,
    parameters: {
      flags: { ...commonFlags, ...sessionFlags, sharedMachine, besideExisting },
    },
    docs: help.preflight,
  }),
  bootstrap: buildCommand({
    loader: async () => (await import('./commands/bootstrap.ts')).bootstrap,
    parameters: {
      flags: {
        ...commonFlags,
        check: onOff('Write nothing, and say what falls short (exit 7)'),
        objectLock: onOff('Keep every version from deletion for 90 days, by an object lock in governance mode'),
        breakGlass: optional('ROLE', parseRoleArn, 'ARN of the one role that may delete versions and change the settings of the bucket'),
      },
    },
    docs: help.bootstrap,
  }),
  policy: buildCommand({
    loader: async () => (await import('./commands/policy.ts')).policy,
    parameters: {
      flags: {
        ...commonFlags,
        format: { kind: 'enum', values: ['json', 'table'], default: 'json', brief: 'Documents for IAM, or each action with its reason' },
        part: optional('N', parseCount, 'Of several documents, the one of this number'),
      },
      positional: argument('role', parseRole, roles.join(', ')),
    },
    docs: help.policy,
  }),
  generate: buildCommand({
    loader: async () => (await import('./commands/generate.ts')).generate,
    parameters: {
      flags: {
        json,
        verbose,
        vpcs: valued('N', parseCount, 'How many VPCs'),
        out: optional('FILE', toText, 'The file (default: networks/example-N.yaml)'),
        force: onOff('Overwrite the file'),
      },
    },
    docs: help.generate,
  }),
  lab,
  drill,
};

export const app = buildApplication<Context>(buildRouteMap({ routes, docs: help.holdfast }), {
  name: 'holdfast',
  // What comes after -- is never a flag: a script has names there that a person typed.
  scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
});
