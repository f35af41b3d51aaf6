import type { Quantity } from './groups.ts';
import type { Spread } from './statistics.ts';

export function valueText(value: number, quantity: Quantity): string {
  switch (quantity) {
    case 'wall':
    case 'cpu':
      return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
    case 'memory':
    case 's3':
    case 'ec2':
    case 'engines':
      return value.toFixed(0);
  }
}

const times = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(1));

/** `0.35 (0.33..0.41)`; of one round the spread is not known. */
export function ratioText({ median, min, max }: Spread): string {
  return min === max ? times(median) : `${times(median)} (${times(min)}..${times(max)})`;
}
