export function signAsync(message: Uint8Array, privateKey: Uint8Array): Promise<Uint8Array>;
