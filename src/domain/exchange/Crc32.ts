/** CRC-32/IEEE (reflected polynomial 0xEDB88320), as the book's checksum wants it. */
const TABLE: ReadonlyArray<number> = Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value >>> 0
})

/** Checksum of a text of ASCII characters, unsigned. */
export const crc32 = (text: string): number => {
  let crc = 0xffffffff
  for (let i = 0; i < text.length; i++) crc = (crc >>> 8) ^ Number(TABLE[(crc ^ text.charCodeAt(i)) & 0xff])
  return (crc ^ 0xffffffff) >>> 0
}
