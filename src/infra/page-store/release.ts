/** Smaller ones may lie in memory that they share with others. */
const OWN_BYTES = 1 << 18;

/**
 * Gives a buffer's memory back now; whoever still has the buffer finds it empty. What is left to the
 * garbage collector piles up, in each thread for itself: it counts objects more than their bytes.
 */
export function release({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= OWN_BYTES)
    (buffer as Transferable).transfer(0);
}

/** Of ECMAScript 2024, which Node has had since version 21. */
interface Transferable extends ArrayBuffer {
  transfer(bytes: number): ArrayBuffer;
}
