import { ensureInstalled, run } from './install.mjs';

/** `npm start`: from a fresh clone to the example network, deployed in the lab. Every step can be repeated. */
ensureInstalled();

const holdfast = (...args) => run(process.execPath, ['bin/holdfast.mjs', ...args]);

holdfast('lab', 'start');
holdfast('bootstrap');
holdfast('up', '--yes');
console.log('\nwhat exists now');
holdfast('status');
console.log(`
what to try next
  npm run plan                             nothing to do: the network is as the file says
  npm run graph                            which stack reads which
  edit networks/example.yaml, npm run up   deploy the difference
  npm run preflight -- --session-expires ${new Date(Date.now() + 29 * 60_000).toISOString().slice(0, 19)}Z
                                           what a session that is too short is told
  npm run destroy                          dependents first
  npm run lab -- stop                      end the lab; what is in it is gone`);
