import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { describe, expect, it } from 'vitest';
import { quotas } from '../../orchestrator/aws/quotas.ts';
import { useEmulator } from './emulator-lab.ts';

const lab = useEmulator();

const valueOf = async (ServiceCode: string, QuotaCode: string): Promise<number | undefined> => {
  const client = new ServiceQuotasClient(lab.config());
  const { Quota } = await client.send(new GetServiceQuotaCommand({ ServiceCode, QuotaCode }));
  return Quota?.Value;
};

describe('the quotas of an account', () => {
  it.each(Object.entries(quotas))(
    'have %s, and as much of it as every account has at least',
    async (_, { service, code, everyAccount }) => {
      expect(await valueOf(service, code)).toBeGreaterThanOrEqual(everyAccount);
    },
  );

  it('are none under a code that AWS does not have', async () => {
    await expect(valueOf('ec2', 'L-00000000')).rejects.toMatchObject({ name: 'NoSuchResourceException' });
  });
});
