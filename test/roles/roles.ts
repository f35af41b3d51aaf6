import process from 'node:process';
import { parseArgs } from 'node:util';
import { roles } from '../../orchestrator/aws/permissions/roles.ts';
import { tolerated, unreached } from './exceptions.ts';
import { parts } from './parts.ts';
import { Room } from './room.ts';
import { cleanRuns, takenAway } from './take-away.ts';

const usage = `npm run roles -- [--role NAME]… [--action NAME]… [--quick] [--list]

Runs each command under its own role, and then once more for each row of the role's table, with that one action taken away: it has to say which.

  --role NAME      ${roles.join(', ')}; default: all
  --action NAME    only rows of this action, as in ec2:CreateVpc
  --quick          leaves out the commands that take minutes
  --list           says which command stands for which row, and takes nothing away
`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      role: { type: 'string', multiple: true },
      action: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = (values.role ?? []).filter((name) => !roles.some((role) => role === name));
  if (values.help || unknown.length > 0) {
    say(unknown.length > 0 ? `There is no role ${unknown.join(', ')}.\n\n${usage}` : usage);
    return values.help ? 0 : 2;
  }
  let failed = 0;
  let passed = 0;
  const count = (isGood: boolean): string => {
    if (isGood) passed += 1;
    else failed += 1;
    return isGood ? 'ok  ' : 'FAIL';
  };
  const room = await Room.open();
  try {
    for (const role of roles.filter((name) => values.role?.includes(name) ?? true)) {
      const clean = await cleanRuns(
        room,
        parts.filter((part) => part.role === role && !(values.quick && part.slow !== undefined)),
      );
      for (const { part, result, seconds } of clean.runs) {
        const isGood = result.exitCode === part.exitCode;
        say(`${count(isGood)} ${part.name} (${seconds.toFixed(1)} s, exit ${result.exitCode ?? '?'})`);
        if (!isGood) say(result.stdout + result.stderr);
      }
      for (const row of clean.rows) {
        if (values.action?.includes(row.action) === false) continue;
        const name = `${role} without ${row.action} (${row.place})`;
        const part = clean.partOf(row);
        if (part === undefined) {
          const reason = unreached(role, row);
          say(`${count(reason !== undefined)} ${name}: called by no command here${reason === undefined ? '' : `: ${reason}`}`);
          continue;
        }
        if (values.list) {
          say(`     ${name}: ${part.name}`);
          continue;
        }
        const { findings, result, seconds } = await takenAway(room, part, row);
        const reason = tolerated(role, row);
        say(
          `${count(findings.length === 0)} ${name}: ${part.name} (${seconds.toFixed(1)} s, exit ${result.exitCode ?? '?'})${reason === undefined ? '' : ` goes on: ${reason.because}`}`,
        );
        for (const finding of findings) say(`       ${finding}`);
        if (findings.length > 0) say((result.stdout + result.stderr).split('\n').slice(-20).join('\n'));
      }
    }
    say(`${passed} passed, ${failed} failed`);
    return failed === 0 && passed > 0 ? 0 : 1;
  } finally {
    await room.close();
  }
}

process.exitCode = await main();
