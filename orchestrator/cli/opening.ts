import { dirname, resolve } from 'node:path';
import { execa } from 'execa';
import { toolEnvironment } from '../../toolchain/tool-environment.mjs';
import { commitForm } from '../domain/forms.ts';
import type { JournalEvent, NewEvent } from '../journal/events.ts';
import { programFingerprint } from '../pulumi/fingerprint.ts';
import type { Context } from './context.ts';
import { ciLink } from './open.ts';
import type { OpenedSession } from './open.ts';
import type { OpenedFile } from './open-file.ts';

type Opening = Extract<NewEvent, { type: 'run-opened' }>;

/** The first line of a run's journal: who, where, with which session, and what was meant. */
export async function openingOf(
  context: Context,
  { file, aws }: { readonly file: OpenedFile; readonly aws: OpenedSession },
  operation: Extract<JournalEvent, { type: 'run-opened' }>['operation'],
  order: readonly string[],
  forecastSeconds: number,
): Promise<Opening> {
  const { spec, text } = file.network;
  const [commit, program] = await Promise.all([commitOf(file.network.file, context), programFingerprint(context.root)]);
  return {
    type: 'run-opened',
    operation,
    process: aws.process,
    session: aws.live.record(),
    account: spec.account,
    region: spec.region,
    ...(commit === undefined ? {} : { commit }),
    ...ciLink(context.env),
    order: [...order],
    forecastSeconds,
    networkFile: { path: file.network.file, text },
    program,
  };
}

/** Of the repository that has the network file; none where it is in none. */
async function commitOf(file: string, { cwd, env }: Context): Promise<string | undefined> {
  const said = env['GITHUB_SHA'] ?? env['CI_COMMIT_SHA'];
  if (said) return asCommit(said);
  const { stdout, failed } = await execa('git', ['rev-parse', 'HEAD'], {
    cwd: dirname(resolve(cwd, file)),
    env: toolEnvironment(env, 'git'),
    extendEnv: false,
    reject: false,
  }).catch(() => ({ stdout: '', failed: true }));
  return failed ? undefined : asCommit(stdout);
}

/** A variable of a CI may say anything. */
const asCommit = (text: string): string | undefined => commitForm.safeParse(text).data;
