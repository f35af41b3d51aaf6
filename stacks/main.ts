import { getStack } from '@pulumi/pulumi';
import { programOf } from '../orchestrator/pulumi/entry.ts';

/** The entry for plain `pulumi`, which runs it with the stack's name. The outputs are the stack's. */
const { outputs } = await programOf(getStack(), new URL('../networks/', import.meta.url));

export default outputs;
