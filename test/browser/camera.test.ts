import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, vi } from 'vitest';
import { browsersForTests, type Visitor } from '../support/browsers/chromium.ts';
import { folderForTests } from '../support/folder.ts';
import { longTest } from '../support/long.ts';
import { relayForTests } from '../support/servers/for-tests.ts';

// Conditions are awaited, not times: on a busy machine they only come later.
vi.setConfig({ testTimeout: 240_000 });

/** What the camera films is a file, which the browser reads anew each time the camera is opened. */
const SIZE = { width: 640, height: 480 } as const;
const film = join(folderForTests(), 'camera.y4m');
const relay = relayForTests();
const browsers = browsersForTests([
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  `--use-file-for-fake-video-capture=${film}`,
]);

beforeAll(() => filmed(Buffer.alloc(SIZE.width * SIZE.height, 128)));

/** The camera sees this from now on: brightness, one byte for each pixel. */
async function filmed(brightness: Uint8Array): Promise<void> {
  const colours = Buffer.alloc(brightness.length / 2, 128);
  const frame = Buffer.concat([Buffer.from('FRAME\n'), brightness, colours]);
  const header = Buffer.from(`YUV4MPEG2 W${SIZE.width} H${SIZE.height} F10:1 Ip A1:1 C420jpeg\n`);
  await writeFile(film, Buffer.concat([header, frame, frame, frame]));
}

/** Somebody holds the camera before this part of a screen. */
async function holdBefore({ page }: Visitor, selector: string): Promise<void> {
  await page.locator(`${selector} svg`).waitFor();
  const picture = (await page.locator(selector).screenshot()).toString('base64');
  const pixels = (await page.evaluate(`(async () => {
    const bytes = Uint8Array.from(atob('${picture}'), (each) => each.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes]));
    const canvas = Object.assign(document.createElement('canvas'), ${JSON.stringify(SIZE)});
    const paint = canvas.getContext('2d');
    paint.fillStyle = '#ccc';
    paint.fillRect(0, 0, canvas.width, canvas.height);
    const side = canvas.height * 0.9;
    paint.drawImage(image, (canvas.width - side) / 2, (canvas.height - side) / 2, side, side);
    const { data } = paint.getImageData(0, 0, canvas.width, canvas.height);
    let text = '';
    for (let at = 0; at < data.length; at += 4) text += String.fromCharCode((data[at] + data[at + 1] + data[at + 2]) / 3);
    return btoa(text);
  })()`)) as string;
  await filmed(Buffer.from(pixels, 'base64'));
}

async function talking(): Promise<{ alice: Visitor; bob: Visitor }> {
  const { alice, bob } = await browsers.talking(relay.http);
  await alice.sees('Hello Bob', 'read');
  return { alice, bob };
}

describe('a safety number that is scanned from the other screen', () => {
  longTest('leaves the mark if it is the same, and none if it is another', async () => {
    const { alice, bob } = await talking();
    await bob.page.click('#safety-open');
    await holdBefore(bob, '#safety-qr');
    const { alice: carol } = await talking();
    await carol.page.click('#safety-open');
    await carol.page.click('#safety-scan');
    await carol.page.locator('#scan-state', { hasText: 'This is another number' }).waitFor();
    await carol.picture('scan-desktop-light');
    expect(await carol.axeFindings()).toEqual([]);
    await carol.page.click('#scan-sheet [data-close]');
    expect(await carol.page.locator('#talk-state').textContent()).toContain('Encrypted end to end');
    // The camera is off as soon as the sheet is closed.
    await expect
      .poll(() => carol.page.evaluate(`document.querySelector('#scan-video').srcObject`))
      .toBeNull();

    await alice.page.click('#safety-open');
    await alice.page.click('#safety-scan');
    await alice.page.locator('#talk-state', { hasText: 'compared' }).waitFor();
    expect(await alice.page.locator('#safety').isVisible()).toBe(false);
  });

  // Chromium on Linux has no detector of its own: here stands one at its place, which sees what it is told.
  longTest('is read by the detector of the browser where it has one', async () => {
    const { alice, bob } = await talking();
    await bob.page.click('#safety-open');
    const digits = ((await bob.page.locator('#safety-number').textContent()) ?? '').replaceAll(/\D/g, '');
    await alice.page.evaluate(`globalThis.BarcodeDetector = class {
      static getSupportedFormats() { return Promise.resolve(['qr_code']); }
      detect() { return Promise.resolve([{ rawValue: '${digits}' }]); }
    }`);
    await alice.page.click('#safety-open');
    await alice.page.click('#safety-scan');
    await alice.page.locator('#talk-state', { hasText: 'compared' }).waitFor();
  });

  longTest('can still be read aloud where there is no camera', async () => {
    const { alice } = await talking();
    await alice.page.evaluate(
      `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))`,
    );
    await alice.page.click('#safety-open');
    await alice.page.click('#safety-scan');
    await alice.page.locator('#scan-state', { hasText: 'Read the number to each other instead' }).waitFor();
    await alice.page.click('#scan-sheet [data-close]');
    await alice.page.click('#safety-verify');
    await alice.page.locator('#talk-state', { hasText: 'compared' }).waitFor();
  });
});

longTest('a code that is scanned begins a conversation', async () => {
  const { alice, bob } = await talking();
  const dora = await browsers.visit(relay.http);
  const code = await dora.code();
  await holdBefore(dora, '#qr');
  await alice.page.click('#new');
  await alice.page.click('#new-scan');
  await expect.poll(() => alice.page.inputValue('#new-code')).toMatch(new RegExp(`#${code}$`));
  await alice.page.press('#new-code', 'Enter');
  await alice.page.locator('#talk-name', { hasText: code }).waitFor();
  expect(bob.complaints).toEqual([]);
});
