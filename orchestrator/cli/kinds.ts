import type { StackKind } from '../pulumi/kind.ts';
import { kinds } from '../../stacks/index.ts';
import type { Context } from './context.ts';

/** Every kind of stack that a network of this process may have. */
export const kindsOf = ({ ports }: Pick<Context, 'ports'>): readonly StackKind[] => ports?.kinds ?? kinds;
