/** Redis Cluster's slot of a key: CRC16 (XMODEM) of its hash tag, modulo 16,384. */
export const SLOTS = 16_384;

const POLYNOMIAL = 0x1021;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc;
});

/**
 * The slot of a key: by the text between the first `{` and the next `}`, unless that is empty.
 * @param key ASCII
 */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  const [from, to] = close > open + 1 ? [open + 1, close] : [0, key.length];
  let crc = 0;
  for (let index = from; index < to; index += 1) {
    crc = (crc << 8) ^ (TABLE[((crc >> 8) ^ key.charCodeAt(index)) & 0xff] ?? 0);
  }
  return crc & (SLOTS - 1);
}
