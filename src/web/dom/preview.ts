import { PREVIEW_CHARACTERS_MAX } from '../../client/index.ts';

/** Longer side of a preview, in pixels: the first that fits into a message. */
const SIDES = [240, 160, 100, 60];
const QUALITY = 0.6;

/** Types that a browser draws without running anything in them. */
const PICTURES = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/avif']);

export function isPicture(type: string | undefined): boolean {
  return type !== undefined && PICTURES.has(type);
}

/** A small picture of a file, made here, without what cameras write into files; null if it is no picture. */
export async function previewOf(file: Blob): Promise<string | null> {
  if (!isPicture(file.type)) return null;
  try {
    const picture = await createImageBitmap(file);
    for (const side of SIDES) {
      const scale = Math.min(1, side / Math.max(picture.width, picture.height));
      const canvas = document.createElement('canvas');
      canvas.width = Math.max(1, Math.round(picture.width * scale));
      canvas.height = Math.max(1, Math.round(picture.height * scale));
      canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
      // Browsers that cannot write WebP write PNG instead.
      const url = canvas.toDataURL('image/webp', QUALITY);
      if (url.length <= PREVIEW_CHARACTERS_MAX) return url;
    }
  } catch {
    // It only says that it is a picture.
  }
  return null;
}
