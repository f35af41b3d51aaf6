import { findEngineProcesses } from '../../orchestrator/pulumi/orphans.ts';
import { lookAt, ProcessesUnseen } from '../../toolchain/process-identity.ts';

/** Run as another user: what that user sees of a process, and of an engine under a marker that such a process started. */
const [, , pid = '', marker = '', since = ''] = process.argv;
const engine = await findEngineProcesses(marker, { users: 'all', since }).then(
  (found) => found.length,
  (cause: unknown) => (cause instanceof ProcessesUnseen ? cause.reason : String(cause)),
);
process.stdout.write(JSON.stringify({ look: await lookAt(Number(pid)), engine }));
