import type { OtherUser, OtherUsers } from '../../toolchain/other-users.ts';
import { fail, notChecked, ok } from './check.ts';
import type { CheckOutcome } from './check.ts';

/** `accepted`: a person has said that it may be so. `not-needed`: the keys open nothing. */
export type UsersFact = OtherUsers | 'accepted' | 'not-needed';

const because =
  'While an engine runs, each user of the machine can make AWS calls with its session: it and its plugin listen on 127.0.0.1, and ask for no password.';
const why = 'Why: docs/architecture.md, "One machine, one user"';

/** Whether a session on this machine is its user's alone. */
export function checkUsers(users: UsersFact): CheckOutcome {
  if (users === 'not-needed') return ok('not looked for: the keys of the lab open nothing');
  if (users === 'accepted') return notChecked('accepted by --shared-machine or HOLDFAST_SHARED_MACHINE, whoever they are');
  if (users.kind === 'cannot-tell') {
    const what =
      users.what === 'processes'
        ? `whether other users run processes here cannot be told: ${users.cause.message}`
        : `this machine does not say whose a connection is (/proc/net/tcp: ${users.cause.code ?? users.cause.reason})`;
    return fail(
      `${what}. ${because}`,
      `If only this user is on the machine, or you trust the others with the account, add --shared-machine. ${why}`,
    );
  }
  if (users.users.length === 0) return ok('no other user of this machine runs anything');
  return fail(
    `other users run processes here: ${listed(users.users)}. ${because}`,
    `Run it on a machine or in a container of its own. If you trust these users with the account, add --shared-machine. ${why}`,
  );
}

const most = 5;

function listed(users: readonly OtherUser[]): string {
  const shown = users.slice(0, most).map(({ uid, name, processes }) => {
    const what = processes === 0 ? 'connections, no process that is shown' : `${processes} ${processes === 1 ? 'process' : 'processes'}`;
    return `${name === undefined ? uid : `${name} (${uid})`}: ${what}`;
  });
  return [...shown, ...(users.length > most ? [`${users.length - most} more`] : [])].join('; ');
}
