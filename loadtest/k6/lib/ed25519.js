// By its path: k6 loads no packages.
export { signAsync } from '../../../node_modules/@noble/ed25519/index.js';
