import { EXIT, UsageError } from '../command.ts';
import { loadIdentity, readIfThere, writeIdentity } from './account/identity-file.ts';
import { askPassphrase } from './account/passphrase.ts';
import { registeredCode } from './account/registered.ts';
import { asPerson } from './exit-codes.ts';
import { type Person, parsePerson } from './options.ts';

export async function run(args: readonly string[]): Promise<number> {
  const { person, values, positionals } = parsePerson(args, {
    export: { type: 'boolean', default: false },
    import: { type: 'boolean', default: false },
    invite: { type: 'string' },
    yes: { type: 'boolean', default: false },
  });
  const [what, ...more] = positionals;
  if (what === 'delete' && more.length === 0) return deleteAccount(person, values.yes);
  if (what !== undefined) throw new UsageError(`identity takes no ${what}`);
  if (values.export && values.import) throw new UsageError('either --export or --import');
  return asPerson(async () => {
    if (values.export) return exportTo(person);
    if (values.import) await importFrom(person);
    const identity = await loadIdentity(person.identityFile);
    const code = await registeredCode(person, identity, values.invite);
    const { eddsaPublicKey, ecdhPublicKey } = identity;
    const { url, identityFile: file } = person;
    if (person.json) console.log(JSON.stringify({ code, eddsaPublicKey, ecdhPublicKey, url, file }));
    else {
      const keys = `Ed25519  ${eddsaPublicKey}\nX25519   ${ecdhPublicKey}`;
      console.log(`${code}\n\n${keys}\nrelay    ${url}\nfile     ${file}`);
    }
    return EXIT.ok;
  });
}

function deleteAccount(person: Person, isSure: boolean): Promise<number> {
  if (!isSure) {
    throw new UsageError(
      'this deletes your account at the relay for good, with everything that waits for you: say identity delete --yes',
    );
  }
  return asPerson(async () => {
    const { connectAs } = await import('./account/connect.ts');
    const { relay, state, done } = await connectAs(person);
    const { code } = relay;
    try {
      await relay.deleteAccount();
      const aside = await state.setAside();
      if (person.json) console.log(JSON.stringify({ deleted: code, state: aside }));
      else
        console.log(
          `Deleted: ${code} no longer belongs to anybody. What was kept of conversations is in ${aside}.`,
        );
    } finally {
      await done();
    }
    return EXIT.ok;
  });
}

async function exportTo(person: Person): Promise<number> {
  const identity = await loadIdentity(person.identityFile);
  const passphrase = await askPassphrase('Passphrase for the export: ');
  if (passphrase === null) {
    throw new UsageError(
      'set KEYRELAY_PASSPHRASE or KEYRELAY_PASSPHRASE_FILE to what the export is to be encrypted by',
    );
  }
  const { exportIdentity } = await import('../../client/account/sealed-identity.ts');
  console.log(await exportIdentity(identity, passphrase));
  return EXIT.ok;
}

/** Reads an export from standard input, of the page or of `--export`. */
async function importFrom(person: Person): Promise<void> {
  if ((await readIfThere(person.identityFile)) !== null) {
    throw new UsageError(
      `${person.identityFile} is there already: move it away, or name another with --identity`,
    );
  }
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  const passphrase = await askPassphrase('Passphrase of the export: ');
  if (passphrase === null) throw new UsageError('set KEYRELAY_PASSPHRASE to the passphrase of the export');
  const { importIdentity } = await import('../../client/account/sealed-identity.ts');
  const identity = await importIdentity(text, passphrase);
  await writeIdentity(person.identityFile, identity, passphrase, 'wx');
}
