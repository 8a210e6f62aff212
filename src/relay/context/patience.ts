/**
 * How many times the usual time a client has for a pong while it works on an envelope on which its last session has
 * ended: many clients answer pings only between reads.
 */
export const WORKING_PATIENCE = 5;
