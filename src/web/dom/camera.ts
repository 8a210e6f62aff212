/** What browsers have that read codes themselves; lib.dom does not know it yet. */
interface NativeDetector {
  detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>;
}
interface NativeDetectorClass {
  new (options: { readonly formats: readonly string[] }): NativeDetector;
  getSupportedFormats(): Promise<readonly string[]>;
}

type ReadFrame = (video: HTMLVideoElement) => Promise<string | null>;

const FORMAT = 'qr_code';
/** Between two looks: quick enough for a hand that holds a phone, and no load. */
const EVERY_MS = 150;
/** Pixels of the longer side that are looked at. */
const SIDE_MAX = 800;

/** Only pages of secure origins may ask for a camera. */
export function hasCamera(): boolean {
  return navigator.mediaDevices?.getUserMedia !== undefined;
}

/**
 * Shows the camera in `video` and calls back with each text that it sees in a QR code, until the signal fires. Rejects if
 * the camera cannot be had.
 */
export async function scan(
  video: HTMLVideoElement,
  { onText, signal }: { readonly onText: (text: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  try {
    const read = (await nativeReader()) ?? (await ownReader());
    video.srcObject = stream;
    await video.play();
    while (!signal.aborted) {
      const text = await read(video);
      if (text !== null && !signal.aborted) onText(text);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  } catch (error) {
    // Closing the sheet while the picture begins is no failure.
    if (!signal.aborted) throw error;
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}

async function nativeReader(): Promise<ReadFrame | null> {
  const { BarcodeDetector } = globalThis as { readonly BarcodeDetector?: NativeDetectorClass };
  // Some browsers have it and can read nothing.
  const formats = await BarcodeDetector?.getSupportedFormats().catch((): string[] => []);
  if (BarcodeDetector === undefined || !formats?.includes(FORMAT)) return null;
  const detector = new BarcodeDetector({ formats: [FORMAT] });
  return async (video) => (await detector.detect(video))[0]?.rawValue ?? null;
}

/** For browsers without one: Firefox, Safari, Chromium on Linux. Loaded only then. */
async function ownReader(): Promise<ReadFrame> {
  const { decodeQR } = await import('qr/decode.js');
  const canvas = document.createElement('canvas');
  const paint = canvas.getContext('2d', { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, SIDE_MAX / Math.max(video.videoWidth, video.videoHeight, 1));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    if (paint === null || canvas.width === 0 || canvas.height === 0) return null;
    paint.drawImage(video, 0, 0, canvas.width, canvas.height);
    try {
      return decodeQR(paint.getImageData(0, 0, canvas.width, canvas.height));
    } catch {
      // It throws where a picture has none.
      return null;
    }
  };
}
