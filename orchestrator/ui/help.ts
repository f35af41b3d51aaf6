import { command, evaluated, intoFile, lineOf, piped } from '../domain/command.ts';

const example = (line: string): string => `Example: ${line}`;

/** What the help says of each command. */
export const help = {
  holdfast: {
    brief: 'Deploys an AWS network as small Pulumi stacks, and keeps each lock until state and AWS agree',
    fullDescription:
      'Exit codes: 0 done, 1 failed, 2 usage, 3 preflight refused, 4 held, 5 a person must decide, 6 locked by someone else, 7 found, 130 stopped by a signal.',
  },
  up: {
    brief: 'Deploy the network, stack by stack, in dependency order',
    fullDescription:
      'Shows the plan, asks, and deploys. Stacks that nothing changes are left alone; a failed stack skips its dependents, and nothing else.\n\n' +
      [
        example(command('up', 'vpc.shared', { withUpstreams: true })),
        example(command('up', 'vpc.shared', 'vpc.staging', { run: 'release-42', yes: true })),
        example(command('up', { wait: '20m', yes: true })),
      ].join('\n'),
  },
  plan: {
    brief: 'Show what up would do; changes nothing and takes no lock',
    fullDescription: `Works on a network that was never deployed, too.\n\n${example(command('plan', 'vpc.*'))}`,
  },
  destroy: {
    brief: 'Delete stacks, dependents first',
    fullDescription: `Asks for the network's name.\n\n${example(command('destroy', 'vpc.staging', { withDependents: true }))}`,
  },
  status: {
    brief: 'Each stack: applied, held, locked by whom and since when',
    fullDescription:
      'Reads the state bucket and runs no engine.\n\n' +
      `${example(command('status', { json: true }))}\n${example(command('status', { why: 'vpc.shared' }))}`,
  },
  locks: {
    brief: 'Every lock: whose, since when, and whether its process lives',
    fullDescription:
      'Puts back what somebody removed from a held or frozen stack. An old lock is a reason to look, never one to release it.\n\n' +
      example(command('locks', { maxAge: '20m' })),
  },
  inventory: {
    brief: "What AWS has of the stacks, and what in their VPCs and route tables is nobody's",
    fullDescription:
      'Writes nothing, takes no lock, and runs no engine. Without --diff it needs nothing but AWS: no bucket, no state that can be read.\n\n' +
      example(command('inventory', 'vpc.*', { diff: true })),
  },
  runs: {
    brief: 'The journal: the newest runs, one as a timeline, or the parts of one that several processes share',
    fullDescription: example(command('runs', '20260131T140558Z')),
  },
  recover: {
    brief: 'Bring state and AWS of held stacks to agree behind their locks, and then release them',
    fullDescription:
      'Takes over the stuck lock, copies every version to quarantine, asks AWS what it has, reconciles in an overlay, verifies, writes the state once, and only then releases the lock. ' +
      'What it does not know it asks, and exits 5. May be killed at any instant and run again. All held stacks if none is named.\n\n' +
      example(command('recover', 'vpc.staging', { incident: 'INC-1234' })),
  },
  release: {
    brief: 'Release a lock that recover could not; prints the checklist, and refuses where it is not done',
    fullDescription:
      `The last way, and rarely the right one: ${command('recover')} reconciles first.\n\n` +
      example(command('release', 'vpc.staging', { incident: 'INC-1234' })),
  },
  freeze: {
    brief: 'Keep everyone out of stacks, plain pulumi too, until unfreeze',
    fullDescription:
      'All the stacks that are named, or none: one at which somebody is at work is refused. A held stack keeps the lock of its run, and is frozen too.\n\n' +
      example(command('freeze', 'vpc.*', { incident: 'INC-1234' })),
  },
  unfreeze: {
    brief: 'Let everyone in again; what is held stays held (exit 4)',
    fullDescription: example(command('unfreeze', 'vpc.shared', { incident: 'INC-1234' })),
  },
  env: {
    brief: 'What plain pulumi needs to work on a stack, for eval',
    fullDescription: `Never prints credentials of a real account.\n\n${example(lineOf(evaluated(piped('env', 'vpc.shared'))))}`,
  },
  graph: {
    brief: 'Print which stack reads which',
    fullDescription: `Needs the network file and nothing else.\n\n${example(command('graph', { format: 'json' }))}`,
  },
  paths: {
    brief: 'Who can reach whom: VPCs, tiers and zones, forth and back, and the outside',
    fullDescription:
      'By the network file, which is all that it needs; with --live by what AWS has now, which it only reads. With FROM, the way to each other VPC, table by table; with TO as well, the way to that alone. ' +
      'Security groups and network ACLs are not looked at.\n\n' +
      `${example(command('paths'))}\n${example(command('paths', 'production', 'shared.private'))}\n${example(command('paths', 'staging', 'internet', { live: true }))}`,
  },
  waves: {
    brief: 'The graph as waves of jobs, for a CI that deploys on several machines',
    fullDescription:
      'The jobs of a wave may run at once; each wave waits for the one before it. A choice of stacks comes with --with-upstreams: what a part reads has to have ended in its run. Needs the network file and nothing else.\n\n' +
      example(lineOf(piped('waves', { format: 'github', atMost: 20 }))),
  },
  preflight: {
    brief: 'Check the session, the bucket, locks and tools, as up does before it starts',
    fullDescription: `Every check, also after the first failure.\n\n${example(command('preflight', { sessionExpires: '2026-01-31T18:00:00Z' }))}`,
  },
  bootstrap: {
    brief: 'Make the state bucket: versioned, encrypted, not public, TLS only, evidence written once, old versions kept 90 days',
    fullDescription:
      'An existing bucket is brought up to that; a second run changes nothing. What others have put into its lifecycle and its policy stays as it is; where that takes away what a recovery needs, it is said (exit 7).\n\n' +
      `${example(command('bootstrap', { network: 'networks/prod.yaml' }))}\n${example(command('bootstrap', { check: true }))}\n` +
      example(command('bootstrap', { objectLock: true, breakGlass: 'arn:aws:iam::111122223333:role/break-glass' })),
  },
  policy: {
    brief: 'What a role has to be allowed in AWS, as a policy for IAM',
    fullDescription:
      'Made from one table of all calls that Holdfast and the provider make. Where that is more than a managed policy takes, several documents are printed, and all of them are to be attached. Needs the network file and nothing else.\n\n' +
      `${example(lineOf(intoFile(piped('policy', 'apply', { network: 'networks/prod.yaml', part: 1 }), 'apply-1.json')))}\n` +
      example(command('policy', 'recover', { format: 'table' })),
  },
  generate: { brief: 'Write a network of N VPCs, to try Holdfast at size', fullDescription: example(command('generate', { vpcs: 30 })) },
  lab: { brief: 'The rehearsal room: AWS on loopback, under the real engine and provider' },
  'lab start': { brief: 'Start it, and make its state bucket', fullDescription: example(command('lab', 'start')) },
  'lab stop': {
    brief: 'End it; what is in it is gone',
    fullDescription: `Waits until no process of it is left.\n\n${example(command('lab', 'stop'))}`,
  },
  'lab status': { brief: 'Where it listens', fullDescription: example(lineOf(piped('lab', 'status', { json: true }))) },
  'lab reset': { brief: 'Empty AWS and the bucket, in seconds', fullDescription: example(command('lab', 'reset')) },
  drill: { brief: 'Incidents, replayed in a lab of their own' },
  'drill list': { brief: 'Which drills there are', fullDescription: example(command('drill', 'list')) },
  'drill run': {
    brief: 'Play an incident from apply to green; fails (exit 1) where Holdfast does not do what it should',
    fullDescription:
      'In a lab of its own, which ends with it; the lab that runs, and what is deployed in it, is left alone. Takes about a minute and a half on two cores.\n\n' +
      example(command('drill', 'run', 'revoked-session')),
  },
} as const;
