import { register } from '../../client/account/directory.ts';
import { endpointsOf } from '../../client/account/endpoints.ts';
import { exportIdentity } from '../../client/index.ts';
import { EXIT, UsageError } from '../command.ts';
import { asPerson, loadIdentity, parsePerson } from './person.ts';

export async function run(args: readonly string[]): Promise<number> {
  const { person, values, positionals } = parsePerson(args, { export: { type: 'boolean', default: false } });
  if (positionals.length > 0) throw new UsageError(`identity takes no ${positionals[0]}`);
  return asPerson(async () => {
    const identity = await loadIdentity(person.identityFile);
    if (values.export) {
      const passphrase = process.env.KEYRELAY_PASSPHRASE ?? '';
      if (passphrase === '')
        throw new UsageError('set KEYRELAY_PASSPHRASE to what the export is to be encrypted by');
      console.log(await exportIdentity(identity, passphrase));
      return EXIT.ok;
    }
    const { code } = await register(identity, { endpoints: endpointsOf(person.url) });
    const { eddsaPublicKey, ecdhPublicKey } = identity;
    const file = person.identityFile;
    if (person.json)
      console.log(JSON.stringify({ code, eddsaPublicKey, ecdhPublicKey, url: person.url, file }));
    else
      console.log(
        `${code}\n\nEd25519  ${eddsaPublicKey}\nX25519   ${ecdhPublicKey}\nrelay    ${person.url}\nfile     ${file}`,
      );
    return EXIT.ok;
  });
}
