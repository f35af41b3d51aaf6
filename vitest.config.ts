import { defineConfig } from 'vitest/config';

const files = (folder: string) => [`test/${folder}/**/*.test.ts`];

export default defineConfig({
  test: {
    sequence: { shuffle: true },
    // Two labs at once is what two cores carry.
    maxWorkers: 2,
    // As in bin/holdfast.mjs.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    reporters: ['default', './test/closing-line.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [...files('unit'), ...files('model')],
          // To load the modules once for each file takes longer than most files' tests: what a file changes of its process, it changes back.
          isolate: false,
          unstubEnvs: true,
          unstubGlobals: true,
          // For what hangs: beside other work a property's hundred and fifty cases take their time.
          testTimeout: 30_000,
        },
      },
      // Real parts over real sockets: the emulator, the proxy, the plugin, the engine.
      {
        extends: true,
        test: { name: 'contract', sequence: { groupOrder: 1 }, include: files('contract'), testTimeout: 120_000, hookTimeout: 120_000 },
      },
      // Whole commands as their users run them, each file on a lab of its own.
      {
        extends: true,
        test: { name: 'scenario', include: files('scenario'), testTimeout: 900_000, hookTimeout: 300_000, sequence: { groupOrder: 2 } },
      },
      // Cases of the interruption matrix, on three labs of its own: a case waits a third of its time.
      {
        extends: true,
        test: {
          name: 'matrix',
          include: files('matrix'),
          testTimeout: 1_800_000,
          hookTimeout: 600_000,
          maxConcurrency: 8,
          // Beside the scenarios' labs they would be too many.
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
