// Writes down which packages a process of Node had loaded when it ended: for what is loaded only where it is used.
const { writeFileSync } = require('node:fs');

process.on('exit', () => {
  const names = Object.keys(require.cache).flatMap((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  writeFileSync(process.env.LOADED_PACKAGES, JSON.stringify([...new Set(names)].sort()));
});
